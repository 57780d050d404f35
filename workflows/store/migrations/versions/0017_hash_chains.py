"""Each ledger transaction is in a hash chain, with the heads of the chains and daily checkpoints of them.

The transactions that are there are chained in the order in which they were recorded, in batches. SQLite can
add no column without a default, so its table is written anew from its own definition while they are.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from engine.hash_chain import content_hash, content_text, next_hash
from workflows.store.column_types import EPOCH, MICROSECOND, Hash, Instant, Key
from workflows.store.triggers import no_replacement

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BATCH = 2_000
WRITTEN_ONCE = ("ledger_checkpoint", "ledger_checkpoint_head")
OLD, NEW = "ledger_transaction", "ledger_transaction_new"
COLUMNS = (
    "id", "kind", "effective_at", "recorded_at", "cause", "actor", "why", "idempotency_key", "reverses_id",
    "contract_id", "service_request_id",
)  # fmt: skip
CHECK = "sequence > 0 AND length(hash) = 32"
CHAINED = [
    "\tchain_id VARCHAR(255) NOT NULL, ",
    "\tsequence BIGINT NOT NULL, ",
    "\thash BLOB NOT NULL, ",
    "\tCONSTRAINT uq_ledger_transaction_chain_id_sequence UNIQUE (chain_id, sequence), ",
    f"\tCONSTRAINT ck_ledger_transaction_chained CHECK ({CHECK}), ",
]
TYPES: dict[str, Any] = {"effective_at": Instant(), "recorded_at": Instant(), "hash": Hash()}
chain = sa.table("ledger_chain", sa.column("id"), sa.column("sequence"), sa.column("hash", Hash()))
posting = sa.table(
    "ledger_posting",
    *(sa.column(name) for name in ("transaction_id", "leg", "owner", "account", "unit", "amount")),
)
request = sa.table("service_request", sa.column("id"), sa.column("customer_id"))


def upgrade() -> None:
    _create_heads()
    _create_checkpoints()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _create_heads() -> None:
    op.create_table(
        "ledger_chain",
        sa.Column("id", Key, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", Hash(), nullable=False),
        sa.CheckConstraint(CHECK, name=op.f("ck_ledger_chain_head")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_chain")),
    )


def _create_checkpoints() -> None:
    hashes = "length(root) = 32 AND length(moved_root) = 32 AND length(hash) = 32"
    op.create_table(
        "ledger_checkpoint",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("chains", sa.BigInteger(), nullable=False),
        sa.Column("transactions", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("moved_root", Hash(), nullable=False),
        sa.Column("root", Hash(), nullable=False),
        sa.Column("hash", Hash(), nullable=False),
        sa.CheckConstraint(hashes, name=op.f("ck_ledger_checkpoint_hashes")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_checkpoint")),
    )
    op.create_table(
        "ledger_checkpoint_head",
        sa.Column("chain_id", Key, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", Hash(), nullable=False),
        sa.Column("checkpoint_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "sequence", name=op.f("pk_ledger_checkpoint_head")),
    )
    op.create_index(
        "ix_ledger_checkpoint_head_checkpoint", "ledger_checkpoint_head", ["checkpoint_number", "chain_id"]
    )


def _sqlite() -> None:
    """`migrate` has switched foreign keys off: the postings refer to the table by its name."""
    connection = op.get_bind()
    stored = f"SELECT type, name, sql FROM sqlite_master WHERE tbl_name = '{OLD}' AND sql IS NOT NULL ORDER BY rowid"
    made = connection.execute(sa.text(stored)).all()
    definition = next(row.sql for row in made if row.type == "table")
    op.execute(_with_chain(definition))
    new = sa.table(NEW, *(sa.column(name, TYPES.get(name)) for name in (*COLUMNS, *_ADDED)))
    for rows in _chained(connection):
        connection.execute(sa.insert(new), rows)
    # they refer to the table that is dropped; the newest trigger fires first, so all keep their order
    others = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_posting'"
    referring = connection.execute(sa.text(f"{others} ORDER BY rowid")).all()
    for row in referring:
        op.execute(f"DROP TRIGGER {row.name}")
    op.execute(f"DROP TABLE {OLD}")
    op.execute(f"ALTER TABLE {NEW} RENAME TO {OLD}")
    for row in made:
        if row.type != "table" and row.name != f"{OLD}_no_replace":
            op.execute(row.sql)
    for row in referring:
        op.execute(row.sql)
    op.execute(
        no_replacement(OLD, (("id",), ("chain_id", "sequence"), ("idempotency_key",), ("reverses_id",)))
    )
    for table, keys in (
        ("ledger_checkpoint", (("number",),)),
        ("ledger_checkpoint_head", (("chain_id", "sequence"),)),
    ):
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        op.execute(no_replacement(table, keys))


def _with_chain(definition: str) -> str:
    """The table's definition with the columns of the chain after the others."""
    lines = definition.splitlines()
    place = max(at for at, line in enumerate(lines) if line.strip().startswith("service_request_id "))
    lines[place + 1 : place + 1] = CHAINED
    return "\n".join(lines).replace(f"CREATE TABLE {OLD}", f"CREATE TABLE {NEW}", 1)


_ADDED = ("chain_id", "sequence", "hash")


def _postgresql() -> None:
    connection = op.get_bind()
    op.add_column(OLD, sa.Column("chain_id", Key, nullable=True))
    op.add_column(OLD, sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.add_column(OLD, sa.Column("hash", Hash(), nullable=True))
    op.execute(f"ALTER TABLE {OLD} DISABLE TRIGGER USER")
    table = sa.table(
        OLD, sa.column("id"), sa.column("chain_id"), sa.column("sequence"), sa.column("hash", Hash())
    )
    update = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("of_id"))
        .values({name: sa.bindparam(f"new_{name}") for name in _ADDED})
    )
    for rows in _chained(connection):
        given = [{"of_id": row["id"], **{f"new_{name}": row[name] for name in _ADDED}} for row in rows]
        connection.execute(update, given)
    # no table is altered before the deferred foreign key of the postings has been checked
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute(f"ALTER TABLE {OLD} ENABLE TRIGGER USER")
    for name in _ADDED:
        op.alter_column(OLD, name, nullable=False)
    op.create_unique_constraint("uq_ledger_transaction_chain_id_sequence", OLD, ["chain_id", "sequence"])
    op.create_check_constraint(op.f("ck_ledger_transaction_chained"), OLD, CHECK)
    for name in WRITTEN_ONCE:
        op.execute(
            f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION coverdesk_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION coverdesk_append_only()"
        )


def _chained(connection: sa.Connection) -> Any:
    """The transactions with their places in the chains, in batches; the heads are moved with each batch."""
    old = sa.table(OLD, *(sa.column(name, TYPES.get(name)) for name in COLUMNS))
    order = (old.c.recorded_at, old.c.id)
    batch = (
        sa.select(old, request.c.customer_id)
        .select_from(old.outerjoin(request, request.c.id == old.c.service_request_id))
        .order_by(*order)
        .limit(BATCH)
    )
    last = None
    while True:
        after = batch if last is None else batch.where(sa.tuple_(*order) > sa.tuple_(*last))
        found = connection.execute(after).mappings().all()
        if not found:
            return
        last = (sa.literal(found[-1]["recorded_at"], Instant()), sa.literal(found[-1]["id"]))
        yield _chain_batch(connection, found)


def _chain_batch(connection: sa.Connection, found: Sequence[Any]) -> list[dict[str, Any]]:
    legs: dict[str, list[Any]] = {}
    ids = [row["id"] for row in found]
    wanted = sa.select(posting).where(posting.c.transaction_id.in_(ids)).order_by(posting.c.leg)
    for leg in connection.execute(wanted):
        legs.setdefault(leg.transaction_id, []).append(tuple(leg)[1:])
    rows = [{name: row[name] for name in COLUMNS} for row in found]
    for row, given in zip(rows, found, strict=True):
        row["chain_id"] = given["contract_id"] or given["customer_id"] or legs[given["id"]][0][1]
    heads = _heads(connection, sorted({row["chain_id"] for row in rows}))
    known = set(heads)
    for row in rows:
        sequence, previous = heads.get(row["chain_id"], (0, None))
        text = content_text(
            row["chain_id"],
            row["id"],
            row["kind"],
            (row["effective_at"] - EPOCH) // MICROSECOND,
            (row["recorded_at"] - EPOCH) // MICROSECOND,
            row["cause"],
            row["idempotency_key"],
            row["reverses_id"],
            row["contract_id"],
            row["service_request_id"],
            legs[row["id"]],
        )
        row["sequence"], row["hash"] = sequence + 1, next_hash(previous, content_hash(text))
        heads[row["chain_id"]] = (row["sequence"], row["hash"])
    _move_heads(connection, heads, known)
    return rows


def _heads(connection: sa.Connection, chains: list[str]) -> dict[str, tuple[int, bytes | None]]:
    rows = connection.execute(sa.select(chain).where(chain.c.id.in_(chains)))
    return {row.id: (row.sequence, row.hash) for row in rows}


def _move_heads(
    connection: sa.Connection, heads: dict[str, tuple[int, bytes | None]], known: set[str]
) -> None:
    new = [
        {"id": one, "sequence": sequence, "hash": last}
        for one, (sequence, last) in heads.items()
        if one not in known
    ]
    moved = [
        {"of_id": one, "new_sequence": heads[one][0], "new_hash": heads[one][1]} for one in sorted(known)
    ]
    if new:
        connection.execute(sa.insert(chain), new)
    if moved:
        connection.execute(
            sa.update(chain)
            .where(chain.c.id == sa.bindparam("of_id"))
            .values(sequence=sa.bindparam("new_sequence"), hash=sa.bindparam("new_hash", type_=Hash())),
            moved,
        )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

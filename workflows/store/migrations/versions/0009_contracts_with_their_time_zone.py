"""A contract has the time zone it was sold in, and can be renewed again after its successor was cancelled.

The zone of each contract is the provider's when it was sold, by the audit trail of the settings. PostgreSQL
changes the table in place. SQLite can neither drop a constraint nor add a column without a default, so the
table is written anew from its own definition and the rows copied.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json, Key

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ONE_SUCCESSOR = "renewal_of_id IS NOT NULL AND cancelled_at IS NULL"
FORMER_DEFAULT = "UTC"
contract = sa.table("contract", sa.column("time_zone", Key), sa.column("created_at", Instant()))
setting = sa.table("setting", sa.column("key", Key), sa.column("value", Json))
change = sa.table(
    "setting_change",
    sa.column("id", Id),
    sa.column("key", Key),
    sa.column("old_value", Json),
    sa.column("changed_at", Instant()),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        op.add_column("contract", sa.Column("time_zone", Key, nullable=True))
        op.drop_constraint("uq_contract_renewal_of_id", "contract", type_="unique")
    _fill()
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("contract", "time_zone", nullable=False)
    op.create_index(
        "uq_contract_renewal_of_id",
        "contract",
        ["renewal_of_id"],
        unique=True,
        sqlite_where=sa.text(ONE_SUCCESSOR),
        postgresql_where=sa.text(ONE_SUCCESSOR),
    )


def _sqlite() -> None:
    """`migrate` has switched foreign keys off: other tables refer to this one by its name."""
    connection = op.get_bind()
    stored = "SELECT type, sql FROM sqlite_master WHERE tbl_name = 'contract' AND sql IS NOT NULL"
    made = connection.execute(sa.text(stored)).all()
    columns = ", ".join(row.name for row in connection.execute(sa.text("PRAGMA table_info(contract)")))
    definition = next(row.sql for row in made if row.type == "table")
    op.execute(_with_time_zone(definition))
    op.execute(f"INSERT INTO contract_new ({columns}, time_zone) SELECT {columns}, '' FROM contract")
    op.execute("DROP TABLE contract")
    op.execute("ALTER TABLE contract_new RENAME TO contract")
    for row in made:
        if row.type != "table":
            op.execute(row.sql)


def _with_time_zone(definition: str) -> str:
    unique = "CONSTRAINT uq_contract_renewal_of_id UNIQUE (renewal_of_id)"
    lines = [line for line in definition.splitlines() if unique not in line]
    last = max(at for at, line in enumerate(lines) if line.strip() not in (")", ""))
    lines[last] = lines[last].rstrip().removesuffix(",")
    place = next(at for at, line in enumerate(lines) if line.strip().startswith("holder_id "))
    lines.insert(place + 1, "\ttime_zone VARCHAR(255) NOT NULL, ")
    return "\n".join(lines).replace("CREATE TABLE contract", "CREATE TABLE contract_new", 1)


def _fill() -> None:
    connection = op.get_bind()
    in_force = connection.execute(sa.select(setting.c.value).where(setting.c.key == "time_zone")).scalar()
    connection.execute(sa.update(contract).values(time_zone=in_force or FORMER_DEFAULT))
    newest_first = (change.c.changed_at.desc(), change.c.id.desc())
    changes = sa.select(change.c.old_value, change.c.changed_at).where(change.c.key == "time_zone")
    for row in connection.execute(changes.order_by(*newest_first)).all():
        sold_before = sa.update(contract).where(contract.c.created_at < row.changed_at)
        connection.execute(sold_before.values(time_zone=row.old_value))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""The table of grants is `contract_grant`; its balances are `grant_balance`, with `grant_id` and `expiry_posted`.

PostgreSQL renames in place. SQLite cannot rename a constraint, so the four tables are written anew from their
own definitions and the rows copied.
"""

import re

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("lot", "lot_balance", "incident_hold", "work_allocation")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _renamed(definition: str) -> str:
    """A name, or a definition with names in it, as it is from now on."""
    for old, new in (("lot_balance", "grant_balance"), ("lot_id", "grant_id"), ("swept", "expiry_posted")):
        definition = definition.replace(old, new)
    return _renamed_table(definition)


def _renamed_table(definition: str) -> str:
    return re.sub(r"(?<![a-z])lot(?![a-z])", "contract_grant", definition)


def _renamed_constraint(owner: str, name: str) -> str:
    """PostgreSQL 18 names NOT NULL constraints too: `lot_id_not_null` is that of the column `id` of `lot`."""
    return _renamed_table(name) if owner == "lot" else _renamed(name)


def _sqlite() -> None:
    connection = op.get_bind()
    stored = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    made = [row for row in connection.execute(text(stored)) if row.tbl_name in TABLES]
    definitions = {row.name: row.sql for row in made if row.type == "table"}
    others = [row for row in made if row.type != "table"]
    for row in others:
        op.execute(f"DROP {row.type} {row.name}")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    for table in TABLES:
        op.execute(_renamed(definitions[table]))
        op.execute(f"INSERT INTO {_renamed(table)} SELECT * FROM {table}_before")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}_before")
    for row in others:
        op.execute(_renamed(row.sql))


def _postgresql() -> None:
    connection = op.get_bind()
    named = "n.nspname = current_schema()"
    constraints = (
        "SELECT r.relname AS owner, c.conname AS name FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid "
        f"JOIN pg_namespace n ON n.oid = c.connamespace WHERE {named}"
    )
    for owner, name in connection.execute(text(constraints)).all():
        new_name = _renamed_constraint(owner, name)
        if new_name != name:
            op.execute(f'ALTER TABLE "{owner}" RENAME CONSTRAINT "{name}" TO "{new_name}"')
    indexes = (
        "SELECT r.relname AS name FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace "
        f"WHERE r.relkind = 'i' AND {named}"
    )
    for (name,) in connection.execute(text(indexes)).all():
        if _renamed(name) != name:
            op.execute(f'ALTER INDEX "{name}" RENAME TO "{_renamed(name)}"')
    for name in ("lot_append_only", "lot_no_truncate"):
        op.execute(f"ALTER TRIGGER {name} ON lot RENAME TO {_renamed(name)}")
    for table in ("lot_balance", "incident_hold", "work_allocation"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN lot_id TO grant_id")
    op.execute("ALTER TABLE lot_balance RENAME COLUMN swept TO expiry_posted")
    op.execute("ALTER TABLE lot_balance RENAME TO grant_balance")
    op.execute("ALTER TABLE lot RENAME TO contract_grant")


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

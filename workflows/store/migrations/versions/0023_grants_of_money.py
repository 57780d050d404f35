"""Grants of money: their unit with its currency, and what they pay for work.

PostgreSQL changes the checks in place. SQLite cannot, so the tables are written anew from their own
definitions and the rows copied.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OLD_UNITS, NEW_UNITS = "'minutes', 'incidents'", "'minutes', 'incidents', 'money'"
HAS_CURRENCY = "(unit = 'money') = (currency IS NOT NULL)"
DRAWS = f"draws IN ('nothing', {NEW_UNITS})"
UNIT = f"unit IN ({NEW_UNITS})"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite("contract")
        _sqlite(
            "contract_grant",
            f"currency VARCHAR(3) CONSTRAINT ck_contract_grant_currency CHECK ({HAS_CURRENCY})",
        )
    else:
        for table, name, condition in (("contract", "draws", DRAWS), ("contract_grant", "unit", UNIT)):
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
        op.add_column("contract_grant", sa.Column("currency", sa.String(3), nullable=True))
        op.create_check_constraint(op.f("ck_contract_grant_currency"), "contract_grant", HAS_CURRENCY)
    op.add_column("grant_balance", sa.Column("currency", sa.String(3), nullable=True))
    op.execute(
        "ALTER TABLE work_allocation ADD COLUMN amount_minor BIGINT "
        "CONSTRAINT ck_work_allocation_amount CHECK (amount_minor > 0)"
    )
    op.execute(
        "ALTER TABLE work_allocation ADD COLUMN currency VARCHAR(3) CONSTRAINT ck_work_allocation_currency "
        "CHECK ((amount_minor IS NULL) = (currency IS NULL))"
    )


def _sqlite(table: str, column: str | None = None) -> None:
    """Write a table anew with the new units, and a new column after the last one.

    `migrate` has switched foreign keys off: other tables refer to this one by its name.
    """
    connection = op.get_bind()
    stored = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    made = connection.execute(stored, {"table": table}).all()
    columns = ", ".join(row.name for row in connection.execute(sa.text(f"PRAGMA table_info({table})")))
    definition = next(row.sql for row in made if row.type == "table")
    changed = definition.replace(OLD_UNITS, NEW_UNITS)
    if changed == definition:
        raise RuntimeError(f"The table {table} is not as the steps before have made it.")
    # a table that has been renamed has its name in quotes
    changed = re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_new", changed)
    op.execute(sa.text(changed.replace(":", "\\:")))
    if column is not None:
        op.execute(f"ALTER TABLE {table}_new ADD COLUMN {column}")
    op.execute(f"INSERT INTO {table}_new ({columns}) SELECT {columns} FROM {table}")
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_new RENAME TO {table}")
    for row in made:
        if row.type != "table":
            op.execute(sa.text(row.sql.replace(":", "\\:")))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

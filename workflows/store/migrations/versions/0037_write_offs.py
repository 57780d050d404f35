"""Write-offs of invoices: a further kind of allocation, with its reason.

PostgreSQL changes the checks in place. SQLite cannot, so the table is written anew from its own definition and
the rows are copied.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TABLE = "payment_allocation"
OLD_KINDS = "kind IN ('payment', 'credit', 'credit_note', 'early_payment')"
KINDS = "kind IN ('payment', 'credit', 'credit_note', 'early_payment', 'write_off')"
OLD_UNPAID, UNPAID = "kind IN ('credit', 'credit_note')", "kind IN ('credit', 'credit_note', 'write_off')"
SOURCE = (
    f"(payment_id IS NULL) = ({UNPAID}) "
    "AND (credit_id IS NULL) = (kind <> 'credit') AND (credit_note_id IS NULL) = (kind <> 'credit_note')"
)
REASON = "(kind = 'write_off') = (reason IS NOT NULL)"
WRITTEN_OFF = "written_off_minor >= 0 AND open_minor + written_off_minor <= total_minor"


def upgrade() -> None:
    # as text: SQLite can add a constraint to a table only together with its column
    op.execute(
        "ALTER TABLE invoice ADD COLUMN written_off_minor BIGINT DEFAULT 0 NOT NULL "
        f"CONSTRAINT ck_invoice_written_off CHECK ({WRITTEN_OFF})"
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        for name, condition in (("kind", KINDS), ("source", SOURCE)):
            op.drop_constraint(op.f(f"ck_{TABLE}_{name}"), TABLE, type_="check")
            op.create_check_constraint(op.f(f"ck_{TABLE}_{name}"), TABLE, condition)
        op.add_column(TABLE, sa.Column("reason", sa.Text(), nullable=True))
        op.create_check_constraint(op.f(f"ck_{TABLE}_reason"), TABLE, REASON)


def _sqlite() -> None:
    connection = op.get_bind()
    stored = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    made = connection.execute(stored, {"table": TABLE}).all()
    columns = ", ".join(row.name for row in connection.execute(sa.text(f"PRAGMA table_info({TABLE})")))
    definition = next(row.sql for row in made if row.type == "table")
    changed = definition.replace(OLD_KINDS, KINDS).replace(OLD_UNPAID, UNPAID)
    if changed.count("'write_off'") != 2:
        raise RuntimeError(f"The table {TABLE} is not as the steps before have made it.")
    # a row refers to another one of this table, by the name that the table gets in the end
    changed = re.sub(rf'^CREATE TABLE "?{TABLE}"?', f"CREATE TABLE {TABLE}_new", changed)
    op.execute(sa.text(changed.replace(":", "\\:")))
    op.execute(
        f"ALTER TABLE {TABLE}_new ADD COLUMN reason TEXT CONSTRAINT ck_{TABLE}_reason CHECK ({REASON})"
    )
    op.execute(f"INSERT INTO {TABLE}_new ({columns}) SELECT {columns} FROM {TABLE}")
    op.execute(f"DROP TABLE {TABLE}")
    op.execute(f"ALTER TABLE {TABLE}_new RENAME TO {TABLE}")
    for row in made:
        if row.type != "table":
            op.execute(sa.text(row.sql.replace(":", "\\:")))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

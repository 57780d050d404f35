"""Full-text indexes of requests, contracts and the register; existing rows get their words."""

import sqlalchemy as sa
from alembic import op

from workflows.store.search_index import DOCUMENTS, create_search_index
from workflows.store.search_words import search_words

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TEXTS = {
    "customer": "SELECT id, name, email FROM customer",
    "item": "SELECT id, number, name FROM item",
    "org_unit": "SELECT id, code, name FROM org_unit",
    "service_request": (
        "SELECT r.id, r.subject, c.name, r.number FROM service_request r JOIN customer c ON c.id = r.customer_id"
    ),
}
ROWS_AT_ONCE = 5000


def upgrade() -> None:
    for table in TEXTS:
        column = sa.Column("search_words", sa.Text(), nullable=False, server_default=sa.text("' '"))
        op.add_column(table, column)
        _fill(table)
    for table in DOCUMENTS:
        for statement in create_search_index(op.get_bind().dialect.name, table):
            op.get_bind().exec_driver_sql(statement)


def _fill(table: str) -> None:
    connection = op.get_bind()
    update = sa.text(f"UPDATE {table} SET search_words = :words WHERE id = :id")
    rows = connection.execute(sa.text(TEXTS[table])).all()
    for first in range(0, len(rows), ROWS_AT_ONCE):
        words = [
            {"id": id_, "words": search_words(*texts)} for id_, *texts in rows[first : first + ROWS_AT_ONCE]
        ]
        connection.execute(update, words)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

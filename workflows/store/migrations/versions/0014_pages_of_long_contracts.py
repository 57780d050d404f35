"""Indexes by which a page of work, and a balance within a long statement, is read."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEXES = {
    "ledger_posting": ("ix_ledger_posting_owner", ["owner", "account", "effective_at", "amount"]),
    "work_entry": ("ix_work_entry_request", ["service_request_id", "started_at", "id"]),
}


def upgrade() -> None:
    for table, (name, columns) in INDEXES.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Work entries and the ledger by their instants, and the decisions of a service request in the order made."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_work_entry_started_at", "work_entry", ["started_at", "id"])
    op.create_index("ix_ledger_transaction_effective_at", "ledger_transaction", ["effective_at"])
    # those made before are all 1, and stay in the order of their instants and ids
    column: sa.Column[int] = sa.Column("sequence", sa.Integer(), nullable=False, server_default=sa.text("1"))
    op.add_column("coverage_decision", column)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Why a work entry is not billable; unknown of those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_entry", sa.Column("not_billable_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

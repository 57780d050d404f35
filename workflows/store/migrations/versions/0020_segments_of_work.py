"""A work entry has its segments, and a contract the rate card that it is priced by."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Json, Key

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_entry", sa.Column("segments", Json, nullable=True))
    op.add_column("contract", sa.Column("rate_card", Key, nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""A work entry has the terms that it was charged by."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Json

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_entry", sa.Column("charged_by", Json, nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

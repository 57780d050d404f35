"""The versions of time zone and holiday data that gave each target; unknown of those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for target in ("response", "resolution"):
        op.add_column("service_request", sa.Column(f"{target}_due_data", sa.String(80), nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Products that customers may buy in the portal."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    offered: sa.Column[bool] = sa.Column("offered", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("product", offered)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

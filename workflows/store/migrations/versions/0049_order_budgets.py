"""What may be invoiced on the order number in somebody's billing details, without tax."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("billing_details", sa.Column("order_budget_minor", sa.BigInteger(), nullable=True))
    op.add_column("billing_details", sa.Column("order_budget_currency", sa.String(3), nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

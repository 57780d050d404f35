"""As which e-invoice an invoice was issued, and the version of the rules that accepted it."""

import sqlalchemy as sa
from alembic import op

from workflows.store.billing_triggers import frozen_columns_changed

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoice", sa.Column("e_invoice_profile", sa.String(12), nullable=True))
    op.add_column("invoice", sa.Column("e_invoice_rules", sa.Text(), nullable=True))
    for statement in frozen_columns_changed(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

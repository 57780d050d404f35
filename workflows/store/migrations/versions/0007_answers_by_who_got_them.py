"""A stored answer has the role and the customer that its user had; none has a hash of a password."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM idempotency_key WHERE request = 'POST /api/v1/users'")
    op.add_column("idempotency_key", sa.Column("role", sa.String(20), nullable=True))
    op.add_column("idempotency_key", sa.Column("customer_id", Id, nullable=True))
    for column in ("role", "customer_id"):
        op.execute(
            f"UPDATE idempotency_key SET {column} ="
            f" (SELECT {column} FROM user_account WHERE user_account.id = idempotency_key.user_id)"
        )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

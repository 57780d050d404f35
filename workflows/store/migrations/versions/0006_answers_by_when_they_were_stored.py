"""The instant at which an idempotency key's answer was stored is `stored_at`."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_idempotency_key_kept_at", "idempotency_key")
    op.execute("ALTER TABLE idempotency_key RENAME COLUMN kept_at TO stored_at")
    op.create_index("ix_idempotency_key_stored_at", "idempotency_key", ["stored_at"])


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

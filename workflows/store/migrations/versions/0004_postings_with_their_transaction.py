"""On PostgreSQL a ledger transaction and its postings may come by one statement; later ones are refused still."""

from alembic import op

from workflows.store.triggers import POSTGRESQL_SEAL

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_SEAL)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

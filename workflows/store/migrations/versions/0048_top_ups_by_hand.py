"""A top-up by hand that awaits its payment: with its terms, and beside those of the contract's threshold."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Instant, Json
from workflows.store.migrations.rewriting import rewrite_table

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        rewrite_table("auto_top_up", "grants_opened INTEGER NOT NULL", "grants_opened INTEGER")
    else:
        op.alter_column("auto_top_up", "grants_opened", nullable=True)
    op.add_column("auto_top_up", sa.Column("expires_at", Instant(), nullable=True))
    op.add_column("auto_top_up", sa.Column("priority", sa.Integer(), nullable=True))
    op.add_column("auto_top_up", sa.Column("scope", Json, nullable=True))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

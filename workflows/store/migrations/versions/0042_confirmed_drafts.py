"""Drafts that finance confirmed although rules found them unusual."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invoice_confirmation",
        sa.Column("id", Id, nullable=False),
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("invoice_version", sa.Integer(), nullable=False),
        sa.Column("rules", Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_confirmation_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_confirmation")),
    )
    op.create_index("ix_invoice_confirmation_invoice_id", "invoice_confirmation", ["invoice_id", "id"])


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Reminders of invoices, and pauses of dunning."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant
from workflows.store.triggers import append_only, no_replacement

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TABLE = "invoice_reminder"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", Id, nullable=False),
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("fee_invoice_id", Id, nullable=True),
        sa.CheckConstraint("stage >= -1", name=op.f("ck_invoice_reminder_stage")),
        sa.CheckConstraint("fee_invoice_id IS NULL OR stage > 0", name=op.f("ck_invoice_reminder_fee")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_reminder_invoice_id")),
        sa.ForeignKeyConstraint(
            ["fee_invoice_id"], ["invoice.id"], name=op.f("fk_invoice_reminder_fee_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_reminder")),
        sa.UniqueConstraint("fee_invoice_id", name=op.f("uq_invoice_reminder_fee_invoice_id")),
        sa.UniqueConstraint("invoice_id", "stage", name=op.f("uq_invoice_reminder_invoice_id_stage")),
    )
    op.add_column("invoice", sa.Column("reminder_stage", sa.Integer(), nullable=True))
    op.add_column("invoice", sa.Column("reminder_at", Instant, nullable=True))
    op.add_column("invoice", sa.Column("dunning_paused_until", Instant, nullable=True))
    op.add_column("invoice", sa.Column("dunning_pause_reason", sa.Text(), nullable=True))
    dialect = op.get_bind().dialect.name
    for statement in append_only(dialect, TABLE):
        op.execute(statement)
    if dialect == "sqlite":
        keys = (("id",), ("fee_invoice_id",), ("invoice_id", "stage"))
        op.execute(no_replacement(TABLE, keys))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Accounting periods that are closed, and the transactions that belong in one and were recorded after it."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Instant, Key
from workflows.store.triggers import append_only, closed_periods_guard, no_replacement

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounting_period",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_accounting_period_span")),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_accounting_period")),
        sa.UniqueConstraint("ends_at", name=op.f("uq_accounting_period_ends_at")),
    )
    op.create_table(
        "ledger_adjustment",
        sa.Column("transaction_id", Key, nullable=False),
        sa.Column("belongs_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_ledger_adjustment_transaction_id"),
        ),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_ledger_adjustment")),
    )
    op.create_index("ix_ledger_adjustment_belongs_at", "ledger_adjustment", ["belongs_at", "transaction_id"])
    dialect = op.get_bind().dialect.name
    for statement in append_only(dialect, "ledger_adjustment"):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute(no_replacement("ledger_adjustment", (("transaction_id",),)))
    op.execute(closed_periods_guard(dialect))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

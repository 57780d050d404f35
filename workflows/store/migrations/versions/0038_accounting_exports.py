"""Batches of journals for the accounting program, and which transactions are in them."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Key
from workflows.store.triggers import Keys, append_only, no_replacement

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

KEYS: dict[str, Keys] = {
    "accounting_export": (("id",), ("number",)),
    "accounting_export_entry": (("format", "transaction_id"),),
}
"""The new tables, whose rows never change, and their unique keys."""


def upgrade() -> None:
    op.create_table(
        "accounting_export",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.CheckConstraint("format IN ('csv', 'datev')", name=op.f("ck_accounting_export_format")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounting_export")),
        sa.UniqueConstraint("number", name=op.f("uq_accounting_export_number")),
    )
    op.create_index("ix_accounting_export_made_at", "accounting_export", ["made_at", "id"])
    op.create_table(
        "accounting_export_entry",
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("transaction_id", Key, nullable=False),
        sa.Column("export_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_accounting_export_entry_transaction_id"),
        ),
        sa.ForeignKeyConstraint(
            ["export_id"], ["accounting_export.id"], name=op.f("fk_accounting_export_entry_export_id")
        ),
        sa.PrimaryKeyConstraint("format", "transaction_id", name=op.f("pk_accounting_export_entry")),
    )
    op.create_index("ix_accounting_export_entry_export_id", "accounting_export_entry", ["export_id"])
    dialect = op.get_bind().dialect.name
    for table, keys in KEYS.items():
        for statement in append_only(dialect, table):
            op.execute(statement)
        if dialect == "sqlite":
            op.execute(no_replacement(table, keys))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

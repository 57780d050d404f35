"""Links by which invoices are paid online."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Key

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_link",
        sa.Column("id", Id, nullable=False),
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("session_id", Key, nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("event_id", Key, nullable=True),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("bank_entry_id", Id, nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_link_amount")),
        sa.CheckConstraint("(session_id IS NULL) = (url IS NULL)", name=op.f("ck_payment_link_session")),
        sa.CheckConstraint(
            "(settled_at IS NOT NULL) = (payment_id IS NOT NULL OR bank_entry_id IS NOT NULL)",
            name=op.f("ck_payment_link_settled"),
        ),
        sa.CheckConstraint(
            "payment_id IS NULL OR bank_entry_id IS NULL", name=op.f("ck_payment_link_outcome")
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"], [f"{table}.id"], name=op.f(f"fk_payment_link_{table}_id")
            )
            for table in ("bank_entry", "invoice", "payment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_link")),
        *(
            sa.UniqueConstraint(column, name=op.f(f"uq_payment_link_{column}"))
            for column in ("bank_entry_id", "payment_id", "session_id")
        ),
    )
    op.create_index("ix_payment_link_invoice_id", "payment_link", ["invoice_id", "id"])


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

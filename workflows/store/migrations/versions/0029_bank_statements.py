"""Bank statements that were uploaded, their entries, and the payments recorded for these."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json, Key

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATES = "'matched', 'assigned', 'offered', 'left', 'set_aside', 'not_receipt'"


def upgrade() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("id", Id, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("format", sa.String(20), nullable=False),
        sa.Column("accounts", Json, nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("known_count", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", Instant(), nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statement")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_bank_statement_content_hash")),
    )
    op.create_index("ix_bank_statement_uploaded_at", "bank_statement", ["uploaded_at", "id"])
    _entries()
    op.create_table(
        "bank_entry_payment",
        sa.Column("entry_id", Id, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["bank_entry.id"], name=op.f("fk_bank_entry_payment_entry_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_bank_entry_payment_payment_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", "payment_id", name=op.f("pk_bank_entry_payment")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_bank_entry_payment_payment_id")),
    )


def _entries() -> None:
    op.create_table(
        "bank_entry",
        sa.Column("id", Id, nullable=False),
        sa.Column("statement_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("entry_key", sa.String(64), nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("texts", Json, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("party_iban", Key, nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("is_reversal", sa.Boolean(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(11), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("candidates", Json, nullable=False),
        sa.Column("has_more", sa.Boolean(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_bank_entry_state")),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_bank_entry_decided")),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (state IN ('offered', 'left', 'not_receipt'))",
            name=op.f("ck_bank_entry_decided_state"),
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["bank_statement.id"], name=op.f("fk_bank_entry_statement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_entry")),
        sa.UniqueConstraint("entry_key", name=op.f("uq_bank_entry_entry_key")),
    )
    op.create_index("ix_bank_entry_statement_id", "bank_entry", ["statement_id", "position"], unique=True)
    op.create_index("ix_bank_entry_party_iban", "bank_entry", ["party_iban"])
    undecided = sa.text("state IN ('offered', 'left')")
    op.create_index(
        "ix_bank_entry_undecided",
        "bank_entry",
        ["booked_on", "id"],
        sqlite_where=undecided,
        postgresql_where=undecided,
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

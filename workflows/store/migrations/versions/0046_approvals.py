"""Approvals of time beyond what contracts pay."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json
from workflows.store.triggers import append_only, no_replacement

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

APPEND_ONLY = (("approval", "id"), ("approval_answer", "approval_id"), ("approval_use", "id"))


def upgrade() -> None:
    op.add_column("contract", sa.Column("overage", sa.String(7), nullable=True))
    op.add_column("contract", sa.Column("not_to_exceed", Json, nullable=True))
    op.add_column("work_entry", sa.Column("unapproved_minutes", sa.BigInteger(), nullable=True))
    op.add_column("work_entry", sa.Column("unapproved_reason", sa.Text(), nullable=True))
    _asked()
    _answers()
    _uses()
    _links()
    dialect = op.get_bind().dialect.name
    for table, key in APPEND_ONLY:
        for statement in append_only(dialect, table):
            op.execute(statement)
        if dialect == "sqlite":
            op.execute(no_replacement(table, ((key,),)))


def _asked() -> None:
    op.create_table(
        "approval",
        sa.Column("id", Id, nullable=False),
        sa.Column("service_request_id", Id, nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("preview", Json, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_by_id", Id, nullable=True),
        sa.Column("lapses_at", Instant(), nullable=False),
        sa.CheckConstraint("(minutes IS NULL) <> (amount_minor IS NULL)", name=op.f("ck_approval_quantity")),
        sa.CheckConstraint("(currency IS NULL) = (amount_minor IS NULL)", name=op.f("ck_approval_currency")),
        sa.ForeignKeyConstraint(
            ["service_request_id"], ["service_request.id"], name=op.f("fk_approval_service_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index("ix_approval_service_request_id", "approval", ["service_request_id", "id"])
    op.create_index("ix_approval_asked_at", "approval", ["asked_at", "id"])


def _answers() -> None:
    op.create_table(
        "approval_answer",
        sa.Column("approval_id", Id, nullable=False),
        sa.Column("answer", sa.String(8), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("answered_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("way", sa.String(8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.CheckConstraint("answer IN ('approved', 'declined')", name=op.f("ck_approval_answer_answer")),
        sa.CheckConstraint("way IN ('portal', 'link', 'staff')", name=op.f("ck_approval_answer_way")),
        sa.CheckConstraint(
            "answer = 'approved' OR (minutes IS NULL AND amount_minor IS NULL)",
            name=op.f("ck_approval_answer_quantity"),
        ),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_approval_answer_approval_id")
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approval_answer")),
    )


def _uses() -> None:
    op.create_table(
        "approval_use",
        sa.Column("id", Id, nullable=False),
        sa.Column("approval_id", Id, nullable=False),
        sa.Column("work_entry_id", Id, nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("used_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("minutes <> 0", name=op.f("ck_approval_use_minutes")),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], name=op.f("fk_approval_use_approval_id")),
        sa.ForeignKeyConstraint(
            ["work_entry_id"], ["work_entry.id"], name=op.f("fk_approval_use_work_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_use")),
    )
    op.create_index("ix_approval_use_approval_id", "approval_use", ["approval_id"])
    op.create_index("ix_approval_use_work_entry_id", "approval_use", ["work_entry_id"])


def _links() -> None:
    op.create_table(
        "approval_link",
        sa.Column("id", Id, nullable=False),
        sa.Column("approval_id", Id, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], name=op.f("fk_approval_link_approval_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_approval_link_token_hash")),
    )
    op.create_index("ix_approval_link_approval_id", "approval_link", ["approval_id"])


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

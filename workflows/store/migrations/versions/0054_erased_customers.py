"""Erased customers with the proof of it, legal holds, and triggers that let an erasure replace values."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json
from workflows.store.erasure_triggers import make_erasable
from workflows.store.triggers import append_only, no_replacement

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

KEYS = {"erasure": (("number",), ("customer_id",)), "erasure_begun": (("number",),)}


def upgrade() -> None:
    op.add_column("customer", sa.Column("erased_at", Instant, nullable=True))
    op.create_table(
        "erasure",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("erased_at", Instant, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("erased_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counts", Json, nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_erasure_number")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_erasure_customer_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_erasure")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_erasure_customer_id")),
    )
    op.create_table(
        "erasure_begun",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["number"],
            ["erasure.number"],
            name=op.f("fk_erasure_begun_number"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_erasure_begun")),
    )
    _legal_holds()
    connection = op.get_bind()
    for table, keys in KEYS.items():
        for statement in append_only(connection.dialect.name, table):
            op.execute(statement)
        if connection.dialect.name == "sqlite":
            op.execute(no_replacement(table, keys))
    for statement in make_erasable(connection):
        op.execute(statement)


def _legal_holds() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", Instant, nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("lifted_at", Instant, nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_legal_hold_lifted")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_legal_hold_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index("ix_legal_hold_customer_id", "legal_hold", ["customer_id", "set_at"])
    where = sa.text("lifted_at IS NULL")
    op.create_index(
        "uq_legal_hold_in_force",
        "legal_hold",
        ["customer_id"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""What an hour of work costs, from a day on."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant
from workflows.store.triggers import append_only, no_replacement

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cost_rate",
        sa.Column("id", Id, nullable=False),
        sa.Column("technician_id", Id, nullable=True),
        sa.Column("role", sa.String(20), nullable=True),
        sa.Column("per_hour_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("(technician_id IS NULL) <> (role IS NULL)", name=op.f("ck_cost_rate_whose")),
        sa.CheckConstraint("per_hour_minor > 0", name=op.f("ck_cost_rate_per_hour")),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["user_account.id"], name=op.f("fk_cost_rate_technician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost_rate")),
    )
    op.create_index("ix_cost_rate_from_on", "cost_rate", ["from_on", "id"])
    dialect = op.get_bind().dialect.name
    for statement in append_only(dialect, "cost_rate"):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute(no_replacement("cost_rate", (("id",),)))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Work entries are submitted, approved or rejected, and held until then; contracts top up by themselves."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json, Key

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

NOT_APPROVED = sa.text("state <> 'approved' AND deleted_at IS NULL")


TOP_UP_STATES = "state IN ('warned', 'capped', 'draft', 'issued', 'declined')"


def upgrade() -> None:
    _approve_work()
    _top_up()


def _approve_work() -> None:
    # as text: SQLite can add a constraint to a table only together with its column
    op.execute(
        "ALTER TABLE work_entry ADD COLUMN state VARCHAR(10) DEFAULT 'approved' NOT NULL "
        "CONSTRAINT ck_work_entry_state CHECK (state IN ('submitted', 'approved', 'rejected'))"
    )
    op.add_column("work_entry", sa.Column("decided_at", Instant(), nullable=True))
    op.add_column("work_entry", sa.Column("decided_by", sa.Text(), nullable=True))
    op.add_column("work_entry", sa.Column("decision_reason", sa.Text(), nullable=True))
    op.create_index(
        "ix_work_entry_not_approved",
        "work_entry",
        ["state", "started_at", "id"],
        sqlite_where=NOT_APPROVED,
        postgresql_where=NOT_APPROVED,
    )
    held: sa.Column[bool] = sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("work_allocation", held)
    op.add_column("work_allocation", sa.Column("settlement_id", Key, nullable=True))


def _top_up() -> None:
    op.add_column("contract", sa.Column("auto_top_up", Json, nullable=True))
    op.add_column("contract", sa.Column("auto_top_up_since", Instant(), nullable=True))
    name = "auto_top_up"
    op.create_table(
        name,
        sa.Column("id", Id, nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("grants_opened", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("unit", sa.String(10), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("grant_id", Id, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(TOP_UP_STATES, name=op.f("ck_auto_top_up_state")),
        sa.CheckConstraint("unit IN ('minutes', 'incidents', 'money')", name=op.f("ck_auto_top_up_unit")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_auto_top_up_quantity")),
        sa.CheckConstraint("(state = 'issued') = (grant_id IS NOT NULL)", name=op.f("ck_auto_top_up_grant")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_auto_top_up_contract_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["contract_grant.id"], name=op.f("fk_auto_top_up_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_top_up")),
        sa.UniqueConstraint(
            "contract_id",
            "grants_opened",
            "month",
            name=op.f("uq_auto_top_up_contract_id_grants_opened_month"),
        ),
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

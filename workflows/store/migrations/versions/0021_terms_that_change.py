"""Terms and holders of contracts that change from an instant on, and decisions that hold from an earlier one."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant, Json
from workflows.store.triggers import append_only, no_replacement

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KINDS = "kind IN ('amended', 'transferred')"
HOLDERS = "holder_kind IN ('service_request', 'item', 'customer', 'org_unit')"


def upgrade() -> None:
    for name in ("terms_since", "amends_at", "held_since"):
        op.add_column("contract", sa.Column(name, Instant(), nullable=True))
    op.add_column("coverage_decision", sa.Column("holds_from", Instant(), nullable=True))
    op.create_table(
        "contract_amendment",
        sa.Column("id", Id, nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("before", Json, nullable=False),
        sa.Column("after", Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_contract_amendment_kind")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_contract_amendment_contract_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_amendment")),
    )
    op.create_index("ix_contract_amendment_contract_id", "contract_amendment", ["contract_id", "id"])
    op.create_table(
        "contract_past_holder",
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("holder_kind", sa.String(length=16), nullable=False),
        sa.Column("holder_id", Id, nullable=False),
        sa.Column("held_from", Instant(), nullable=True),
        sa.Column("held_until", Instant(), nullable=False),
        sa.CheckConstraint(HOLDERS, name=op.f("ck_contract_past_holder_holder_kind")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_contract_past_holder_contract_id")
        ),
        sa.PrimaryKeyConstraint("contract_id", "held_until", name=op.f("pk_contract_past_holder")),
    )
    op.create_index(
        "ix_contract_past_holder_holder", "contract_past_holder", ["holder_kind", "holder_id", "held_until"]
    )
    dialect = op.get_bind().dialect.name
    for statement in append_only(dialect, "contract_amendment"):
        op.execute(statement)
    if dialect == "sqlite":
        op.execute(no_replacement("contract_amendment", (("id",),)))


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Time to be billed is a sold item, with the pieces of work that it is made of.

PostgreSQL changes the check in place. SQLite cannot, so the table is written anew from its own definition and
the rows copied.
"""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import Id, Instant
from workflows.store.migrations.rewriting import rewrite_table

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

OLD_KINDS, NEW_KINDS = "'contract', 'renewal', 'top_up'", "'contract', 'renewal', 'top_up', 'overage'"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        rewrite_table("sold_item", OLD_KINDS, NEW_KINDS)
    else:
        op.drop_constraint(op.f("ck_sold_item_kind"), "sold_item", type_="check")
        op.create_check_constraint(op.f("ck_sold_item_kind"), "sold_item", f"kind IN ({NEW_KINDS})")
    op.add_column("sold_item", sa.Column("released_at", Instant(), nullable=True))
    op.create_table(
        "overage_item",
        sa.Column("sold_item_id", Id, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("billing_month", sa.String(7), nullable=False),
        sa.Column("rate_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sold_item_id"], ["sold_item.id"], name=op.f("fk_overage_item_sold_item_id")
        ),
        sa.PrimaryKeyConstraint("sold_item_id", name=op.f("pk_overage_item")),
    )
    op.create_index("ix_overage_item_billing_month", "overage_item", ["billing_month"])
    _charges()


def _charges() -> None:
    op.create_table(
        "overage_charge",
        sa.Column("id", Id, nullable=False),
        sa.Column("sold_item_id", Id, nullable=False),
        sa.Column("allocation_id", Id, nullable=False),
        sa.Column("work_entry_id", Id, nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("rate_minor", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("takes_back_id", Id, nullable=True),
        sa.Column("charged_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "(minutes < 0) = (takes_back_id IS NOT NULL)", name=op.f("ck_overage_charge_sign")
        ),
        sa.ForeignKeyConstraint(
            ["allocation_id"],
            ["work_allocation.id"],
            name=op.f("fk_overage_charge_allocation_id"),
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_overage_charge_contract_id")),
        sa.ForeignKeyConstraint(
            ["sold_item_id"], ["sold_item.id"], name=op.f("fk_overage_charge_sold_item_id")
        ),
        sa.ForeignKeyConstraint(
            ["takes_back_id"],
            ["overage_charge.id"],
            name=op.f("fk_overage_charge_takes_back_id"),
        ),
        sa.ForeignKeyConstraint(
            ["work_entry_id"], ["work_entry.id"], name=op.f("fk_overage_charge_work_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overage_charge")),
        sa.UniqueConstraint("takes_back_id", name=op.f("uq_overage_charge_takes_back_id")),
    )
    op.create_index("ix_overage_charge_sold_item_id", "overage_charge", ["sold_item_id"])
    op.create_index("ix_overage_charge_work_entry_id", "overage_charge", ["work_entry_id"])
    op.create_index(
        "uq_overage_charge_allocation",
        "overage_charge",
        ["allocation_id"],
        unique=True,
        sqlite_where=sa.text("takes_back_id IS NULL"),
        postgresql_where=sa.text("takes_back_id IS NULL"),
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""Recurring sales, whose periods are sold items."""

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import ExactDecimal, Id, Instant, Key

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recurring_sale",
        sa.Column("id", Id, nullable=False),
        sa.Column("number", Key, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("product_id", Id, nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", ExactDecimal(), nullable=False),
        sa.Column("unit", Key, nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("tax_name", Key, nullable=False),
        sa.Column("every", sa.String(7), nullable=False),
        sa.Column("timing", sa.String(7), nullable=False),
        sa.Column("billing_day", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("time_zone", sa.String(255), nullable=False),
        sa.Column("made_until_on", sa.Date(), nullable=True),
        sa.Column("next_due_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("every IN ('month', 'quarter', 'year')", name=op.f("ck_recurring_sale_every")),
        sa.CheckConstraint("timing IN ('advance', 'arrears')", name=op.f("ck_recurring_sale_timing")),
        sa.CheckConstraint("billing_day BETWEEN 1 AND 31", name=op.f("ck_recurring_sale_billing_day")),
        sa.CheckConstraint("until_on IS NULL OR until_on > starts_on", name=op.f("ck_recurring_sale_days")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_recurring_sale_amount")),
        sa.CheckConstraint(
            "(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_recurring_sale_party")
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"], [f"{table}.id"], name=op.f(f"fk_recurring_sale_{table}_id")
            )
            for table in ("contract", "customer", "org_unit", "product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurring_sale")),
        sa.UniqueConstraint("number", name=op.f("uq_recurring_sale_number")),
    )
    op.create_index("ix_recurring_sale_contract_id", "recurring_sale", ["contract_id"])
    op.create_index("ix_recurring_sale_next_due_at", "recurring_sale", ["next_due_at", "id"])
    # as text: SQLite can add a constraint to a table only together with its column
    key = 'VARCHAR(32) COLLATE "C"' if op.get_bind().dialect.name == "postgresql" else "VARCHAR(32)"
    op.execute(
        f"ALTER TABLE sold_item ADD COLUMN recurring_sale_id {key} "
        "CONSTRAINT fk_sold_item_recurring_sale_id REFERENCES recurring_sale (id)"
    )
    for name in ("service_from", "service_until"):
        op.add_column("sold_item", sa.Column(name, sa.Date(), nullable=True))
    op.create_index("uq_sold_item_period", "sold_item", ["recurring_sale_id", "service_from"], unique=True)


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

"""What is sold once, beside contracts and on service requests: it has a description, a quantity and a price.

PostgreSQL changes the table in place. SQLite cannot make a column optional, so the table is written anew and
its rows are copied.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from workflows.store.column_types import ExactDecimal, Id, Instant, Key

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

KINDS = "kind IN ('contract', 'renewal', 'top_up', 'overage', 'recurring', 'one_off', 'part', 'travel', 'expense')"
OF_CONTRACT = "kind IN ('contract', 'renewal', 'top_up', 'overage')"
CONTRACT = f"NOT ({OF_CONTRACT}) OR contract_id IS NOT NULL"
LINE = (
    f"({OF_CONTRACT}) = (description IS NULL) AND (description IS NULL) = (quantity IS NULL) "
    "AND (description IS NULL) = (unit IS NULL) AND (description IS NULL) = (unit_price_minor IS NULL) "
    "AND (description IS NULL) = (tax_name IS NULL) AND (description IS NULL) = (sold_on IS NULL)"
)
BEFORE = (
    "id", "kind", "contract_id", "grant_id", "customer_id", "org_unit_id", "currency", "amount_minor",
    "sold_at", "sold_by", "invoice_id", "waived_at", "waived_by", "waive_reason", "released_at", "top_up_id",
)  # fmt: skip
"""The columns that the table had."""


def _new_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("service_request_id", Id, nullable=True),
        sa.Column("product_id", Id, nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("quantity", ExactDecimal(), nullable=True),
        sa.Column("unit", Key, nullable=True),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("tax_name", Key, nullable=True),
        sa.Column("sold_on", sa.Date(), nullable=True),
    ]


def _version() -> sa.Column[Any]:
    return sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()
    op.create_index("ix_sold_item_service_request_id", "sold_item", ["service_request_id"])


def _postgresql() -> None:
    op.alter_column("sold_item", "kind", type_=sa.String(9), existing_nullable=False)
    op.alter_column("sold_item", "contract_id", nullable=True)
    for column in (*_new_columns(), _version()):
        op.add_column("sold_item", column)
    for name, table in (("service_request_id", "service_request"), ("product_id", "product")):
        op.create_foreign_key(op.f(f"fk_sold_item_{name}"), "sold_item", table, [name], ["id"])
    op.drop_constraint(op.f("ck_sold_item_kind"), "sold_item", type_="check")
    for name, condition in (("kind", KINDS), ("contract", CONTRACT), ("line", LINE)):
        op.create_check_constraint(op.f(f"ck_sold_item_{name}"), "sold_item", condition)


def _sqlite() -> None:
    """Write the table anew. `migrate` has switched foreign keys off: other tables refer to it by its name."""
    op.create_table(
        "sold_item_new",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(9), nullable=False),
        sa.Column("contract_id", Id, nullable=True),
        sa.Column("grant_id", Id, nullable=True),
        *_new_columns(),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("sold_at", Instant(), nullable=False),
        sa.Column("sold_by", sa.Text(), nullable=False),
        sa.Column("invoice_id", Id, nullable=True),
        sa.Column("waived_at", Instant(), nullable=True),
        sa.Column("waived_by", sa.Text(), nullable=True),
        sa.Column("waive_reason", sa.Text(), nullable=True),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("top_up_id", Id, nullable=True),
        _version(),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_sold_item_amount")),
        sa.CheckConstraint(CONTRACT, name=op.f("ck_sold_item_contract")),
        sa.CheckConstraint("kind = 'top_up' OR grant_id IS NULL", name=op.f("ck_sold_item_grant")),
        sa.CheckConstraint("invoice_id IS NULL OR waived_at IS NULL", name=op.f("ck_sold_item_invoiced")),
        sa.CheckConstraint(KINDS, name=op.f("ck_sold_item_kind")),
        sa.CheckConstraint(LINE, name=op.f("ck_sold_item_line")),
        sa.CheckConstraint("(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_sold_item_party")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_sold_item_{column}"))
            for column, table in (
                ("contract_id", "contract"),
                ("customer_id", "customer"),
                ("grant_id", "contract_grant"),
                ("invoice_id", "invoice"),
                ("org_unit_id", "org_unit"),
                ("product_id", "product"),
                ("service_request_id", "service_request"),
                ("top_up_id", "auto_top_up"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sold_item")),
        sa.UniqueConstraint("grant_id", name=op.f("uq_sold_item_grant_id")),
    )
    columns = ", ".join(BEFORE)
    op.execute(f"INSERT INTO sold_item_new ({columns}) SELECT {columns} FROM sold_item")
    op.execute("DROP TABLE sold_item")
    op.execute("ALTER TABLE sold_item_new RENAME TO sold_item")
    op.create_index("ix_sold_item_contract_id", "sold_item", ["contract_id"])
    op.create_index("uq_sold_item_top_up_id", "sold_item", ["top_up_id"], unique=True)
    op.create_index("ix_sold_item_invoice_id", "sold_item", ["invoice_id"])
    op.create_index(
        "ix_sold_item_not_invoiced",
        "sold_item",
        ["sold_at", "id"],
        sqlite_where=sa.text("invoice_id IS NULL AND waived_at IS NULL"),
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

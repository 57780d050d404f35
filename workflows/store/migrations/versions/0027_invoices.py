"""Invoices and credit notes, payments, customer credit, what was sold, and how customers are addressed."""

import sqlalchemy as sa
from alembic import op

from workflows.store.billing_triggers import FROZEN_AT_FIRST, issued_invoices_guard
from workflows.store.column_types import ExactDecimal, Id, Instant, Json, Key
from workflows.store.triggers import append_only, no_replacement

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "payment": (("id",),),
    "payment_reversal": (("payment_id",),),
    "payment_allocation": (("id",), ("reverses_id",)),
}


def upgrade() -> None:
    _invoices()
    _payments()
    _parties()
    dialect = op.get_bind().dialect.name
    for statement in issued_invoices_guard(dialect, FROZEN_AT_FIRST):
        op.execute(statement)
    for table, keys in APPEND_ONLY.items():
        for statement in append_only(dialect, table):
            op.execute(statement)
        if dialect == "sqlite":
            op.execute(no_replacement(table, keys))


def _invoices() -> None:
    op.create_table(
        "invoice",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("number", Key, nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("issued_at", Instant(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("overdue_at", Instant(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("buyer_reference", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("terms", sa.Text(), nullable=True),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("early_payment_days", sa.Integer(), nullable=True),
        sa.Column("early_payment_percent", ExactDecimal(), nullable=True),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("seller", Json, nullable=True),
        sa.Column("buyer", Json, nullable=True),
        sa.Column("corrects_id", Id, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("issued_by", sa.Text(), nullable=True),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.Column("delivered_by", sa.Text(), nullable=True),
        sa.Column("voided_at", Instant(), nullable=True),
        sa.Column("voided_by", sa.Text(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (corrects_id IS NOT NULL)", name=op.f("ck_invoice_corrects")
        ),
        sa.CheckConstraint("state <> 'issued' OR number IS NOT NULL", name=op.f("ck_invoice_issued")),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("ck_invoice_kind")),
        sa.CheckConstraint("(number IS NULL) = (issued_at IS NULL)", name=op.f("ck_invoice_number")),
        sa.CheckConstraint("open_minor >= 0 AND open_minor <= total_minor", name=op.f("ck_invoice_open")),
        sa.CheckConstraint("(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_invoice_party")),
        sa.CheckConstraint("state IN ('draft', 'issued', 'void')", name=op.f("ck_invoice_state")),
        sa.CheckConstraint("total_minor = net_minor + tax_minor", name=op.f("ck_invoice_total")),
        sa.CheckConstraint("(state = 'void') = (voided_at IS NOT NULL)", name=op.f("ck_invoice_void")),
        sa.ForeignKeyConstraint(["corrects_id"], ["invoice.id"], name=op.f("fk_invoice_corrects_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_invoice_customer_id")),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_invoice_org_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("number", name=op.f("uq_invoice_number")),
    )
    op.create_index("ix_invoice_corrects_id", "invoice", ["corrects_id"])
    op.create_index("ix_invoice_created_at", "invoice", ["created_at", "id"])
    op.create_index("ix_invoice_customer_id", "invoice", ["customer_id", "id"])
    op.create_index(
        "ix_invoice_open",
        "invoice",
        ["overdue_at", "id"],
        sqlite_where=sa.text("state = 'issued' AND open_minor > 0"),
        postgresql_where=sa.text("state = 'issued' AND open_minor > 0"),
    )
    op.create_index("ix_invoice_org_unit_id", "invoice", ["org_unit_id", "id"])
    op.create_index("ix_invoice_state", "invoice", ["state", "created_at", "id"])
    op.create_table(
        "sold_item",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("contract_id", Id, nullable=False),
        sa.Column("grant_id", Id, nullable=True),
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
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_sold_item_amount")),
        sa.CheckConstraint("(kind = 'top_up') = (grant_id IS NOT NULL)", name=op.f("ck_sold_item_grant")),
        sa.CheckConstraint("invoice_id IS NULL OR waived_at IS NULL", name=op.f("ck_sold_item_invoiced")),
        sa.CheckConstraint("kind IN ('contract', 'renewal', 'top_up')", name=op.f("ck_sold_item_kind")),
        sa.CheckConstraint("(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_sold_item_party")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_sold_item_contract_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_sold_item_customer_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["contract_grant.id"], name=op.f("fk_sold_item_grant_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_sold_item_invoice_id")),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_sold_item_org_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sold_item")),
        sa.UniqueConstraint("grant_id", name=op.f("uq_sold_item_grant_id")),
    )
    op.create_index("ix_sold_item_contract_id", "sold_item", ["contract_id"])
    op.create_index("ix_sold_item_invoice_id", "sold_item", ["invoice_id"])
    op.create_index(
        "ix_sold_item_not_invoiced",
        "sold_item",
        ["sold_at", "id"],
        sqlite_where=sa.text("invoice_id IS NULL AND waived_at IS NULL"),
        postgresql_where=sa.text("invoice_id IS NULL AND waived_at IS NULL"),
    )
    op.create_table(
        "invoice_line",
        sa.Column("id", Id, nullable=False),
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", ExactDecimal(), nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_percent", ExactDecimal(), nullable=True),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_name", Key, nullable=False),
        sa.Column("tax_category", sa.String(2), nullable=False),
        sa.Column("tax_percent", ExactDecimal(), nullable=False),
        sa.Column("tax_reason", sa.Text(), nullable=False),
        sa.Column("service_from", sa.Date(), nullable=True),
        sa.Column("service_to", sa.Date(), nullable=True),
        sa.Column("sold_item_id", Id, nullable=True),
        sa.Column("credits_line_id", Id, nullable=True),
        sa.CheckConstraint(
            "service_to IS NULL OR service_from IS NOT NULL", name=op.f("ck_invoice_line_service")
        ),
        sa.CheckConstraint(
            "tax_category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')", name=op.f("ck_invoice_line_tax_category")
        ),
        sa.ForeignKeyConstraint(
            ["credits_line_id"], ["invoice_line.id"], name=op.f("fk_invoice_line_credits_line_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_line_invoice_id")),
        sa.ForeignKeyConstraint(
            ["sold_item_id"], ["sold_item.id"], name=op.f("fk_invoice_line_sold_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint("invoice_id", "position", name=op.f("uq_invoice_line_invoice_id_position")),
    )
    op.create_index("ix_invoice_line_credits_line_id", "invoice_line", ["credits_line_id"])
    op.create_index("ix_invoice_line_sold_item_id", "invoice_line", ["sold_item_id"])
    op.create_table(
        "invoice_discount",
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("tax_category", sa.String(2), nullable=False),
        sa.Column("tax_percent", ExactDecimal(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("percent", ExactDecimal(), nullable=True),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_discount_invoice_id")),
        sa.PrimaryKeyConstraint(
            "invoice_id", "position", "tax_category", "tax_percent", name=op.f("pk_invoice_discount")
        ),
    )
    op.create_table(
        "invoice_tax",
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("category", sa.String(2), nullable=False),
        sa.Column("percent", ExactDecimal(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_tax_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", "category", "percent", name=op.f("pk_invoice_tax")),
    )


def _payments() -> None:
    op.create_table(
        "payment",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("method", Key, nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_amount")),
        sa.CheckConstraint("(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_payment_party")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_payment_customer_id")),
        sa.ForeignKeyConstraint(["org_unit_id"], ["org_unit.id"], name=op.f("fk_payment_org_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
    )
    op.create_index("ix_payment_customer_id", "payment", ["customer_id", "id"])
    op.create_index("ix_payment_org_unit_id", "payment", ["org_unit_id", "id"])
    op.create_index("ix_payment_recorded_at", "payment", ["recorded_at", "id"])
    op.create_table(
        "payment_reversal",
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("reversed_at", Instant(), nullable=False),
        sa.Column("reversed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_reversal_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_payment_reversal")),
    )
    op.create_table(
        "customer_credit",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("credit_note_id", Id, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "open_minor >= 0 AND open_minor <= amount_minor", name=op.f("ck_customer_credit_open")
        ),
        sa.CheckConstraint(
            "(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_customer_credit_party")
        ),
        sa.CheckConstraint(
            "(payment_id IS NULL) <> (credit_note_id IS NULL)", name=op.f("ck_customer_credit_source")
        ),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["invoice.id"], name=op.f("fk_customer_credit_credit_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_credit_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_unit_id"], ["org_unit.id"], name=op.f("fk_customer_credit_org_unit_id")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_customer_credit_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_credit")),
        sa.UniqueConstraint("credit_note_id", name=op.f("uq_customer_credit_credit_note_id")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_customer_credit_payment_id")),
    )
    op.create_index(
        "ix_customer_credit_customer_id",
        "customer_credit",
        ["customer_id", "id"],
        sqlite_where=sa.text("open_minor > 0"),
        postgresql_where=sa.text("open_minor > 0"),
    )
    op.create_index(
        "ix_customer_credit_org_unit_id",
        "customer_credit",
        ["org_unit_id", "id"],
        sqlite_where=sa.text("open_minor > 0"),
        postgresql_where=sa.text("open_minor > 0"),
    )
    op.create_table(
        "payment_allocation",
        sa.Column("id", Id, nullable=False),
        sa.Column("invoice_id", Id, nullable=False),
        sa.Column("kind", sa.String(13), nullable=False),
        sa.Column("payment_id", Id, nullable=True),
        sa.Column("credit_id", Id, nullable=True),
        sa.Column("credit_note_id", Id, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=True),
        sa.Column("reverses_id", Id, nullable=True),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(amount_minor < 0) = (reverses_id IS NOT NULL) AND amount_minor <> 0",
            name=op.f("ck_payment_allocation_amount"),
        ),
        sa.CheckConstraint(
            "kind IN ('payment', 'credit', 'credit_note', 'early_payment')",
            name=op.f("ck_payment_allocation_kind"),
        ),
        sa.CheckConstraint(
            "(payment_id IS NULL) = (kind IN ('credit', 'credit_note')) AND (credit_id IS NULL) = (kind <> 'credit') AND (credit_note_id IS NULL) = (kind <> 'credit_note')",
            name=op.f("ck_payment_allocation_source"),
        ),
        sa.CheckConstraint(
            "(tax_minor IS NULL) = (kind <> 'early_payment')", name=op.f("ck_payment_allocation_tax")
        ),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["customer_credit.id"], name=op.f("fk_payment_allocation_credit_id")
        ),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["invoice.id"], name=op.f("fk_payment_allocation_credit_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_payment_allocation_invoice_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_payment_allocation_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["payment_allocation.id"], name=op.f("fk_payment_allocation_reverses_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_allocation")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_payment_allocation_reverses_id")),
    )
    op.create_index("ix_payment_allocation_credit_id", "payment_allocation", ["credit_id"])
    op.create_index("ix_payment_allocation_credit_note_id", "payment_allocation", ["credit_note_id"])
    op.create_index("ix_payment_allocation_invoice_id", "payment_allocation", ["invoice_id", "effective_at"])
    op.create_index("ix_payment_allocation_payment_id", "payment_allocation", ["payment_id"])


def _parties() -> None:
    op.create_table(
        "billing_details",
        sa.Column("id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("org_unit_id", Id, nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("country", sa.String(2), nullable=True),
        sa.Column("vat_id", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("buyer_reference", sa.Text(), nullable=True),
        sa.Column("language", sa.String(8), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.CheckConstraint(
            "(customer_id IS NULL) <> (org_unit_id IS NULL)", name=op.f("ck_billing_details_party")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_billing_details_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_unit_id"], ["org_unit.id"], name=op.f("fk_billing_details_org_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_details")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_billing_details_customer_id")),
        sa.UniqueConstraint("org_unit_id", name=op.f("uq_billing_details_org_unit_id")),
    )
    op.create_table(
        "company_logo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(20), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_at", Instant(), nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_company_logo_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_logo")),
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup instead: nothing in a ledger is undone.")

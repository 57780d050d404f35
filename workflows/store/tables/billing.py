"""What is charged and paid: invoices and credit notes, payments, customer credit, and what was sold.

Amounts are in minor units of the row's currency. An issued invoice never changes, and neither do its lines,
discounts and taxes: triggers refuse it (`store/billing_triggers`), except for what is open of it, its
delivery, and that it is voided.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from engine.invoices import (
    ALLOCATION_KINDS,
    CONTRACT_SOLD,
    DOCUMENT_KINDS,
    INVOICE_STATES,
    SOLD_KINDS,
    TAX_CATEGORIES,
)
from engine.recurring_sales import INTERVALS, TIMINGS
from workflows.store.column_types import ExactDecimal, Id, Instant, Json, Key
from workflows.store.tables.base import metadata, one_of

ONE_PARTY = "(customer_id IS NULL) <> (org_unit_id IS NULL)"
OPEN_INVOICES = "state = 'issued' AND open_minor > 0"
OPEN_CREDIT = "open_minor > 0"
NOT_INVOICED = "invoice_id IS NULL AND waived_at IS NULL"
OF_CONTRACT = f"kind IN ({', '.join(repr(kind) for kind in (*CONTRACT_SOLD, 'overage'))})"

invoice = Table(
    "invoice",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("state", String(8), nullable=False),
    Column("number", Key, unique=True),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("currency", String(3), nullable=False),
    Column("issued_at", Instant),
    Column("issued_on", Date),
    Column("due_on", Date),
    Column("overdue_at", Instant),
    Column("order_number", Text),
    Column("buyer_reference", Text),
    Column("note", Text),
    Column("terms", Text),
    Column("language", String(8), nullable=False),
    Column("early_payment_days", Integer),
    Column("early_payment_percent", ExactDecimal),
    Column("net_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("open_minor", BigInteger, nullable=False),
    Column("seller", Json),
    Column("buyer", Json),
    Column("corrects_id", Id, ForeignKey("invoice.id")),
    Column("reason", Text),
    Column("issued_by", Text),
    Column("delivered_at", Instant),
    Column("delivered_by", Text),
    Column("voided_at", Instant),
    Column("voided_by", Text),
    Column("void_reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    # after the issue: null where it was issued without an e-invoice
    Column("e_invoice_profile", String(12)),
    Column("e_invoice_rules", Text),
    # of the last reminder, as of its instant (tables/reminders), and until when no more are sent
    Column("reminder_stage", Integer),
    Column("reminder_at", Instant),
    Column("dunning_paused_until", Instant),
    Column("dunning_pause_reason", Text),
    Column("written_off_minor", BigInteger, nullable=False, server_default=text("0")),
    one_of("kind", *DOCUMENT_KINDS),
    one_of("state", *INVOICE_STATES),
    CheckConstraint(ONE_PARTY, name="party"),
    CheckConstraint("total_minor = net_minor + tax_minor", name="total"),
    CheckConstraint("open_minor >= 0 AND open_minor <= total_minor", name="open"),
    CheckConstraint(
        "written_off_minor >= 0 AND open_minor + written_off_minor <= total_minor", name="written_off"
    ),
    CheckConstraint("(number IS NULL) = (issued_at IS NULL)", name="number"),
    CheckConstraint("state <> 'issued' OR number IS NOT NULL", name="issued"),
    CheckConstraint("(state = 'void') = (voided_at IS NOT NULL)", name="void"),
    CheckConstraint("(kind = 'credit_note') = (corrects_id IS NOT NULL)", name="corrects"),
    Index("ix_invoice_customer_id", "customer_id", "id"),
    Index("ix_invoice_org_unit_id", "org_unit_id", "id"),
    Index("ix_invoice_created_at", "created_at", "id"),
    Index("ix_invoice_state", "state", "created_at", "id"),
    Index("ix_invoice_corrects_id", "corrects_id"),
    Index(
        "ix_invoice_open",
        "overdue_at",
        "id",
        sqlite_where=text(OPEN_INVOICES),
        postgresql_where=text(OPEN_INVOICES),
    ),
)
"""An invoice or a credit note; `number` is NULL until it is issued, also of a draft that was voided.

`open_minor` is what is still to be paid of an invoice: the total less its allocations; of a credit note, 0:
what it does not settle is customer credit. `overdue_at` is the first instant after the due day.
`written_off_minor` is what of it is written off, and among its allocations.
`seller` and `buyer` are the fields of `engine.invoice_document.Party` as of the issue, the seller's with
`iban` and `bic`.
"""

invoice_line = Table(
    "invoice_line",
    metadata,
    Column("id", Id, primary_key=True),
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("unit", String(3), nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("discount_percent", ExactDecimal),
    Column("discount_minor", BigInteger, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("tax_name", Key, nullable=False),
    Column("tax_category", String(2), nullable=False),
    Column("tax_percent", ExactDecimal, nullable=False),
    Column("tax_reason", Text, nullable=False),
    Column("service_from", Date),
    Column("service_to", Date),
    Column("sold_item_id", Id, ForeignKey("sold_item.id")),
    Column("credits_line_id", Id, ForeignKey("invoice_line.id")),
    one_of("tax_category", *TAX_CATEGORIES),
    CheckConstraint("service_to IS NULL OR service_from IS NOT NULL", name="service"),
    UniqueConstraint("invoice_id", "position"),
    Index("ix_invoice_line_sold_item_id", "sold_item_id"),
    Index("ix_invoice_line_credits_line_id", "credits_line_id"),
)
"""`tax_name` is that of the settings' rate when the line was written; `service_to` is inclusive.

Without a `discount_percent`, `discount_minor` is an amount that was given. `credits_line_id` is the line that
a credit note's line takes back.
"""

invoice_discount = Table(
    "invoice_discount",
    metadata,
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("tax_category", String(2), nullable=False),
    Column("tax_percent", ExactDecimal, nullable=False),
    Column("reason", Text, nullable=False),
    Column("percent", ExactDecimal),
    Column("base_minor", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("invoice_id", "position", "tax_category", "tax_percent"),
)
"""A discount on the whole document, as it falls on each tax rate; without a `percent` an amount was given."""

invoice_tax = Table(
    "invoice_tax",
    metadata,
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False),
    Column("category", String(2), nullable=False),
    Column("percent", ExactDecimal, nullable=False),
    Column("base_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("invoice_id", "category", "percent"),
)
"""The base and the tax of each category and rate."""

payment = Table(
    "payment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("method", Key, nullable=False),
    Column("reference", Text),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint(ONE_PARTY, name="party"),
    Index("ix_payment_customer_id", "customer_id", "id"),
    Index("ix_payment_org_unit_id", "org_unit_id", "id"),
    Index("ix_payment_recorded_at", "recorded_at", "id"),
)
"""A payment received. Append-only: what was wrong is reversed."""

payment_reversal = Table(
    "payment_reversal",
    metadata,
    Column("payment_id", Id, ForeignKey("payment.id"), primary_key=True),
    Column("reversed_at", Instant, nullable=False),
    Column("reversed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
"""A payment that was taken back as a whole. Append-only."""

customer_credit = Table(
    "customer_credit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("currency", String(3), nullable=False),
    Column("payment_id", Id, ForeignKey("payment.id"), unique=True),
    Column("credit_note_id", Id, ForeignKey("invoice.id"), unique=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("open_minor", BigInteger, nullable=False),
    Column("effective_at", Instant, nullable=False),
    CheckConstraint("open_minor >= 0 AND open_minor <= amount_minor", name="open"),
    CheckConstraint("(payment_id IS NULL) <> (credit_note_id IS NULL)", name="source"),
    CheckConstraint(ONE_PARTY, name="party"),
    Index(
        "ix_customer_credit_customer_id",
        "customer_id",
        "id",
        sqlite_where=text(OPEN_CREDIT),
        postgresql_where=text(OPEN_CREDIT),
    ),
    Index(
        "ix_customer_credit_org_unit_id",
        "org_unit_id",
        "id",
        sqlite_where=text(OPEN_CREDIT),
        postgresql_where=text(OPEN_CREDIT),
    ),
)
"""What a payment or a credit note left over; `open_minor` is what no invoice has used yet."""

payment_allocation = Table(
    "payment_allocation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False),
    Column("kind", String(13), nullable=False),
    Column("payment_id", Id, ForeignKey("payment.id")),
    Column("credit_id", Id, ForeignKey("customer_credit.id")),
    Column("credit_note_id", Id, ForeignKey("invoice.id")),
    Column("amount_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger),
    Column("reverses_id", Id, ForeignKey("payment_allocation.id"), unique=True),
    Column("effective_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text),
    one_of("kind", *ALLOCATION_KINDS),
    CheckConstraint(
        "(payment_id IS NULL) = (kind IN ('credit', 'credit_note', 'write_off')) "
        "AND (credit_id IS NULL) = (kind <> 'credit') AND (credit_note_id IS NULL) = (kind <> 'credit_note')",
        name="source",
    ),
    CheckConstraint("(amount_minor < 0) = (reverses_id IS NOT NULL) AND amount_minor <> 0", name="amount"),
    CheckConstraint("(tax_minor IS NULL) = (kind <> 'early_payment')", name="tax"),
    CheckConstraint("(kind = 'write_off') = (reason IS NOT NULL)", name="reason"),
    Index("ix_payment_allocation_invoice_id", "invoice_id", "effective_at"),
    Index("ix_payment_allocation_payment_id", "payment_id"),
    Index("ix_payment_allocation_credit_id", "credit_id"),
    Index("ix_payment_allocation_credit_note_id", "credit_note_id"),
)
"""What was settled of an invoice, by what, from when on. Append-only: a reversal has the negative amount.

`tax_minor` is the part of a discount for early payment that reduces the tax; `reason` is that of a write-off.
"""

recurring_sale = Table(
    "recurring_sale",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("product_id", Id, ForeignKey("product.id")),
    Column("description", Text, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("unit", Key, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("tax_name", Key, nullable=False),
    Column("every", String(7), nullable=False),
    Column("timing", String(7), nullable=False),
    Column("billing_day", Integer, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("until_on", Date),
    Column("time_zone", String(255), nullable=False),
    Column("made_until_on", Date),
    Column("next_due_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", Text),
    Column("end_reason", Text),
    Column("version", Integer, nullable=False, server_default=text("1")),
    one_of("every", *INTERVALS),
    one_of("timing", *TIMINGS),
    CheckConstraint("billing_day BETWEEN 1 AND 31", name="billing_day"),
    CheckConstraint("until_on IS NULL OR until_on > starts_on", name="days"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint(ONE_PARTY, name="party"),
    Index("ix_recurring_sale_contract_id", "contract_id"),
    Index("ix_recurring_sale_next_due_at", "next_due_at", "id"),
)
"""What is sold every month, quarter or year on the days [starts_on, until_on), in the time zone of its sale.

`amount_minor` is the price of a whole period. Up to `made_until_on` its periods are sold items; the next one
is due at `next_due_at`, NULL once there is none. One of a contract ends with it; who pays for that pays.
"""

sold_item = Table(
    "sold_item",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(9), nullable=False),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("grant_id", Id, ForeignKey("contract_grant.id"), unique=True),
    Column("service_request_id", Id, ForeignKey("service_request.id")),
    Column("product_id", Id, ForeignKey("product.id")),
    Column("description", Text),
    Column("quantity", ExactDecimal),
    Column("unit", Key),
    Column("unit_price_minor", BigInteger),
    Column("tax_name", Key),
    Column("sold_on", Date),
    Column("recurring_sale_id", Id, ForeignKey("recurring_sale.id")),
    Column("service_from", Date),
    Column("service_until", Date),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("sold_at", Instant, nullable=False),
    Column("sold_by", Text, nullable=False),
    Column("invoice_id", Id, ForeignKey("invoice.id")),
    Column("waived_at", Instant),
    Column("waived_by", Text),
    Column("waive_reason", Text),
    Column("released_at", Instant),
    Column("top_up_id", Id, ForeignKey("auto_top_up.id")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    one_of("kind", *SOLD_KINDS),
    CheckConstraint(f"NOT ({OF_CONTRACT}) OR contract_id IS NOT NULL", name="contract"),
    CheckConstraint(
        f"({OF_CONTRACT}) = (description IS NULL) AND (description IS NULL) = (quantity IS NULL) "
        "AND (description IS NULL) = (unit IS NULL) AND (description IS NULL) = (unit_price_minor IS NULL) "
        "AND (description IS NULL) = (tax_name IS NULL) AND (description IS NULL) = (sold_on IS NULL)",
        name="line",
    ),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("kind = 'top_up' OR grant_id IS NULL", name="grant"),
    CheckConstraint("invoice_id IS NULL OR waived_at IS NULL", name="invoiced"),
    CheckConstraint(ONE_PARTY, name="party"),
    Index("ix_sold_item_contract_id", "contract_id"),
    Index("ix_sold_item_service_request_id", "service_request_id"),
    Index("uq_sold_item_period", "recurring_sale_id", "service_from", unique=True),
    Index("ix_sold_item_invoice_id", "invoice_id"),
    Index("uq_sold_item_top_up_id", "top_up_id", unique=True),
    Index(
        "ix_sold_item_not_invoiced",
        "sold_at",
        "id",
        sqlite_where=text(NOT_INVOICED),
        postgresql_where=text(NOT_INVOICED),
    ),
)
"""What was sold at a price and has to be invoiced; `invoice_id` is the invoice, also a draft, that has it.

What is waived is not to be invoiced, for a reason. `released_at` is when an invoice last let it go. A
contract, a renewal or a top-up says by itself what it is; a top-up that awaits its payment has no grant yet:
`top_up_id` is what gives it, once its invoice is processed. Of kind `overage` it is time to be billed
(`overage_item`). Anything else has a description, a quantity and a price, which give its amount, the name of
its tax rate, and the day on which it was sold; it may belong to a service request, or have been sold beside a
contract. A period of a recurring sale has the days [service_from, service_until) and the day on which it was
due.
"""

billing_details = Table(
    "billing_details",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("customer.id"), unique=True),
    Column("org_unit_id", Id, ForeignKey("org_unit.id"), unique=True),
    Column("name", Text),
    Column("street", Text),
    Column("postal_code", Text),
    Column("city", Text),
    Column("country", String(2)),
    Column("vat_id", Text),
    Column("email", Text),
    Column("order_number", Text),
    Column("buyer_reference", Text),
    Column("language", String(8)),
    Column("version", Integer, nullable=False, server_default=text("1")),
    CheckConstraint(ONE_PARTY, name="party"),
    Column("order_budget_minor", BigInteger),
    Column("order_budget_currency", String(3)),
)
"""How a customer or an org unit is addressed on invoices; `name` is theirs unless given."""

company_logo = Table(
    "company_logo",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("media_type", String(20), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("uploaded_at", Instant, nullable=False),
    Column("uploaded_by", Text, nullable=False),
    CheckConstraint("id = 1", name="single"),
)
"""The provider's logo, where there is one."""

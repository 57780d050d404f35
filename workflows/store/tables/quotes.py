"""Quotes: versions that never change once sent, their lines, what was decided, and what came of it."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from engine.invoices import TAX_CATEGORIES
from engine.quotes import DECISIONS, QUOTE_LINE_KINDS, WAYS
from workflows.store.column_types import ExactDecimal, Id, Instant, Json, Key
from workflows.store.tables.base import metadata, one_of

TO_LAPSE = "sent_at IS NOT NULL AND superseded_at IS NULL AND lapse_recorded_at IS NULL"

quote = Table(
    "quote",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("currency", String(3), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("(customer_id IS NULL) <> (org_unit_id IS NULL)", name="party"),
    Index("ix_quote_customer_id", "customer_id", "id"),
    Index("ix_quote_org_unit_id", "org_unit_id", "id"),
    Index("ix_quote_created_at", "created_at", "id"),
)
"""A quote to a customer or an org unit; `version` counts the changes of its record (If-Match)."""

quote_version = Table(
    "quote_version",
    metadata,
    Column("id", Id, primary_key=True),
    Column("quote_id", Id, ForeignKey("quote.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("last_on", Date, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("sent_at", Instant),
    Column("sent_by", Text),
    Column("sent_by_id", Id),
    Column("sent_to", Text),
    Column("lapses_at", Instant),
    Column("superseded_at", Instant),
    Column("lapse_recorded_at", Instant),
    CheckConstraint("total_minor = net_minor + tax_minor", name="total"),
    CheckConstraint("(sent_at IS NULL) = (lapses_at IS NULL)", name="sent"),
    UniqueConstraint("quote_id", "number"),
    Index(
        "ix_quote_version_lapses_at",
        "lapses_at",
        "id",
        sqlite_where=text(TO_LAPSE),
        postgresql_where=text(TO_LAPSE),
    ),
)
"""A version of a quote: a draft until `sent_at`, and never changed afterwards. Its state is computed from the
instants (`engine.quotes`); `lapse_recorded_at` says that the job has seen the lapse, and serves only it.
"""

quote_line = Table(
    "quote_line",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version_id", Id, ForeignKey("quote_version.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("product_id", Id, ForeignKey("product.id")),
    Column("contract_terms", Json),
    Column("description", Text, nullable=False),
    Column("quantity", ExactDecimal, nullable=False),
    Column("unit", Key, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("discount_percent", ExactDecimal),
    Column("net_minor", BigInteger, nullable=False),
    Column("tax_name", Key, nullable=False),
    Column("tax_category", String(2), nullable=False),
    Column("tax_percent", ExactDecimal, nullable=False),
    Column("tax_reason", Text, nullable=False),
    one_of("kind", *QUOTE_LINE_KINDS),
    one_of("tax_category", *TAX_CATEGORIES),
    CheckConstraint("(contract_terms IS NOT NULL) = (kind = 'contract')", name="contract"),
    UniqueConstraint("version_id", "position"),
)
"""A line of a version. `contract_terms` are those of the contract that an acceptance makes, as a command."""

quote_link = Table(
    "quote_link",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version_id", Id, ForeignKey("quote_version.id"), nullable=False, index=True),
    Column("recipient", Text, nullable=False),
    Column("token_hash", String(64), unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)
"""A link to read a version and to decide about it, once. Its secret is made when the mail is sent."""

quote_decision = Table(
    "quote_decision",
    metadata,
    Column("version_id", Id, ForeignKey("quote_version.id"), primary_key=True),
    Column("quote_id", Id, ForeignKey("quote.id"), nullable=False),
    Column("decision", String(8), nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("way", String(8), nullable=False),
    Column("name", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("user_id", Id),
    Column("recipient", Text),
    Column("address", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("comment", Text),
    Column("accepted_quote_id", Id, unique=True),
    one_of("decision", *DECISIONS),
    one_of("way", *WAYS),
    CheckConstraint("(decision = 'accepted') = (accepted_quote_id IS NOT NULL)", name="accepted"),
)
"""Who accepted or declined a version, when, by which text, from which network address. Append-only.

`recipient` is the address to which the link was sent. `accepted_quote_id` is the quote's id where it is
accepted, which is so once for each quote.
"""

quote_contract = Table(
    "quote_contract",
    metadata,
    Column("line_id", Id, ForeignKey("quote_line.id"), primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False, unique=True),
)
"""The contract that the acceptance of a line made. Append-only."""

quote_invoice = Table(
    "quote_invoice",
    metadata,
    Column("quote_id", Id, ForeignKey("quote.id"), primary_key=True),
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False, unique=True),
)
"""The draft of an invoice that the acceptance of a quote made. Append-only."""

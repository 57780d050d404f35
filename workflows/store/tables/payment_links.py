"""Links by which invoices are paid online."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text

from workflows.store.column_types import Id, Instant, Key
from workflows.store.tables.base import metadata

payment_link = Table(
    "payment_link",
    metadata,
    Column("id", Id, primary_key=True),
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False),
    Column("provider", String(20), nullable=False),
    Column("session_id", Key, unique=True),
    Column("url", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("expires_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("event_id", Key),
    Column("settled_at", Instant),
    Column("payment_id", Id, ForeignKey("payment.id"), unique=True),
    Column("bank_entry_id", Id, ForeignKey("bank_entry.id"), unique=True),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("(session_id IS NULL) = (url IS NULL)", name="session"),
    CheckConstraint(
        "(settled_at IS NOT NULL) = (payment_id IS NOT NULL OR bank_entry_id IS NOT NULL)", name="settled"
    ),
    CheckConstraint("payment_id IS NULL OR bank_entry_id IS NULL", name="outcome"),
    Index("ix_payment_link_invoice_id", "invoice_id", "id"),
)
"""What is to be paid on a provider's page; without a session the provider has not been asked yet.

Once it is settled it has the payment that was recorded, or the entry by which finance matches what was paid.
"""

"""Time to be billed, and drafts that a person confirmed.

A sold item of kind `overage` is made of pieces of work: each allocation is charged once, and each charge is
taken back once, also by two processes at once.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from workflows.store.column_types import Id, Instant, Json
from workflows.store.tables.base import metadata

IS_CHARGE = "takes_back_id IS NULL"

overage_item = Table(
    "overage_item",
    metadata,
    Column("sold_item_id", Id, ForeignKey("sold_item.id"), primary_key=True),
    Column("month", String(7), nullable=False),
    Column("billing_month", String(7), nullable=False),
    Column("rate_minor", BigInteger, nullable=False),
    Index("ix_overage_item_billing_month", "billing_month"),
)
"""What a line bills: work of `month` (YYYY-MM) at a price of an hour, in the draft of `billing_month`."""

overage_charge = Table(
    "overage_charge",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sold_item_id", Id, ForeignKey("sold_item.id"), nullable=False),
    Column("allocation_id", Id, ForeignKey("work_allocation.id"), nullable=False),
    Column("work_entry_id", Id, ForeignKey("work_entry.id"), nullable=False),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("month", String(7), nullable=False),
    Column("rate_minor", BigInteger, nullable=False),
    Column("minutes", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("takes_back_id", Id, ForeignKey("overage_charge.id"), unique=True),
    Column("charged_at", Instant, nullable=False),
    CheckConstraint("(minutes < 0) = (takes_back_id IS NOT NULL)", name="sign"),
    Index("ix_overage_charge_sold_item_id", "sold_item_id"),
    Index("ix_overage_charge_work_entry_id", "work_entry_id"),
    Index(
        "uq_overage_charge_allocation",
        "allocation_id",
        unique=True,
        sqlite_where=text(IS_CHARGE),
        postgresql_where=text(IS_CHARGE),
    ),
)
"""A piece of work charged on an item, or taken back, which is below zero. Minor units of the item's currency.

Contract, month and rate are those of the piece: what is taken back may reduce an item of others.
"""

invoice_confirmation = Table(
    "invoice_confirmation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False),
    Column("invoice_version", Integer, nullable=False),
    Column("rules", Json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    Column("confirmed_by", Text, nullable=False),
    Index("ix_invoice_confirmation_invoice_id", "invoice_id", "id"),
)
"""A draft that finance confirmed although rules (by id) found it unusual; it counts for that version."""

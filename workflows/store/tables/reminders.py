"""Reminders of invoices that were sent, each stage once for an invoice."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from workflows.store.column_types import Id, Instant
from workflows.store.tables.base import metadata

invoice_reminder = Table(
    "invoice_reminder",
    metadata,
    Column("id", Id, primary_key=True),
    Column("invoice_id", Id, ForeignKey("invoice.id"), nullable=False),
    Column("stage", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("open_minor", BigInteger, nullable=False),
    Column("recipient", Text),
    Column("fee_invoice_id", Id, ForeignKey("invoice.id"), unique=True),
    CheckConstraint("stage >= -1", name="stage"),
    CheckConstraint("fee_invoice_id IS NULL OR stage > 0", name="fee"),
    UniqueConstraint("invoice_id", "stage"),
)
"""`stage` is -1 before the invoice is due, 0 when it is overdue, then the dunning level. Append-only.

`open_minor` is what was open then; `fee_invoice_id` the invoice by which the level's fee is charged.
"""

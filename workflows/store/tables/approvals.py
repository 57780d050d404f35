"""Approvals of time beyond what contracts pay: what was asked, the answers, and what work used of them."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text

from engine.approvals import APPROVAL_ANSWERS
from engine.quotes import WAYS
from workflows.store.column_types import Id, Instant, Json
from workflows.store.tables.base import metadata, one_of

approval = Table(
    "approval",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service_request_id", Id, ForeignKey("service_request.id"), nullable=False),
    Column("minutes", BigInteger),
    Column("amount_minor", BigInteger),
    Column("currency", String(3)),
    Column("reason", Text, nullable=False),
    Column("preview", Json, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_by_id", Id),
    Column("lapses_at", Instant, nullable=False),
    CheckConstraint("(minutes IS NULL) <> (amount_minor IS NULL)", name="quantity"),
    CheckConstraint("(currency IS NULL) = (amount_minor IS NULL)", name="currency"),
    Index("ix_approval_service_request_id", "service_request_id", "id"),
    Index("ix_approval_asked_at", "asked_at", "id"),
)
"""A customer was asked to approve so many minutes, or so much money, for a service request. Append-only.

`preview` is what the customer was shown. Its state is computed (`engine.approvals`).
"""

approval_answer = Table(
    "approval_answer",
    metadata,
    Column("approval_id", Id, ForeignKey("approval.id"), primary_key=True),
    Column("answer", String(8), nullable=False),
    Column("minutes", BigInteger),
    Column("amount_minor", BigInteger),
    Column("comment", Text),
    Column("answered_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("way", String(8), nullable=False),
    Column("name", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("user_id", Id),
    Column("recipient", Text),
    Column("address", Text, nullable=False),
    one_of("answer", *APPROVAL_ANSWERS),
    one_of("way", *WAYS),
    CheckConstraint("answer = 'approved' OR (minutes IS NULL AND amount_minor IS NULL)", name="quantity"),
)
"""Who answered, when, up to how much, in which way, from which network address. Append-only."""

approval_use = Table(
    "approval_use",
    metadata,
    Column("id", Id, primary_key=True),
    Column("approval_id", Id, ForeignKey("approval.id"), nullable=False, index=True),
    Column("work_entry_id", Id, ForeignKey("work_entry.id"), nullable=False, index=True),
    Column("minutes", BigInteger, nullable=False),
    Column("amount_minor", BigInteger),
    Column("used_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("minutes <> 0", name="minutes"),
)
"""What a work entry uses of an approval; below zero, what it gives back. Append-only."""

approval_link = Table(
    "approval_link",
    metadata,
    Column("id", Id, primary_key=True),
    Column("approval_id", Id, ForeignKey("approval.id"), nullable=False, index=True),
    Column("recipient", Text, nullable=False),
    Column("token_hash", String(64), unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)
"""A link to read what is asked and to answer, once. Its secret is made when the mail is sent."""

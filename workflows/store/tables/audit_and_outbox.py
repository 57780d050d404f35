"""The audit trail, the outbox of messages to be delivered, and the texts of mail."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, Text, UniqueConstraint, text

from workflows.store.column_types import Id, Instant, Json, Key
from workflows.store.tables.base import metadata

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject_kind", String(20), nullable=False),
    Column("subject_id", Key, nullable=False),
    Column("action", String(40), nullable=False),
    Column("details", Json),
    Column("actor", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Index("ix_audit_event_subject", "subject_kind", "subject_id", "at"),
)

IS_FAILED = "delivered_at IS NULL AND last_error IS NOT NULL"

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event", String(40), nullable=False),
    Column("recipient", Text),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("subject_kind", String(20)),
    Column("subject_id", Key),
    Column("dedupe_key", Key, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("next_attempt_at", Instant),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("delivered_at", Instant),
    Column("delivered_by", String(10)),
    Column("last_error", Text),
    Index("ix_outbox_next_attempt_at", "next_attempt_at", "id"),
    Index("ix_outbox_subject", "subject_kind", "subject_id"),
    Index(
        "ix_outbox_failed",
        "created_at",
        "id",
        sqlite_where=text(IS_FAILED),
        postgresql_where=text(IS_FAILED),
    ),
)

mail_template = Table(
    "mail_template",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(40), nullable=False),
    Column("language", String(5), nullable=False),
    Column("subject", Text),
    Column("body", Text),
    Column("version", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", Text, nullable=False),
    UniqueConstraint("key", "language"),
    CheckConstraint("(subject IS NULL) = (body IS NULL)", name="text"),
)
"""A text that an administrator has written; without subject and body, the shipped one is in force again."""

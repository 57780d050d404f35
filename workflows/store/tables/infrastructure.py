"""Idempotency keys, claims and results of jobs, imported records, and number series."""

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Table, Text, text

from workflows.store.column_types import Id, Instant, Key
from workflows.store.tables.base import metadata

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("user_id", Id, nullable=False),
    Column("key", Key, nullable=False),
    Column("role", String(20)),
    Column("customer_id", Id),
    Column("request", Text, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("stored_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("user_id", "key"),
)
"""The first answer to a command with a key, stored in its transaction. `stored_at` is real time.

`role` and `customer_id` are those of the user at that time. `body_hash` covers no password."""

job_slot = Table(
    "job_slot",
    metadata,
    Column("job", String(40), nullable=False),
    Column("slot", Key, nullable=False),
    Column("claimed_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("job", "slot"),
)
"""The last claimed run of each job: `claimed_at` is the beginning of its slot. `slot` names the machine for a
job that runs on each, and is empty for the others."""

job_status = Table(
    "job_status",
    metadata,
    Column("job", String(40), primary_key=True),
    Column("last_run_at", Instant),
    Column("last_due_at", Instant),
    Column("last_count", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    Column("failed_at", Instant),
)

imported_record = Table(
    "imported_record",
    metadata,
    Column("source", Key, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("external_key", Key, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("imported_at", Instant, nullable=False),
    PrimaryKeyConstraint("source", "kind", "external_key"),
)

counter = Table(
    "counter",
    metadata,
    Column("series", Key, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

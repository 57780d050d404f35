"""Webhooks: the endpoints of receivers, their secrets, what is sent to them, and each attempt to send it."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from workflows.store.column_types import Id, Instant, Json
from workflows.store.tables.base import metadata, one_of

DELIVERY_STATES = ("waiting", "delivered", "set_aside")
DISABLED_BY = ("administrator", "failures", "gone")
IS_WAITING = "state = 'waiting'"

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("events", Json),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("disabled_at", Instant),
    Column("disabled_by", String(15)),
    Column("failing_since", Instant),
    Column("claimed_by", Id),
    Column("claimed_until", Instant),
    Column("deleted_at", Instant),
    one_of("disabled_by", *DISABLED_BY),
)
"""`events` are the types that the endpoint gets; NULL for all. `failing_since` is the first failure after the
last success. The process `claimed_by` delivers to it `claimed_until` then, and no other one does.
"""

webhook_secret = Table(
    "webhook_secret",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Id, ForeignKey("webhook_endpoint.id"), nullable=False),
    Column("secret", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Index("ix_webhook_secret_endpoint_id", "endpoint_id", "created_at"),
)
"""A secret signs until `expires_at`; the newest one has no end."""

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Id, ForeignKey("webhook_endpoint.id"), nullable=False),
    Column("event", String(60), nullable=False),
    Column("body", Text, nullable=False),
    Column("place", Id, nullable=False),
    Column("state", String(10), nullable=False, server_default=text("'waiting'")),
    Column("created_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", Instant),
    Column("delivered_at", Instant),
    one_of("state", *DELIVERY_STATES),
    Index(
        "ix_webhook_delivery_waiting",
        "endpoint_id",
        "place",
        sqlite_where=text(IS_WAITING),
        postgresql_where=text(IS_WAITING),
    ),
    Index("ix_webhook_delivery_endpoint_id", "endpoint_id", "created_at", "id"),
    Index("ix_webhook_delivery_state", "endpoint_id", "state", "created_at", "id"),
    Index("ix_webhook_delivery_created_at", "created_at"),
)
"""The id is the `webhook-id` that receivers see, the same at each attempt. `place` is the one in the queue of
the endpoint: the id, or a new one since a replay. `body` is what is signed and sent.
"""

webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery_id", Id, ForeignKey("webhook_delivery.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("response", Text),
    Index("ix_webhook_attempt_delivery_id", "delivery_id", "at", "id"),
)
"""`status` and the beginning of the `response` are the receiver's; `error` is why there was no success."""

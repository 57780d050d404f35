"""Service requests, their history and notes, and their coverage decisions."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from engine.service_requests import FINISHED_STATES, OUTCOMES, PRIORITIES, STATES
from workflows.store.column_types import Id, Instant, Json, Key
from workflows.store.tables.base import metadata, one_of


def _where_given(name: str, *columns: str) -> Index:
    """An index of the rows that have its first column: most new requests do not, and skip the index."""
    given = text(f"{columns[0]} IS NOT NULL")
    return Index(name, *columns, sqlite_where=given, postgresql_where=given)


IS_UNFINISHED = f"state NOT IN ({', '.join(repr(state) for state in FINISHED_STATES)})"
"""Not `state IN`: SQLite would rather read all such rows by the index of states, in no order, than in the
order of an index that has this condition."""
NEXT_TARGET_DUE_AT = (
    "CASE WHEN responded_at IS NULL AND (resolution_due_at IS NULL OR response_due_at < resolution_due_at) "
    "THEN response_due_at ELSE resolution_due_at END"
)
"""The earlier of the targets that are open. A query that uses the index has the same expression in it."""


def _where_unfinished(name: str, *columns: Any, more: str = "") -> Index:
    """An index of the rows that people work on, which are few however many have been closed."""
    unfinished = text(IS_UNFINISHED + more)
    return Index(name, *columns, sqlite_where=unfinished, postgresql_where=unfinished)


service_request = Table(
    "service_request",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("description", Text),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("item_id", Id, ForeignKey("item.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("priority", String(10), nullable=False),
    Column("work_type", Key),
    Column("channel", Key),
    Column("state", String(20), nullable=False),
    Column("on_hold_reason", String(20)),
    Column("technician_id", Id, ForeignKey("user_account.id")),
    Column("decision_id", Id),
    Column("outcome", String(10)),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("before_contracts", Boolean, nullable=False, default=False),
    Column("merged_into_id", Id, ForeignKey("service_request.id")),
    Column("opened_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("responded_at", Instant),
    Column("resolved_at", Instant),
    Column("closed_at", Instant),
    Column("resolution", Text),
    Column("auto_close_at", Instant),
    Column("sla", Key),
    Column("sla_clock_at", Instant),
    Column("response_due_at", Instant),
    Column("resolution_due_at", Instant),
    Column("response_due_data", String(80)),
    Column("resolution_due_data", String(80)),
    Column("paused_at", Instant),
    Column("sla_alert_at", Instant),
    Column("worked_minutes", BigInteger, nullable=False, server_default=text("0")),
    Column("chargeable_minutes", BigInteger, nullable=False, server_default=text("0")),
    Column("rounds_together", Boolean, nullable=False, server_default=false()),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_by", Text, nullable=False),
    Column("search_words", Text, nullable=False, server_default=text("' '")),
    Column("unpaid_warned_at", Instant),
    # what work is charged by, as it was until an instant: see lifecycle/service_requests/facts
    Column("earlier", Json),
    one_of("priority", *PRIORITIES),
    one_of("state", *STATES),
    CheckConstraint("(state = 'on_hold') = (on_hold_reason IS NOT NULL)", name="on_hold"),
    Index("ix_service_request_queue", "state", "opened_at", "id"),
    Index("ix_service_request_customer_id", "customer_id", "opened_at", "id"),
    _where_given("ix_service_request_item_id", "item_id"),
    Index("ix_service_request_org_unit_id", "org_unit_id"),
    Index("ix_service_request_contract_id", "contract_id", "state"),
    _where_given("ix_service_request_technician_id", "technician_id", "state"),
    _where_given("ix_service_request_auto_close_at", "auto_close_at", "id"),
    _where_given("ix_service_request_merged_into_id", "merged_into_id", "id"),
    _where_given("ix_service_request_sla_alert_at", "sla_alert_at", "id"),
    Index("ix_service_request_opened_at", "opened_at", "id"),
    _where_unfinished("ix_service_request_unfinished", "opened_at", "id", "state"),
    _where_unfinished(
        "ix_service_request_unfinished_technician", "technician_id", "opened_at", "id", "state"
    ),
    _where_unfinished(
        "ix_service_request_next_target", text(f"({NEXT_TARGET_DUE_AT})"), "id", more=" AND paused_at IS NULL"
    ),
)
"""`contract_id` is the contract that covers it; one that it waits for is in its decision.

`merged_into_id` is the request into which it was merged; that may have been merged, too.
`response_due_data` and `resolution_due_data` are the versions of the time zone and holiday data that gave the
due instants; NULL where they are not known.
`unpaid_warned_at` is when its customer was warned last that it waits for a payment.
`sla_alert_at` is when its next service level alert occurs; NULL while its clock is stopped, and if no target
is open.
"""

service_request_history = Table(
    "service_request_history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service_request_id", Id, ForeignKey("service_request.id"), nullable=False),
    Column("trigger", String(20), nullable=False),
    Column("from_state", String(20)),
    Column("to_state", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text),
    Column("reason", Text),
    Column("inferred", Boolean, nullable=False, default=False),
    Column("other_id", Id, ForeignKey("service_request.id")),
    Index("ix_service_request_history_request", "service_request_id", "at", "id"),
)
"""`other_id` is the service request from which work came, or to which it went."""

sla_counted_time = Table(
    "sla_counted_time",
    metadata,
    Column("service_request_id", Id, ForeignKey("service_request.id"), primary_key=True),
    Column("began_at", Instant, primary_key=True),
    Column("ended_at", Instant, nullable=False),
    CheckConstraint("ended_at > began_at", name="ended_at"),
)
"""The open time that a request's service level clock counted before `service_request.sla_clock_at`."""

service_request_note = Table(
    "service_request_note",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service_request_id", Id, ForeignKey("service_request.id"), nullable=False),
    Column("body", Text, nullable=False),
    Column("public", Boolean, nullable=False, default=True),
    Column("author", Text, nullable=False),
    Column("written_at", Instant, nullable=False),
    Index("ix_service_request_note_request", "service_request_id", "written_at"),
)

coverage_decision = Table(
    "coverage_decision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service_request_id", Id, ForeignKey("service_request.id"), index=True),
    Column("decided_at", Instant, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("rule_set", String(64), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("rule", Key, nullable=False),
    Column("why", Text, nullable=False),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("facts", Json, nullable=False),
    Column("candidates", Json, nullable=False),
    Column("params", Json, nullable=False),
    Column("cause", Key, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("holds_from", Instant),
    Column("sequence", Integer, nullable=False, server_default=text("1")),
    one_of("outcome", *OUTCOMES),
    Index("ix_coverage_decision_decided_at", "decided_at", "id"),
)
"""`holds_from` is an instant before `decided_at` from which the decision holds; NULL: from `decided_at`.

`sequence` is its place among those of its service request, in the order made: the clocks of two machines, and
a sandbox clock that stands still, say nothing of it. Those of older programs are all 1.
"""

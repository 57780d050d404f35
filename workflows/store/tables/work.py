"""What a service request uses: held incidents, work entries, and the allocations of their minutes."""

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
    and_,
    false,
    text,
)

from engine.contracts import INCIDENT_HOLD_STATES
from engine.payers import ALLOCATION_KINDS
from engine.work_approval import WORK_ENTRY_STATES
from workflows.store.column_types import Id, Instant, Json, Key, text_constant
from workflows.store.tables.base import metadata, one_of

IS_NOT_APPROVED = "state <> 'approved' AND deleted_at IS NULL"
"""The entries that await a decision or were rejected; a query that uses the index has the same condition."""

IS_UNCOVERED = "kind IN ('carried', 'ignored', 'overage') AND reversed_at IS NULL"
"""The minutes that no contract paid; a query that uses the index has the same condition in it."""

incident_hold = Table(
    "incident_hold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service_request_id", Id, ForeignKey("service_request.id"), nullable=False),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("grant_id", Id, ForeignKey("contract_grant.id"), nullable=False),
    Column("state", String(10), nullable=False),
    Column("held_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("transaction_id", Key, ForeignKey("ledger_transaction.id"), nullable=False),
    one_of("state", *INCIDENT_HOLD_STATES),
    Index(
        "uq_incident_hold_current",
        "service_request_id",
        "contract_id",
        unique=True,
        sqlite_where=text("state = 'held'"),
        postgresql_where=text("state = 'held'"),
    ),
    Index("ix_incident_hold_contract_id", "contract_id", "state"),
)

work_entry = Table(
    "work_entry",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service_request_id", Id, ForeignKey("service_request.id"), nullable=False),
    Column("technician_id", Id, ForeignKey("user_account.id"), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("worked_minutes", BigInteger, nullable=False),
    Column("chargeable_minutes", BigInteger, nullable=False),
    Column("charge_why", Text),
    Column("charged_by", Json),
    Column("segments", Json),
    Column("billable", Boolean, nullable=False, default=True),
    Column("not_billable_reason", Text),
    Column("work_type", Key),
    Column("note", Text),
    Column("state", String(10), nullable=False, server_default=text("'approved'")),
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("decision_reason", Text),
    Column("unapproved_minutes", BigInteger),
    Column("unapproved_reason", Text),
    Column("merged_from_id", Id, ForeignKey("service_request.id")),
    Column("deleted_at", Instant),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    one_of("state", *WORK_ENTRY_STATES),
    CheckConstraint("worked_minutes >= 0 AND chargeable_minutes >= 0", name="minutes"),
    CheckConstraint("ended_at IS NULL OR ended_at > started_at", name="span"),
    Index("ix_work_entry_request", "service_request_id", "started_at", "id"),
    Index("ix_work_entry_technician_id", "technician_id", "started_at"),
    Index("ix_work_entry_started_at", "started_at", "id"),
    Index(
        "ix_work_entry_not_approved",
        "state",
        "started_at",
        "id",
        sqlite_where=text(IS_NOT_APPROVED),
        postgresql_where=text(IS_NOT_APPROVED),
    ),
)
"""`charged_by` has the terms of `workflows.charging.terms`; None where older programs charged it.

`segments` has those of `workflows.charging.segments`: their chargeable minutes sum to the entry's. None for a
single one that is charged in full and has no price. `merged_from_id` is the merged service request with which
it came; None for one that was logged on its request, or moved there alone.

`unapproved_minutes` were logged in an emergency beyond what the customer had approved, for
`unapproved_reason`; NULL where there are none, or no longer: nothing of the entry is billed until then.

`not_billable_reason` is None for what is billable, and where nobody gave one.

`decided_by` is the name of who approved or rejected it; None for one that was approved at once.
"""

COUNTED_WORK = and_(work_entry.c.deleted_at.is_(None), work_entry.c.state != text_constant("rejected"))
"""SQL: the work entries that count and draw; a rejected one does neither, as if it were deleted."""

NOT_APPROVED_WORK = and_(work_entry.c.state != text_constant("approved"), work_entry.c.deleted_at.is_(None))
"""SQL: `IS_NOT_APPROVED`, for the queries that its index serves."""

work_allocation = Table(
    "work_allocation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("work_entry_id", Id, ForeignKey("work_entry.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("grant_id", Id, ForeignKey("contract_grant.id")),
    Column("minutes", BigInteger, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", String(3)),
    Column("effective_at", Instant, nullable=False),
    Column("transaction_id", Key, ForeignKey("ledger_transaction.id")),
    Column("held", Boolean, nullable=False, server_default=false()),
    Column("settlement_id", Key),
    Column("reversed_at", Instant),
    one_of("kind", *ALLOCATION_KINDS),
    CheckConstraint("minutes > 0", name="minutes"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name="currency"),
    Index("ix_work_allocation_contract_id", "contract_id", "effective_at"),
    Index(
        "ix_work_allocation_uncovered",
        "effective_at",
        "id",
        "kind",
        "minutes",
        sqlite_where=text(IS_UNCOVERED),
        postgresql_where=text(IS_UNCOVERED),
    ),
)
"""The minutes of a work entry by contract and grant; rows of a corrected entry stay, with `reversed_at`.

`amount_minor` is what a grant of money pays for the minutes, in minor units of `currency`.
`held`: the grant holds them until the entry is approved, which the ledger transaction `settlement_id` then
posts. It has no foreign key, which SQLite cannot add to a table with rows: the audit compares the two.
"""

"""The tables. Truth is in dates and postings; stored states and balances serve speed only.

Each constraint guards a promise that the code makes; the triggers of the migrations guard those that a
constraint cannot say (append-only tables, transactions that sum to zero).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from workflows.store.columns import Id, Instant, Json, Key

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


# ------------------------------------------------------------------ the deployment

deployment = Table(
    "deployment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("sandbox_now", Instant),
    Column("rule_set", String(64)),
    CheckConstraint("id = 1", name="single"),
)
"""One row. `generation` grows with each change of settings or rules: a process then knows its own are old."""

setting = Table("setting", metadata, Column("key", Key, primary_key=True), Column("value", Json))

setting_change = Table(
    "setting_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Key, nullable=False),
    Column("old_value", Json),
    Column("new_value", Json),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Instant, nullable=False, index=True),
)

user_account = Table(
    "user_account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("session_epoch", Integer, nullable=False, server_default=text("0")),
    Column("disabled_at", Instant),
    Column("created_at", Instant, nullable=False),
    _one_of("role", "administrator", "finance", "supervisor", "technician", "customer"),
    CheckConstraint("(role = 'customer') = (customer_id IS NOT NULL)", name="customer_link"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("user_account.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("id", Id, primary_key=True),
    Column("login", Key, nullable=False),
    Column("failed_at", Instant, nullable=False),
    Index("ix_login_failure_login_failed_at", "login", "failed_at"),
)

# ------------------------------------------------------------------ the register

org_unit = Table(
    "org_unit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("parent_id", Id, ForeignKey("org_unit.id"), index=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
)

org_unit_line = Table(
    "org_unit_line",
    metadata,
    Column("org_unit_id", Id, ForeignKey("org_unit.id"), nullable=False),
    Column("ancestor_id", Id, ForeignKey("org_unit.id"), nullable=False),
    Column("steps", Integer, nullable=False),
    PrimaryKeyConstraint("org_unit_id", "ancestor_id"),
    Index("ix_org_unit_line_ancestor_id", "ancestor_id", "org_unit_id"),
)
"""Each org unit with itself (0 steps) and every ancestor: the tree's closure, kept by the register."""

customer = Table(
    "customer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("org_unit_id", Id, ForeignKey("org_unit.id"), index=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
)

customer_org_unit = Table(
    "customer_org_unit",
    metadata,
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("org_unit_id", Id, ForeignKey("org_unit.id"), nullable=False),
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("customer_id", "org_unit_id"),
    UniqueConstraint("customer_id", "position"),
    Index("ix_customer_org_unit_org_unit_id", "org_unit_id"),
)
"""Every org unit of a customer; position 0 is the primary one."""

item = Table(
    "item",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("item_type", Key, nullable=False),
    Column("owner_customer_id", Id, ForeignKey("customer.id"), index=True),
    Column("owner_org_unit_id", Id, ForeignKey("org_unit.id"), index=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("owner_customer_id IS NULL OR owner_org_unit_id IS NULL", name="one_owner"),
)

# ------------------------------------------------------------------ rules

rule_set = Table(
    "rule_set",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("files", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
)

rule_publication = Table(
    "rule_publication",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(64), ForeignKey("rule_set.version"), nullable=False),
    Column("note", Text, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("approved_by", Text),
    Column("published_at", Instant, nullable=False),
    Index("ix_rule_publication_published_at", "published_at", "id"),
)

rule_proposal = Table(
    "rule_proposal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("files", Json, nullable=False),
    Column("note", Text, nullable=False),
    Column("based_on", String(64)),
    Column("state", String(10), nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_by_id", Id, ForeignKey("user_account.id")),
    Column("proposed_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("reason", Text),
    _one_of("state", "open", "approved", "rejected"),
    CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    Index("ix_rule_proposal_proposed_at", "proposed_at", "id"),
    Index(
        "uq_rule_proposal_open",
        "version",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)
"""`based_on` is the version that was in force when it was proposed."""

rules_folder = Table(
    "rules_folder",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("content", String(64)),
    Column("content_seen_at", Instant),
    Column("refused", String(64)),
    Column("problems", Json, nullable=False),
    Column("checked_at", Instant, nullable=False),
)
"""A rules folder of one machine as last seen: its `content` by version, and what was `refused` since."""

rule_replay = Table(
    "rule_replay",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("files", Json, nullable=False),
    Column("from_at", Instant, nullable=False),
    Column("to_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False, index=True),
    Column("state", String(10), nullable=False),
    Column("runner", Id),
    Column("beat_at", Instant, nullable=False),
    Column("decisions_done", BigInteger, nullable=False, server_default=text("0")),
    Column("decisions", BigInteger),
    Column("summary", Json),
    Column("error", Text),
    _one_of("state", "running", "done", "failed", "cancelled"),
)
"""A trial of rules over what was logged. Whoever runs it tells so by `beat_at`, in real time."""

rule_replay_difference = Table(
    "rule_replay_difference",
    metadata,
    Column("replay_id", Id, ForeignKey("rule_replay.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("difference", Json, nullable=False),
    PrimaryKeyConstraint("replay_id", "position"),
)

# ------------------------------------------------------------------ contracts

contract = Table(
    "contract",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("type", Key, nullable=False),
    Column("draws", String(10), nullable=False),
    Column("holder_kind", String(16), nullable=False),
    Column("holder_id", Id, nullable=False),
    Column("state", String(10), nullable=False),
    Column("next_due_at", Instant),
    Column("starts_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("enabled_at", Instant),
    Column("payment_due", Boolean, nullable=False, default=False),
    Column("paid_at", Instant),
    Column("activated_at", Instant),
    Column("ended_at", Instant),
    Column("cancelled_at", Instant),
    Column("cancel_reason", Text),
    Column("price_minor", BigInteger),
    Column("currency", String(3)),
    Column("monthly_minutes", BigInteger),
    Column("overage_rate_minor", BigInteger),
    Column("time_expired", String(10)),
    Column("sla", Key),
    Column("exclusions", Json),
    Column("renewal_of_id", Id, ForeignKey("contract.id"), unique=True),
    Column("offered_for_id", Id, index=True),
    Column("made_by_rule", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    _one_of("draws", "nothing", "minutes", "incidents"),
    _one_of("holder_kind", "service_request", "item", "customer", "org_unit"),
    _one_of("state", "pending", "active", "expired", "exhausted", "cancelled"),
    _one_of("time_expired", "rollover", "ignore", "bill"),
    CheckConstraint("expires_at IS NULL OR expires_at > starts_at", name="period"),
    CheckConstraint("price_minor IS NULL OR price_minor >= 0", name="price"),
    Index("ix_contract_holder", "holder_kind", "holder_id", "state"),
    Index("ix_contract_next_due_at", "next_due_at", "id"),
    Index("ix_contract_created_at", "created_at", "id"),
    Index("ix_contract_expires_at", "expires_at", "id"),
)
"""`state` is the state as last settled; `next_due_at` is when dates alone will change it (None: never)."""

contract_lapse = Table(
    "contract_lapse",
    metadata,
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("revived_at", Instant, nullable=False),
    PrimaryKeyConstraint("contract_id", "ended_at"),
    CheckConstraint("revived_at > ended_at", name="span"),
)
"""A span in which a contract had ended, before the reopening of its service request brought it back.

`contract.ended_at` knows the last ending alone; what is asked as of an instant asks here too.
"""

lot = Table(
    "lot",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False, index=True),
    Column("unit", String(10), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("effective_at", Instant),
    Column("expires_at", Instant),
    Column("kind", String(12), nullable=False),
    Column("price_minor", BigInteger),
    Column("reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    _one_of("unit", "minutes", "incidents"),
    _one_of("kind", "sold", "top_up", "allocation", "adjustment"),
    CheckConstraint("quantity > 0", name="quantity"),
)
"""A grant of the glossary (GRANT is a word of SQL). Immutable; its balances are beside it."""

lot_balance = Table(
    "lot_balance",
    metadata,
    Column("lot_id", Id, ForeignKey("lot.id"), primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False, server_default=text("0")),
    Column("consumed", BigInteger, nullable=False, server_default=text("0")),
    Column("expired", BigInteger, nullable=False, server_default=text("0")),
    Column("opens_at", Instant, nullable=False),
    Column("closes_at", Instant),
    Column("swept", Boolean, nullable=False, default=False),
    CheckConstraint("available >= 0", name="available"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("consumed >= 0", name="consumed"),
    CheckConstraint("expired >= 0", name="expired"),
    Index("ix_lot_balance_contract_id", "contract_id", "unit"),
    Index("ix_lot_balance_due", "swept", "closes_at", "lot_id"),
)
"""Sums of the lot's postings, and the span in which it can be drawn: its own inside its contract's.

`swept` tells that what was left at its end has been posted as expired.
"""

carried_balance = Table(
    "carried_balance",
    metadata,
    Column("holder", Key, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
    CheckConstraint("minutes >= 0", name="minutes"),
)

# ------------------------------------------------------------------ the ledger

ledger_transaction = Table(
    "ledger_transaction",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("effective_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("cause", Key, nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("idempotency_key", Key, unique=True),
    Column("reverses_id", Key, ForeignKey("ledger_transaction.id"), unique=True),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("service_request_id", Id, ForeignKey("service_request.id"), index=True),
    Index("ix_ledger_transaction_contract", "contract_id", "effective_at"),
    Index("ix_ledger_transaction_recorded_at", "recorded_at", "id"),
)

ledger_posting = Table(
    "ledger_posting",
    metadata,
    Column(
        "transaction_id",
        Key,
        ForeignKey("ledger_transaction.id", deferrable=True, initially="DEFERRED"),
        nullable=False,
    ),
    Column("leg", Integer, nullable=False),
    Column("owner", Key, nullable=False),
    Column("account", String(16), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("effective_at", Instant, nullable=False),
    PrimaryKeyConstraint("transaction_id", "leg"),
    CheckConstraint("amount <> 0", name="amount"),
    Index("ix_ledger_posting_owner", "owner", "account", "effective_at"),
)
"""Legs are written before their transaction, whose arrival checks that they sum to zero and seals them."""

# ------------------------------------------------------------------ service requests

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
    Column("paused_at", Instant),
    Column("worked_minutes", BigInteger, nullable=False, server_default=text("0")),
    Column("chargeable_minutes", BigInteger, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_by", Text, nullable=False),
    _one_of("priority", "low", "normal", "high", "critical"),
    _one_of(
        "state", "open", "pending_no_contract", "in_progress", "on_hold", "resolved", "closed", "cancelled"
    ),
    CheckConstraint("(state = 'on_hold') = (on_hold_reason IS NOT NULL)", name="on_hold"),
    Index("ix_service_request_queue", "state", "opened_at", "id"),
    Index("ix_service_request_customer_id", "customer_id", "opened_at", "id"),
    Index("ix_service_request_item_id", "item_id"),
    Index("ix_service_request_org_unit_id", "org_unit_id"),
    Index("ix_service_request_contract_id", "contract_id", "state"),
    Index("ix_service_request_technician_id", "technician_id", "state"),
    Index("ix_service_request_auto_close_at", "auto_close_at", "id"),
    Index("ix_service_request_opened_at", "opened_at", "id"),
)
"""`contract_id` is the contract that covers it; the one waited for is named by its decision."""

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
    Index("ix_service_request_history_request", "service_request_id", "at", "id"),
)

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
    _one_of("outcome", "covered", "waiting", "created", "offered", "refused", "uncovered"),
    Index("ix_coverage_decision_decided_at", "decided_at", "id"),
)

incident_hold = Table(
    "incident_hold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service_request_id", Id, ForeignKey("service_request.id"), nullable=False),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("lot_id", Id, ForeignKey("lot.id"), nullable=False),
    Column("state", String(10), nullable=False),
    Column("held_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("transaction_id", Key, ForeignKey("ledger_transaction.id"), nullable=False),
    _one_of("state", "held", "settled", "released"),
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
    Column("billable", Boolean, nullable=False, default=True),
    Column("work_type", Key),
    Column("note", Text),
    Column("deleted_at", Instant),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    CheckConstraint("worked_minutes >= 0 AND chargeable_minutes >= 0", name="minutes"),
    CheckConstraint("ended_at IS NULL OR ended_at > started_at", name="span"),
    Index("ix_work_entry_request", "service_request_id", "started_at"),
    Index("ix_work_entry_technician_id", "technician_id", "started_at"),
)

work_allocation = Table(
    "work_allocation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("work_entry_id", Id, ForeignKey("work_entry.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("lot_id", Id, ForeignKey("lot.id")),
    Column("minutes", BigInteger, nullable=False),
    Column("effective_at", Instant, nullable=False),
    Column("transaction_id", Key, ForeignKey("ledger_transaction.id")),
    Column("reversed_at", Instant),
    _one_of("kind", "grant", "covered", "carried", "ignored", "overage"),
    CheckConstraint("minutes > 0", name="minutes"),
    Index("ix_work_allocation_contract_id", "contract_id", "effective_at"),
)
"""Where the minutes of a work entry went; rows of a corrected entry stay, with `reversed_at`."""

# ------------------------------------------------------------------ trail, outbox, jobs

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
    Column("last_error", Text),
    Index("ix_outbox_next_attempt_at", "next_attempt_at", "id"),
    Index("ix_outbox_subject", "subject_kind", "subject_id"),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("user_id", Id, nullable=False),
    Column("key", Key, nullable=False),
    Column("request", Text, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("kept_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("user_id", "key"),
)
"""The first answer to a keyed command, kept with its transaction. `kept_at` is real time."""

job_slot = Table(
    "job_slot",
    metadata,
    Column("job", String(40), nullable=False),
    Column("slot", Key, nullable=False),
    Column("claimed_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("job", "slot"),
)
"""The last run of each job that was claimed: `claimed_at` is the beginning of its slot. `slot` names the
machine of a job that runs on each, and is empty for the others."""

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

APPEND_ONLY = (
    "setting_change",
    "rule_set",
    "rule_publication",
    "lot",
    "ledger_transaction",
    "ledger_posting",
    "service_request_history",
    "coverage_decision",
    "audit_event",
)
"""Tables whose rows the database itself refuses to update or delete."""

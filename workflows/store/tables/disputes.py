"""Disputes: what customers object to; and the statements of contracts that they have accepted."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, text

from engine.disputes import DISPUTE_KINDS, DISPUTE_STATES
from workflows.store.column_types import Hash, Id, Instant, Json, Key
from workflows.store.tables.base import metadata, one_of

IS_OPEN = "state = 'open'"
"""The disputes that are not decided; a query that uses the indexes has the same condition in it."""

DECIDED = "(state = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)"
SUBJECT = (
    "(kind = 'work_entry' AND work_entry_id IS NOT NULL AND transaction_id IS NULL"
    " AND invoice_line_id IS NULL)"
    " OR (kind = 'statement_line' AND transaction_id IS NOT NULL AND contract_id IS NOT NULL"
    " AND invoice_line_id IS NULL)"
    " OR (kind = 'invoice_line' AND invoice_line_id IS NOT NULL AND invoice_id IS NOT NULL"
    " AND work_entry_id IS NULL AND transaction_id IS NULL)"
)


def _one_open(column: str) -> Index:
    where = text(f"{IS_OPEN} AND {column} IS NOT NULL")
    return Index(f"uq_dispute_open_{column}", column, unique=True, sqlite_where=where, postgresql_where=where)


dispute = Table(
    "dispute",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("work_entry_id", Id, ForeignKey("work_entry.id"), index=True),
    Column("transaction_id", Key, ForeignKey("ledger_transaction.id"), index=True),
    Column("invoice_line_id", Id, ForeignKey("invoice_line.id"), index=True),
    Column("service_request_id", Id, ForeignKey("service_request.id")),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("invoice_id", Id, ForeignKey("invoice.id"), index=True),
    Column("customer_id", Id, ForeignKey("customer.id")),
    Column("org_unit_id", Id, ForeignKey("org_unit.id")),
    Column("subject", Json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("decision_reason", Text),
    Column("changed", Json),
    Column("credit_note_id", Id, ForeignKey("invoice.id")),
    one_of("kind", *DISPUTE_KINDS),
    one_of("state", *DISPUTE_STATES),
    CheckConstraint(SUBJECT, name="subject"),
    CheckConstraint(DECIDED, name="decided"),
    CheckConstraint("state <> 'declined' OR decision_reason IS NOT NULL", name="declined"),
    _one_open("work_entry_id"),
    _one_open("transaction_id"),
    _one_open("invoice_line_id"),
    Index("ix_dispute_opened_at", "opened_at", "id"),
    Index("ix_dispute_customer_id", "customer_id", "opened_at"),
)
"""`subject` has the values of what is objected to as they were then, `changed` what its acceptance changed.

A line of a statement that was drawn for a work entry has that entry too: it is one subject with it. The one
who objects is a customer, an org unit, or, for an item that nobody owns, neither.
"""

statement_acceptance = Table(
    "statement_acceptance",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("up_to", Instant, nullable=False),
    Column("unit", String(10), nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    Column("accepted_by", Text, nullable=False),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    CheckConstraint("lines > 0 AND up_to <= accepted_at", name="accepted"),
    Index("ix_statement_acceptance_contract_id", "contract_id", "id"),
)
"""A contract's statement as a customer has accepted it: its lines up to an instant, and the balance then.

Append-only.
"""

statement_acceptance_head = Table(
    "statement_acceptance_head",
    metadata,
    Column("acceptance_id", Id, ForeignKey("statement_acceptance.id"), primary_key=True),
    Column("chain_id", Key, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Hash, nullable=False),
    CheckConstraint("sequence > 0 AND length(hash) = 32", name="head"),
)
"""The heads of the ledger's chains that an accepted statement rests on, as they were then. Append-only."""

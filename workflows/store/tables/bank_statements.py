"""Bank statements that were uploaded, their entries, and the payments recorded for these."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from engine.bank_statements import ENTRY_STATES
from workflows.store.column_types import Id, Instant, Json, Key
from workflows.store.tables.base import metadata, one_of

UNDECIDED_ENTRIES = "state IN ('offered', 'left')"

bank_statement = Table(
    "bank_statement",
    metadata,
    Column("id", Id, primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("content_hash", String(64), nullable=False, unique=True),
    Column("format", String(20), nullable=False),
    Column("accounts", Json, nullable=False),
    Column("entry_count", Integer, nullable=False),
    Column("known_count", Integer, nullable=False),
    Column("uploaded_at", Instant, nullable=False),
    Column("uploaded_by", Text, nullable=False),
    Index("ix_bank_statement_uploaded_at", "uploaded_at", "id"),
)
"""An uploaded file, once by its SHA-256. `accounts` has what it says of each account: its days and balances.

Of the `entry_count` booked entries in it, `known_count` had come with earlier files and stay with those.
"""

bank_entry = Table(
    "bank_entry",
    metadata,
    Column("id", Id, primary_key=True),
    Column("statement_id", Id, ForeignKey("bank_statement.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("number", String(20), nullable=False),
    Column("entry_key", String(64), nullable=False, unique=True),
    Column("account", Key, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("texts", Json, nullable=False),
    Column("reference", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("party_iban", Key, nullable=False),
    Column("bank_reference", Text, nullable=False),
    Column("is_reversal", Boolean, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("state", String(11), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("candidates", Json, nullable=False),
    Column("has_more", Boolean, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("decision_reason", Text),
    Column("version", Integer, nullable=False, server_default=text("1")),
    one_of("state", *ENTRY_STATES),
    CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided"),
    CheckConstraint(
        "(decided_at IS NULL) = (state IN ('offered', 'left', 'not_receipt'))", name="decided_state"
    ),
    Index("ix_bank_entry_statement_id", "statement_id", "position", unique=True),
    Index("ix_bank_entry_party_iban", "party_iban"),
    Index(
        "ix_bank_entry_undecided",
        "booked_on",
        "id",
        sqlite_where=text(UNDECIDED_ENTRIES),
        postgresql_where=text(UNDECIDED_ENTRIES),
    ),
)
"""A booked entry, or one detail of it: `entry_key` identifies it in every statement that has it.

`reason` is why the `candidates`, ids of invoices, were found (`engine.bank_matching`); `has_more` says that
there were further ones. `batch` is how many payments are in an entry that a person has to split, else 0.
"""

bank_entry_payment = Table(
    "bank_entry_payment",
    metadata,
    Column("entry_id", Id, ForeignKey("bank_entry.id"), nullable=False),
    Column("payment_id", Id, ForeignKey("payment.id"), nullable=False, unique=True),
    PrimaryKeyConstraint("entry_id", "payment_id"),
)
"""The payments recorded for an entry: one for each customer or org unit whose invoices it pays."""

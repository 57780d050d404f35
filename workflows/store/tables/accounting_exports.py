"""Tables of what was handed over to the accounting program."""

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from engine.ledger import EXPORT_FORMATS
from workflows.store.column_types import Id, Instant, Key
from workflows.store.tables.base import metadata, one_of

accounting_export = Table(
    "accounting_export",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("format", String(8), nullable=False),
    Column("from_on", Date, nullable=False),
    Column("to_on", Date, nullable=False),
    Column("transactions", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    one_of("format", *EXPORT_FORMATS),
    Index("ix_accounting_export_made_at", "made_at", "id"),
)
"""A batch: the file as it was made, for days from_on to to_on (inclusive) of one month."""

accounting_export_entry = Table(
    "accounting_export_entry",
    metadata,
    Column("format", String(8), nullable=False),
    Column("transaction_id", Key, ForeignKey("ledger_transaction.id"), nullable=False),
    Column("export_id", Id, ForeignKey("accounting_export.id"), nullable=False),
    PrimaryKeyConstraint("format", "transaction_id"),
    Index("ix_accounting_export_entry_export_id", "export_id"),
)
"""Each ledger transaction is in one batch of a format."""

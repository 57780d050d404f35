"""The ledger: transactions and their legs, written once."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from workflows.store.column_types import Id, Instant, Key
from workflows.store.tables.base import metadata

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
    # with the amount, so that a balance as of an instant is summed from the index alone
    Index("ix_ledger_posting_owner", "owner", "account", "effective_at", "amount"),
)
"""Legs are inserted before their transaction, whose insert checks that they sum to zero and seals them."""

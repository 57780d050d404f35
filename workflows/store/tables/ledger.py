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
    UniqueConstraint,
)

from workflows.store.column_types import Hash, Id, Instant, Key
from workflows.store.tables.base import metadata

ledger_transaction = Table(
    "ledger_transaction",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("effective_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("cause", Key, nullable=False),
    Column("job", String(40)),
    Column("actor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("idempotency_key", Key, unique=True),
    Column("reverses_id", Key, ForeignKey("ledger_transaction.id"), unique=True),
    Column("contract_id", Id, ForeignKey("contract.id")),
    Column("service_request_id", Id, ForeignKey("service_request.id"), index=True),
    Column("chain_id", Key, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Hash, nullable=False),
    UniqueConstraint("chain_id", "sequence"),
    CheckConstraint("sequence > 0 AND length(hash) = 32", name="chained"),
    Index("ix_ledger_transaction_contract", "contract_id", "effective_at"),
    Index("ix_ledger_transaction_recorded_at", "recorded_at", "id"),
    Index("ix_ledger_transaction_effective_at", "effective_at"),
)
"""`chain_id` is the contract, else the customer of the service request: see `workflows.ledger.hash_chain`.

`job` is the job that recorded it, null where a person's call did.
"""

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

ledger_adjustment = Table(
    "ledger_adjustment",
    metadata,
    Column("transaction_id", Key, ForeignKey("ledger_transaction.id"), primary_key=True),
    Column("belongs_at", Instant, nullable=False),
    Index("ix_ledger_adjustment_belongs_at", "belongs_at", "transaction_id"),
)
"""Transactions of a closed accounting period, which are effective at the start of the first open one.

`belongs_at` is when the transaction would be effective if that period were open.
"""

accounting_period = Table(
    "accounting_period",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False, unique=True),
    Column("closed_at", Instant, nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("reason", Text),
    CheckConstraint("ends_at > starts_at", name="span"),
)
"""The closed accounting periods: months without a gap, each deleted when it is opened again.

Everything before the first one is closed with it. The audit trail has who closed and reopened which.
"""

ledger_chain = Table(
    "ledger_chain",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Hash, nullable=False),
    CheckConstraint("sequence > 0 AND length(hash) = 32", name="head"),
)
"""The head of each chain: the sequence number and hash of its last transaction, or of the last checkpoint."""

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("taken_at", Instant, nullable=False),
    Column("chains", BigInteger, nullable=False),
    Column("transactions", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),
    Column("moved_root", Hash, nullable=False),
    Column("root", Hash, nullable=False),
    Column("hash", Hash, nullable=False),
    CheckConstraint("length(root) = 32 AND length(moved_root) = 32 AND length(hash) = 32", name="hashes"),
)
"""The root over all chain heads on a day. Checkpoints are a chain of their own, numbered from 1."""

ledger_checkpoint_head = Table(
    "ledger_checkpoint_head",
    metadata,
    Column("chain_id", Key, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Hash, nullable=False),
    Column("checkpoint_number", BigInteger, nullable=False),
    PrimaryKeyConstraint("chain_id", "sequence"),
    Index("ix_ledger_checkpoint_head_checkpoint", "checkpoint_number", "chain_id"),
)
"""The chain heads that had moved since the checkpoint before. Written before their checkpoint."""

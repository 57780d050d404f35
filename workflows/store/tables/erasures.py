"""Customers that were erased, the proof of it, and legal holds, which stop it."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from workflows.store.column_types import Id, Instant, Json
from workflows.store.tables.base import metadata

IN_FORCE = "lifted_at IS NULL"

erasure = Table(
    "erasure",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False, unique=True),
    Column("erased_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("erased_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("counts", Json, nullable=False),
    CheckConstraint("number > 0", name="number"),
)
"""The proof that a customer was erased: by whom, when, why, and how many rows of each table. Append-only.

It says nothing of the person. `number` is the one in what stands for their name.
"""

erasure_begun = Table(
    "erasure_begun",
    metadata,
    Column(
        "number",
        BigInteger,
        ForeignKey("erasure.number", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement=False,
    ),
)
"""An erasure, from its beginning. Append-only.

Until its proof is written, in the same transaction, the triggers let personal columns be replaced
(`store/erasure_triggers`); without the proof the transaction is refused.
"""

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("customer.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("lifted_at", Instant),
    Column("lifted_by", Text),
    CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted"),
    Index("ix_legal_hold_customer_id", "customer_id", "set_at"),
    Index(
        "uq_legal_hold_in_force",
        "customer_id",
        unique=True,
        sqlite_where=text(IN_FORCE),
        postgresql_where=text(IN_FORCE),
    ),
)
"""What is held on a customer must stay as long as this is not lifted."""

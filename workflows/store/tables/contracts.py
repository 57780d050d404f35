"""What was sold: contracts, their grants (`contract_grant`), and the stored balances."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from engine.contracts import (
    AMENDMENT_KINDS,
    CONTRACT_STATES,
    DRAWS,
    GRANT_KINDS,
    HOLDER_KINDS,
    TIME_EXPIRED,
    UNITS,
)
from workflows.store.column_types import Id, Instant, Json, Key
from workflows.store.tables.base import metadata, one_of

ONE_SUCCESSOR = "renewal_of_id IS NOT NULL AND cancelled_at IS NULL"
"""A contract may be renewed again after its successor was cancelled."""

contract = Table(
    "contract",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Key, nullable=False, unique=True),
    Column("type", Key, nullable=False),
    Column("draws", String(10), nullable=False),
    Column("holder_kind", String(16), nullable=False),
    Column("holder_id", Id, nullable=False),
    Column("time_zone", Key, nullable=False),
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
    Column("rounding", Json),
    Column("rate_card", Key),
    Column("alerted_percent", Integer),
    Column("renewal_of_id", Id, ForeignKey("contract.id")),
    Column("offered_for_id", Id, index=True),
    Column("made_by_rule", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("terms_since", Instant),
    Column("amends_at", Instant),
    Column("held_since", Instant),
    one_of("draws", *DRAWS),
    one_of("holder_kind", *HOLDER_KINDS),
    one_of("state", *CONTRACT_STATES),
    one_of("time_expired", *TIME_EXPIRED),
    CheckConstraint("expires_at IS NULL OR expires_at > starts_at", name="period"),
    CheckConstraint("price_minor IS NULL OR price_minor >= 0", name="price"),
    Index("ix_contract_holder", "holder_kind", "holder_id", "state"),
    Index("ix_contract_next_due_at", "next_due_at", "id"),
    Index("ix_contract_created_at", "created_at", "id"),
    Index("ix_contract_expires_at", "expires_at", "id"),
    Index(
        "uq_contract_renewal_of_id",
        "renewal_of_id",
        unique=True,
        sqlite_where=text(ONE_SUCCESSOR),
        postgresql_where=text(ONE_SUCCESSOR),
    ),
)
"""`state` is as of the last sync; `next_due_at` is when dates alone will change it (NULL: never).

`time_zone` is the provider's when the contract was sold: the contract's days begin and end in it, whatever
the provider's time zone is today. `alerted_percent` is the highest threshold of use that
people were alerted to and that no later grant has cleared.

`terms_since` is when the last amendment took effect, `amends_at` when the next one does, `held_since` since
when the contract is held by its holder (NULL: from the sale on).
"""

contract_amendment = Table(
    "contract_amendment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("effective_at", Instant, nullable=False),
    Column("before", Json, nullable=False),
    Column("after", Json, nullable=False),
    Column("reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    one_of("kind", *AMENDMENT_KINDS),
    Index("ix_contract_amendment_contract_id", "contract_id", "id"),
)
"""New terms of a contract from an instant on, with those before; by column of `contract`. Append-only."""

contract_past_holder = Table(
    "contract_past_holder",
    metadata,
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("holder_kind", String(16), nullable=False),
    Column("holder_id", Id, nullable=False),
    Column("held_from", Instant),
    Column("held_until", Instant, nullable=False),
    PrimaryKeyConstraint("contract_id", "held_until"),
    one_of("holder_kind", *HOLDER_KINDS),
    Index("ix_contract_past_holder_holder", "holder_kind", "holder_id", "held_until"),
)
"""Who held a contract before it was transferred: [held_from, held_until), from the sale on if NULL."""

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

`contract.ended_at` has only the last ending; queries as of an instant read this table too.
"""

contract_grant = Table(
    "contract_grant",
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
    one_of("unit", *UNITS),
    one_of("kind", *GRANT_KINDS),
    CheckConstraint("quantity > 0", name="quantity"),
)
"""A grant (GRANT is a keyword of SQL). Immutable; its balances are in `grant_balance`."""

grant_balance = Table(
    "grant_balance",
    metadata,
    Column("grant_id", Id, ForeignKey("contract_grant.id"), primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False, server_default=text("0")),
    Column("consumed", BigInteger, nullable=False, server_default=text("0")),
    Column("expired", BigInteger, nullable=False, server_default=text("0")),
    Column("opens_at", Instant, nullable=False),
    Column("closes_at", Instant),
    Column("expiry_posted", Boolean, nullable=False, default=False),
    CheckConstraint("available >= 0", name="available"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("consumed >= 0", name="consumed"),
    CheckConstraint("expired >= 0", name="expired"),
    Index("ix_grant_balance_contract_id", "contract_id", "unit"),
    Index("ix_grant_balance_due", "expiry_posted", "closes_at", "grant_id"),
)
"""Sums of the grant's postings, and the span in which it can be drawn: its own, cut to its contract's.

`expiry_posted`: what was left at its end has been posted as expired.
"""

carried_balance = Table(
    "carried_balance",
    metadata,
    Column("holder", Key, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
    CheckConstraint("minutes >= 0", name="minutes"),
)

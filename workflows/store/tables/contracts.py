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
    UniqueConstraint,
    text,
)

from engine.auto_top_up import AUTO_TOP_UP_STATES
from engine.contracts import (
    AMENDMENT_KINDS,
    CONTRACT_STATES,
    DRAWS,
    GRANT_KINDS,
    HOLDER_KINDS,
    TIME_EXPIRED,
    UNITS,
)
from engine.price_list import PRICE_SOURCES
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
    Column("auto_top_up", Json),
    Column("auto_top_up_since", Instant),
    Column("renewal_of_id", Id, ForeignKey("contract.id")),
    Column("offered_for_id", Id, index=True),
    Column("made_by_rule", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("terms_since", Instant),
    Column("amends_at", Instant),
    Column("held_since", Instant),
    Column("carry_over", Json),
    Column("borrow", Json),
    Column("price_source", String(14)),
    Column("product_price_id", Id, ForeignKey("product_price.id")),
    Column("list_price_minor", BigInteger),
    Column("discount_percent", String(16)),
    Column("overage", String(7)),
    Column("not_to_exceed", Json),
    one_of("draws", *DRAWS),
    one_of("holder_kind", *HOLDER_KINDS),
    one_of("state", *CONTRACT_STATES),
    one_of("time_expired", *TIME_EXPIRED),
    one_of("price_source", *PRICE_SOURCES),
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

`auto_top_up` has the terms of `engine.auto_top_up`, NULL without any; `auto_top_up_since` is when they were
set, NULL if with the sale.

`terms_since` is when the last amendment took effect, `amends_at` when the next one does, `held_since` since
when the contract is held by its holder (NULL: from the sale on). `carry_over` and `borrow` are the fields of
`engine.contracts.CarryOver` and `Borrow`.

`price_source` says where the price at the sale came from (NULL: no price, or sold by a program without price
list), `product_price_id` is its entry of the price list. `list_price_minor` is the price before the discount,
of `discount_percent` (decimal text), if one was given.

`overage` and `not_to_exceed` are those of `engine.approvals`; NULL: those of the settings.
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
    Column("currency", String(3)),
    Column("quantity", BigInteger, nullable=False),
    Column("effective_at", Instant),
    Column("expires_at", Instant),
    Column("kind", String(12), nullable=False),
    Column("price_minor", BigInteger),
    Column("reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("100")),
    Column("scope", Json),
    Column("rest_of_id", Id),
    one_of("unit", *UNITS),
    one_of("kind", *GRANT_KINDS),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("(unit = 'money') = (currency IS NOT NULL)", name="currency"),
)
"""A grant (GRANT is a keyword of SQL). Immutable; its balances are in `grant_balance`.

`quantity` is in whole minutes, incidents, or minor units of `currency`. `scope` has conditions on work in the
JSON form of the rules; NULL: it pays for any work. `rest_of_id` is the grant of a month whose rest this one
keeps: it begins empty, and `quantity` is the most that it may get.
"""

grant_balance = Table(
    "grant_balance",
    metadata,
    Column("grant_id", Id, ForeignKey("contract_grant.id"), primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("currency", String(3)),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False, server_default=text("0")),
    Column("consumed", BigInteger, nullable=False, server_default=text("0")),
    Column("expired", BigInteger, nullable=False, server_default=text("0")),
    Column("opens_at", Instant, nullable=False),
    Column("closes_at", Instant),
    Column("expiry_posted", Boolean, nullable=False, default=False),
    Column("priority", Integer, nullable=False, server_default=text("100")),
    CheckConstraint("available >= 0", name="available"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("consumed >= 0", name="consumed"),
    CheckConstraint("expired >= 0", name="expired"),
    Index("ix_grant_balance_contract_id", "contract_id", "unit"),
    Index("ix_grant_balance_due", "expiry_posted", "closes_at", "grant_id"),
)
"""Sums of the grant's postings, and the span in which it can be drawn: its own, cut to its contract's.

`expiry_posted`: what was left at its end has been posted as expired. `contract_id`, `unit` and `priority` are
those of the grant.
"""

auto_top_up = Table(
    "auto_top_up",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", Id, ForeignKey("contract.id"), nullable=False),
    Column("grants_opened", Integer),
    Column("month", String(7), nullable=False),
    Column("state", String(10), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("price_minor", BigInteger),
    Column("currency", String(3)),
    Column("due_at", Instant, nullable=False),
    Column("grant_id", Id, ForeignKey("contract_grant.id")),
    Column("created_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("reason", Text),
    Column("expires_at", Instant),
    Column("priority", Integer),
    Column("scope", Json),
    one_of("state", *AUTO_TOP_UP_STATES),
    one_of("unit", *UNITS),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("(state = 'issued') = (grant_id IS NOT NULL)", name="grant"),
    UniqueConstraint("contract_id", "grants_opened", "month"),
)
"""What was done where little of a contract was left, once for each crossing: until another grant opens.

One that the month's limit prevented is tried again in the next month. `available` is what was left,
`due_at` the instant from which a grant holds. One that was sold by hand and awaits its payment has no
`grants_opened`, and may have an end, a priority and a scope.
"""

carried_balance = Table(
    "carried_balance",
    metadata,
    Column("holder", Key, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
    CheckConstraint("minutes >= 0", name="minutes"),
)

"""Contracts as sold: holders, grants, and the state of a contract at an instant.

Source: product.md sections 1, 4 and 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, Self, cast, get_args
from zoneinfo import ZoneInfo

from engine.currencies import money_text

HolderKind = Literal["service_request", "item", "customer", "org_unit"]
ContractState = Literal["pending", "active", "expired", "exhausted", "cancelled"]
PendingReason = Literal["awaiting_start", "awaiting_payment", "awaiting_enable"]
Unit = Literal["minutes", "incidents", "money"]
TimeExpired = Literal["rollover", "ignore", "bill"]
ExcludedTime = Literal["next_contract", "bill", "free"]
OnExpiry = Literal["time_expired"]
LimitName = Literal["period", "minutes", "incidents", "money"]
LimitUse = Literal["required", "optional"]
Draws = Literal["nothing", "minutes", "incidents", "money"]
Allocation = Literal["once", "monthly"]
IncidentHoldState = Literal["held", "settled", "released"]
GrantKind = Literal["sold", "top_up", "allocation", "adjustment"]
AmendmentKind = Literal["amended", "transferred"]

HOLDER_KINDS: tuple[HolderKind, ...] = get_args(HolderKind)
CONTRACT_STATES: tuple[ContractState, ...] = get_args(ContractState)
OVER_STATES: tuple[ContractState, ...] = ("expired", "cancelled")
"""No longer in force, whatever is added to it; a contract that is `exhausted` comes back with a top-up."""
PENDING_REASONS: tuple[PendingReason, ...] = get_args(PendingReason)
UNITS: tuple[Unit, ...] = get_args(Unit)
TIME_EXPIRED: tuple[TimeExpired, ...] = get_args(TimeExpired)
EXCLUDED_TIME: tuple[ExcludedTime, ...] = get_args(ExcludedTime)
"""What becomes of time that the covering contract does not pay for by a charging rule."""
ON_EXPIRY: tuple[OnExpiry, ...] = get_args(OnExpiry)
LIMITS: tuple[LimitName, ...] = get_args(LimitName)
DRAWS: tuple[Draws, ...] = get_args(Draws)
METERED: tuple[Draws, ...] = ("minutes", "money")
"""What work draws; incidents are held by service requests."""
ALLOCATIONS: tuple[Allocation, ...] = get_args(Allocation)
INCIDENT_HOLD_STATES: tuple[IncidentHoldState, ...] = get_args(IncidentHoldState)
"""What becomes of an incident that is held for a service request."""
GRANT_KINDS: tuple[GrantKind, ...] = get_args(GrantKind)
AMENDMENT_KINDS: tuple[AmendmentKind, ...] = get_args(AmendmentKind)
PER_REQUEST = "per_request"
DEFAULT_PRIORITY = 100
"""The priority of a grant that is given none; the lowest number is drawn first."""


def amount_text(amount: int, unit: str, currency: str | None = None) -> str:
    """An amount with its unit for a sentence: "1 minute", "20 incidents", "EUR 40.00"."""
    if unit == "money" and currency is not None:
        return money_text(amount, currency)
    return f"{amount:,} {unit.removesuffix('s') if amount == 1 else unit}"


class Holder(NamedTuple):
    """The service request, item, customer or org unit that a contract covers."""

    kind: HolderKind
    id: str

    @property
    def key(self) -> str:
        """The holder's name in the ledger, where holders of every kind share one account table."""
        return f"{self.kind}:{self.id}"

    @classmethod
    def of_key(cls, key: str) -> Self:
        """The holder of that name in the ledger."""
        kind, _, holder_id = key.partition(":")
        return cls(cast(HolderKind, kind), holder_id)


class Scope(Protocol):
    """For which work a grant pays."""

    def holds(self, facts: Any) -> bool:
        """Whether it pays for work with these facts (`engine.rulebook.ChargingFacts`)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant of minutes, incidents or money. Immutable: corrections are new grants or withdrawals.

    `effective_at` None means from the contract's start, which enabling may move; `expires_at` None means as
    long as the contract runs. `quantity`, `available` and `held` are whole minutes, incidents or minor units
    of `currency`, by `unit`; `available` and `held` are the balances at the instant of the query. `currency`
    is None unless the unit is money. Instants are aware UTC; `expires_at` is exclusive. The grant with the
    lowest `priority` is drawn first, whatever its end. It pays only for work for which its `scope` holds;
    None for any work.
    """

    id: str
    contract_id: str
    unit: Unit
    quantity: int
    effective_at: datetime | None
    expires_at: datetime | None
    available: int = 0
    held: int = 0
    currency: str | None = None
    priority: int = DEFAULT_PRIORITY
    scope: Scope | None = None

    @property
    def posting_unit(self) -> str:
        """The unit of its postings: money is posted in its currency, so that each currency sums to zero."""
        return self.currency or self.unit


def is_within(start: datetime, until: datetime | None, at: datetime) -> bool:
    """Whether `at` lies in [start, until); `Window.contains` for callers that make no window of each row.

    In SQL: `workflows.lifecycle.contracts.open_grants.is_open_at`. Source: product.md section 7.
    """
    return start <= at and (until is None or at < until)


class Window(NamedTuple):
    """The half-open span [start, until) of aware UTC instants; `until` None means it never ends."""

    start: datetime
    until: datetime | None

    def contains(self, at: datetime) -> bool:
        """Whether `at` lies in the span: `start` does, `until` does not. A grant is *open* then."""
        return is_within(self.start, self.until, at)

    def is_over(self, at: datetime) -> bool:
        """Whether the span has ended by `at`."""
        return self.until is not None and self.until <= at


@dataclass(frozen=True, slots=True)
class Contract:
    """The dated facts of one contract, from which its state is computed.

    With `enabled_at` None it awaits enabling; with `payment_due` and `paid_at` None it awaits payment.
    `ended_at` is set if the contract ended before its period did: a per-request contract ends when its
    service request is closed. Reopening the request clears it; as of an instant between closing and
    reopening, it is the instant of the closing.
    `time_zone` is the provider's IANA time zone when the contract was sold: the contract's days begin and end
    in it, whatever the provider's time zone is today.
    Units: instants aware UTC; `expires_at` is exclusive; `overage_rate_minor` is the price of an hour in the
    currency's minor unit.
    Source: product.md sections 4 and 5.
    """

    id: str
    number: str
    type: str
    holder: Holder
    created_at: datetime
    starts_at: datetime
    expires_at: datetime | None = None
    enabled_at: datetime | None = None
    payment_due: bool = False
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None
    sla: str | None = None
    time_expired: TimeExpired | None = None
    overage_rate_minor: int | None = None
    time_zone: str = "UTC"
    exclusions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which its days begin and end."""
        return ZoneInfo(self.time_zone)

    @property
    def window(self) -> Window:
        """The half-open span in which it may pay for work: from its start to its earliest end."""
        ends = [end for end in (self.expires_at, self.cancelled_at, self.ended_at) if end is not None]
        until = max(self.starts_at, min(ends)) if ends else None
        return Window(self.starts_at, until)


class Limits(NamedTuple):
    """A contract's remaining whole minutes, incidents and minor units of money at one instant."""

    minutes_available: int = 0
    incidents_available: int = 0
    incidents_held: int = 0
    money_available: int = 0


@dataclass(frozen=True, slots=True)
class Defaults:
    """The terms that a contract of a type gets unless the seller gives others.

    Units: whole months, minutes and incidents; `money` and `price_minor` in the currency's minor unit.
    """

    duration_months: int | None = None
    minutes: int | None = None
    incidents: int | None = None
    money: int | None = None
    price_minor: int | None = None
    sla: str | None = None


class CarryOver(NamedTuple):
    """How much of a month's rest is retained, and for how many further `months`; all of it without a cap.

    Units: whole minutes; percent of the month's allocation, rounded down to the minute.
    """

    months: int
    cap_minutes: int | None = None
    cap_percent: int | None = None

    def most_of(self, allocation_minutes: int) -> int:
        """The whole minutes of a month that are retained at most."""
        return _capped(allocation_minutes, self.cap_minutes, self.cap_percent)


class Borrow(NamedTuple):
    """How much a month may draw ahead on the next one: whole minutes, or percent of it, rounded down."""

    cap_minutes: int | None = None
    cap_percent: int | None = None

    def most_of(self, allocation_minutes: int) -> int:
        """The whole minutes of the next month that are drawn ahead at most."""
        return _capped(allocation_minutes, self.cap_minutes, self.cap_percent)


def _capped(minutes: int, cap_minutes: int | None, cap_percent: int | None) -> int:
    most = minutes if cap_minutes is None else min(minutes, cap_minutes)
    return most if cap_percent is None else min(most, minutes * cap_percent // 100)


@dataclass(frozen=True, slots=True)
class ContractType:
    """One checked file of `rules/contract_types/`. Its conditions are in the JSON form of business-rules.

    `limits` lists the limits that a contract of the type must (`required`) or may (`optional`) have; it can
    have no others. With `allocation` monthly, each month of the period gets a grant of minutes of its own;
    `carry_over` says what is retained of its rest, and `borrow` what a month may draw ahead on the next.
    `exhaustion_alert_days` is how many days before the projected exhaustion people are warned: 0 for not at
    all, None for what the setting says.
    """

    key: str
    label: str
    description: str
    number_prefix: str
    held_by: tuple[HolderKind, ...]
    limits: Mapping[LimitName, LimitUse]
    defaults: Defaults
    valid_when: Mapping[str, Any]
    expires_when: Mapping[str, Any]
    draws: Draws
    on_expiry: OnExpiry = "time_expired"
    allocation: Allocation = "once"
    exhaustion_alert_days: int | None = None
    carry_over: CarryOver | None = None
    borrow: Borrow | None = None


class StateAt(NamedTuple):
    """A contract's state and, while it is pending, what it is waiting for."""

    state: ContractState
    pending_reason: PendingReason | None = None


CANCELLED = StateAt("cancelled")
EXPIRED = StateAt("expired")
EXHAUSTED = StateAt("exhausted")
AWAITING_PAYMENT = StateAt("pending", "awaiting_payment")
AWAITING_ENABLE = StateAt("pending", "awaiting_enable")
AWAITING_START = StateAt("pending", "awaiting_start")
ACTIVE = StateAt("active")


def dated_state(contract: Contract, at: datetime) -> StateAt:
    """The state at `at` (aware UTC) by dates, enabling and payment alone; balances are not considered.

    Whether the contract is `exhausted` is decided by its type's `expires_when` (see `engine.rulebook`): only
    a contract that this function reports as `active` can be.
    Source: product.md section 5.
    """
    if contract.cancelled_at is not None and contract.cancelled_at <= at:
        return CANCELLED
    if contract.ended_at is not None and contract.ended_at <= at:
        return EXPIRED
    if contract.expires_at is not None and contract.expires_at <= at:
        return EXPIRED
    if contract.payment_due and (contract.paid_at is None or contract.paid_at > at):
        return AWAITING_PAYMENT
    if contract.enabled_at is None or contract.enabled_at > at:
        return AWAITING_ENABLE
    if contract.starts_at > at:
        return AWAITING_START
    return ACTIVE


def grant_window(grant: Grant, contract_window: Window) -> Window | None:
    """The half-open span in which a grant can be drawn: its own, cut to its contract's; None if empty."""
    start = max(grant.effective_at or contract_window.start, contract_window.start)
    ends = [end for end in (grant.expires_at, contract_window.until) if end is not None]
    until = min(ends) if ends else None
    return None if until is not None and until <= start else Window(start, until)

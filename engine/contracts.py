"""What was sold: holders, grants, contracts, and the state a contract is in at an instant.

Source: product.md sections 1, 4 and 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

HolderKind = Literal["service_request", "item", "customer", "org_unit"]
ContractState = Literal["pending", "active", "expired", "exhausted", "cancelled"]
PendingReason = Literal["awaiting_start", "awaiting_payment", "awaiting_enable"]
Unit = Literal["minutes", "incidents"]
TimeExpired = Literal["rollover", "ignore", "bill"]
OnExpiry = Literal["time_expired"]
LimitName = Literal["period", "minutes", "incidents"]
LimitUse = Literal["required", "optional"]
Draws = Literal["nothing", "minutes", "incidents"]
Allocation = Literal["once", "monthly"]
IncidentHoldState = Literal["held", "settled", "released"]
GrantKind = Literal["sold", "top_up", "allocation", "adjustment"]

HOLDER_KINDS: tuple[HolderKind, ...] = get_args(HolderKind)
CONTRACT_STATES: tuple[ContractState, ...] = get_args(ContractState)
OVER_STATES: tuple[ContractState, ...] = ("expired", "cancelled")
"""No longer in force, whatever is added to it; a contract that is `exhausted` comes back with a top-up."""
PENDING_REASONS: tuple[PendingReason, ...] = get_args(PendingReason)
UNITS: tuple[Unit, ...] = get_args(Unit)
TIME_EXPIRED: tuple[TimeExpired, ...] = get_args(TimeExpired)
ON_EXPIRY: tuple[OnExpiry, ...] = get_args(OnExpiry)
LIMITS: tuple[LimitName, ...] = get_args(LimitName)
DRAWS: tuple[Draws, ...] = get_args(Draws)
ALLOCATIONS: tuple[Allocation, ...] = get_args(Allocation)
INCIDENT_HOLD_STATES: tuple[IncidentHoldState, ...] = get_args(IncidentHoldState)
"""What becomes of an incident that is held for a service request."""
GRANT_KINDS: tuple[GrantKind, ...] = get_args(GrantKind)
PER_REQUEST = "per_request"


class Holder(NamedTuple):
    """Whom a contract covers."""

    kind: HolderKind
    id: str

    @property
    def key(self) -> str:
        """Its name in the ledger, where holders of every kind share one account table."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant of minutes or incidents. Immutable: corrections are new grants or withdrawals.

    `effective_at` None means from the contract's start, which Enable may move; `expires_at` None
    means as long as the contract runs. `available` and `held` are its balances at the instant asked.
    """

    id: str
    contract_id: str
    unit: Unit
    quantity: int
    effective_at: datetime | None
    expires_at: datetime | None
    available: int = 0
    held: int = 0


class Window(NamedTuple):
    """A half-open span of instants; `until` None never ends."""

    start: datetime
    until: datetime | None

    def contains(self, at: datetime) -> bool:
        """Whether `at` lies in it: a grant whose window contains an instant is *open* then.

        In SQL: `workflows.lifecycle.contracts.open_grants.is_open_at`. Source: product.md section 7.
        """
        return self.start <= at and (self.until is None or at < self.until)

    def is_over(self, at: datetime) -> bool:
        """Whether it has ended by `at`; its end is exclusive."""
        return self.until is not None and self.until <= at


@dataclass(frozen=True, slots=True)
class Contract:
    """The dated facts of one contract; its state is computed from them, never stored as truth.

    `enabled_at` None waits for someone to enable it; `payment_due` with `paid_at` None waits for payment.
    `ended_at` is set where the contract ended before its period did: a per-request contract when its
    service request closed. A reopening takes it back; as of an instant between the two it is the close.
    Instants are aware UTC; `expires_at` is exclusive.
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
    exclusions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The span in which it may pay for work: from its start to whatever ended it first."""
        ends = [end for end in (self.expires_at, self.cancelled_at, self.ended_at) if end is not None]
        until = max(self.starts_at, min(ends)) if ends else None
        return Window(self.starts_at, until)


class Limits(NamedTuple):
    """What of a contract is left at one instant, in its own units."""

    minutes_available: int = 0
    incidents_available: int = 0
    incidents_held: int = 0


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a contract of a type gets where the seller says nothing."""

    duration_months: int | None = None
    minutes: int | None = None
    incidents: int | None = None
    price_minor: int | None = None
    sla: str | None = None


@dataclass(frozen=True, slots=True)
class CarryOver:
    """What of a month's minutes lives on when the month ends, and for how many months more.

    One of the caps is set: whole minutes, or percent of the month's grant (rounded down to the minute).
    """

    months: int
    cap_minutes: int | None = None
    cap_percent: int | None = None


@dataclass(frozen=True, slots=True)
class ContractType:
    """One file of `rules/contract_types/`, checked. Conditions keep the JSON form of business-rules.

    `limits` has the limits a contract of the type must (`required`) or may (`optional`) have; one that is
    not in it, it cannot have. With `allocation` monthly, minutes are granted anew each month of the period.
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
    carry_over: CarryOver | None = None


class StateAt(NamedTuple):
    """A contract's state and, while it is pending, what it waits for."""

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
    """The state that dates, enabling and payment alone give at `at`; what is left of it is not asked.

    Whether it is `exhausted` is for the type's `expires_when` (see `engine.rulebook`): only an
    `active` answer of this function can turn into it.
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
    """When a grant can be drawn: its own span inside its contract's, or None when that is empty."""
    start = max(grant.effective_at or contract_window.start, contract_window.start)
    ends = [end for end in (grant.expires_at, contract_window.until) if end is not None]
    until = min(ends) if ends else None
    return None if until is not None and until <= start else Window(start, until)

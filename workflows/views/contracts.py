"""Contracts, their balances and their statements as they are shown: whole minutes, money in minor units."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from engine.quantities import Rounding
from workflows.views import MoneyView


@dataclass(frozen=True, slots=True)
class UnitBalance:
    """purchased = drawn + held + available + expired, in one unit."""

    purchased: int = 0
    drawn: int = 0
    held: int = 0
    available: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class BalanceView:
    """The balances of a contract as of an instant, one per unit."""

    minutes: UnitBalance
    incidents: UnitBalance


@dataclass(frozen=True, slots=True)
class GrantView:
    """One grant with its balance; it can be drawn from `opens_at` (inclusive) to `closes_at` (exclusive)."""

    id: str
    unit: str
    kind: str
    quantity: int
    effective_at: datetime | None
    expires_at: datetime | None
    opens_at: datetime
    closes_at: datetime | None
    balance: UnitBalance
    reason: str | None


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract as of an instant. `holder` is `{kind: id}`; prices are None if the user may not see them.

    `starts_on` and `ends_on` are days in `time_zone`, the provider's when the contract was sold.
    `service_request` is the one for which the contract was ordered; it and the contracts that this one renews
    or is renewed by are None, too, if the user may not see them.
    """

    id: str
    number: str
    type: str
    type_label: str
    holder: dict[str, str]
    holder_name: str
    state: str
    pending_reason: str | None
    starts_at: datetime
    expires_at: datetime | None
    starts_on: date
    ends_on: date | None
    time_zone: str
    draws: str
    price: MoneyView | None
    overage_rate: MoneyView | None
    sla: str | None
    time_expired: str | None
    exclusions: dict[str, list[str]]
    rounding: Rounding | None
    rate_card: str | None
    balance: BalanceView
    monthly_minutes: int | None
    carried_minutes: int
    renewal_of: str | None
    renewed_by: str | None
    service_request: str | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    created_at: datetime
    created_by: str
    as_of: datetime
    version: int


@dataclass(frozen=True, slots=True)
class ContractDetail(ContractView):
    """One contract with its grants."""

    grants: list[GrantView]


@dataclass(frozen=True, slots=True)
class BalancePoint:
    """The whole minutes available after a movement, from `at` on."""

    at: datetime
    minutes: int


@dataclass(frozen=True, slots=True)
class ProjectionView:
    """When minutes run out at their recent pace: `drawn_minutes` in the last `span_days`.

    `earliest_at` is by the pace of the busier weeks, `latest_at` by that of the quieter ones. An instant is
    None if it is more than three years away, and both of these with less than two weeks of history.
    """

    drawn_minutes: int
    span_days: int
    runs_out_at: datetime | None
    earliest_at: datetime | None
    latest_at: datetime | None


@dataclass(frozen=True, slots=True)
class BurnDownView:
    """The available minutes of a contract over time; no points if none were ever drawn."""

    contract: str
    points: list[BalancePoint]
    available_minutes: int
    projection: ProjectionView | None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement: `minutes` and `incidents` change the available balance, to `balance_after`.

    `another_service_request` is true for a line of a service request that the user may not see: its id and
    number are null, and `why` does not name it.
    """

    transaction: str
    effective_at: datetime
    recorded_at: datetime
    kind: str
    service_request: str | None
    service_request_number: str | None
    another_service_request: bool
    minutes: int
    incidents: int
    balance_after: int
    why: str


@dataclass(frozen=True, slots=True)
class StatementView:
    """A contract's movements in a span of days, or a page of them, in their unit.

    The opening and closing balances are those of the whole span, whichever page this is.
    """

    contract: str
    number: str
    unit: str
    opening_balance: int
    closing_balance: int
    lines: list[StatementLine]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class HolderStatementLine:
    """One movement of one grant of a holder's contract, in the contract's unit.

    `balance_after` is what is then available in the grant; it and `grant` are null for a movement of no
    grant, such as carried time, whose amount is in `why`. `another_service_request` as in a contract's
    statement.
    """

    transaction: str
    contract: str
    contract_number: str
    grant: str | None
    grant_kind: str | None
    grant_reason: str | None
    unit: str
    effective_at: datetime
    recorded_at: datetime
    kind: str
    service_request: str | None
    service_request_number: str | None
    another_service_request: bool
    minutes: int
    incidents: int
    balance_after: int | None
    why: str


@dataclass(frozen=True, slots=True)
class HolderStatementView:
    """The movements of all contracts of a holder, or a page of them. `holder` is `{kind: id}`."""

    holder: dict[str, str]
    holder_name: str
    lines: list[HolderStatementLine]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of a record's audit trail."""

    at: datetime
    action: str
    actor: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ContractTypeView:
    """A contract type in force."""

    key: str
    label: str
    description: str
    held_by: list[str]
    limits: dict[str, str]
    draws: str
    allocation: str
    default_duration_months: int | None
    default_minutes: int | None
    default_incidents: int | None
    default_price: MoneyView | None
    default_sla: str | None

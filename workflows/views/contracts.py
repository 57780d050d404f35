"""Contracts, their balances and their statements as they are shown: whole minutes, money in minor units."""

from datetime import date, datetime
from typing import Any

from engine.approvals import LimitPer, OveragePolicy
from engine.auto_top_up import AutoTopUpMode, AutoTopUpState
from engine.invoices import InvoiceState, SoldKind
from engine.quantities import Rounding
from workflows.views import MoneyView
from workflows.views.base import View, view
from workflows.views.disputes import ChainHeadView


@view
class UnitBalance(View):
    """purchased = drawn + held + available + expired, in one unit."""

    purchased: int = 0
    drawn: int = 0
    held: int = 0
    available: int = 0
    expired: int = 0


@view
class MoneyBalance(UnitBalance):
    """The same of money, in minor units of a currency."""

    currency: str = ""


@view
class BalanceView(View):
    """The balances of a contract as of an instant, one per unit."""

    minutes: UnitBalance
    incidents: UnitBalance
    money: MoneyBalance

    def of(self, draws: str) -> UnitBalance:
        """The balance of what a contract draws; zeros if it draws nothing."""
        balance: UnitBalance = getattr(self, draws, UnitBalance())
        return balance


@view
class GrantView(View):
    """One grant with its balance; it can be drawn from `opens_at` (inclusive) to `closes_at` (exclusive).

    `currency` is that of a grant of money, whose amounts are in its minor unit. The lowest `priority` is
    drawn first. `scope` has conditions on work in the JSON form of the rules; null: it pays for any work.
    """

    id: str
    unit: str
    currency: str | None
    kind: str
    quantity: int
    effective_at: datetime | None
    expires_at: datetime | None
    opens_at: datetime
    closes_at: datetime | None
    balance: UnitBalance
    reason: str | None
    priority: int
    scope: dict[str, Any] | None


@view
class CarryOverView(View):
    """What a contract keeps of a month's rest, and for how many further months; without a cap, all of it.

    Whole minutes, or percent of the month's allocation.
    """

    months: int
    cap_minutes: int | None
    cap_percent: int | None


@view
class BorrowView(View):
    """What a month may draw ahead on the next: whole minutes, or percent of the next month's allocation."""

    cap_minutes: int | None
    cap_percent: int | None


@view
class PriceOriginView(View):
    """Where the price at the sale came from: given, price_list, contract_type, rule,
    renewal or quote.

    `product` is the code of the product whose price of the price list, `product_price`, it was. `list_price`
    is the price before the discount, if one was given.
    """

    source: str
    product: str | None
    product_price: str | None
    list_price: MoneyView | None
    discount_percent: str | None


@view
class TypePriceView(View):
    """A price of the price list for a contract type, of the product with this code.

    `quantity` is what it is for, in what the type draws; None: whatever is sold.
    """

    product: str
    quantity: int | None
    price: MoneyView


@view
class NotToExceedView(View):
    """How much work there may be without asking: whole chargeable minutes, or money."""

    per: LimitPer
    minutes: int | None
    amount: MoneyView | None


@view
class SoldLineView(View):
    """A line of an invoice that sold a contract, a renewal or a top-up; `grant` is what a top-up added.

    `number` is None for a draft; `position` is the line's, from 1. A line stays when it was credited and what
    it sold is invoiced again.
    """

    kind: SoldKind
    grant: str | None
    invoice: str
    number: str | None
    state: InvoiceState
    line: str
    position: int


@view
class ContractView(View):
    """A contract as of an instant. `holder` is `{kind: id}`; prices are None if the user may not see them.

    `starts_on` and `ends_on` are days in `time_zone`, the provider's when the contract was sold.
    `carried_minutes` are the holder's under Rollover; `carried_over_minutes` are what is left of earlier
    months, which is part of the balance; `borrowed_minutes` were drawn ahead on the next month.
    `service_request` is the one for which the contract was ordered; it and the contracts that this one renews
    or is renewed by are None, too, if the user may not see them. `invoice` and `invoice_line` are those that
    sold it, None before it is on one; `sold_lines` has the lines of its top-ups, too.
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
    price_origin: PriceOriginView | None
    overage_rate: MoneyView | None
    sla: str | None
    time_expired: str | None
    exclusions: dict[str, list[str]]
    rounding: Rounding | None
    rate_card: str | None
    overage: OveragePolicy | None
    not_to_exceed: "NotToExceedView | None"
    auto_top_up: "AutoTopUpTermsView | None"
    balance: BalanceView
    pending_minutes: int
    posted_minutes: int
    pending_money: MoneyView | None
    posted_money: MoneyView | None
    monthly_minutes: int | None
    carry_over: CarryOverView | None
    borrow: BorrowView | None
    carried_minutes: int
    carried_over_minutes: int
    borrowed_minutes: int
    renewal_of: str | None
    renewed_by: str | None
    service_request: str | None
    invoice: str | None
    invoice_line: str | None
    sold_lines: list[SoldLineView]
    cancelled_at: datetime | None
    cancel_reason: str | None
    created_at: datetime
    created_by: str
    as_of: datetime
    version: int


@view
class ContractDetail(ContractView):
    """One contract with its grants."""

    grants: list[GrantView]


@view
class AutoTopUpTermsView(View):
    """What happens when no more than `below` is left; amounts are in the contract's unit.

    The price is None for users who see no prices, the quantity where only a warning has none.
    """

    mode: AutoTopUpMode
    below: int
    quantity: int | None
    price: MoneyView | None
    most_per_month: int


@view
class AutoTopUpView(View):
    """What was done when a contract had no more than its threshold left: `available` were.

    `due_at` is the instant from which the grant holds; `grant` is None unless it was issued. `by_hand` is one
    that was sold whatever was left; with `awaits_payment` it is added when its invoice is processed.
    `quantity` is None for a warning, which adds nothing.
    """

    id: str
    state: AutoTopUpState
    due_at: datetime
    unit: str
    quantity: int | None
    available: int
    price: MoneyView | None
    grant: str | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    by_hand: bool
    awaits_payment: bool


@view
class BalancePoint(View):
    """What is available after a movement, from `at` on: whole minutes, or minor units of money."""

    at: datetime
    minutes: int
    money: int


@view
class ProjectionView(View):
    """When a contract runs out at its recent pace: `drawn_minutes` or `drawn_money` in the last `span_days`.

    `drawn_money` is None for users who see no prices, of a contract in money.
    `earliest_at` is by the pace of the busier weeks, `latest_at` by that of the quieter ones. An instant is
    None if it is more than three years away, and both of these with less than two weeks of history.
    """

    drawn_minutes: int
    drawn_money: int | None
    span_days: int
    runs_out_at: datetime | None
    earliest_at: datetime | None
    latest_at: datetime | None


@view
class BurnDownView(View):
    """What a contract has available over time; no points if nothing was ever drawn, or, of a contract in
    money, for users who see no prices.

    Money is in minor units of `currency`, which is None unless the contract is in money.
    """

    contract: str
    currency: str | None
    points: list[BalancePoint]
    available_minutes: int
    available_money: int
    projection: ProjectionView | None


@view
class StatementLine(View):
    """One movement: `minutes`, `incidents` and `money` change the available balance, to `balance_after`.

    Money is in minor units of `currency`, which is None unless the contract is in money. For users who see no
    prices, `money` and `balance_after` of a contract in money are None.

    `another_service_request` is true for a line of a service request that the user may not see: its id and
    number are null, and `why` does not name it. `pending`: it is held for work that awaits approval.
    `since_acceptance`: it belongs to what the customer had accepted before it was recorded. Without `posted`
    it is a change of the contract, which moves nothing: `amended`, `transferred` or `renewed`. Then
    `transaction` is the id of its record, and only staff see the reason.
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
    money: int | None
    currency: str | None
    balance_after: int | None
    why: str
    pending: bool = False
    since_acceptance: bool = False
    posted: bool = True


@view
class AcceptanceView(View):
    """A contract's statement as a customer has accepted it, up to an instant, and what has changed since.

    `balance` is what was available after its lines, in the statement's unit. `heads` are those of the
    ledger's chains then; `intact` says that the ledger still has them. `changes` counts the lines since then
    that belong to what was accepted, `difference` is what they move; None in money for users who see no
    prices. `differences` are the first of them, in
    the order recorded: their `balance_after` goes on from the accepted balance.
    """

    id: str
    contract: str
    up_to: datetime
    accepted_at: datetime
    accepted_by: str
    unit: str
    balance: int
    lines: int
    heads: list[ChainHeadView]
    intact: bool
    changes: int
    difference: int | None
    differences: list[StatementLine]


@view
class StatementView(View):
    """A contract's movements in a span of days, or a page of them, in their unit.

    Money is in minor units of `currency`, which is None unless the contract is in money.
    The opening and closing balances are those of the whole span, whichever page this is. They are with
    pending work; without it, `pending_amount` more is available at the end, unless their grants have ended.
    `acceptance` is the latest one, whichever days these are.
    """

    contract: str
    number: str
    unit: str
    currency: str | None
    opening_balance: int
    closing_balance: int
    lines: list[StatementLine]
    next_cursor: str | None
    pending_amount: int = 0
    acceptance: AcceptanceView | None = None


@view
class HolderStatementLine(View):
    """One movement of one grant of a holder's contract, in the contract's unit; money in minor units.

    `balance_after` is what is then available in the grant; it and `grant` are null for a movement of no
    grant, such as carried time, whose amount is in `why`. `another_service_request`, `since_acceptance` and
    what is None for users who see no prices are as in a contract's statement.
    """

    transaction: str
    contract: str
    contract_number: str
    grant: str | None
    grant_kind: str | None
    grant_reason: str | None
    unit: str
    currency: str | None
    effective_at: datetime
    recorded_at: datetime
    kind: str
    service_request: str | None
    service_request_number: str | None
    another_service_request: bool
    minutes: int
    incidents: int
    money: int | None
    balance_after: int | None
    why: str
    pending: bool = False
    since_acceptance: bool = False


@view
class HolderStatementView(View):
    """The movements of all contracts of a holder, or a page of them. `holder` is `{kind: id}`."""

    holder: dict[str, str]
    holder_name: str
    lines: list[HolderStatementLine]
    next_cursor: str | None


@view
class AuditLine(View):
    """One line of a record's audit trail."""

    at: datetime
    action: str
    actor: str
    details: dict[str, Any]


@view
class ContractTypeView(View):
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
    default_money: MoneyView | None
    default_price: MoneyView | None
    list_prices: "list[TypePriceView]"
    default_sla: str | None
    carry_over: CarryOverView | None
    borrow: BorrowView | None

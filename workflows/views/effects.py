"""The preview of a change: each contract and service request that it would change, before and after.

Amounts are in the contract's `unit`: whole minutes, incidents, or minor units of money.
"""

from dataclasses import field
from datetime import datetime

from engine.approvals import OveragePolicy
from workflows.views import MoneyView
from workflows.views.accounting_periods import AdjustmentView
from workflows.views.base import View, view
from workflows.views.contracts import NotToExceedView, PriceOriginView, UnitBalance
from workflows.views.service_requests import MovedWorkView


@view
class TakesEffect(View):
    """The result of a previewed use case that takes effect at a later instant (aware UTC)."""

    at: datetime


@view
class ContractSnapshot(View):
    """A contract at one instant; `unit` is None if it draws nothing, `time_zone` is that of its days.

    `currency` is that of a contract in money.

    `holder` is `{kind: id}`. `overage` and `not_to_exceed` are those in force, its own or the settings';
    `past_limit` is by how much work is past the limit already: whole minutes, or minor units.
    """

    id: str
    number: str
    state: str
    unit: str | None
    currency: str | None
    starts_at: datetime
    expires_at: datetime | None
    time_zone: str
    balance: UnitBalance
    holder: dict[str, str]
    holder_name: str
    price: MoneyView | None
    price_origin: PriceOriginView | None
    overage_rate: MoneyView | None
    sla: str | None
    time_expired: str | None
    exclusions: dict[str, list[str]]
    overage: OveragePolicy
    not_to_exceed: NotToExceedView | None
    past_limit: int


@view
class RequestSnapshot(View):
    """A service request at one instant; `contract` is the id of the contract that covers it."""

    id: str
    number: str
    subject: str
    state: str
    outcome: str | None
    contract: str | None
    contract_number: str | None
    resolution_due_at: datetime | None


@view
class ContractEffect(View):
    """A contract before and after; `before` is None for a contract that the change creates."""

    before: ContractSnapshot | None
    after: ContractSnapshot


@view
class RequestEffect(View):
    """A service request before and after."""

    before: RequestSnapshot
    after: RequestSnapshot


@view
class CreditNoteEffect(View):
    """A credit note that would be issued; `to_credit` of it becomes credit of the customer."""

    invoice: str
    invoice_number: str
    net: MoneyView
    total: MoneyView
    to_credit: MoneyView


@view
class AwaitedTopUpEffect(View):
    """A top-up that would be sold, and added when its invoice is processed. `unit` is the contract's."""

    contract: str
    contract_number: str
    unit: str
    quantity: int
    price: MoneyView


@view
class Effects(View):
    """Each contract and service request once, oldest first. `mails` counts the mails that would be sent.

    `adjustments` has each closed accounting period that would be corrected, the earliest first.
    `credit_notes` are those that would be issued, `awaited_top_ups` what would await its payment.
    `moves` are the work entries that would be drawn from elsewhere, in the order of the instant worked.
    `effective_at` is the later instant at which all that happens, by what is known now; None: at once.
    """

    contracts: list[ContractEffect]
    requests: list[RequestEffect]
    mails: int
    moves: list[MovedWorkView]
    effective_at: datetime | None = None
    adjustments: list[AdjustmentView] = field(default_factory=list)
    credit_notes: list[CreditNoteEffect] = field(default_factory=list)
    awaited_top_ups: list[AwaitedTopUpEffect] = field(default_factory=list)

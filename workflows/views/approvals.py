"""Approvals of time beyond what contracts pay, as they are shown."""

from datetime import datetime

from engine.approvals import ApprovalState
from engine.quotes import Way
from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class ApprovalPreview(View):
    """What the customer was shown: the contract, and whole minutes of the service request until then.

    `beyond_minutes` are past what contracts paid; of these, nobody had approved `unapproved_minutes`. `cost`
    is what the minutes asked for would cost, None without a price of an hour.
    """

    contract_number: str | None
    worked_minutes: int
    chargeable_minutes: int
    beyond_minutes: int
    unapproved_minutes: int
    cost: MoneyView | None


@view
class ApprovalView(View):
    """What was asked, the answer, and what is left of it. Minutes are whole, or None where it is in money.

    `lapses_at` is exclusive. `name` is who answered. `may_answer`: whether the user may answer now.
    """

    id: str
    service_request: str
    service_request_number: str
    subject: str
    customer: str
    customer_name: str
    state: ApprovalState
    minutes: int | None
    amount: MoneyView | None
    reason: str
    preview: ApprovalPreview
    asked_at: datetime
    asked_by: str
    lapses_at: datetime
    answered_at: datetime | None
    approved_minutes: int | None
    approved_amount: MoneyView | None
    used_minutes: int
    used_amount: MoneyView | None
    rest_minutes: int | None
    rest_amount: MoneyView | None
    way: Way | None
    name: str | None
    comment: str | None
    may_answer: bool

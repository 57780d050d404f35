"""Cost rates and margins, as they are shown. Amounts are minor units of the desk's currency."""

from datetime import date, datetime

from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class CostRateView(View):
    """What an hour costs from a day on, of a technician or of a role."""

    id: str
    technician: str | None
    technician_name: str | None
    role: str | None
    per_hour: MoneyView
    from_on: date
    reason: str | None
    recorded_at: datetime
    recorded_by: str


@view
class CostMoved(View):
    """What work of a month (YYYY-MM) costs now, and would cost, of the `contracts` whose margin moves.

    `worked` are the minutes of their work in the month; `closed` if its accounting period is.
    """

    month: str
    contracts: int
    worked: int
    cost_minor_before: int
    cost_minor_after: int
    closed: bool


@view
class CostRatePreview(View):
    """What a new cost rate would move: the months, the earliest first, and in how many contracts.

    `asks` if it holds from a day that has gone by, so that `changes_past` has to ask for it.
    """

    currency: str
    asks: bool
    contracts: int
    cost_minor_before: int
    cost_minor_after: int
    months: list[CostMoved]


@view
class Margin(View):
    """Revenue less the cost of the work; `unpriced` of the `worked` minutes have no cost rate."""

    revenue_minor: int
    cost_minor: int
    margin_minor: int
    worked: int
    unpriced: int


@view
class MarginInMonth(Margin):
    """The same for a month, written YYYY-MM."""

    month: str


@view
class MarginOfContract(Margin):
    """The same for a contract."""

    contract: str
    contract_number: str
    holder_name: str


@view
class RevenueOfContract(View):
    """Revenue of a contract in a month (YYYY-MM), by what was `sold` of it.

    `kind` is that of what was sold; of overage, time past what the contract pays, `invoice` is the invoice or
    the credit note that has it, of anything else the invoice that sold it.
    """

    month: str
    contract: str
    contract_number: str
    sold: str
    kind: str
    invoice: str | None
    invoice_number: str | None
    revenue_minor: int


@view
class RevenueReportView(View):
    """A page of what the revenue of contracts is made of, the earliest month first."""

    currency: str
    items: list[RevenueOfContract]
    next_cursor: str | None


@view
class MarginReportView(View):
    """A page of contracts, the lowest margin first, and the sums of all of them by month."""

    currency: str
    months: list[MarginInMonth]
    items: list[MarginOfContract]
    next_cursor: str | None

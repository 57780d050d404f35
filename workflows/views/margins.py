"""Cost rates and margins, as they are shown. Amounts are minor units of the desk's currency."""

from dataclasses import dataclass
from datetime import date, datetime

from workflows.views import MoneyView


@dataclass(frozen=True, slots=True)
class CostRateView:
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


@dataclass(frozen=True, slots=True)
class Margin:
    """Revenue less the cost of the work; `unpriced` of the `worked` minutes have no cost rate."""

    revenue_minor: int
    cost_minor: int
    margin_minor: int
    worked: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class MarginInMonth(Margin):
    """The same for a month, written YYYY-MM."""

    month: str


@dataclass(frozen=True, slots=True)
class MarginOfContract(Margin):
    """The same for a contract."""

    contract: str
    contract_number: str
    holder_name: str


@dataclass(frozen=True, slots=True)
class MarginReportView:
    """A page of contracts, the lowest margin first, and the sums of all of them by month."""

    currency: str
    months: list[MarginInMonth]
    items: list[MarginOfContract]
    next_cursor: str | None

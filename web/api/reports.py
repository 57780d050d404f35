"""API routes of the reports, each as JSON and CSV. For finance, supervisors and administrators."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from web.api.queries import At, ListQuery, PageQuery, Text
from web.api.routing import RouteGroup, TextResponse
from web.report_files import (
    DUE_CSV,
    ENDINGS_CSV,
    HOURS_CSV,
    MARGIN_CSV,
    REVENUE_CSV,
    SERVICE_LEVELS_CSV,
    UNCOVERED_CSV,
    UTILIZATION_CSV,
    csv_rows,
)
from workflows.billing.overage import due_not_raised
from workflows.commands.margins import NewCostRate
from workflows.core.csv_text import csv_chunks
from workflows.core.transaction import Transaction
from workflows.margins.cost_rates import add_cost_rate, list_cost_rates, preview_cost_rate, read_cost_rate
from workflows.margins.report import open_margins
from workflows.reports import endings, hours, service_levels, uncovered, utilization
from workflows.reports.report_lists import MOST_ROWS
from workflows.views import Page
from workflows.views.billing import DueView
from workflows.views.margins import CostRatePreview, CostRateView, MarginReportView, RevenueReportView
from workflows.views.reports import (
    EndingsReportView,
    ServiceLevelsReportView,
    TimeMovedReport,
    UncoveredTimeReport,
    UtilizationReportView,
)

CSV = "text/csv"
Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d$")]

reports = RouteGroup("Reports")


class MonthsQuery(ListQuery):
    """A page of the rows, and the months of the report.

    `from` and `to` are the first and the last month, written YYYY-MM, in the provider's time zone; without
    them, the last twelve. `party` is one customer, written customer:ID, org_unit:ID or item:ID.
    """

    from_: Annotated[Month | None, Field(alias="from")] = None
    to: Month | None = None
    party: Text | None = None

    def span(self) -> dict[str, Any]:
        """The months and the customer, as the reports take them."""
        return {"from_": self.from_, "to": self.to, "party": self.party}

    def page(self, order: str) -> dict[str, Any]:
        """The page of the rows, in this order unless another one was asked for."""
        return {"order": self.order or order, "limit": self.limit, "cursor": self.cursor}


class HoursQuery(MonthsQuery):
    """The same for hours. `by` is customer, contract or customer_and_month; `unit` minutes or a currency."""

    contract: Text | None = None
    unit: Text = hours.MINUTES
    by: Text = "customer_and_month"

    def filters(self) -> dict[str, Any]:
        """The filters, as `open_hours` takes them."""
        return {**self.span(), "contract": self.contract, "unit": self.unit}


@reports.get("/reports/hours")
def get_hours(tx: Transaction, query: HoursQuery) -> TimeMovedReport:
    """Return what was sold, used, expired and carried over by customer and month, with the sums by month.

    These are the sums of the ledger's postings that are effective in each month, whether or not a job has
    run; in whole minutes, or in minor units of a currency.
    """
    with hours.open_hours(tx, **query.filters()) as report:
        page = report.list_by(query.by).page(**query.page("-used"))
        return TimeMovedReport(report.unit, report.months(), page.items, page.next_cursor)


@reports.get("/reports/hours.csv", media_type=CSV)
def get_hours_csv(tx: Transaction, query: HoursQuery) -> TextResponse:
    """Return the rows of the same report as CSV, all of them at once, up to 20,000."""
    with hours.open_hours(tx, **query.filters()) as report:
        rows = report.list_by(query.by).rows(order=query.order or "-used")
        return _csv(HOURS_CSV, csv_rows(HOURS_CSV, rows, unit=report.unit))


class UncoveredQuery(MonthsQuery):
    """The same for uncovered time. `by` is customer, contract or customer_and_month."""

    by: Text = "customer_and_month"


@reports.get("/reports/uncovered")
def get_uncovered(tx: Transaction, query: UncoveredQuery) -> UncoveredTimeReport:
    """Return the time that no contract paid by customer and month, with the sums by month.

    In whole minutes by the instant worked. Ordered by -overage_minor, those with the most overage come first.
    """
    report = uncovered.read_uncovered(tx, **query.span())
    page = report.list_by(query.by).page(**query.page("-ignored"))
    return UncoveredTimeReport(report.currency, report.months(), page.items, page.next_cursor)


@reports.get("/reports/uncovered.csv", media_type=CSV)
def get_uncovered_csv(tx: Transaction, query: UncoveredQuery) -> TextResponse:
    """Return the rows of the same report as CSV, all of them at once, up to 20,000."""
    report = uncovered.read_uncovered(tx, **query.span())
    rows = report.list_by(query.by).rows(order=query.order or "-ignored")
    return _csv(UNCOVERED_CSV, csv_rows(UNCOVERED_CSV, rows, currency=report.currency))


class ServiceLevelsQuery(MonthsQuery):
    """The same for service levels.

    `by` is level, customer or customer_and_month; `level` is the id of one, or "-" for requests that have no
    service level any more.
    """

    level: Text | None = None
    by: Text = "customer_and_month"

    def filters(self) -> dict[str, Any]:
        """The filters, as `open_service_levels` takes them."""
        return {**self.span(), "level": self.level}


@reports.get("/reports/service-levels")
def get_service_levels(tx: Transaction, query: ServiceLevelsQuery) -> ServiceLevelsReportView:
    """Return how many targets were met and missed, by customer and the month of opening, or by level.

    As of now. Targets of cancelled service requests count only if they were missed before.
    """
    with service_levels.open_service_levels(tx, **query.filters()) as report:
        page = report.list_by(query.by).page(**query.page("-resolution_missed"))
        return ServiceLevelsReportView(report.months(), page.items, page.next_cursor)


@reports.get("/reports/service-levels.csv", media_type=CSV)
def get_service_levels_csv(tx: Transaction, query: ServiceLevelsQuery) -> TextResponse:
    """Return the rows of the same report as CSV, all of them at once, up to 20,000."""
    with service_levels.open_service_levels(tx, **query.filters()) as report:
        rows = report.list_by(query.by).rows(order=query.order or "-resolution_missed")
        return _csv(SERVICE_LEVELS_CSV, csv_rows(SERVICE_LEVELS_CSV, rows))


class UtilizationQuery(MonthsQuery):
    """The same for utilization. `by` is technician, contract, customer or technician_and_month.

    `technician` and `contract` are ids; the contract "-" stands for work that no contract covered.
    """

    technician: Text | None = None
    contract: Text | None = None
    by: Text = "technician_and_month"

    def filters(self) -> dict[str, Any]:
        """The filters, as `read_utilization` takes them."""
        return {**self.span(), "technician": self.technician, "contract": self.contract}


@reports.get("/reports/utilization")
def get_utilization(tx: Transaction, query: UtilizationQuery) -> UtilizationReportView:
    """Return worked and chargeable minutes by technician and month, or by contract or customer."""
    report = utilization.read_utilization(tx, **query.filters())
    page = report.list_by(query.by).page(**query.page("-worked"))
    return UtilizationReportView(report.months(), page.items, page.next_cursor)


@reports.get("/reports/utilization.csv", media_type=CSV)
def get_utilization_csv(tx: Transaction, query: UtilizationQuery) -> TextResponse:
    """Return the rows of the same report as CSV, all of them at once, up to 20,000."""
    report = utilization.read_utilization(tx, **query.filters())
    rows = report.list_by(query.by).rows(order=query.order or "-worked")
    return _csv(UTILIZATION_CSV, csv_rows(UTILIZATION_CSV, rows))


class EndingsQuery(PageQuery):
    """Filters of the contracts that end.

    `months` are those ahead, the present one included; `by` is expiry or exhaustion; `renewed` true or false.
    `month` (YYYY-MM) lists the contracts of one of these months.
    """

    months: Annotated[int, Field(ge=1, le=endings.MOST_MONTHS_AHEAD)] = endings.MONTHS_AHEAD
    by: Text | None = None
    renewed: bool | None = None
    month: Month | None = None

    def filters(self) -> dict[str, Any]:
        """The filters, as `open_endings` takes them."""
        return {"months": self.months, "by": self.by, "renewed": self.renewed, "month": self.month}


@reports.get("/reports/endings")
def get_endings(tx: Transaction, query: EndingsQuery) -> EndingsReportView:
    """Return the contracts that end or are projected to run out in the months ahead, the earliest first.

    With the sums by month: how many, the time left, and what renewals are worth.
    """
    with endings.open_endings(tx, **query.filters()) as report:
        page = report.page(limit=query.limit, cursor=query.cursor)
        return EndingsReportView(report.currency, report.months(), page.items, page.next_cursor)


@reports.get("/reports/endings.csv", media_type=CSV)
def get_endings_csv(tx: Transaction, query: EndingsQuery) -> TextResponse:
    """Return the same contracts as CSV, all of them at once, up to 20,000."""
    with endings.open_endings(tx, **query.filters()) as report:
        return _csv(ENDINGS_CSV, csv_rows(ENDINGS_CSV, report.rows(MOST_ROWS)))


class DueQuery(PageQuery):
    """Filters of what is due and on no invoice, by an instant (default: now).

    `kind` is time, sale, renewal or credit.
    """

    as_of: At | None = None
    kind: Text | None = None


@reports.get("/reports/due-not-raised")
def get_due_not_raised(tx: Transaction, query: DueQuery) -> Page[DueView]:
    """Return what should have been invoiced by an instant and was not, the earliest first.

    Time to be billed of months that are over, what was sold on earlier days, renewals ahead of the end. The
    jobs write the drafts: it is empty once they have run. What stays is to be credited: time that was billed
    too high and fits on no draft.
    """
    return due_not_raised.list_due(tx, **query.given())


@reports.get("/reports/due-not-raised.csv", media_type=CSV)
def get_due_not_raised_csv(tx: Transaction, query: DueQuery) -> TextResponse:
    """Return the same rows as CSV, all of them at once."""
    rows = due_not_raised.all_due(tx, as_of=query.as_of, kind=query.kind)
    return _csv(DUE_CSV, csv_rows(DUE_CSV, rows))


class MarginQuery(PageQuery):
    """The months of the report, as of the other reports, and one contract."""

    from_: Annotated[Month | None, Field(alias="from")] = None
    to: Month | None = None
    contract: Text | None = None

    def filters(self) -> dict[str, Any]:
        """The filters, as `open_margins` takes them."""
        return {"from_": self.from_, "to": self.to, "contract": self.contract}


@reports.get("/reports/margin")
def get_margin(tx: Transaction, query: MarginQuery) -> MarginReportView:
    """Return the revenue of contracts less what the work on them costs, the lowest margin first.

    With the sums by month. For finance and administrators.
    """
    with open_margins(tx, **query.filters()) as report:
        page = report.page(limit=query.limit, cursor=query.cursor)
        return MarginReportView(report.currency, report.months(), page.items, page.next_cursor)


@reports.get("/reports/margin.csv", media_type=CSV)
def get_margin_csv(tx: Transaction, query: MarginQuery) -> TextResponse:
    """Return the same contracts as CSV, all of them at once, up to 20,000."""
    with open_margins(tx, **query.filters()) as report:
        return _csv(MARGIN_CSV, csv_rows(MARGIN_CSV, report.rows(MOST_ROWS), currency=report.currency))


@reports.get("/reports/margin/revenue")
def get_margin_revenue(tx: Transaction, query: MarginQuery) -> RevenueReportView:
    """Return what the revenue of the margin is made of, the earliest month first.

    By month, contract and what was sold of it. For finance and administrators.
    """
    with open_margins(tx, **query.filters()) as report:
        page = report.revenue_page(limit=query.limit, cursor=query.cursor)
        return RevenueReportView(report.currency, page.items, page.next_cursor)


@reports.get("/reports/margin/revenue.csv", media_type=CSV)
def get_margin_revenue_csv(tx: Transaction, query: MarginQuery) -> TextResponse:
    """Return the same rows as CSV, all of them at once, up to 20,000."""
    with open_margins(tx, **query.filters()) as report:
        rows = csv_rows(REVENUE_CSV, report.revenue_rows(MOST_ROWS), currency=report.currency)
        return _csv(REVENUE_CSV, rows)


@reports.get("/cost-rates")
def get_cost_rates(tx: Transaction, query: ListQuery) -> Page[CostRateView]:
    """List what an hour of work costs from a day on, the latest day first. For finance and administrators."""
    return list_cost_rates(tx, **query.given())


@reports.post("/cost-rates", status=201)
def post_cost_rate(tx: Transaction, command: NewCostRate) -> CostRateView:
    """Give what an hour of a technician, or of everyone with a role, costs from a day on.

    A day that has gone by is refused unless `changes_past` asks for pricing the work since then again: past
    margins change, and the audit trail says by how much.
    """
    return read_cost_rate(tx, add_cost_rate(tx, command))


@reports.post("/cost-rates/preview", reads=True)
def post_cost_rate_preview(tx: Transaction, command: NewCostRate) -> CostRatePreview:
    """Return what a rate would change of the cost of work, by month. Nothing is saved.

    It is the same with and without `changes_past`; `asks` if the day has gone by, so that it is needed.
    """
    return preview_cost_rate(tx, command)


def _csv(header: Any, rows: Any) -> TextResponse:
    return TextResponse("".join(csv_chunks(header, rows)), "text/csv; charset=utf-8")

"""API routes of accounting periods."""

from web.api.queries import ListQuery, PageQuery
from web.api.routing import RouteGroup
from workflows.accounting_periods import queries, use_cases
from workflows.commands.accounting_periods import ChangePeriod
from workflows.core.transaction import Transaction
from workflows.ledger.queries import LedgerTransactionView
from workflows.views import Page
from workflows.views.accounting_periods import PeriodChecklist, PeriodDetail, PeriodView

accounting_periods = RouteGroup("Accounting periods")


class PeriodsQuery(PageQuery):
    """Paging of accounting periods."""


@accounting_periods.get("/accounting-periods")
def list_accounting_periods(tx: Transaction, query: PeriodsQuery) -> Page[PeriodView]:
    """List the months, the latest first, open and closed. For finance and administrators."""
    page = queries.list_periods(tx, **query.given())
    return Page(page.items, page.next_cursor)


@accounting_periods.get("/accounting-periods/{period}")
def read_accounting_period(tx: Transaction, period: str) -> PeriodDetail:
    """Return one month, written YYYY-MM, with who closed and reopened it, when and why."""
    return queries.read_period(tx, period)


@accounting_periods.get("/accounting-periods/{period}/checklist")
def read_period_checklist(tx: Transaction, period: str) -> PeriodChecklist:
    """Return what is to be done before a month is closed, each step with its count.

    While a step is not done, closing takes a reason. Closing itself posts the revenue.
    """
    return queries.read_checklist(tx, period)


@accounting_periods.get("/accounting-periods/{period}/adjustments")
def list_adjustments(tx: Transaction, period: str, query: ListQuery) -> Page[LedgerTransactionView]:
    """List the ledger transactions that belong in a closed month and were recorded after it.

    Each is effective at the start of the first open month; `belongs_at` is when it would have been.
    """
    return queries.list_adjustments(tx, period, **query.given())


@accounting_periods.post("/accounting-periods/{period}/close")
def close_accounting_period(tx: Transaction, period: str, command: ChangePeriod) -> PeriodDetail:
    """Close a month, written YYYY-MM, that has ended. For finance and administrators.

    Months are closed in order; the first closing closes everything before it, too. Balances as of an instant
    in a closed month never change: what is entered later for it becomes an adjustment in the open month.
    """
    return queries.read_period(tx, use_cases.close_period(tx, period, command))


@accounting_periods.post("/accounting-periods/{period}/reopen")
def reopen_accounting_period(tx: Transaction, period: str, command: ChangePeriod) -> PeriodDetail:
    """Open the last closed month again. Its adjustments are moved back to when they belong."""
    return queries.read_period(tx, use_cases.reopen_period(tx, period, command))

"""What a contract says of work past what it pays, what counts against its limit, and how much is past it.

Source: product.md section 7 (Asking before more is spent).
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select

from engine.accounting_periods import end_of_month
from engine.approvals import NotToExceed, OveragePolicy, OverageTerms
from engine.charging import price_minor
from engine.periods import first_instant_of, local_date
from engine.service_requests import UNFINISHED_STATES
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.store import tables as t

a, e, r = t.work_allocation, t.work_entry, t.service_request


class Month(NamedTuple):
    """A month of work in the desk's time zone; `end` is exclusive. Instants are aware UTC."""

    begin: datetime
    end: datetime


def overage_terms(settings: Settings, row: Any) -> OverageTerms:
    """The terms of a contract's row: its own, else those of the settings."""
    policy: OveragePolicy = row.overage or settings.overage
    limit, given = NotToExceed.of(row.not_to_exceed), settings.not_to_exceed
    if limit is None and given is not None:
        limit = NotToExceed(given.per, given.minutes, given.amount_minor)
    rate = row.overage_rate_minor or settings.default_overage_rate_minor
    return OverageTerms(policy, limit, row.number, rate, row.currency or settings.currency)


def month_of(tx: Transaction, at: datetime) -> Month:
    """The month of work in which an instant lies."""
    zone = tx.settings.zone
    first = local_date(at, zone).replace(day=1)
    return Month(first_instant_of(first, zone), end_of_month(first, zone))


def counted_sum(
    tx: Transaction,
    contract_id: str,
    limit: NotToExceed,
    rate_minor: int,
    *,
    month: Month | None = None,
    request_id: str | None = None,
) -> int:
    """What is posted against a limit, in its unit; `rate_minor` is the price of an hour of billed time.

    In a month, or on a service request, where one is given.
    """
    scope = _scope(contract_id, month)
    if request_id is not None:
        scope.append(e.c.service_request_id == request_id)
    found = tx.connection.execute(
        select(*_sums(limit)).join(e, e.c.id == a.c.work_entry_id).where(*scope)
    ).one()
    return _counted(limit, rate_minor, *found)


def past_limit(tx: Transaction, contract_id: str, terms: OverageTerms) -> int:
    """By how much work is past the limit of these terms already, in the limit's unit; 0 without one.

    Of a limit by the month it is this month, of one by service request each that is not finished.
    """
    limit, rate = terms.limit, terms.rate_minor or 0
    if limit is None or terms.policy == "go_on":
        return 0
    if limit.per != "service_request":
        month = month_of(tx, tx.now) if limit.per == "month" else None
        return limit.past(0, counted_sum(tx, contract_id, limit, rate, month=month))
    rows = tx.connection.execute(
        select(*_sums(limit))
        .join(e, e.c.id == a.c.work_entry_id)
        .join(r, r.c.id == e.c.service_request_id)
        .where(*_scope(contract_id, None), r.c.state.in_(sorted(UNFINISHED_STATES)))
        .group_by(r.c.id)
    )
    return sum(limit.past(0, _counted(limit, rate, *row)) for row in rows)


def _scope(contract_id: str, month: Month | None) -> list[ColumnElement[bool]]:
    scope: list[ColumnElement[bool]] = [a.c.contract_id == contract_id, a.c.reversed_at.is_(None)]
    if month is not None:
        scope += [a.c.effective_at >= month.begin, a.c.effective_at < month.end]
    return scope


def _sums(limit: NotToExceed) -> list[Any]:
    """What is counted: the minutes, or the money drawn and the minutes billed."""
    if limit.amount_minor is None:
        return [func.coalesce(func.sum(a.c.minutes), 0)]
    billed = func.sum(a.c.minutes).filter(a.c.kind == "overage")
    return [func.coalesce(func.sum(a.c.amount_minor), 0), func.coalesce(billed, 0)]


def _counted(limit: NotToExceed, rate_minor: int, first: int, billed: int = 0) -> int:
    return int(first) + (price_minor(int(billed), rate_minor) if limit.amount_minor is not None else 0)

"""Reading accounting periods: the months since the first contract, and what was recorded after a closing."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, or_, select

from engine.accounting_periods import ClosedPeriod, end_of_month, month_of, next_month
from engine.periods import first_instant_of, last_day_of_month, local_date
from workflows.accounting_periods.checklist import open_points, period_points
from workflows.accounting_periods.use_cases import ACCOUNTANTS, SUBJECT, first_day_or_not_found, last_closed
from workflows.core.paging import Place, Sort, read_cursor, require_limit
from workflows.core.transaction import Transaction
from workflows.ledger.queries import LedgerTransactionView, list_ledger_transactions
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, CountedPage, Page
from workflows.views.accounting_periods import PeriodChecklist, PeriodDetail, PeriodEvent, PeriodView

p, a, event = t.accounting_period, t.ledger_adjustment, t.audit_event
ORDER = "-period"


def list_periods(
    tx: Transaction, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> CountedPage[PeriodView]:
    """A page of the months from the present one back to the first that has something in it.

    Raises: NotAllowed; InvalidInput for a limit or a cursor.
    """
    tx.require(*ACCOUNTANTS)
    require_limit(limit)
    months = _months(tx)
    first, last = 0, limit
    if cursor is not None:
        place = read_cursor(cursor, ORDER, Sort(p.c.month))
        if place.backward:
            last = sum(1 for month in months if month_of(month) > place.keys[0])
            first = max(0, last - limit)
        else:
            first = sum(1 for month in months if month_of(month) >= place.keys[0])
            last = first + limit
    shown = months[first:last]
    cursors = [_place(month, first + number).cursor() for number, month in enumerate(shown, 1)]
    return CountedPage(
        _views(tx, shown),
        cursors[-1] if last < len(months) and cursors else None,
        previous_cursor=_place(shown[0], first + 1).turned().cursor() if first and shown else None,
        total=len(months),
        start=first,
        cursors=cursors,
    )


def read_period(tx: Transaction, month: str) -> PeriodDetail:
    """One month (YYYY-MM) with its history. Raises: NotAllowed; NotFound."""
    tx.require(*ACCOUNTANTS)
    [view] = _views(tx, [first_day_or_not_found(month)])
    rows = tx.connection.execute(
        select(event)
        .where(event.c.subject_kind == SUBJECT, event.c.subject_id == month)
        .order_by(event.c.at.desc(), event.c.id.desc())
    )
    history = [PeriodEvent(row.at, row.action, row.actor, (row.details or {}).get("reason")) for row in rows]
    return PeriodDetail(**asdict(view), history=history)


def read_checklist(tx: Transaction, month: str) -> PeriodChecklist:
    """What is to be done before a month (YYYY-MM) is closed. Raises: NotAllowed; NotFound."""
    tx.require(*ACCOUNTANTS)
    first_day = first_day_or_not_found(month)
    points = period_points(tx, end_of_month(first_day, tx.settings.zone), last_day_of_month(first_day))
    return PeriodChecklist(month, points, is_done=not open_points(points))


def next_to_close(tx: Transaction) -> str | None:
    """The month (YYYY-MM) that is over and is closed next; None if there is none. Raises: NotAllowed."""
    tx.require(*ACCOUNTANTS)
    last, this_month = last_closed(tx), local_date(tx.now, tx.settings.zone).replace(day=1)
    if last is None:
        return month_of((this_month - timedelta(days=1)).replace(day=1))
    following = next_month(date.fromisoformat(f"{last.month}-01"))
    return month_of(following) if following < this_month else None


def list_adjustments(
    tx: Transaction,
    month: str,
    *,
    order: str = "-recorded_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[LedgerTransactionView]:
    """A page of the ledger transactions that belong in a month and were recorded after it was closed.

    Raises: NotAllowed; NotFound; InvalidInput for an order or a cursor.
    """
    view = read_period(tx, month)
    since = None if view.period == _first_closed(tx) else view.starts_at
    return list_ledger_transactions(
        tx,
        adjustments_of=(since, view.ends_at),
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def _place(month: date, start: int) -> Place:
    return Place(ORDER, (month_of(month),), month_of(month), start)


def _first_closed(tx: Transaction) -> str | None:
    found: str | None = tx.connection.execute(select(func.min(p.c.month))).scalar()
    return found


def _months(tx: Transaction) -> list[date]:
    """The first days of the months to list, the latest first."""
    latest = local_date(tx.now, tx.settings.zone).replace(day=1)
    first_closed = _first_closed(tx)
    if first_closed is not None:
        earliest = date.fromisoformat(f"{first_closed}-01")
    else:
        c = t.contract
        begun: datetime | None = tx.connection.execute(
            select(func.min(c.c.starts_at)).where(c.c.starts_at <= tx.now)
        ).scalar()
        earliest = local_date(begun or tx.now, tx.settings.zone).replace(day=1)
    months = [earliest]
    while months[-1] < latest:
        months.append(next_month(months[-1]))
    return months[::-1]


def _views(tx: Transaction, months: Sequence[date]) -> list[PeriodView]:
    names = [month_of(month) for month in months]
    closed = {row.month: row for row in tx.connection.execute(select(p).where(p.c.month.in_(names)))}
    last, adjustments = last_closed(tx), _adjustments(tx, names)
    found = []
    for month, name in zip(months, names, strict=True):
        row = closed.get(name)
        starts_at = row.starts_at if row else first_instant_of(month, tx.settings.zone)
        ends_at = row.ends_at if row else end_of_month(month, tx.settings.zone)
        found.append(
            PeriodView(
                period=name,
                state="closed" if row or (last is not None and name <= last.month) else "open",
                starts_at=starts_at,
                ends_at=ends_at,
                closed_at=row.closed_at if row else None,
                closed_by=row.closed_by if row else None,
                reason=row.reason if row else None,
                adjustments=adjustments.get(name, 0),
                allowed_actions=_allowed(month, last, ends_at, tx.now),
            )
        )
    return found


def _allowed(month: date, last: ClosedPeriod | None, ends_at: datetime, now: datetime) -> list[str]:
    name = month_of(month)
    if last is not None and name <= last.month:
        return ["reopen"] if name == last.month else []
    is_next = last is None or month == next_month(date.fromisoformat(f"{last.month}-01"))
    return ["close"] if is_next and ends_at <= now else []


def _adjustments(tx: Transaction, months: Sequence[str]) -> dict[str, int]:
    """How many adjustments each closed month has; the first one has those of all before it, too."""
    is_first = p.c.month == select(func.min(p.c.month)).scalar_subquery()
    in_period = and_(a.c.belongs_at < p.c.ends_at, or_(a.c.belongs_at >= p.c.starts_at, is_first))
    rows = tx.connection.execute(
        select(p.c.month, func.count(a.c.transaction_id).label("number"))
        .join(a, in_period)
        .where(p.c.month.in_(months))
        .group_by(p.c.month)
    )
    return {row.month: int(row.number) for row in rows}

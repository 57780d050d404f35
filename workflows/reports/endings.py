"""Contracts that end or run out in the months ahead, what then expires, and what their renewals are worth.

A contract is listed once, at the earlier of its end and of when its minutes or money run out at their recent
pace, which is an estimate (`engine.projection`). Its renewal is worth its price, which a renewal takes over.
Source: product.md sections 5 and 10.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, or_, select

from engine.accounting_periods import end_of_month, month_of, next_month
from engine.contracts import METERED
from engine.periods import local_date
from workflows.core.actors import OFFICE
from workflows.core.errors import invalid
from workflows.core.paging import Sort, page_of_values
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.rows import has_not_ended
from workflows.register.holder_names import holder_names
from workflows.reports.parties import in_parts
from workflows.reports.running_out import list_running_out
from workflows.reports.up_to_date import up_to_date_contracts
from workflows.store import tables as t
from workflows.store.column_types import MICROSECOND
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.reports import EndingContract, EndingsInMonth

EndsBy = Literal["expiry", "exhaustion"]
ENDS_BY: tuple[EndsBy, ...] = get_args(EndsBy)
MONTHS_AHEAD, MOST_MONTHS_AHEAD = 12, 36
ORDER = "ends_at"
SUMS = ("ending", "running_out", "minutes_left", "renewed_minor", "not_renewed_minor")
c, b = t.contract, t.grant_balance


class _Ending(NamedTuple):
    """What the sums need of a contract. Thousands of these are sorted; names are read for a page only."""

    ends_at: datetime
    contract: str
    by: EndsBy
    renewed_by: str | None
    price_minor: int
    currency: str | None
    minutes: int


@dataclass(frozen=True, slots=True)
class EndingsReport:
    """The report of the months ahead, of which the present one is the first."""

    tx: Transaction
    first_days: tuple[date, ...]
    currency: str
    endings: list[_Ending]
    month: str | None = None
    """The one whose contracts are listed, as YYYY-MM; all of them where None."""

    def months(self) -> list[EndingsInMonth]:
        """The sums of each month, the present one first. Prices are those in the desk's currency."""
        sums = {month_of(day): dict.fromkeys(SUMS, 0) for day in self.first_days}
        for one in self.endings:
            found = sums[self._month_of(one)]
            found["ending" if one.by == "expiry" else "running_out"] += 1
            if one.by == "expiry":
                found["minutes_left"] += one.minutes
            if one.currency == self.currency:
                found["renewed_minor" if one.renewed_by else "not_renewed_minor"] += one.price_minor
        return [EndingsInMonth(**amounts, month=month) for month, amounts in sums.items()]

    def page(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[EndingContract]:
        """A page of the contracts, the earliest first. Raises: InvalidInput for a limit or a cursor."""
        page = page_of_values(
            self._listed(), _place, order=ORDER, sort=Sort(c.c.expires_at), limit=limit, cursor=cursor
        )
        return page.with_items(self._views(page.items))

    def rows(self, most: int) -> list[EndingContract]:
        """The contracts up to so many, the earliest first."""
        return self._views(self._listed()[:most])

    def _listed(self) -> list[_Ending]:
        if self.month is None:
            return self.endings
        return [one for one in self.endings if self._month_of(one) == self.month]

    def _month_of(self, one: _Ending) -> str:
        return month_of(local_date(_last_instant(one), self.tx.settings.zone))

    def _views(self, endings: Sequence[_Ending]) -> list[EndingContract]:
        rows: dict[str, Any] = {}
        names: dict[tuple[str, str], str] = {}
        for part in in_parts(one.contract for one in endings):
            found = self.tx.connection.execute(select(c).where(c.c.id.in_(part))).all()
            rows |= {row.id: row for row in found}
            names |= holder_names(self.tx, {(row.holder_kind, row.holder_id) for row in found})
        return [_view(one, rows[one.contract], names) for one in endings]


@contextmanager
def open_endings(
    tx: Transaction,
    *,
    months: int = MONTHS_AHEAD,
    by: str | None = None,
    renewed: bool | None = None,
    month: str | None = None,
) -> Iterator[EndingsReport]:
    """The report of so many months ahead, the present one included (1 to 36), as of now.

    `by` is expiry or exhaustion; with `renewed`, only those that have been renewed or have not. `month`
    (YYYY-MM) narrows the list of the contracts, but not the sums of the months.
    Raises: NotAllowed for technicians and customers; InvalidInput for `months`, `by` or `month`.
    """
    tx.require(*OFFICE)
    if not 1 <= months <= MOST_MONTHS_AHEAD:
        raise invalid(
            "/months",
            gettext(
                "months must be between 1 and %(most_months_ahead)s.", most_months_ahead=MOST_MONTHS_AHEAD
            ),
        )
    if by is not None and by not in ENDS_BY:
        raise invalid(
            "/by",
            gettext("%(by)s is not a way to end.", by=repr(by[:20])),
            gettext("Use %(ends_by)s.", ends_by=" or ".join(ENDS_BY)),
        )
    with up_to_date_contracts(tx) as fresh:
        zone = fresh.settings.zone
        first_days = [local_date(fresh.now, zone).replace(day=1)]
        while len(first_days) < months:
            first_days.append(next_month(first_days[-1]))
        names = [month_of(day) for day in first_days]
        if month is not None and month not in names:
            raise invalid(
                "/month",
                gettext("%(month)s is not among these months.", month=repr(month[:20])),
                gettext("Use one of %(first)s to %(last)s.", first=names[0], last=names[-1]),
            )
        found = [
            one
            for one in _endings(fresh, end_of_month(first_days[-1], zone))
            if (by is None or one.by == by) and (renewed is None or (one.renewed_by is not None) == renewed)
        ]
        yield EndingsReport(
            fresh, tuple(first_days), fresh.settings.currency, sorted(found, key=_place), month
        )


def _endings(tx: Transaction, until: datetime) -> Iterator[_Ending]:
    """Every contract that has not ended and ends, or is projected to run out, by an instant (inclusive)."""
    days = -(-(until - tx.now) // timedelta(days=1))
    run_out = {
        one.contract: one.runs_out_at
        for one in list_running_out(tx, within_days=days, most=None)
        if one.runs_out_at < until
    }
    successor = c.alias("successor")
    renewed_by = (
        select(successor.c.id)
        .where(successor.c.renewal_of_id == c.c.id, successor.c.cancelled_at.is_(None))
        .limit(1)
        .scalar_subquery()
    )
    left = (
        select(func.sum(b.c.available))
        .where(b.c.contract_id == c.c.id, b.c.unit == METERED[0])
        .scalar_subquery()
    )
    statement = select(
        c.c.id,
        c.c.expires_at,
        c.c.price_minor,
        c.c.currency,
        renewed_by.label("renewed_by"),
        func.coalesce(left, 0).label("minutes"),
    ).where(has_not_ended(tx))
    for row in tx.connection.execute(statement.where(c.c.expires_at <= until)):
        yield _ending(row, run_out.get(row.id))
    for part in in_parts(run_out):
        # those that also end by then have been read
        later = or_(c.c.expires_at.is_(None), c.c.expires_at > until)
        for row in tx.connection.execute(statement.where(c.c.id.in_(part), later)):
            yield _ending(row, run_out[row.id])


def _ending(row: Any, runs_out_at: datetime | None) -> _Ending:
    by: EndsBy = "exhaustion" if runs_out_at is not None else "expiry"
    price = (row.price_minor or 0, row.currency)
    return _Ending(runs_out_at or row.expires_at, row.id, by, row.renewed_by, *price, int(row.minutes))


def _place(one: _Ending) -> tuple[datetime, str]:
    return one.ends_at, one.contract


def _last_instant(one: _Ending) -> datetime:
    """The instant whose month an ending belongs to: an end is exclusive, and its last day counts."""
    return one.ends_at - MICROSECOND if one.by == "expiry" else one.ends_at


def _view(one: _Ending, row: Row[Any], names: dict[tuple[str, str], str]) -> EndingContract:
    has_price = row.price_minor is not None and row.currency is not None
    return EndingContract(
        contract=row.id,
        number=row.number,
        type=row.type,
        holder={row.holder_kind: row.holder_id},
        holder_name=names.get((row.holder_kind, row.holder_id), ""),
        ends_at=one.ends_at,
        by=one.by,
        last_day=local_date(_last_instant(one), ZoneInfo(row.time_zone)),
        minutes_left=one.minutes,
        renewed_by=one.renewed_by,
        renewal_value=MoneyView(row.price_minor, row.currency) if has_price else None,
    )

"""The months that a report is about, in the provider's time zone, and the month of an instant as SQL."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, literal

from engine.accounting_periods import end_of_month, first_day_of, month_of, next_month
from engine.periods import first_instant_of, last_day_of_month, local_date
from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store.column_types import Instant, text_constant

MOST_MONTHS = 36
USUAL_MONTHS = 12


@dataclass(frozen=True, slots=True)
class MonthSpan:
    """Months without a gap; `ends_at` has the exclusive end of each (aware UTC), but none after now.

    `starts_at` is the first instant of the first month.
    """

    first_days: tuple[date, ...]
    starts_at: datetime
    ends_at: tuple[datetime, ...]

    @property
    def names(self) -> list[str]:
        """The months, written YYYY-MM."""
        return [month_of(day) for day in self.first_days]

    @property
    def first_day(self) -> date:
        return self.first_days[0]

    @property
    def last_day(self) -> date:
        return last_day_of_month(self.first_days[-1])

    def contains(self, at: ColumnElement[datetime]) -> ColumnElement[bool]:
        """SQL: an instant lies in one of the months, and is not after now."""
        return and_(at >= literal(self.starts_at, Instant), at < literal(self.ends_at[-1], Instant))

    def month_of(self, at: ColumnElement[datetime]) -> ColumnElement[str]:
        """SQL: the month (YYYY-MM) of an instant in the span."""
        last = text_constant(self.names[-1])
        # with the last one, so that a single month is no constant: PostgreSQL does not group by one
        before = zip(self.ends_at, self.names, strict=True)
        return case(*((at < literal(end, Instant), text_constant(name)) for end, name in before), else_=last)


def month_span(tx: Transaction, from_: str | None = None, to: str | None = None) -> MonthSpan:
    """The months from one to another, both written YYYY-MM and inclusive; at most 36.

    Without `to` they end with the present month, without `from_` they are twelve.
    Raises: InvalidInput.
    """
    zone = tx.settings.zone
    last = _first_day(to, "/to") if to else local_date(tx.now, zone).replace(day=1)
    first = _first_day(from_, "/from") if from_ else _months_before(last, USUAL_MONTHS - 1)
    if first > last:
        raise invalid(
            "/from",
            gettext("%(month)s is after %(month2)s.", month=month_of(first), month2=month_of(last)),
            gettext("Give the earlier month first."),
        )
    months = [first]
    while months[-1] < last:
        if len(months) == MOST_MONTHS:
            raise invalid(
                "/from",
                gettext(
                    "From %(month)s to %(month2)s there are more than %(most_months)s months.",
                    month=month_of(first),
                    month2=month_of(last),
                    most_months=MOST_MONTHS,
                ),
                gettext("Ask for %(most_months)s months or fewer at once.", most_months=MOST_MONTHS),
            )
        months.append(next_month(months[-1]))
    return _span(tx, months)


def months_since(tx: Transaction, first: date) -> MonthSpan | None:
    """All months from that of a day to the present one, however many; None for a later month."""
    months = [first.replace(day=1)]
    last = local_date(tx.now, tx.settings.zone).replace(day=1)
    while months[-1] < last:
        months.append(next_month(months[-1]))
    return _span(tx, months) if months[0] <= last else None


def _span(tx: Transaction, months: list[date]) -> MonthSpan:
    zone, first = tx.settings.zone, months[0]
    # what is recorded at this very instant counts, and nothing of later
    end = max(tx.now + timedelta(microseconds=1), first_instant_of(first, zone))
    ends_at = tuple(min(end_of_month(month, zone), end) for month in months)
    return MonthSpan(tuple(months), first_instant_of(first, zone), ends_at)


def _first_day(month: str, pointer: str) -> date:
    found = first_day_of(month)
    if found is None or found.year < 1971:  # a year of months before it must be one that is supported
        raise _no_month(month, pointer)
    return found


def _no_month(month: str, pointer: str) -> InvalidInput:
    return invalid(
        pointer,
        gettext("%(month)s is not a month.", month=repr(month[:20])),
        gettext("Write for example 2026-03."),
    )


def _months_before(first_day: date, count: int) -> date:
    """The first day of the month that is so many months earlier."""
    months = first_day.year * 12 + first_day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)

"""The dates and the price of a successor: its last day, what it costs, and where each grant goes in it.

A period of whole months is followed by as many months, a period of days by as many days. A grant keeps its
place: one that begins with the third month of a contract begins with the third month of its successor.

Source: product.md section 5 (renew).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from engine.billing_cycles import day_share
from engine.errors import InvalidQuantity
from engine.periods import Duration, first_instant_at, last_included_day, local_date
from engine.quantities import Money, round_half_up

MOST_UPLIFT_PERCENT = 1000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Uplift:
    """By how much a price is raised: `percent` of it (exact), or an amount on top of it."""

    percent: Fraction = Fraction(0)
    amount: Money | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= MOST_UPLIFT_PERCENT:
            raise InvalidQuantity(
                f"An uplift cannot be {self.percent} percent.",
                remedy=f"Give a percentage from 0 to {MOST_UPLIFT_PERCENT}.",
            )


NO_UPLIFT = Uplift()


def renewal_price(
    price: Money,
    uplift: Uplift = NO_UPLIFT,
    *,
    part: tuple[date, date] | None = None,
    whole: tuple[date, date] | None = None,
) -> Money:
    """The price of a successor: that of its predecessor, raised, and prorated by days to a co-terminated end.

    `whole` are the days that a full successor would have, `part` those that this one has, both half-open
    spans of local dates; without them nothing is prorated. Rounded once to the minor unit, halves up.
    Raises: CurrencyMismatch for an uplift in another currency; InvalidPeriod if `whole` is empty or a span is
    reversed; InvalidQuantity if the result is beyond 2**53 - 1.
    Source: product.md sections 5 and 10.
    """
    with_amount = price + uplift.amount if uplift.amount is not None else price
    raised = with_amount.amount_minor + price.amount_minor * uplift.percent / 100
    share = day_share(part, whole) if part is not None and whole is not None else Fraction(1)
    return Money(round_half_up(raised * share), price.currency)


def successor_last_day(starts_at: datetime, expires_at: datetime, zone: ZoneInfo) -> date:
    """The last day of a successor of the same length, which starts at `expires_at` (aware UTC, exclusive).

    Raises: NaiveInstant; AbsurdDate outside the years 1970 to 2199.
    """
    first, after = local_date(starts_at, zone), local_date(expires_at, zone)
    months = _whole_months(first, after)
    if months is not None:
        return last_included_day(after, Duration(months=months))
    return after - _DAY + max(after - first, _DAY)


@dataclass(frozen=True, slots=True)
class Succession:
    """A contract's period [starts_at, expires_at) and the successor's, which starts at `expires_at`.

    Units: aware UTC, ends exclusive; local dates are those of `zone`, in which the contract was sold.
    """

    starts_at: datetime
    expires_at: datetime
    successor_expires_at: datetime
    zone: ZoneInfo

    def span(
        self, effective_at: datetime | None, expires_at: datetime | None
    ) -> tuple[datetime | None, datetime | None]:
        """The span in the successor of a grant with this span; None stays None: from the start, to the end.

        A grant that ends with the contract or later ends with the successor. One that begins late may begin
        after a shorter successor's end: the caller has to check. Never empty: where a shorter month would
        leave nothing, it keeps its length.
        """
        begins = self._begin(effective_at) if effective_at is not None else None
        if expires_at is None:
            return begins, None
        if expires_at >= self.expires_at:
            return begins, self.successor_expires_at
        ends = self._end(expires_at)
        if ends <= (begins or self.expires_at):
            ends = (begins or self.expires_at) + (expires_at - (effective_at or self.starts_at))
        return begins, ends

    def _begin(self, at: datetime) -> datetime:
        if at <= self.starts_at:
            return self.expires_at
        local = at.astimezone(self.zone).replace(tzinfo=None)
        return self._at(self._day(local.date()), local.time())

    def _end(self, at: datetime) -> datetime:
        """An exclusive end at midnight belongs to the day before, its last one."""
        local = at.astimezone(self.zone).replace(tzinfo=None)
        if local.time() == time():
            return self._at(self._day(local.date() - _DAY) + _DAY, time())
        return self._at(self._day(local.date()), local.time())

    def _at(self, day: date, clock: time) -> datetime:
        return first_instant_at(datetime.combine(day, clock), self.zone)

    def _day(self, day: date) -> date:
        """The day of the successor that takes the place of a day of the contract."""
        first, after = local_date(self.starts_at, self.zone), local_date(self.expires_at, self.zone)
        if _whole_months(first, after) is None:
            return day + max(after - first, _DAY)
        month = max((day.year - first.year) * 12 + day.month - first.month - 1, 0)
        while _month_start(first, month + 1) <= day:
            month += 1
        in_month = day - _month_start(first, month)
        return min(_month_start(after, month) + in_month, _month_start(after, month + 1) - _DAY)


def _whole_months(first: date, after: date) -> int | None:
    """The months from `first` up to `after` (exclusive); None if they are not whole ones."""
    most = (after.year - first.year) * 12 + after.month - first.month
    for months in (most, most - 1):
        # the second value is for a period from the 31st, which ends with a shorter month
        if months > 0 and last_included_day(first, Duration(months=months)) == after - _DAY:
            return months
    return None


def _month_start(first: date, months: int) -> date:
    """The first day of a month of a period that begins on `first`; months are counted from 0."""
    return last_included_day(first, Duration(months=months)) + _DAY if months else first

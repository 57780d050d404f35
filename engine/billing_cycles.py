"""Which billing cycles are due, and the prorated price of part of a cycle.

Dates are local; every span is half-open: it includes its first date and excludes its second. Shares are exact
fractions of days; only money is rounded, once, halves away from zero.

Source: product.md sections 4 and 10.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engine.errors import InvalidPeriod, InvalidQuantity
from engine.periods import LATEST_YEAR, Duration, check_date
from engine.quantities import Money

_LONGEST_CYCLE_MONTHS = 12 * (LATEST_YEAR - 1970)


@dataclass(frozen=True, slots=True)
class BilledCycle:
    """The half-open span of days [from_on, until_on): `share` of a full cycle (1 for a whole cycle)."""

    from_on: date
    until_on: date
    share: Fraction


def billed_cycles(
    *, starts_on: date, until_on: date | None, target_on: date, billing_day: int, duration: Duration
) -> tuple[BilledCycle, ...]:
    """The cycles to bill in advance for a term from `starts_on`, up to those that begin on `target_on`.

    `until_on` is the first day that is no longer covered, None if there is no known end. The days before the
    first billing date are billed as a share of the cycle they complete, and a cycle shortened by the end as a
    share of the full cycle.
    Units: local dates, [starts_on, until_on); shares are exact fractions of days.
    Raises: InvalidPeriod if target or end is before the start, or if the duration is not whole months;
    InvalidQuantity if the billing day is not 1 to 31; AbsurdDate outside the years 1970 to 2199.
    Source: product.md section 10.
    """
    _check_order(check_date(starts_on), check_date(target_on))
    if until_on is not None:
        _check_order(starts_on, check_date(until_on))
    cycle_months = _cycle_months(duration)
    first_on = first_billing_date(starts_on, billing_day, duration)

    def begins_on(n: int) -> date:
        return _billing_date(first_on, billing_day, n * cycle_months)

    cycles = []
    n = -1 if starts_on < first_on else 0
    # The cycle before the first billing date is due at once; the others when they begin.
    while (n < 0 or begins_on(n) <= target_on) and (
        until_on is None or max(starts_on, begins_on(n)) < until_on
    ):
        cycles.append(_covered_part(begins_on(n), begins_on(n + 1), starts_on, until_on))
        n += 1
    return tuple(cycles)


def cycles_in_advance(
    *, starts_on: date, until_on: date | None, target_on: date, billing_day: int, duration: Duration
) -> Fraction:
    """The number of cycles that `billed_cycles` finds, partial ones as exact fractions.

    Raises: the same errors as billed_cycles.
    """
    cycles = billed_cycles(
        starts_on=starts_on,
        until_on=until_on,
        target_on=target_on,
        billing_day=billing_day,
        duration=duration,
    )
    return sum((cycle.share for cycle in cycles), Fraction(0))


def first_billing_date(starts_on: date, billing_day: int, duration: Duration) -> date:
    """The first billing date on or after `starts_on`: in the same month, or else one `duration` later.

    In a month without that day, the billing date is the last day of the month.
    Raises: InvalidPeriod if the duration is not whole months; InvalidQuantity if the billing day is not 1 to
    31; AbsurdDate outside the years 1970 to 2199.
    """
    check_date(starts_on)
    if not 1 <= billing_day <= 31:
        raise InvalidQuantity("The billing day is out of range.", remedy="Give a day from 1 to 31.")
    cycle_months = _cycle_months(duration)
    in_its_month = _billing_date(starts_on, billing_day, 0)
    return in_its_month if in_its_month >= starts_on else _billing_date(starts_on, billing_day, cycle_months)


def prorated_amount(price: Money, *, part: tuple[date, date], whole: tuple[date, date]) -> Money:
    """`price` prorated by the days of `part` to the days of `whole`, rounded once, halves away from zero.

    `part` and `whole` are half-open spans of local dates.
    Raises: InvalidPeriod if `whole` is empty or a span is reversed; AbsurdDate outside the years 1970 to
    2199; InvalidQuantity if the result is beyond 2**53 - 1.
    Source: product.md section 10.
    """
    return price.times(day_share(part, whole))


def day_share(part: tuple[date, date], whole: tuple[date, date]) -> Fraction:
    """The days of `part` as an exact share of the days of `whole`, both half-open spans of local dates.

    Raises: InvalidPeriod if `whole` is empty or a span is reversed; AbsurdDate outside 1970 to 2199.
    """
    part_days, whole_days = _days(*part), _days(*whole)
    if whole_days == 0:
        raise InvalidPeriod(
            "A price cannot be prorated over an empty period.", remedy="Give a period of one day or more."
        )
    return Fraction(part_days, whole_days)


def _covered_part(from_on: date, next_on: date, starts_on: date, until_on: date | None) -> BilledCycle:
    covered_from = max(from_on, starts_on)
    covered_until = next_on if until_on is None else min(next_on, until_on)
    return BilledCycle(
        covered_from, covered_until, Fraction((covered_until - covered_from).days, (next_on - from_on).days)
    )


def _billing_date(month_of: date, billing_day: int, months_later: int) -> date:
    year, month_index = divmod(12 * month_of.year + month_of.month - 1 + months_later, 12)
    return date(year, month_index + 1, min(billing_day, monthrange(year, month_index + 1)[1]))


def _cycle_months(duration: Duration) -> int:
    cycle_months = duration.calendar_months
    if duration.calendar_days or duration.elapsed_seconds or not 1 <= cycle_months <= _LONGEST_CYCLE_MONTHS:
        raise InvalidPeriod(
            "A billing cycle must be a number of whole months.",
            remedy="Use months or years.",
            duration=duration,
        )
    return cycle_months


def _days(from_on: date, until_on: date) -> int:
    _check_order(check_date(from_on), check_date(until_on))
    return (until_on - from_on).days


def _check_order(starts_on: date, other_on: date) -> None:
    if other_on < starts_on:
        raise InvalidPeriod(
            f"{other_on} is before the start on {starts_on}.",
            remedy="Give a date on or after the start.",
            starts_on=starts_on,
            given=other_on,
        )

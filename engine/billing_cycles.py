"""Which billing cycles fall due, and what share of a price a part of one is.

Dates are local; every span runs from its first day up to, and without, the other. Shares are exact fractions
of days; only money is rounded, half up, once.

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
    """The days from `from_on` up to, and without, `until_on`: `share` of a full cycle (1 for all of it)."""

    from_on: date
    until_on: date
    share: Fraction


def billed_cycles(
    *, starts_on: date, until_on: date | None, target_on: date, billing_day: int, duration: Duration
) -> tuple[BilledCycle, ...]:
    """The cycles billed in advance of what runs from `starts_on`, up to those that begin on `target_on`.

    `until_on` is the first day no longer covered, None where no end is known. The days before the first
    billing date are a share of the cycle that they complete; a cycle that the end cuts short is a share of
    itself.
    Raises: InvalidPeriod if target or end come before the start, or the duration is not of months;
    InvalidQuantity for a billing day that no month has; AbsurdDate.
    """
    _check_order(check_date(starts_on), check_date(target_on), "billed by")
    if until_on is not None:
        _check_order(starts_on, check_date(until_on), "over on")
    cycle_months = _cycle_months(duration)
    first_on = first_billing_date(starts_on, billing_day, duration)

    def begins_on(n: int) -> date:
        return _billing_date(first_on, billing_day, n * cycle_months)

    cycles = []
    n = -1 if starts_on < first_on else 0
    # The one before the first date is due at once; the others when they begin.
    while (n < 0 or begins_on(n) <= target_on) and (
        until_on is None or max(starts_on, begins_on(n)) < until_on
    ):
        cycles.append(_covered_part(begins_on(n), begins_on(n + 1), starts_on, until_on))
        n += 1
    return tuple(cycles)


def cycles_in_advance(
    *, starts_on: date, until_on: date | None, target_on: date, billing_day: int, duration: Duration
) -> Fraction:
    """How many cycles `billed_cycles` finds, parts as exact fractions. Raises: as it does."""
    cycles = billed_cycles(
        starts_on=starts_on,
        until_on=until_on,
        target_on=target_on,
        billing_day=billing_day,
        duration=duration,
    )
    return sum((cycle.share for cycle in cycles), Fraction(0))


def first_billing_date(starts_on: date, billing_day: int, duration: Duration) -> date:
    """The first billing date on or after `starts_on`: in its month, or else a whole `duration` later.

    In a month without that day it is the month's last day.
    Raises: InvalidPeriod if the duration is not of months; InvalidQuantity for a billing day that no month
    has; AbsurdDate.
    """
    check_date(starts_on)
    if not 1 <= billing_day <= 31:
        raise InvalidQuantity("No month has that billing day.", remedy="Give a day from 1 to 31.")
    cycle_months = _cycle_months(duration)
    in_its_month = _billing_date(starts_on, billing_day, 0)
    return in_its_month if in_its_month >= starts_on else _billing_date(starts_on, billing_day, cycle_months)


def prorated_amount(price: Money, *, part: tuple[date, date], whole: tuple[date, date]) -> Money:
    """The part of `price` that the days of `part` are of the days of `whole`, rounded half up once.

    Raises: InvalidPeriod if the whole has no day or the part is reversed; AbsurdDate.
    """
    part_days, whole_days = _days(*part), _days(*whole)
    if whole_days == 0:
        raise InvalidPeriod(
            "A price for no day cannot be shared out.", remedy="Give a whole of a day or more."
        )
    return price.times(Fraction(part_days, whole_days))


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
            "A billing day needs cycles of whole months.", remedy="Use months or years.", duration=duration
        )
    return cycle_months


def _days(from_on: date, until_on: date) -> int:
    _check_order(check_date(from_on), check_date(until_on), "over on")
    return (until_on - from_on).days


def _check_order(starts_on: date, other_on: date, what: str) -> None:
    if other_on < starts_on:
        raise InvalidPeriod(
            f"What starts on {starts_on} cannot be {what} {other_on}.",
            remedy="Give a date on or after the start.",
            starts_on=starts_on,
            given=other_on,
        )

"""Recurring sales: the periods of one, when each is due to be invoiced, and what it costs.

A period is a month, a quarter or a year from the billing day on. The first and the last may be parts of one,
prorated by days and rounded half up once:

    EUR 90.00 a month from 15 January, billed on the 1st    17 of 31 days: 49.35    then 90.00 each month
    ended with 10 March                                     10 of 31 days: 29.03

In advance a period is due on its first day, in arrears on the first day after it. Days are local dates; spans
are half-open. Source: product.md section 10.
"""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from engine.billing_cycles import billed_cycles
from engine.periods import Duration, first_instant_of
from engine.quantities import round_half_up

Interval = Literal["month", "quarter", "year"]
Timing = Literal["advance", "arrears"]
SaleState = Literal["to_come", "running", "ended"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
TIMINGS: tuple[Timing, ...] = get_args(Timing)
SALE_STATES: tuple[SaleState, ...] = get_args(SaleState)
LENGTHS = {"month": Duration(months=1), "quarter": Duration(months=3), "year": Duration(years=1)}


@dataclass(frozen=True, slots=True)
class RecurringTerms:
    """What recurs from the day `starts_on` until before `until_on`, without it for ever.

    `price_minor` is that of a whole period, in minor units; `billing_day` is 1 to 31, clamped to the month.
    """

    starts_on: date
    until_on: date | None
    interval: Interval
    billing_day: int
    timing: Timing
    price_minor: int


@dataclass(frozen=True, slots=True)
class SalePeriod:
    """The days [from_on, until_on) of a recurring sale, `share` of a whole period, due on `due_on`."""

    from_on: date
    until_on: date
    share: Fraction
    due_on: date
    amount_minor: int

    def due_at(self, zone: ZoneInfo) -> datetime:
        """The instant (aware UTC) at which it is due: the first one of its due day."""
        return first_instant_of(self.due_on, zone)


def next_period(terms: RecurringTerms, begins_on: date | None = None) -> SalePeriod | None:
    """The period that begins on a day, by default the first one; None if none does, or the sale has ended.

    Raises: InvalidQuantity for a billing day that is none; AbsurdDate outside the years 1970 to 2199.
    """
    day = begins_on or terms.starts_on
    if terms.until_on is not None and (day >= terms.until_on or terms.until_on <= terms.starts_on):
        return None
    cycles = billed_cycles(
        starts_on=terms.starts_on,
        until_on=terms.until_on,
        target_on=day,
        billing_day=terms.billing_day,
        duration=LENGTHS[terms.interval],
    )
    found = cycles[-1]
    if found.from_on != day:
        return None
    due_on = found.from_on if terms.timing == "advance" else found.until_on
    amount_minor = round_half_up(terms.price_minor * found.share)
    return SalePeriod(found.from_on, found.until_on, found.share, due_on, amount_minor)


def periods_from(terms: RecurringTerms, begins_on: date | None, most: int) -> list[SalePeriod]:
    """At most so many periods, from the one that begins on a day on. Raises: as `next_period`."""
    found: list[SalePeriod] = []
    while len(found) < most and (one := next_period(terms, begins_on)) is not None:
        found.append(one)
        begins_on = one.until_on
    return found

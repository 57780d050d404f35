"""Converts time worked to chargeable minutes, segment by segment, and to its price.

Source: product.md sections 3 and 7 (From worked to chargeable minutes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from engine.calendars import LAST_INSTANT
from engine.contracts import ExcludedTime
from engine.periods import zone_named
from engine.quantities import Minutes, Period, Rounding, round_half_up
from engine.rounding import rounded_minutes
from engine.rulebook import ChargingFacts, RateCard, RuleSet
from engine.segments import cut_work

FULL_PERCENT = 100
MINUTES_AN_HOUR = 60


@dataclass(frozen=True, slots=True)
class TimeToCharge:
    """The time of one entry, as `TimeWorked`, with its rounding. `time_zone` is the provider's IANA zone.

    `before_minutes` were worked earlier and are rounded together with it.
    """

    started_at: datetime
    ended_at: datetime | None
    worked_minutes: Minutes
    rounding: Rounding
    before_minutes: Minutes
    time_zone: str


class Segment(NamedTuple):
    """A part of an entry with one percentage and one rate: [start, end), aware UTC.

    `end` is None for minutes that count at one instant. `worked_minutes` and `rounded_minutes` are the shares
    of the entry's. `rate_minor` is the price of an hour and `price_minor` that of the segment, in the minor
    unit of `currency`, the rate card's; all are None where no rate applies. The rules are ids, None if none
    matched; `why` is that of the charging rule, and `excluded` what becomes of the time if it excludes it.
    """

    start: datetime
    end: datetime | None
    worked_minutes: Minutes
    rounded_minutes: Minutes
    percent: int
    chargeable_minutes: Minutes
    rule: str | None = None
    why: str | None = None
    rate_minor: int | None = None
    rate_rule: str | None = None
    price_minor: int | None = None
    currency: str | None = None
    excluded: ExcludedTime | None = None


def charge_time(
    time: TimeToCharge, facts: ChargingFacts, rules: RuleSet, card: RateCard | None = None
) -> tuple[Segment, ...]:
    """The segments of an entry, charged by the rules and priced by a rate card.

    Whole minutes are rounded, shared among the segments, and multiplied by the percentage of each, half a
    minute up. A segment's price is its chargeable minutes by the rate of the hour, half a minor unit up.
    `facts` are those of the whole entry; the calendars are added here.
    Raises: InvalidQuantity if minutes are negative or beyond 2**31 - 1; NoHolidayData.
    """
    named = rules.charging.calendars | (card.calendars if card is not None else frozenset())
    rounded = rounded_minutes(time.worked_minutes, time.rounding, before_minutes=time.before_minutes)
    pieces = cut_work(
        time.started_at,
        time.ended_at,
        worked_minutes=time.worked_minutes,
        rounded_minutes=rounded,
        open_periods={name: _open_periods(time, name, rules) for name in sorted(named)} if named else {},
    )
    zone = zone_named(time.time_zone)
    segments = []
    for piece in pieces:
        of_piece = replace(facts, calendars=piece.calendars) if named else facts
        charge = rules.charging.charge(of_piece)
        minutes = percent_of(piece.rounded_minutes, charge.percent)
        rate = card.rate(of_piece, piece.start.astimezone(zone).date()) if card is not None else None
        segments.append(
            Segment(
                piece.start,
                piece.end,
                piece.worked_minutes,
                piece.rounded_minutes,
                charge.percent,
                minutes,
                charge.rule_id,
                charge.why,
                rate.per_hour_minor if rate is not None else None,
                rate.rule_id if rate is not None else None,
                price_minor(minutes, rate.per_hour_minor) if rate is not None else None,
                card.currency if card is not None and rate is not None else None,
                charge.excluded,
            )
        )
    return tuple(segments)


def total_minutes(segments: Sequence[Segment]) -> Minutes:
    """The chargeable minutes of all segments."""
    return sum(one.chargeable_minutes for one in segments)


def percent_of(minutes: Minutes, percent: int) -> Minutes:
    """A whole percentage of minutes that are not negative, half a minute up."""
    return (minutes * percent * 2 + FULL_PERCENT) // (FULL_PERCENT * 2)


def price_minor(minutes: Minutes, per_hour_minor: int) -> int:
    """The price of chargeable minutes in the minor unit, half a unit up."""
    return round_half_up(Fraction(minutes * per_hour_minor, MINUTES_AN_HOUR))


def _open_periods(time: TimeToCharge, name: str, rules: RuleSet) -> tuple[Period, ...]:
    """The periods of a calendar in the span of the work; none for one that the rules have no longer."""
    calendar = rules.calendars.get(name)
    if calendar is None:
        return ()
    end = time.ended_at or min(time.started_at + datetime.resolution, LAST_INSTANT)
    return calendar.open_periods(time.started_at, end, zone_named(time.time_zone))

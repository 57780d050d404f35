"""When a contract's minutes will be used up if work continues at its recent pace.

An estimate for people only: no charge, warning or refusal depends on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from engine.quantities import Minutes

PACE_SPAN = timedelta(days=30)
SHORTEST_SPAN = timedelta(days=7)
FARTHEST = timedelta(days=3 * 365)
WEEK = timedelta(days=7)
BAND_WEEKS = 8
FEWEST_WEEKS = 2


class Drawn(NamedTuple):
    """Whole minutes drawn (positive) or returned (negative), effective at an instant (aware UTC)."""

    at: datetime
    minutes: Minutes


@dataclass(frozen=True, slots=True)
class Pace:
    """The minutes drawn in a span up to now; `runs_out_at` is None if it is more than three years away."""

    drawn_minutes: Minutes
    span: timedelta
    runs_out_at: datetime | None


def project_run_out(
    drawn: Iterable[Drawn], *, available_minutes: Minutes, began_at: datetime, now: datetime
) -> Pace | None:
    """The pace of the last 30 days, or since the contract began if that is less (but at least a week).

    None if nothing was drawn in that time.
    Units: whole minutes; instants aware UTC; the projected instant is rounded down to the second.
    """
    span = min(PACE_SPAN, max(SHORTEST_SPAN, now - began_at))
    used = sum(one.minutes for one in drawn if now - span < one.at <= now)
    if used <= 0:
        return None
    left = timedelta(seconds=available_minutes * int(span.total_seconds()) // used)
    return Pace(used, span, now + left if left <= FARTHEST else None)


class Band(NamedTuple):
    """Between when the minutes run out; None for an instant more than three years away, or never."""

    earliest_at: datetime | None
    latest_at: datetime | None


def project_band(
    weekly: Sequence[int], pace: Pace, *, available_minutes: Minutes, now: datetime
) -> Band | None:
    """Between when minutes run out at the pace of the busier and of the quieter half of the weeks.

    `weekly` has the minutes drawn in each of the last whole weeks; None if there are fewer than two. Of an
    odd number, the week in the middle belongs to both halves. The band always has the projection of `pace`.
    Units: whole minutes; instants aware UTC, rounded down to the second.
    """
    if len(weekly) < FEWEST_WEEKS:
        return None
    ordered = sorted((max(0, minutes) for minutes in weekly), reverse=True)
    half = (len(ordered) + 1) // 2
    recent = Fraction(pace.drawn_minutes, int(pace.span.total_seconds()))
    fast = max(recent, Fraction(sum(ordered[:half]), half * int(WEEK.total_seconds())))
    slow = min(recent, Fraction(sum(ordered[-half:]), half * int(WEEK.total_seconds())))
    return Band(_runs_out_at(fast, available_minutes, now), _runs_out_at(slow, available_minutes, now))


def _runs_out_at(minutes_per_second: Fraction, available: Minutes, now: datetime) -> datetime | None:
    if minutes_per_second <= 0:
        return None
    seconds = available // minutes_per_second
    return now + timedelta(seconds=seconds) if seconds <= int(FARTHEST.total_seconds()) else None

"""When a contract's minutes will be used up, if work goes on at its recent pace.

A guess for people, never a decision: nothing is charged, warned or refused by it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.quantities import Minutes

PACE_SPAN = timedelta(days=30)
SHORTEST_SPAN = timedelta(days=7)
FARTHEST = timedelta(days=3 * 365)


class Drawn(NamedTuple):
    """Minutes drawn (above zero) or given back (below zero), effective at an instant."""

    at: datetime
    minutes: Minutes


@dataclass(frozen=True, slots=True)
class Pace:
    """What was drawn in a span up to now; `runs_out_at` None where that is farther than three years off."""

    drawn_minutes: Minutes
    span: timedelta
    runs_out_at: datetime | None


def project_run_out(
    drawn: Iterable[Drawn], *, available_minutes: Minutes, began_at: datetime, now: datetime
) -> Pace | None:
    """The pace of the last 30 days, or since the contract began where that is less (a week at least).

    None where nothing was drawn in that time: then there is no pace to go by.
    Units: whole minutes; instants aware UTC; the instant is rounded down to the second.
    """
    span = min(PACE_SPAN, max(SHORTEST_SPAN, now - began_at))
    used = sum(one.minutes for one in drawn if now - span < one.at <= now)
    if used <= 0:
        return None
    left = timedelta(seconds=available_minutes * int(span.total_seconds()) // used)
    return Pace(used, span, now + left if left <= FARTHEST else None)

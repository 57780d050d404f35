"""When a contract's minutes will be used up if work continues at its recent pace.

An estimate for people only: no charge, warning or refusal depends on it.
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

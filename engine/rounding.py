"""Rounding the work of one service request: which entries are rounded together, and what each of them gets.

In the wider scopes the running sum is rounded, in the order in which the work was done: each entry gets what
the rounded sum grew by. Three entries of 5 minutes in one day, rounded up to 15, get 15, 0 and 0.
Source: product.md section 7 (From worked to chargeable minutes).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from engine.periods import zone_named
from engine.quantities import Minutes, Rounding, round_minutes


@dataclass(frozen=True, slots=True)
class WorkToRound:
    """A billable work entry with the rounding that holds for it. Instants are aware UTC.

    `time_zone` is the provider's IANA time zone, in which the day of the work is found.
    """

    id: str
    worked_at: datetime
    recorded_at: datetime
    worked_minutes: Minutes
    rounding: Rounding
    time_zone: str


def minutes_before(work: Iterable[WorkToRound]) -> dict[str, Minutes]:
    """For each entry of one service request, the minutes worked earlier that are rounded together with it.

    They are those of the entries worked earlier on the same request (`service_request`), or also on the same
    local day (`service_request_day`); 0 for an entry that is rounded alone (`entry`). Entries of the same
    instant count in the order in which they were recorded, then of their ids.
    Each entry keeps its own rounding: where it was changed between two entries, the later one gets what the
    sum of both grows by under its own rounding.
    Raises: UnknownTimeZone.
    """
    in_order = sorted(work, key=lambda one: (one.worked_at, one.recorded_at, one.id))
    zones = {one.time_zone for one in in_order if one.rounding.scope == "service_request_day"}
    before: dict[str, Minutes] = {}
    of_request = 0
    of_day: defaultdict[tuple[str, date], Minutes] = defaultdict(int)
    for one in in_order:
        days = {name: one.worked_at.astimezone(zone_named(name)).date() for name in zones}
        match one.rounding.scope:
            case "entry":
                before[one.id] = 0
            case "service_request":
                before[one.id] = of_request
            case "service_request_day":
                before[one.id] = of_day[one.time_zone, days[one.time_zone]]
        of_request += one.worked_minutes
        for name, day in days.items():
            of_day[name, day] += one.worked_minutes
    return before


def rounded_minutes(worked_minutes: Minutes, rounding: Rounding, *, before_minutes: Minutes = 0) -> Minutes:
    """What the rounded sum grows by when `worked_minutes` follow `before_minutes` that are rounded with them.

    Raises: InvalidQuantity if minutes are negative or beyond 2**31 - 1.
    """
    if rounding.scope == "entry" or not before_minutes:
        return round_minutes(worked_minutes, rounding)
    together = round_minutes(before_minutes + worked_minutes, rounding)
    return together - round_minutes(before_minutes, rounding)

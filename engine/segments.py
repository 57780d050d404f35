"""Cutting work where a calendar begins or ends, and sharing its minutes among the segments.

Source: product.md section 7 (From worked to chargeable minutes).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from engine.quantities import Minutes, Period


class Piece(NamedTuple):
    """A part of an entry that is wholly in or out of each calendar: [start, end), aware UTC.

    `end` is None for minutes that count at one instant. `worked_minutes` and `rounded_minutes` are its
    shares.
    """

    start: datetime
    end: datetime | None
    worked_minutes: Minutes
    rounded_minutes: Minutes
    calendars: frozenset[str] = frozenset()


def cut_work(
    started_at: datetime,
    ended_at: datetime | None,
    *,
    worked_minutes: Minutes,
    rounded_minutes: Minutes,
    open_periods: Mapping[str, Sequence[Period]],
) -> list[Piece]:
    """The work, cut where any of the calendars begins or ends within it.

    `open_periods` has the periods of each calendar, by its name, that lie in the span of the work. Minutes
    are shared by elapsed time, rounded down cumulatively, so that the shares sum to the whole. Minutes at
    one instant (`ended_at` None) are never cut.
    """
    if ended_at is None:
        return [Piece(started_at, None, worked_minutes, rounded_minutes, _at(started_at, open_periods))]
    cuts = {
        at
        for periods in open_periods.values()
        for one in periods
        for at in (one.start, one.end)
        if at is not None and started_at < at < ended_at
    }
    span, start = ended_at - started_at, started_at
    pieces: list[Piece] = []
    worked = rounded = 0
    for cut in (*sorted(cuts), ended_at):
        gone = cut - started_at
        worked_by_then, rounded_by_then = worked_minutes * gone // span, rounded_minutes * gone // span
        pieces.append(
            Piece(start, cut, worked_by_then - worked, rounded_by_then - rounded, _at(start, open_periods))
        )
        start, worked, rounded = cut, worked_by_then, rounded_by_then
    return pieces


def _at(at: datetime, open_periods: Mapping[str, Sequence[Period]]) -> frozenset[str]:
    """The names of the calendars that an instant is in."""
    return frozenset(
        name for name, periods in open_periods.items() if any(one.contains(at) for one in periods)
    )

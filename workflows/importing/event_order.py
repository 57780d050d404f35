"""The order of a service request's events, also where their times alone leave it open.

Several events may state the same minute or day, or a local time of the hour that the end of daylight saving
repeats. Then the export's counter decides, else the order of the file, which may have the newest first.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from workflows.importing.events import Event

Counter = tuple[int, Decimal, tuple[str | int, ...]]
NO_SEQUENCE: Counter = (-1, Decimal(0), ())
NUMBER = re.compile(r"-?\d{1,30}(?:[.,]\d{1,10})?", re.ASCII)
DIGITS = re.compile(r"(\d+)", re.ASCII)


def sequence_order(event: Event) -> Counter:
    """The sort key of an event's counter: numbers, then texts, in which numbers count by their value.

    So 2.0 is before 10.0, and U-9 before U-10; an event without a counter is before all others.
    """
    if event.sequence is None:
        return NO_SEQUENCE
    number, text = event.sequence
    if not text:
        return 0, Decimal(number), ()
    if NUMBER.fullmatch(text):
        return 0, Decimal(text.replace(",", ".")), ()
    parts = DIGITS.split(text)
    return 1, Decimal(0), tuple(int(part) if index % 2 else part for index, part in enumerate(parts))


def evidence_of_newest_first(events: Sequence[Event]) -> int:
    """How much speaks for the newest event being the first in the file: below zero for the oldest.

    The events are those of one service request. What counts are the steps from one to the next whose times
    differ; where there are none, whether it is open in the first row or in the last.
    """
    steps = [
        step
        for earlier, later in pairwise(sorted(events, key=lambda event: event.line))
        if (step := _step(earlier, later))
    ]
    if sum(steps):
        return -sum(steps)
    first, last = (_is_open(min(events, key=_line)), _is_open(max(events, key=_line)))
    return int(last) - int(first)


def _step(earlier: Event, later: Event) -> int:
    """Whether an event is after (1) or before (-1) that of the row above; 0 if its time leaves it open."""
    if earlier.later_at is not None or later.later_at is not None:
        return 0
    if later.at >= earlier.at + earlier.unit:
        return 1
    return -1 if earlier.at >= later.at + later.unit else 0


def _line(event: Event) -> int:
    return event.line


def _is_open(event: Event) -> bool:
    return event.meaning is not None and event.meaning.state == "open"


def sort_events(events: Iterable[Event], *, newest_first: bool = False) -> list[Event]:
    """The events by instant, then by sequence, then by their order in the file.

    `newest_first` is the order of the whole file, for a service request whose own rows leave it open.
    A local time that occurs twice means its first occurrence, unless the event follows one that was later by
    the clock: by their sequence where all events of that hour have one, else by the order of the file. So
    02:50, then 02:20, are 30 minutes apart. A date without a time, or a time without seconds, is not before
    what precedes it on that day or in that minute.
    """
    found = list(events)
    evidence = evidence_of_newest_first(found) if len(found) > 1 else 0
    is_descending = evidence > 0 if evidence else newest_first
    nights: dict[date, list[Event]] = {}
    for event in found:
        if event.later_at is not None:
            nights.setdefault(event.at.date(), []).append(event)
    if nights:
        chosen = {id(event): at for night in nights.values() for event, at in _chosen(night, is_descending)}
        found = [replace(event, at=chosen.get(id(event), event.at)) for event in found]
    # the events of one row are in order already, and sorting keeps that
    found.sort(key=lambda event: -event.line if is_descending else event.line)
    if len({event.unit for event in found}) > 1:
        found = _within_units(found)
    return sorted(found, key=lambda event: (event.at, sequence_order(event)))


def _within_units(in_file_order: list[Event]) -> list[Event]:
    """The events, those of a coarser time moved behind finer ones in that day or minute that precede them."""
    moved = []
    for index, event in enumerate(in_file_order):
        inside = [
            other.at
            for place, other in enumerate(in_file_order)
            if event.at < other.at < event.at + event.unit
            and other.unit < event.unit
            and _precedes(other, event, is_above=place < index)
        ]
        moved.append(replace(event, at=max(inside)) if inside else event)
    return moved


def _precedes(one: Event, other: Event, *, is_above: bool) -> bool:
    """Whether an event happened before another, by their counters, else by the order of the file."""
    if one.sequence is None or other.sequence is None or one.sequence == other.sequence:
        return is_above
    return sequence_order(one) < sequence_order(other)


def _chosen(night: list[Event], is_descending: bool) -> Iterable[tuple[Event, datetime]]:
    """Each event of a repeated hour with the occurrence that is meant."""
    if all(event.sequence is not None for event in night):
        ordered = sorted(night, key=lambda event: (sequence_order(event), event.line))
    else:
        ordered = sorted(night, key=lambda event: event.line, reverse=is_descending)
    previous: datetime | None = None
    for event in ordered:
        bounds = [at for at in (previous, _opened_before(event)) if at is not None]
        at = event.at
        if event.later_at is not None and any(at < bound for bound in bounds):
            at = event.later_at
        yield event, at
        previous = at


def _opened_before(event: Event) -> datetime | None:
    """The instant before which an event is before its opening; a time without seconds is exact to 60 s."""
    if event.opened_at is None:
        return None
    return event.opened_at - max(event.unit, event.opened_unit) + timedelta.resolution


__all__ = ["evidence_of_newest_first", "sequence_order", "sort_events"]

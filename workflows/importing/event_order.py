"""The order of a service request's events, also in the hour that the end of daylight saving repeats."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from workflows.importing.events import Event

NO_SEQUENCE = (-1, "")


def sort_events(events: Iterable[Event]) -> list[Event]:
    """The events by instant, then by sequence, then by line.

    A local time that occurs twice means its first occurrence, unless the event follows one that was later by
    the clock: by their sequence where all events of that hour have one, else by the order of the file. So
    02:50, then 02:20, are 30 minutes apart.
    """
    found = list(events)
    nights: dict[date, list[Event]] = {}
    for event in found:
        if event.later_at is not None:
            nights.setdefault(event.at.date(), []).append(event)
    if nights:
        is_descending = _is_descending(found)
        chosen = {id(event): at for night in nights.values() for event, at in _chosen(night, is_descending)}
        found = [replace(event, at=chosen.get(id(event), event.at)) for event in found]
    return sorted(found, key=lambda event: (event.at, event.sequence or NO_SEQUENCE, event.line))


def _chosen(night: list[Event], is_descending: bool) -> Iterable[tuple[Event, datetime]]:
    """Each event of a repeated hour with the occurrence that is meant."""
    if all(event.sequence is not None for event in night):
        ordered = sorted(night, key=lambda event: (event.sequence or NO_SEQUENCE, event.line))
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


def _is_descending(events: list[Event]) -> bool:
    """Whether the file has the newest events first, by those whose local time occurs once."""
    instants = [event.at for event in sorted(events, key=lambda event: event.line) if event.later_at is None]
    steps = list(pairwise(instants))
    return sum(later < earlier for earlier, later in steps) > sum(later > earlier for earlier, later in steps)


__all__ = ["sort_events"]

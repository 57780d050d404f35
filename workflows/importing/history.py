"""The events of one service request in the order in which they happened, and those that cannot be told.

What stands here is decided from the export alone; what the desk refuses is found when it is told to it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from workflows.importing.export import Event, LeftOut
from workflows.importing.mapping import Mapping

NO_SEQUENCE = (-1, "")


@dataclass(frozen=True, slots=True)
class History:
    """One service request of the export: when it was opened, and its events in order."""

    number: str
    opened_at: datetime
    events: list[Event]
    left_out: list[LeftOut]


def histories(rows: Iterable[Event | LeftOut], mapping: Mapping) -> tuple[list[History], list[LeftOut]]:
    """The service requests of an export, oldest first, and the rows that belong to none."""
    left_out: list[LeftOut] = []
    groups: dict[str, list[Event]] = {}
    for row in rows:
        if isinstance(row, LeftOut):
            left_out.append(row)
        else:
            groups.setdefault(row.number, []).append(row)
    found = [_history(number, events, mapping) for number, events in groups.items()]
    return sorted(found, key=lambda one: (one.opened_at, one.number)), left_out


def event_key(event: Event) -> str:
    """What an event is known by in a later run: its number, its instant and a digest of all that it tells."""
    told = json.dumps([event.state, event.sequence, event.values], sort_keys=True)
    digest = hashlib.sha256(told.encode()).hexdigest()[:24]
    return f"{event.number}\t{event.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}\t{digest}"


def instant_of_key(key: str) -> datetime:
    """The instant in an event's key, cut to the second."""
    return datetime.fromisoformat(key.split("\t")[1]).replace(tzinfo=UTC)


def _history(number: str, events: list[Event], mapping: Mapping) -> History:
    events.sort(key=lambda event: (event.at, event.sequence or NO_SEQUENCE, event.line))
    opened_at = next((event.opened_at for event in events if event.opened_at), events[0].at)
    history = History(number, opened_at, [], [])
    known: dict[str, int] = {}
    newest: Event | None = None
    for event in _after_opening(history, events, mapping):
        key = event_key(event)
        if key in known:
            history.left_out.append(LeftOut(event.line, f"it repeats line {known[key]}"))
            continue
        known[key] = event.line
        if newest is not None and _is_older(event, newest):
            why = f"it is older than line {newest.line} by its sequence, and later by its time"
            history.left_out.append(LeftOut(event.line, why))
            continue
        newest = event
        history.events.append(event)
    return history


def _is_older(event: Event, newest: Event) -> bool:
    return event.sequence is not None and newest.sequence is not None and event.sequence < newest.sequence


def _after_opening(history: History, events: list[Event], mapping: Mapping) -> Iterator[Event]:
    """The events from the opening on; those before it are left out, or taken as of the opening."""
    for event in events:
        if event.at >= history.opened_at:
            yield event
        elif mapping.before_opening == "at_opening":
            yield replace(event, at=history.opened_at)
        else:
            why = f"it lies before the opening of {history.number} at {history.opened_at:%Y-%m-%d %H:%M} UTC"
            history.left_out.append(LeftOut(event.line, why))

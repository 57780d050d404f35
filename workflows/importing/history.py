"""The events of each service request in the order in which they happened, and the rows that are skipped.

Everything here is decided from the export alone. What a use case refuses is found during the import.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from workflows.importing.event_order import evidence_of_newest_first, sequence_order, sort_events
from workflows.importing.events import Event, RowNote
from workflows.importing.mapping import Mapping

CONTENT = json.JSONEncoder(sort_keys=True)
"""Built once: `json.dumps` builds one at each call that sorts."""


@dataclass(frozen=True, slots=True)
class History:
    """One service request of the export: when it was opened, and its events in order with their keys."""

    number: str
    opened_at: datetime
    events: list[Event]
    keys: list[str]
    skipped: list[RowNote]


def group_by_service_request(
    rows: Iterable[Event | RowNote], mapping: Mapping
) -> tuple[list[History], list[RowNote]]:
    """The service requests of an export, oldest first, and the rows that belong to none of them."""
    skipped: list[RowNote] = []
    groups: dict[str, list[Event]] = {}
    for row in rows:
        if isinstance(row, RowNote):
            skipped.append(row)
        else:
            groups.setdefault(row.number, []).append(row)
    newest_first = sum(evidence_of_newest_first(events) for events in groups.values()) > 0
    found = [
        _history(number, events, mapping, newest_first=newest_first) for number, events in groups.items()
    ]
    return sorted(found, key=lambda one: (one.opened_at, one.number)), skipped


def event_key(event: Event) -> str:
    """The key by which a later run recognizes an event: number, instant and a digest of its content."""
    content = CONTENT.encode([event.state, event.sequence, event.values])
    digest = hashlib.sha256(content.encode()).hexdigest()[:24]
    return f"{event.number}\t{event.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}\t{digest}"


def instant_of_key(key: str) -> datetime:
    """The instant in an event's key, truncated to the second."""
    return datetime.fromisoformat(key.split("\t")[1]).replace(tzinfo=UTC)


def _history(number: str, events: list[Event], mapping: Mapping, *, newest_first: bool) -> History:
    events = sort_events(events, newest_first=newest_first)
    events[-1] = _with_unused_ends(events[-1])
    _complete_addresses(events, mapping)
    _complete_resolutions(events)
    opened_at = next((event.opened_at for event in events if event.opened_at), events[0].at)
    if mapping.changed_field is not None:
        events = _after_the_first_state(events)
    history = History(number, opened_at, [], [], [])
    known: dict[str, int] = {}
    newest: Event | None = None
    for event in _after_opening(history, events, mapping):
        key = event_key(event)
        if key in known:
            history.skipped.append(RowNote(event.line, f"it repeats line {known[key]}", is_repeat=True))
            continue
        known[key] = event.line
        if newest is not None and _is_older(event, newest):
            why = f"its sequence is before that of line {newest.line}, but its time is later"
            history.skipped.append(RowNote(event.line, why))
            continue
        newest = event
        history.events.append(event)
        history.keys.append(key)
    return history


def _after_the_first_state(events: list[Event]) -> list[Event]:
    """The rows of changed fields with those before the first state behind it, at its instant.

    Only a state logs a request. What was changed before, such as a priority when it was opened, holds then.
    """
    first = next((index for index, event in enumerate(events) if event.meaning is not None), 0)
    state, before = events[first], events[:first]
    moved = [replace(event, at=max(event.at, state.at), sequence=state.sequence) for event in before]
    return [state, *moved, *events[first + 1 :]]


def _with_unused_ends(last: Event) -> Event:
    """The last event of a request, with a remark for each column of its end that does not fit its state.

    Earlier rows may state what happened to it later: some exports repeat these columns in each row.
    """
    remarks = [f"its {key} does not fit its state {last.state!r} and is not used" for key in last.unused]
    return replace(last, remarks=(*last.remarks, *remarks)) if remarks else last


def _complete_addresses(events: list[Event], mapping: Mapping) -> None:
    """Give a person whose address is in some rows of a service request only the same one in the others.

    Without it, the name alone would be another person, and the request would move to that one.
    """
    for key, address in (("customer", "customer_email"), ("technician", "technician_email")):
        if address not in mapping.columns:
            continue
        known: dict[str, str] = {}
        for event in events:
            if key in event.values and address in event.values:
                known.setdefault(event.values[key], event.values[address])
        for event in events:
            if event.values.get(key) in known:
                event.values.setdefault(address, known[event.values[key]])


def _complete_resolutions(events: list[Event]) -> None:
    """Give a resolution that a later row states, such as that of the close, to the row of the resolving."""
    later: str | None = None
    for event in reversed(events):
        if event.meaning is not None and event.meaning.state not in ("resolved", "closed"):
            later = None
        later = event.values.get("resolution", later)
        if later is not None and event.meaning is not None and event.meaning.state == "resolved":
            event.values.setdefault("resolution", later)


def _is_older(event: Event, newest: Event) -> bool:
    if event.sequence is None or newest.sequence is None:
        return False
    return sequence_order(event) < sequence_order(newest)


def _after_opening(history: History, events: list[Event], mapping: Mapping) -> Iterator[Event]:
    """The events from the opening on; earlier ones are skipped or moved there, as the mapping says."""
    for event in events:
        if event.at >= history.opened_at:
            yield event
        elif history.opened_at < event.at + max(event.unit, event.opened_unit):
            # 10:15 in a column without seconds is not before 10:15:31
            yield replace(event, at=history.opened_at)
        elif mapping.before_opening == "at_opening":
            yield replace(event, at=history.opened_at)
        else:
            why = f"it is before the opening of {history.number} at {history.opened_at:%Y-%m-%d %H:%M} UTC"
            history.skipped.append(RowNote(event.line, why))

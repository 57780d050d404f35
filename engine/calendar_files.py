"""Closures from a calendar file (iCalendar, RFC 5545), as aware UTC spans.

The libraries parse the file and find the days of repeating events. What they get wrong is corrected before
(icalendar 7.3.0, recurring-ical-events 3.8.2): durations are exact time, also over a change of the clocks; a
date as UNTIL covers that whole day; a date in RDATE takes the time of DTSTART.
Source: product.md section 7; RFC 5545 sections 3.3.10, 3.6.1 and 3.8.5.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from engine.errors import DeskError
from engine.named_calendars import Closure
from engine.periods import first_instant_of
from engine.quantities import Period

MAX_FILE_BYTES = 1024 * 1024
MAX_CLOSURES = 5000
MAX_SUMMARY = 200
EXACT_SECONDS = "X-COVERDESK-SECONDS"
"""A property that keeps the exact length of an event for each of its occurrences."""
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS_OF_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")


class InvalidCalendarFile(DeskError):
    """A calendar file that cannot be read, is too large, or has times without a known time zone."""

    code = "invalid-calendar-file"


def read_closures(data: bytes, zone: ZoneInfo, first: date, last: date) -> tuple[Closure, ...]:
    """The closures of a calendar file that touch the days from `first` to `last`, by their start.

    Whole days are those of `zone`. Cancelled events are dropped, and those marked as free time (TRANSPARENT)
    are no closures. Raises: InvalidCalendarFile.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InvalidCalendarFile(
            f"The calendar file has {len(data):,} bytes.",
            remedy=f"At most {MAX_FILE_BYTES:,} are allowed: export fewer events.",
        )
    start, end = first_instant_of(first, zone), first_instant_of(last + timedelta(days=1), zone)
    found = list(islice(_closures(_events(data), zone, start, end), MAX_CLOSURES + 1))
    if len(found) > MAX_CLOSURES:
        raise InvalidCalendarFile(
            f"The calendar file has more than {MAX_CLOSURES:,} closures.", remedy="Export fewer events."
        )
    return tuple(sorted(found, key=lambda one: (one.period.start, one.summary)))


def _events(data: bytes) -> list[Any]:
    import icalendar

    try:
        parsed = icalendar.Calendar.from_ical(data.decode("utf-8-sig"))
        events = list(parsed.walk("VEVENT"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InvalidCalendarFile(
            "The file is not a calendar file.", remedy="Send iCalendar text in UTF-8 (.ics)."
        ) from error
    for event in events:
        _prepare(event)
    return events


def _prepare(event: Any) -> None:
    """Check an event, and correct what the libraries would get wrong. Raises: InvalidCalendarFile."""
    start = _value(event, "DTSTART")
    if start is None:
        raise InvalidCalendarFile(f"{_named(event)} has no start.", remedy="Give it a DTSTART.")
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
        value = _value(event, name)
        if isinstance(value, datetime) and value.tzinfo is None:
            zone = event[name].params.get("TZID")
            raise InvalidCalendarFile(
                f"{_named(event)} has a time in the unknown time zone {zone!r}."
                if zone
                else f"{_named(event)} has a time without a time zone.",
                remedy="Write times in UTC, or with a time zone such as Europe/Berlin.",
            )
    _check_rule(event)
    if isinstance(start, datetime):
        event.add(EXACT_SECONDS, str(int(_exact_length(event, start).total_seconds())))
        _complete_dates(event, start)


def _check_rule(event: Any) -> None:
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        too_often = [one for one in rule.get("FREQ", []) if str(one).upper() not in FREQUENCIES]
        if too_often or any(part in rule for part in PARTS_OF_A_DAY):
            raise InvalidCalendarFile(
                f"{_named(event)} repeats more often than daily.", remedy="Write an event for each time."
            )


def _exact_length(event: Any, start: datetime) -> timedelta:
    """The length in exact time, which each occurrence has."""
    end, duration = _value(event, "DTEND"), _value(event, "DURATION")
    if isinstance(end, datetime):
        return end.astimezone(UTC) - start.astimezone(UTC)
    return duration if isinstance(duration, timedelta) else timedelta()


def _complete_dates(event: Any, start: datetime) -> None:
    """Give the dates of UNTIL and RDATE the time that they stand for."""
    import icalendar

    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        rule["UNTIL"] = [_last_second(one, start) for one in rule["UNTIL"]] if "UNTIL" in rule else None
        if rule["UNTIL"] is None:
            del rule["UNTIL"]
    lists = event.get("RDATE", [])
    days = [one.dt for some in (lists if isinstance(lists, list) else [lists]) for one in some.dts]
    if days:
        del event["RDATE"]
        dated = [
            one if isinstance(one, datetime) or not isinstance(one, date) else _at(one, start) for one in days
        ]
        event["RDATE"] = icalendar.vDDDLists(dated)


def _last_second(until: Any, start: datetime) -> Any:
    if isinstance(until, datetime):
        return until if until.tzinfo is not None else until.replace(tzinfo=start.tzinfo).astimezone(UTC)
    end = datetime(until.year, until.month, until.day, 23, 59, 59, tzinfo=start.tzinfo)
    return end.astimezone(UTC)


def _at(day: date, start: datetime) -> datetime:
    return start.replace(year=day.year, month=day.month, day=day.day)


def _closures(events: list[Any], zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Closure]:
    """The closures of events, an event with its changed occurrences at a time."""
    import icalendar
    import recurring_ical_events

    by_uid: defaultdict[str, list[Any]] = defaultdict(list)
    for number, event in enumerate(events):
        by_uid[str(event.get("UID", number))].append(event)
    for some in by_uid.values():
        calendar = icalendar.Calendar()
        for event in some:
            calendar.add_component(event)
        try:
            occurrences = recurring_ical_events.of(calendar).between(start, end)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise InvalidCalendarFile(
                f"{_named(some[0])} repeats in a way that cannot be read.", remedy="Correct its RRULE."
            ) from error
        for one in occurrences:
            closure = _closure(one, zone)
            if closure is not None:
                yield closure


def _closure(event: Any, zone: ZoneInfo) -> Closure | None:
    """The closure of one occurrence; None if it is cancelled, free time or empty."""
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
        return None
    start = event["DTSTART"].dt
    if isinstance(start, datetime):
        begins = start.astimezone(UTC)
        ends = begins + timedelta(seconds=int(event.get(EXACT_SECONDS, 0)))
    else:
        last = _value(event, "DTEND") or start + (_value(event, "DURATION") or timedelta(days=1))
        begins, ends = first_instant_of(start, zone), first_instant_of(max(last, start), zone)
    if ends <= begins:
        return None
    return Closure(Period(begins, ends), str(event.get("SUMMARY", ""))[:MAX_SUMMARY])


def _value(event: Any, name: str) -> Any:
    return event[name].dt if name in event else None


def _named(event: Any) -> str:
    return f"The event {str(event.get('SUMMARY', event.get('UID', 'without a name')))[:MAX_SUMMARY]!r}"

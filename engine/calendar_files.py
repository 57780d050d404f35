"""Closures from a calendar file (iCalendar, RFC 5545), as aware UTC spans.

The libraries parse the file and find the days of repeating events. What they get wrong is corrected before
(icalendar 7.3.0, recurring-ical-events 3.8.2): durations are exact time, also over a change of the clocks; a
date as UNTIL covers that whole day; a date in RDATE takes the time of DTSTART. Events are taken out of their
calendar: its X-WR-TIMEZONE would move series in UTC to other days (findings/recurring-ical-events-zone.sh).
Source: product.md section 7; RFC 5545 sections 3.3.10, 3.6.1 and 3.8.5.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import MAXYEAR, UTC, date, datetime, timedelta
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
LIBRARY_ERRORS = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)
"""What the libraries raise for text that they cannot read."""
PARTS_OF_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
TIMES = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE")
ONCE = ("UID", "SUMMARY", "STATUS", "TRANSP", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
GREATEST = {
    "INTERVAL": None, "COUNT": None, "BYMONTH": 12, "BYMONTHDAY": 31,
    "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366,
}  # fmt: skip
"""Numbers of a rule, which are never 0, and how far they go: in both directions, or upwards."""
NEVER_NEGATIVE = ("INTERVAL", "COUNT", "BYMONTH")


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
    except LIBRARY_ERRORS as error:
        raise InvalidCalendarFile(
            "The file is not a calendar file.", remedy="Send iCalendar text in UTF-8 (.ics)."
        ) from error
    for event in events:
        try:
            _prepare(event)
        except LIBRARY_ERRORS as error:
            raise _unreadable(event) from error
    return events


def _prepare(event: Any) -> None:
    """Check an event, and correct what the libraries would get wrong. Raises: InvalidCalendarFile."""
    _check_properties(event)
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
    _check_length(event, start)
    if isinstance(start, datetime):
        event.add(EXACT_SECONDS, str(int(_exact_length(event, start).total_seconds())))
        _complete_dates(event, start)


def _check_properties(event: Any) -> None:
    """What the library could not read is refused, not left out. Raises: InvalidCalendarFile."""
    for name, _ in event.errors:
        if name in TIMES:
            raise InvalidCalendarFile(
                f"{_named(event)} has a {name} that cannot be read.", remedy="Correct it, or leave it out."
            )
    for name in ONCE:
        if isinstance(event.get(name), list):
            raise InvalidCalendarFile(
                f"{_named(event)} has more than one {name}.", remedy="Write an event for each time."
            )
    if "EXRULE" in event:
        # of RFC 2445 only: recurring-ical-events 3.8.2 leaves it out, and the exceptions would be closures
        raise InvalidCalendarFile(
            f"{_named(event)} has exceptions by a rule (EXRULE).", remedy="List their dates as EXDATE."
        )
    dates = event.get("RDATE", [])
    values = [one.dt for some in (dates if isinstance(dates, list) else [dates]) for one in some.dts]
    if any(isinstance(value, tuple) for value in values):
        raise InvalidCalendarFile(
            f"{_named(event)} repeats for periods of another length.", remedy="Write an event for each time."
        )


def _check_length(event: Any, start: date) -> None:
    """An end is of the form of the start and not before it. Raises: InvalidCalendarFile."""
    end, duration = _value(event, "DTEND"), _value(event, "DURATION")
    if end is not None and isinstance(end, datetime) != isinstance(start, datetime):
        raise InvalidCalendarFile(
            f"{_named(event)} has a date and a time as its start and end.",
            remedy="Write both as dates, or both with the time.",
        )
    ends_before = end < start if end is not None else duration is not None and duration < timedelta()
    if ends_before:
        raise InvalidCalendarFile(f"{_named(event)} ends before it starts.", remedy="Correct its end.")


def _check_rule(event: Any) -> None:
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if "FREQ" not in rule or any(_is_out_of_range(name, rule) for name in GREATEST):
            raise _unreadable(event)
        too_often = [one for one in rule.get("FREQ", []) if str(one).upper() not in FREQUENCIES]
        if too_often or any(part in rule for part in PARTS_OF_A_DAY):
            raise InvalidCalendarFile(
                f"{_named(event)} repeats more often than daily.", remedy="Write an event for each time."
            )


def _is_out_of_range(name: str, rule: Any) -> bool:
    greatest = GREATEST[name]
    numbers = [int(one) for one in rule.get(name, [])]
    return any(
        one == 0 or (one < 0 and name in NEVER_NEGATIVE) or (greatest is not None and abs(one) > greatest)
        for one in numbers
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
            found = [_closure(one, zone) for one in occurrences]
        except LIBRARY_ERRORS as error:
            raise _unreadable(some[0]) from error
        yield from (one for one in found if one is not None)


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
        # calendar programs show a day that ends on itself as that day
        last = _value(event, "DTEND") or start + (_value(event, "DURATION") or timedelta(days=1))
        begins, ends = (
            first_instant_of(start, zone),
            first_instant_of(max(last, start + timedelta(days=1)), zone),
        )
    if ends <= begins:
        return None
    if ends.year == MAXYEAR:
        raise OverflowError  # it has no instant in zones east of UTC
    return Closure(Period(begins, ends), str(event.get("SUMMARY", ""))[:MAX_SUMMARY])


def _unreadable(event: Any) -> InvalidCalendarFile:
    if "RRULE" in event or "RDATE" in event:
        return InvalidCalendarFile(
            f"{_named(event)} repeats in a way that cannot be read.", remedy="Correct its RRULE or RDATE."
        )
    return InvalidCalendarFile(
        f"{_named(event)} has times that cannot be read.", remedy="Correct its start and end."
    )


def _value(event: Any, name: str) -> Any:
    return event[name].dt if name in event else None


def _named(event: Any) -> str:
    name = event.get("SUMMARY", event.get("UID", "without a name"))
    return f"The event {str(name[0] if isinstance(name, list) else name)[:MAX_SUMMARY]!r}"

"""Reads the operands of instants and durations: dates, lengths of time, days around a date."""

from datetime import date, datetime

from engine.errors import UnknownTimeZone
from engine.periods import zone_named
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, UnreadableValue, quoted
from engine.rulebook.syntax.typed_reader import read_day, read_object, read_text, read_whole_number, shown
from engine.rulebook.vocabulary.dates_and_durations import (
    DATE_FORM,
    MAX_COUNTS,
    MAX_DAYS_AROUND,
    Around,
    Length,
    point_from,
)


def read_point(report: FileReport, node: Node) -> date | None:
    """A date, or an instant with its offset (a `datetime` in UTC)."""
    text = node.value
    if not isinstance(text, str):
        if not isinstance(text, UnreadableValue):
            report.error(node.place, f"Found {shown(text)}. Write {DATE_FORM}, in double quotes.")
        return None
    try:
        return point_from(text)
    except (ValueError, OverflowError):
        report.error(node.place, f"{quoted(text)} is not a date from 1970 to 2199. Write {DATE_FORM}.")
        return None


def read_instant(report: FileReport, node: Node) -> datetime | None:
    """An instant with its offset, in UTC."""
    point = read_point(report, node)
    if point is None or isinstance(point, datetime):
        return point
    report.error(node.place, f"{point} is a whole day. Write an instant, such as {point}T12:00:00Z.")
    return None


def read_day_text(report: FileReport, node: Node) -> str | None:
    """A date as YYYY-MM-DD, from 1970 to 2199, as text."""
    day = read_day(report, node)
    if day is not None and day.year > 2199:
        report.error(node.place, "The date is out of range. Write one from 1970 to 2199.")
        return None
    return day.isoformat() if day is not None else None


def read_time_zone(report: FileReport, node: Node) -> str | None:
    """The IANA name of a time zone."""
    name = read_text(report, node, maximum=60)
    if name is None:
        return None
    try:
        return zone_named(name).key
    except UnknownTimeZone:
        message = f"{quoted(name)} is not a time zone. Write a name such as Europe/Berlin or UTC."
        report.error(node.place, message)
        return None


def read_length(report: FileReport, node: Node) -> Length | None:
    """A length such as {"days": 30}: at least one of days, hours and minutes, which add up."""
    fields = read_object(report, node, (), tuple(MAX_COUNTS))
    if fields is None:
        return None
    if not fields.members and not node.value:
        report.error(node.place, 'The length is empty. Write days, hours or minutes, such as {"days": 30}.')
        return None
    parts = {
        name: read_whole_number(report, member, minimum=0, maximum=MAX_COUNTS[name])
        for name, member in fields.members.items()
    }
    if not parts or None in parts.values():
        return None
    return Length(**{name: count for name, count in parts.items() if count is not None})


def read_around(report: FileReport, node: Node) -> Around | None:
    """Days around a date: {"date": "2026-12-24", "days": 3}."""
    fields = read_object(report, node, ("date", "days"))
    if fields is None or fields.missing:
        return None
    day = read_day(report, fields["date"])
    days = read_whole_number(report, fields["days"], minimum=0, maximum=MAX_DAYS_AROUND)
    is_too_far = day is not None and day.year > 2199
    if is_too_far and not report.reject(
        fields["date"].place, "The date is out of range. Write one from 1970 to 2199."
    ):
        return None
    return None if day is None or days is None else Around(day, days)

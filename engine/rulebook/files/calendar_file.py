"""Reads and checks the calendars file, including its examples.

Source: product.md section 7.
"""

from datetime import date
from typing import Any

from engine.calendar_text import read_hours
from engine.calendars import DAY_NAMES, DayHours, HolidayHours, WorkCalendar
from engine.errors import DeskError
from engine.named_calendars import NO_HOURS, Closure, NamedCalendar
from engine.periods import zone_named
from engine.public_holidays import CHECKED_YEAR, holidays_in
from engine.quantities import Period
from engine.rulebook.files.examples import MAX_TEXT
from engine.rulebook.files.named_elements import read_named_elements
from engine.rulebook.files.operands import read_instant, read_time_zone
from engine.rulebook.files.rule_reader import ID, ID_FORM
from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import (
    read_choice,
    read_list,
    read_members,
    read_name,
    read_object,
    read_text,
    read_yes_no,
)
from engine.sla import SLA_CALENDARS

MAX_CALENDARS = 50
MAX_CLOSURES = 5000
UTC = zone_named("UTC")


def read_calendar_file(report: FileReport, root: Node) -> dict[str, NamedCalendar]:
    """The valid calendars of the file, by id; problems of the others are reported."""
    return read_named_elements(
        report, root, "calendars", _calendar, _example, of="calendars", most=MAX_CALENDARS
    )


def _calendar(report: FileReport, node: Node) -> NamedCalendar | None:
    fields = read_object(report, node, ("id", "label"), ("weekly", "dates", "holidays", "closures"))
    if fields is None or fields.missing:
        return None
    id = read_name(report, fields["id"], ID, ID_FORM)
    label = read_text(report, fields["label"], maximum=60)
    calendar = NamedCalendar(
        id or "",
        label or "",
        weekly=_weekly(report, fields["weekly"]) if "weekly" in fields else NO_HOURS,
        dates=_dates(report, fields["dates"]) if "dates" in fields else {},
        holidays=_holidays(report, fields["holidays"]) if "holidays" in fields else (),
        closures=_closures(report, fields["closures"]) if "closures" in fields else (),
    )
    if id is None or label is None:
        return None
    if id in SLA_CALENDARS:
        report.reject(
            fields["id"].place,
            f"The id {quoted(id)} has a meaning of its own for service levels. Choose another.",
        )
    if not report.has_errors and not calendar.has_hours:
        report.reject(
            node.place,
            f'The calendar "{id}" has no hours, so no time is ever in it. '
            "Give weekly hours, hours of dates or hours of holidays.",
        )
    return calendar


def _weekly(report: FileReport, node: Node) -> tuple[DayHours, ...]:
    fields = read_object(report, node, (), DAY_NAMES)
    if fields is None:
        return NO_HOURS
    return tuple(_hours(report, fields[day], day) if day in fields else () for day in DAY_NAMES)


def _dates(report: FileReport, node: Node) -> dict[date, DayHours]:
    dates: dict[date, DayHours] = {}
    for text, member in read_members(report, node).items():
        day = _day(report, text, node.key_place(text))
        if day is not None:
            dates[day] = _hours(report, member, text)
    return dates


def _day(report: FileReport, text: str, place: Place) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != 10 or not 1970 <= day.year <= 2199:
        report.error(place, f"{quoted(text)} is not a date from 1970 to 2199. Write it as YYYY-MM-DD.")
        return None
    return day


def _holidays(report: FileReport, node: Node) -> tuple[HolidayHours, ...]:
    read = [_holiday(report, element) for element in read_list(report, node, of="holidays")]
    return tuple(one for one in read if one is not None)


def _holiday(report: FileReport, node: Node) -> HolidayHours | None:
    fields = read_object(report, node, ("country",), ("subdivision", "categories", "hours"))
    if fields is None or fields.missing:
        return None
    country = read_text(report, fields["country"], maximum=60)
    subdivision = read_text(report, fields["subdivision"], maximum=60) if "subdivision" in fields else None
    categories: tuple[str, ...] = ("public",)
    if "categories" in fields:
        elements = read_list(report, fields["categories"], of="categories")
        categories = tuple(
            one for element in elements if (one := read_text(report, element, maximum=60)) is not None
        )
        if not categories:
            report.error(fields["categories"].place, 'Name at least one category, such as "public".')
    hours = _hours(report, fields["hours"], "holidays") if "hours" in fields else ()
    if country is None or not categories:
        return None
    try:
        holidays_in(country, subdivision, categories, CHECKED_YEAR)
    except DeskError as error:
        report.error(node.place, str(error))
        return None
    return HolidayHours(country, subdivision, categories, hours)


def _closures(report: FileReport, node: Node) -> tuple[Closure, ...]:
    elements = read_list(report, node, of="closures")
    if len(elements) > MAX_CLOSURES:
        report.error(
            node.place, f"{len(elements)} closures are too many. At most {MAX_CLOSURES} are allowed."
        )
        return ()
    return tuple(one for element in elements if (one := _closure(report, element)) is not None)


def _closure(report: FileReport, node: Node) -> Closure | None:
    fields = read_object(report, node, ("from", "to"), ("summary",))
    if fields is None or fields.missing:
        return None
    start, end = read_instant(report, fields["from"]), read_instant(report, fields["to"])
    summary = read_text(report, fields["summary"], maximum=MAX_TEXT, minimum=0) if "summary" in fields else ""
    if start is None or end is None:
        return None
    if end <= start:
        report.error(fields["to"].place, 'The closure ends before it starts. Write an instant after "from".')
        return None
    return Closure(Period(start, end), summary or "")


def _hours(report: FileReport, node: Node, where: str) -> DayHours:
    """The hours of a day: a list of pairs such as ["09:00", "17:00"]; empty: closed."""
    pairs = []
    for element in read_list(report, node, of="hours"):
        texts = [read_text(report, one, maximum=5) for one in read_list(report, element, of="times")]
        if None in texts:
            return ()
        pairs.append([str(text) for text in texts])
    try:
        hours = read_hours(where, pairs)
        WorkCalendar(UTC, (hours, *NO_HOURS[1:]))
    except DeskError as error:
        report.error(node.place, str(error))
        return ()
    return hours


def _example(report: FileReport, node: Node, calendars: dict[str, NamedCalendar]) -> None:
    fields = read_object(report, node, ("name", "facts", "open"))
    if fields is None or fields.missing:
        return
    name = read_text(report, fields["name"], maximum=MAX_TEXT)
    facts = read_object(report, fields["facts"], ("calendar", "at"), ("time_zone",))
    expected = read_yes_no(report, fields["open"])
    if facts is None or facts.missing:
        return
    id = read_choice(report, facts["calendar"], calendars, what="calendar")
    at = read_instant(report, facts["at"])
    zone: Any = read_time_zone(report, facts["time_zone"]) if "time_zone" in facts else "UTC"
    if name is None or id is None or at is None or zone is None or expected is None or report.has_errors:
        return
    try:
        is_open = calendars[id].contains(at, zone_named(zone))
    except DeskError as error:
        report.error(facts["at"].place, str(error))
        return
    if is_open != expected:
        report.error(
            fields["open"].place,
            f"Example {quoted(name)} expects {_describe(expected)}, but the calendar {quoted(id)} has "
            f"{_describe(is_open)}. Correct the calendar or the example.",
        )


def _describe(is_open: bool) -> str:
    return "hours then" if is_open else "no hours then"

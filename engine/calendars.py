"""Working time: the hours in which a desk is open, and arithmetic on open seconds.

The hours of a day are those that start on it: a night shift belongs to the day it starts on and continues
into the next day, even a holiday; split it at 24:00 if it should stop there. A holiday has no hours, not
even those given for its date; hours given for a date replace those of the weekday; a break closes the clock
times it names, even within a shift that started the day before. A public holiday (by country, region and
category) has the hours given for it on days that have hours by the week, and none else: a half day on a
Sunday opens nothing; hours given for its date come first. A closure has no hours, whatever day it is on.
Every time of day begins at the first instant at which the local clock has reached it (see engine.periods): a
desk that opens at 02:30 on a day whose clocks go from 02:00 to 03:00 opens at 03:00.

Source: product.md sections 3, 7 and 9.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.errors import InvalidCalendar, InvalidQuantity, WorkTimeNotReached
from engine.periods import EARLIEST_YEAR, LATEST_YEAR, check_date, check_instant, first_instant_at
from engine.public_holidays import holidays_in
from engine.quantities import MINUTES_A_DAY, Minutes, Period

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_FIRST_INSTANT = datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC)
LAST_INSTANT = datetime(LATEST_YEAR + 1, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MAX_SECONDS = (LAST_INSTANT - _FIRST_INSTANT) // _SECOND

Span = tuple[datetime, datetime]


class Hours(NamedTuple):
    """Half-open opening hours in minutes from 00:00; a closing past midnight is above 1440."""

    opens_minute: Minutes
    closes_minute: Minutes


DayHours = tuple[Hours, ...]

ALL_DAY: DayHours = (Hours(0, MINUTES_A_DAY),)
ALL_WEEK: tuple[DayHours, ...] = (ALL_DAY,) * 7


@dataclass(frozen=True, slots=True)
class HolidayHours:
    """The hours of the public holidays of a country or region; none: closed."""

    country: str
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)
    hours: DayHours = ()

    def has(self, day: date) -> bool:
        """Whether a day is one of these holidays. Raises: NoHolidayData."""
        return day in holidays_in(self.country, self.subdivision, self.categories, day.year)


@dataclass(frozen=True)
class WorkCalendar:
    """When the desk is open. `weekly` starts with Monday; `annual_holidays` are (month, day).

    Of `public_holidays` the first entry that has a day counts; it is read for the years that are asked for,
    and every function here raises NoHolidayData for a year that the holidays are not known for. `closures`
    are spans without hours.

    Raises: InvalidCalendar for hours outside a day, a week without exactly seven days, or an annual holiday
    that does not exist; AbsurdDate for a date outside the years 1970 to 2199.
    """

    time_zone: ZoneInfo
    weekly: tuple[DayHours, ...]
    date_hours: Mapping[date, DayHours] = field(default_factory=dict)
    date_breaks: Mapping[date, DayHours] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    annual_holidays: frozenset[tuple[int, int]] = frozenset()
    public_holidays: tuple[HolidayHours, ...] = ()
    closures: tuple[Period, ...] = ()
    never_closes: bool = field(init=False, repr=False, compare=False)
    _closed: tuple[Span, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.weekly) != len(DAY_NAMES):
            raise InvalidCalendar("A week has seven days, Monday first.", remedy="Give () for a closed day.")
        for name, hours in zip(DAY_NAMES, self.weekly, strict=True):
            _check_hours(name, hours)
        for dated in (self.date_hours, self.date_breaks):
            for day, hours in dated.items():
                _check_hours(check_date(day).isoformat(), hours)
        for day in self.holidays:
            check_date(day)
        for month, day_of_month in self.annual_holidays:
            _check_annual(month, day_of_month)
        always = all(_covers_the_day(hours) for hours in (*self.weekly, *self.date_hours.values()))
        for entry in self.public_holidays:
            _check_hours(entry.country, entry.hours)
        exceptions = (
            self.holidays or self.annual_holidays or self.date_breaks or self.public_holidays or self.closures
        )
        # Read-only copies: a calendar is a value, even if the mappings passed in change later.
        object.__setattr__(self, "date_hours", MappingProxyType(dict(self.date_hours)))
        object.__setattr__(self, "date_breaks", MappingProxyType(dict(self.date_breaks)))
        object.__setattr__(self, "never_closes", always and not exceptions)
        object.__setattr__(self, "_closed", tuple(_joined_pauses(self.closures)))


def working_seconds_between(
    calendar: WorkCalendar, start: datetime, end: datetime, *, pauses: Iterable[Period] = ()
) -> int:
    """Open whole seconds in [start, end) outside the pauses, rounded down once; 0 if `end` is not later.

    Raises: NaiveInstant if an instant has no offset; AbsurdDate outside the years 1970 to 2199.
    Source: product.md section 9.
    """
    return working_time_between(calendar, start, end, pauses=pauses) // _SECOND


def working_time_between(
    calendar: WorkCalendar, start: datetime, end: datetime, *, pauses: Iterable[Period] = ()
) -> timedelta:
    """The exact open time in [start, end) outside the pauses; zero if `end` is not later.

    Raises: as working_seconds_between.
    """
    spans = _open_spans(calendar, check_instant(start), check_instant(end), _joined_pauses(pauses))
    return sum((closes - opens for opens, closes in spans), timedelta())


def is_open_for(calendar: WorkCalendar, start: datetime, end: datetime, wanted: timedelta) -> bool:
    """Whether [start, end) has `wanted` of open time, or any if that is zero; no further than needed.

    Raises: as working_seconds_between.
    """
    found = timedelta()
    for opens, closes in _open_spans(calendar, check_instant(start), check_instant(end), ()):
        found += closes - opens
        if found >= wanted:
            return True
    return False


def add_working_seconds(
    calendar: WorkCalendar, start: datetime, seconds: int, *, pauses: Iterable[Period] = ()
) -> datetime:
    """The earliest instant (UTC) by which `seconds` of working time have passed since `start`.

    It is open or exactly a closing time. 0 seconds give the next open instant, which is `start` itself if the
    desk is open then.
    Raises: WorkTimeNotReached if the calendar, or a pause without an end, never gets there; InvalidQuantity
    if the seconds are negative or too many; NaiveInstant if `start` has no offset; AbsurdDate outside the
    years 1970 to 2199.
    Source: product.md section 9.
    """
    return add_working_time(calendar, start, _amount(seconds), pauses=pauses)


def add_working_time(
    calendar: WorkCalendar, start: datetime, amount: timedelta, *, pauses: Iterable[Period] = ()
) -> datetime:
    """`add_working_seconds` for an exact amount of working time, which must not be negative.

    Raises: as add_working_seconds.
    """
    start, left = check_instant(start), amount
    if calendar.never_closes and not pauses and timedelta() <= left <= LAST_INSTANT - start:
        return start + left
    if timedelta() <= left <= LAST_INSTANT - start:
        for opens, closes in _open_spans(calendar, start, LAST_INSTANT, _joined_pauses(pauses)):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
    raise _not_reached(start, amount // _SECOND, f"before {LATEST_YEAR + 1}")


def subtract_working_seconds(
    calendar: WorkCalendar, end: datetime, seconds: int, *, pauses: Iterable[Period] = ()
) -> datetime:
    """The latest instant (UTC) from which `seconds` of working time pass until `end`.

    It is open or exactly an opening time. 0 seconds give the last closing time, which is `end` itself if the
    desk is open just before it.
    Raises: the same errors as add_working_seconds.
    """
    end, left, holes = check_instant(end), _amount(seconds), _joined_pauses(pauses)
    reach = timedelta(days=4)
    until = end
    while until > _FIRST_INSTANT and left <= until - _FIRST_INSTANT:
        since = max(until - reach, _FIRST_INSTANT)
        for opens, closes in reversed(list(_open_spans(calendar, since, until, holes))):
            if left <= closes - opens:
                return closes - left
            left -= closes - opens
        until, reach = since, min(2 * reach, timedelta(days=366))
    raise _not_reached(end, seconds, f"since {EARLIEST_YEAR}")


def is_working(calendar: WorkCalendar, at: datetime) -> bool:
    """Whether the desk is open at `at`: it is at the opening instant, and is not at the closing instant.

    Raises: NaiveInstant if `at` has no offset; AbsurdDate outside the years 1970 to 2199.
    """
    at = check_instant(at)
    return any(True for _ in _open_spans(calendar, at, at + datetime.resolution, ()))


def segments(
    calendar: WorkCalendar, start: datetime, end: datetime, *, pauses: Iterable[Period] = ()
) -> tuple[Period, ...]:
    """The open periods in [start, end) outside the pauses, in order; adjacent ones are merged.

    Raises: NaiveInstant if an instant has no offset; AbsurdDate outside the years 1970 to 2199.
    """
    joined: list[Span] = []
    for opens, closes in _open_spans(
        calendar, check_instant(start), check_instant(end), _joined_pauses(pauses)
    ):
        if joined and joined[-1][1] == opens:
            joined[-1] = (joined[-1][0], closes)
        else:
            joined.append((opens, closes))
    return tuple(Period(opens, closes) for opens, closes in joined)


def _open_spans(
    calendar: WorkCalendar, start: datetime, end: datetime, pauses: Sequence[Span]
) -> Iterator[Span]:
    """Open time in [start, end) outside the pauses, lazily: disjoint, in order, at most one shift each."""
    if calendar.closures:
        pauses = _joined([*pauses, *calendar._closed]) if pauses else calendar._closed
    if pauses and end <= pauses[-1][1]:
        # Paused until the end: avoids walking day by day through all the years up to it.
        end = min(end, pauses[-1][0])
    if end <= start:
        return
    if calendar.never_closes:
        yield from _cut((start, end), pauses)
        return
    counted_until = start
    for day in _days_with_hours(calendar, start, end):
        breaks = _breaks_near(calendar, day)
        for opens, closes in _spans_of(calendar.time_zone, day, _hours_of(calendar, day)):
            if end <= opens:
                return
            # Shifts may overlap; each instant counts once.
            opens, closes = max(opens, counted_until), min(closes, end)
            if opens < closes:
                counted_until = closes
                for span in _cut((opens, closes), breaks) if breaks else ((opens, closes),):
                    yield from _cut(span, pauses)


def _days_with_hours(calendar: WorkCalendar, start: datetime, end: datetime) -> Iterator[date]:
    """The days whose hours may extend into [start, end); the previous day may have a night shift."""
    first = start.astimezone(calendar.time_zone).date() - _DAY
    last = end.astimezone(calendar.time_zone).date() + _DAY
    if any(calendar.weekly) or any(one.hours for one in calendar.public_holidays):
        return (first + timedelta(days=n) for n in range((last - first).days + 1))
    return (day for day in sorted(calendar.date_hours) if first <= day <= last)


def _hours_of(calendar: WorkCalendar, day: date) -> DayHours:
    if day in calendar.holidays or (day.month, day.day) in calendar.annual_holidays:
        return ()
    of_date = calendar.date_hours.get(day)
    by_week = calendar.weekly[day.weekday()] if of_date is None else of_date
    if of_date is not None or not calendar.public_holidays:
        return by_week
    holiday = next((one for one in calendar.public_holidays if one.has(day)), None)
    if holiday is None:
        return by_week
    return () if any(calendar.weekly) and not by_week else holiday.hours


def _breaks_near(calendar: WorkCalendar, day: date) -> list[Span]:
    """The breaks that may fall into a shift starting on `day`: those of the previous, same and next day."""
    if not calendar.date_breaks:
        return []
    return _joined(
        span
        for near in (day - _DAY, day, day + _DAY)
        for span in _spans_of(calendar.time_zone, near, calendar.date_breaks.get(near, ()))
    )


# The same days are needed repeatedly, and each time needs a time zone lookup. About 3 MB when full.
@lru_cache(maxsize=8192)
def _spans_of(zone: ZoneInfo, day: date, hours: DayHours) -> tuple[Span, ...]:
    spans = ((_instant_at(zone, day, opens), _instant_at(zone, day, closes)) for opens, closes in hours)
    return tuple(sorted(spans))


def _instant_at(zone: ZoneInfo, day: date, minute: Minutes) -> datetime:
    return first_instant_at(datetime.combine(day, time()) + timedelta(minutes=minute), zone)


def _joined_pauses(pauses: Iterable[Period]) -> list[Span]:
    return _joined((pause.start, pause.end or LAST_INSTANT) for pause in pauses)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The union of the spans as disjoint spans in order."""
    joined: list[Span] = []
    for opens, closes in sorted(spans):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return joined


def _cut(span: Span, holes: Sequence[Span]) -> Iterator[Span]:
    """The parts of `span` outside the holes (disjoint, in order), in order."""
    opens, closes = span
    for since, until in holes[bisect_right(holes, opens, key=_end_of) :] if holes else ():
        if closes <= since:
            break
        if opens < since:
            yield opens, since
        opens = until
    if opens < closes:
        yield opens, closes


def _end_of(span: Span) -> datetime:
    return span[1]


def _amount(seconds: int) -> timedelta:
    if 0 <= seconds <= _MAX_SECONDS:
        return timedelta(seconds=seconds)
    raise InvalidQuantity(
        "The amount of working time is out of range.",
        remedy=f"Give whole seconds from 0 to {_MAX_SECONDS}.",
    )


def _not_reached(at: datetime, seconds: int, bound: str) -> WorkTimeNotReached:
    return WorkTimeNotReached(
        f"The calendar never reaches {seconds} seconds of working time {bound}, from {at.isoformat()}.",
        remedy="Add opening hours to the calendar, or end the open pause.",
        at=at,
        seconds=seconds,
    )


def _covers_the_day(hours: DayHours) -> bool:
    covered_until = 0
    for opens, closes in sorted(hours):
        if covered_until < opens:
            return False
        covered_until = max(covered_until, closes)
    return covered_until >= MINUTES_A_DAY


def _check_hours(where: str, hours: DayHours) -> None:
    for opens, closes in hours:
        if not (0 <= opens < MINUTES_A_DAY and opens < closes <= opens + MINUTES_A_DAY):
            raise InvalidCalendar(
                f"{where}: minute {opens} to minute {closes} are not valid opening hours.",
                remedy="Open before 24:00, close after opening and at most 24 hours later.",
                where=where,
                hours=(opens, closes),
            )


def _check_annual(month: int, day: int) -> None:
    # In a leap year, so that 29 February can be a holiday.
    if not (1 <= month <= 12 and 1 <= day <= monthrange(2000, month)[1]):
        raise InvalidCalendar(
            f"Month {month} has no day {day}.",
            remedy="Give month and day, such as 12-25.",
            day=(month, day),
        )


ALWAYS_OPEN = WorkCalendar(ZoneInfo("UTC"), ALL_WEEK)
"""Open around the clock: every second counts, and the arithmetic needs no lookup."""

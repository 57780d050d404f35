"""Calendars that charging and rate rules and service levels name: hours by week, date, holiday; closures.

Time is *in* a calendar while it has hours. The hours of a date come, in this order, from `dates`, from the
first entry of `holidays` that has the date, and from the week. In a calendar with hours of the week, those of
a holiday hold only on days that have hours by the week: a half day on a Sunday opens nothing. Closures have
no hours, whatever day they are on.
`engine.calendars` has the rules.
Source: product.md sections 7 and 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.calendars import DayHours, HolidayHours, WorkCalendar, is_working, segments
from engine.quantities import Period

NO_HOURS: tuple[DayHours, ...] = ((),) * 7


@dataclass(frozen=True, slots=True)
class Closure:
    """A span without hours, half-open in aware UTC instants."""

    period: Period
    summary: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class NamedCalendar:
    """One calendar of `rules/calendars.json`. Its days are those of the provider's time zone."""

    id: str
    label: str
    weekly: tuple[DayHours, ...] = NO_HOURS
    dates: Mapping[date, DayHours] = field(default_factory=dict)
    holidays: tuple[HolidayHours, ...] = ()
    closures: tuple[Closure, ...] = ()

    @property
    def has_hours(self) -> bool:
        """Whether it has hours on any day at all."""
        return self.goes_on or any(self.dates.values())

    @property
    def goes_on(self) -> bool:
        """Whether it has hours again and again, not on single dates only."""
        return any(self.weekly) or any(one.hours for one in self.holidays)

    def contains(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant is in the calendar. Raises: as `open_periods`."""
        return is_working(self.in_zone(zone), at)

    def open_periods(self, start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Period, ...]:
        """The periods in [start, end) that are in the calendar, in order; adjacent ones are merged.

        Raises: NoHolidayData for years that the holidays are not known for; NaiveInstant; AbsurdDate.
        """
        return segments(self.in_zone(zone), start, end)

    def in_zone(self, zone: ZoneInfo) -> WorkCalendar:
        """The calendar with its days in a time zone. It is made once for each zone."""
        return _in_zone(self, zone)


@lru_cache(maxsize=256)
def _in_zone(calendar: NamedCalendar, zone: ZoneInfo) -> WorkCalendar:
    return WorkCalendar(
        zone,
        calendar.weekly,
        date_hours=calendar.dates,
        public_holidays=calendar.holidays,
        closures=tuple(one.period for one in calendar.closures),
    )

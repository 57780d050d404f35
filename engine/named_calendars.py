"""Calendars that charging and rate rules name: hours of the week, dates, public holidays, closures.

Time is *in* a calendar while it has hours. The hours of a date come, in this order, from `dates`, from the
first entry of `holidays` that has the date, and from the week. In a calendar with hours of the week, those of
a holiday hold only on days that have hours by the week: a half day on a Sunday opens nothing. Closures have
no hours, whatever day they are on.
Source: product.md section 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.calendars import DayHours, WorkCalendar, segments
from engine.public_holidays import holidays_in
from engine.quantities import Period

NO_HOURS: tuple[DayHours, ...] = ((),) * 7
_NEAR = timedelta(days=2)
"""Hours that begin on one day may end on the next."""


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
        on_holidays = any(one.hours for one in self.holidays)
        return any(self.weekly) or any(self.dates.values()) or on_holidays

    def contains(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant is in the calendar. Raises: as `open_periods`."""
        return bool(self.open_periods(at, at + datetime.resolution, zone))

    def open_periods(self, start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Period, ...]:
        """The periods in [start, end) that are in the calendar, in order; adjacent ones are merged.

        Raises: NoHolidayData for years that the holidays are not known for; NaiveInstant; AbsurdDate.
        """
        first, last = ((at.astimezone(zone)).year for at in (start - _NEAR, end + _NEAR))
        pauses = [one.period for one in self.closures]
        return segments(_in_years(self, zone, first, last), start, end, pauses=pauses)


@lru_cache(maxsize=256)
def _in_years(calendar: NamedCalendar, zone: ZoneInfo, first_year: int, last_year: int) -> WorkCalendar:
    """The calendar with the hours of each holiday of these years among its dates."""
    hours: dict[date, DayHours] = {}
    for holiday in reversed(calendar.holidays):
        for year in range(first_year, last_year + 1):
            for day in holidays_in(holiday.country, holiday.subdivision, holiday.categories, year):
                is_closed = any(calendar.weekly) and not calendar.weekly[day.weekday()]
                hours[day] = () if is_closed else holiday.hours
    return WorkCalendar(zone, calendar.weekly, date_hours=hours | dict(calendar.dates))

"""Dates, instants and lengths of time in rules: how a file writes them, and what they mean.

A date is a day in the desk's time zone; it begins at the first instant at which the local clock has reached
it, even if a daylight-saving change skips midnight. An instant is written with its offset, so it needs no
time zone. In a length of time, days are counted on the desk's calendar, and hours and minutes are elapsed
time. All comparisons are exact: instants are compared as such, never as seconds since an epoch.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from re import compile as regex
from typing import Any, NamedTuple

from engine.periods import first_instant_at, zone_named

EARLIEST_YEAR, LATEST_YEAR = 1970, 2199
MAX_DAYS_AROUND = 3660
MAX_COUNTS = {"days": 36_600, "hours": 878_400, "minutes": 52_704_000}
"""The largest count of each unit: about a hundred years."""

DATE_FORM = "a date such as 2026-12-31, or an instant with its offset such as 2026-12-31T12:00:00Z"
DATE = regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INSTANT = regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})")
DAY = timedelta(days=1)


class Length(NamedTuple):
    """A length of time: the sum of its whole days, hours and minutes."""

    days: int = 0
    hours: int = 0
    minutes: int = 0

    def __str__(self) -> str:
        parts = [
            f"{count} {name if count != 1 else name[:-1]}" for name, count in self._asdict().items() if count
        ]
        return " and ".join(parts) or "no time"


class Around(NamedTuple):
    """The days from `days` before a date to `days` after it, inclusive."""

    day: date
    days: int

    def __str__(self) -> str:
        return f"{Length(days=self.days)} of {self.day.isoformat()}"


TimeValue = date | Length | Around
"""An operand. An instant is a `datetime`, which is a subclass of `date` in Python."""


class InstantFact(NamedTuple):
    """An instant as passed to business-rules. None means never; `as_of` is the instant of the decision.

    Instants are aware UTC.
    """

    instant: datetime | None
    as_of: datetime
    time_zone: str


class DurationFact(NamedTuple):
    """The time from an instant to that of the decision; with `is_ahead`, from the decision to the instant.

    Instants are aware UTC.
    """

    instant: datetime | None
    as_of: datetime
    time_zone: str
    is_ahead: bool


@lru_cache(maxsize=4096)
def start_of_day(day: date, time_zone: str) -> datetime:
    """The first instant (UTC) of a day in an IANA time zone. Raises: UnknownTimeZone."""
    return first_instant_at(datetime.combine(day, time()), zone_named(time_zone))


def end_of_day(day: date, time_zone: str) -> datetime:
    """The exclusive end (UTC) of a day: the first instant of the next day. Raises: UnknownTimeZone."""
    return start_of_day(day + DAY, time_zone)


def subtract_length(at: datetime, length: Length, time_zone: str) -> datetime:
    """The instant `length` before `at` (aware UTC). Raises: UnknownTimeZone."""
    return _moved(at, -length.days, time_zone) - timedelta(hours=length.hours, minutes=length.minutes)


def add_length(at: datetime, length: Length, time_zone: str) -> datetime:
    """The instant `length` after `at` (aware UTC). Raises: UnknownTimeZone."""
    return _moved(at, length.days, time_zone) + timedelta(hours=length.hours, minutes=length.minutes)


def to_json(value: Any) -> Any:
    """An operand in the form used in rule files."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Length():
            return {name: count for name, count in value._asdict().items() if count} or {"minutes": 0}
        case Around(day, days):
            return {"date": day.isoformat(), "days": days}
    return value


def to_text(value: Any) -> str:
    """An operand as text for people."""
    return str(to_json(value)) if isinstance(value, datetime) else str(value)


def point_from(text: str) -> date:
    """Parse a date, or an instant (converted to UTC), in the years 1970 to 2199.

    Raises: ValueError, OverflowError.
    """
    if DATE.fullmatch(text):
        point = date.fromisoformat(text)
    elif INSTANT.fullmatch(text):
        point = datetime.fromisoformat(text).astimezone(UTC)
    else:
        raise ValueError(text)
    if not EARLIEST_YEAR <= point.year <= LATEST_YEAR:
        raise ValueError(text)
    return point


def length_from(parts: Mapping[str, int]) -> Length:
    return Length(**parts)


def around_from(parts: Mapping[str, Any]) -> Around:
    return Around(date.fromisoformat(parts["date"]), parts["days"])


@lru_cache(maxsize=4096)
def _moved(at: datetime, days: int, time_zone: str) -> datetime:
    if days == 0:
        return at
    zone = zone_named(time_zone)
    return first_instant_at(at.astimezone(zone).replace(tzinfo=None) + timedelta(days=days), zone)

"""Working-time calendars as people and settings write them: days as mon to sun, hours as 09:00 to 17:30.

Separate from the arithmetic in calendars.py, which handles values only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date

from engine.calendars import DAY_NAMES, DayHours, Hours, WorkCalendar
from engine.errors import InvalidCalendar
from engine.periods import zone_named
from engine.quantities import MINUTES_A_DAY, Minutes

HoursText = Sequence[Sequence[str]]

_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_ANNUAL = re.compile(r"([0-9]{2})-([0-9]{2})", re.ASCII)


def read_calendar(
    time_zone: str,
    weekly: Mapping[str, HoursText],
    *,
    date_hours: Mapping[str, HoursText] | None = None,
    date_breaks: Mapping[str, HoursText] | None = None,
    holidays: Iterable[str] = (),
    annual_holidays: Iterable[str] = (),
) -> WorkCalendar:
    """Parse a calendar such as `{"mon": [["09:00", "17:00"]]}`; weekdays left out are closed.

    A closing time that is not after its opening time is on the next day: 22:00 to 06:00 (or, equivalently,
    22:00 to 30:00). Dates are YYYY-MM-DD, annual holidays MM-DD.
    Raises: UnknownTimeZone for an unknown zone; InvalidCalendar for an unknown day, malformed hours or dates;
    AbsurdDate for a date outside the years 1970 to 2199.
    """
    unknown_days = sorted(set(weekly) - set(DAY_NAMES))
    if unknown_days:
        raise InvalidCalendar(
            f"{unknown_days[0]!r} is not a day of the week.",
            remedy=f"Use {', '.join(DAY_NAMES)}.",
            day=unknown_days[0],
        )
    return WorkCalendar(
        time_zone=zone_named(time_zone),
        weekly=tuple(read_hours(name, weekly.get(name, ())) for name in DAY_NAMES),
        date_hours={_read_date(day): read_hours(day, hours) for day, hours in (date_hours or {}).items()},
        date_breaks={_read_date(day): read_hours(day, hours) for day, hours in (date_breaks or {}).items()},
        holidays=frozenset(_read_date(day) for day in holidays),
        annual_holidays=frozenset(_read_annual(day) for day in annual_holidays),
    )


def read_hours(where: str, hours: HoursText) -> DayHours:
    """The hours of a day from pairs such as `["09:00", "17:00"]`; `where` names the day in errors.

    A closing time that is not after its opening time is on the next day.
    Raises: InvalidCalendar.
    """
    read = []
    for pair in hours:
        if isinstance(pair, str) or len(pair) != 2:
            raise InvalidCalendar(
                f"{where}: {pair!r} is not an opening and a closing time.",
                remedy='Write a pair such as ["09:00", "17:00"].',
                where=where,
            )
        opens, closes = (_read_time(where, text) for text in pair)
        if opens == closes:
            raise InvalidCalendar(
                f"{where}: {pair[0]} to {pair[1]} is empty.",
                remedy="Write 00:00 to 24:00 for a whole day, and no hours for a closed day.",
                where=where,
            )
        read.append(Hours(opens, closes if opens < closes else closes + MINUTES_A_DAY))
    return tuple(read)


def _read_time(where: str, text: str) -> Minutes:
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidCalendar(
            f"{where}: {text!r} is not a time of day.",
            remedy="Write hours and minutes, such as 09:30.",
            where=where,
        )
    return 60 * int(match[1]) + int(match[2])


def _read_date(text: str) -> date:
    # Check the pattern first: fromisoformat also accepts week dates and dates without dashes.
    if _DATE.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise InvalidCalendar(f"{text!r} is not a date.", remedy="Write YYYY-MM-DD.", date=text)


def _read_annual(text: str) -> tuple[int, int]:
    match = _ANNUAL.fullmatch(text)
    if match is None:
        raise InvalidCalendar(
            f"{text!r} is not a month and day.", remedy="Write MM-DD, such as 12-25.", day=text
        )
    return int(match[1]), int(match[2])

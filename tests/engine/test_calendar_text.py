"""Calendars as people write them: how they are parsed, and which are refused."""

from datetime import date

import pytest

from engine.calendar_text import read_calendar
from engine.calendars import ALL_DAY, Hours, WorkCalendar
from engine.errors import AbsurdDate, InvalidCalendar, UnknownTimeZone
from engine.periods import zone_named

OFFICE = [["09:00", "17:00"]]


def test_a_calendar_is_parsed_as_written() -> None:
    calendar = read_calendar(
        "Europe/Berlin",
        {"mon": [["9:00", "12:30"], ["13:00", "17:00"]]},
        date_hours={"2026-06-06": OFFICE, "2026-06-07": []},
        date_breaks={"2026-06-01": [["23:00", "01:00"]]},
        holidays=["2026-06-08"],
        annual_holidays=["02-29"],
    )
    assert calendar == WorkCalendar(
        time_zone=zone_named("Europe/Berlin"),
        weekly=((Hours(540, 750), Hours(780, 1020)), (), (), (), (), (), ()),
        date_hours={date(2026, 6, 6): (Hours(540, 1020),), date(2026, 6, 7): ()},
        date_breaks={date(2026, 6, 1): (Hours(1380, 1500),)},
        holidays=frozenset({date(2026, 6, 8)}),
        annual_holidays=frozenset({(2, 29)}),
    )


@pytest.mark.parametrize(
    "hours",
    [
        [["09:00", "09:00"]],
        [["09:00"]],
        [["09:00", "10:00", "11:00"]],
        ["09:00"],
        [["9", "10"]],
        [["09:60", "10:00"]],
        [["24:00", "26:00"]],
        [["10:00", "34:01"]],
        [["-1:00", "10:00"]],
        [["09:00", "99:00"]],
        [["", ""]],
    ],
)
def test_invalid_hours_are_refused_and_located(hours: list[list[str]]) -> None:
    with pytest.raises(InvalidCalendar) as refused:
        read_calendar("UTC", {"wed": hours})
    assert refused.value.values["where"] == "wed"
    with pytest.raises(InvalidCalendar) as refused:
        read_calendar("UTC", {}, date_breaks={"2026-06-01": hours})
    assert refused.value.values["where"] == "2026-06-01"


def test_a_day_may_be_open_for_24_hours_starting_at_any_time() -> None:
    assert read_calendar("UTC", {"wed": [["10:00", "34:00"]]}).weekly[2] == (Hours(600, 2040),)
    assert read_calendar("UTC", {"wed": [["00:00", "24:00"]]}).weekly[2] == ALL_DAY


@pytest.mark.parametrize("day", ["2026-02-30", "20260601", "2026-W23-1", "June 1", ""])
def test_invalid_dates_are_refused(day: str) -> None:
    with pytest.raises(InvalidCalendar):
        read_calendar("UTC", {}, holidays=[day])
    with pytest.raises(InvalidCalendar):
        read_calendar("UTC", {}, date_hours={day: []})


@pytest.mark.parametrize("day", ["13-01", "00-10", "02-30", "6-1", "12-32", "06-00"])
def test_invalid_annual_holidays_are_refused(day: str) -> None:
    with pytest.raises(InvalidCalendar):
        read_calendar("UTC", {}, annual_holidays=[day])


def test_other_invalid_calendars_are_refused() -> None:
    with pytest.raises(InvalidCalendar):
        read_calendar("UTC", {"monday": OFFICE})
    with pytest.raises(UnknownTimeZone):
        read_calendar("Europe/Atlantis", {})
    with pytest.raises(AbsurdDate):
        read_calendar("UTC", {}, holidays=["0001-01-01"])
    with pytest.raises(InvalidCalendar):
        WorkCalendar(zone_named("UTC"), ((),) * 6)

"""Named calendars: hours of the week, dates, holidays, half days and closures, at their boundaries."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.calendars import ALL_DAY, DayHours, HolidayHours, Hours
from engine.named_calendars import NO_HOURS, Closure, NamedCalendar
from engine.public_holidays import NoHolidayData, holidays_in
from engine.quantities import Period

BERLIN = ZoneInfo("Europe/Berlin")
WORK: DayHours = (Hours(9 * 60, 17 * 60),)
WEEK = (*[WORK] * 5, (), ())
HALF_DAYS = HolidayHours("IS", None, ("half_day",), (Hours(9 * 60, 12 * 60),))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def open_at(calendar: NamedCalendar, *texts: str) -> list[bool]:
    return [calendar.contains(local(text), BERLIN) for text in texts]


def test_a_holiday_has_no_hours_unless_they_are_given() -> None:
    hours = NamedCalendar("hours", "Hours", WEEK, holidays=(HolidayHours("DE"),))
    assert open_at(hours, "2026-05-01T10:00", "2026-05-04T10:00") == [False, True]
    holidays = NamedCalendar("holidays", "Holidays", holidays=(HolidayHours("DE", hours=ALL_DAY),))
    assert open_at(
        holidays, "2026-04-30T23:59", "2026-05-01T00:00", "2026-05-01T23:59", "2026-05-02T00:00"
    ) == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("subdivision", "categories", "closed"),
    [(None, ("public",), False), ("BY", ("public",), False), ("BY", ("public", "catholic"), True)],
)
def test_holidays_depend_on_region_and_category(
    subdivision: str | None, categories: tuple[str, ...], closed: bool
) -> None:
    """15 August is a holiday in the Catholic places of Bavaria: a category of its own."""
    day = NamedCalendar("c", "C", (WORK,) * 7, holidays=(HolidayHours("DE", subdivision, categories),))
    assert open_at(day, "2026-08-15T10:00") == [not closed]


def test_half_days_have_hours_of_their_own_on_working_days_only() -> None:
    [half_day, *_] = sorted(holidays_in("IS", None, ("half_day",), 2026))
    calendar = NamedCalendar("c", "C", WEEK, holidays=(HALF_DAYS,))
    assert half_day.weekday() < 5
    assert open_at(calendar, f"{half_day}T11:59", f"{half_day}T12:00") == [True, False]
    on_weekends = [
        day
        for year in range(2020, 2030)
        for day in holidays_in("IS", None, ("half_day",), year)
        if day.weekday() > 4
    ]
    assert on_weekends
    assert not any(calendar.contains(local(f"{day}T10:00"), BERLIN) for day in on_weekends)


def test_the_first_entry_that_has_a_day_and_single_dates_decide() -> None:
    noon = (Hours(12 * 60, 13 * 60),)
    calendar = NamedCalendar(
        "c",
        "C",
        WEEK,
        dates={date(2026, 12, 25): noon},
        holidays=(HolidayHours("DE", hours=WORK), HolidayHours("AT")),
    )
    assert open_at(
        calendar, "2026-05-01T10:00", "2026-01-06T10:00", "2026-12-25T10:00", "2026-12-25T12:00"
    ) == [
        True,
        False,
        False,
        True,
    ]


def test_closures_have_no_hours() -> None:
    closed = Closure(Period(local("2026-03-02T10:00"), local("2026-03-03T10:00")), "Move")
    calendar = NamedCalendar("c", "C", WEEK, closures=(closed,))
    assert open_at(
        calendar, "2026-03-02T09:59", "2026-03-02T10:00", "2026-03-03T09:59", "2026-03-03T10:00"
    ) == [
        True,
        False,
        False,
        True,
    ]
    periods = calendar.open_periods(local("2026-03-02T00:00"), local("2026-03-04T00:00"), BERLIN)
    assert [one.start for one in periods] == [local("2026-03-02T09:00"), local("2026-03-03T10:00")]


@pytest.mark.parametrize(
    ("country", "subdivision", "categories", "year", "words"),
    [
        ("XX", None, ("public",), 2026, "no holidays of a country 'XX'"),
        ("DE", "XX", ("public",), 2026, "no region 'XX' in DE"),
        ("DE", None, ("half_day",), 2026, "no category 'half_day' of holidays in DE. Use catholic, public"),
        ("DE", None, ("public",), 2101, "no holidays of DE for 2101. The data has the years 1991 to 2100"),
        ("DE", None, ("public",), 1990, "no holidays of DE for 1990"),
    ],
)
def test_what_the_data_does_not_have_is_refused(
    country: str, subdivision: str | None, categories: tuple[str, ...], year: int, words: str
) -> None:
    with pytest.raises(NoHolidayData) as refused:
        holidays_in(country, subdivision, categories, year)
    assert words in str(refused.value)


def test_work_in_a_year_without_data_is_refused() -> None:
    calendar = NamedCalendar("c", "C", WEEK, holidays=(HolidayHours("DE"),))
    with pytest.raises(NoHolidayData):
        calendar.contains(datetime(2101, 6, 1, tzinfo=UTC), BERLIN)
    assert calendar.contains(local("2100-12-27T10:00"), BERLIN)


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        (NamedCalendar("c", "C"), False),
        (NamedCalendar("c", "C", NO_HOURS, {date(2026, 1, 1): ()}, (HolidayHours("DE"),)), False),
        (NamedCalendar("c", "C", WEEK), True),
        (NamedCalendar("c", "C", dates={date(2026, 1, 1): WORK}), True),
        (NamedCalendar("c", "C", holidays=(HolidayHours("DE", hours=WORK),)), True),
    ],
)
def test_whether_a_calendar_has_hours(calendar: NamedCalendar, expected: bool) -> None:
    assert calendar.has_hours is expected


def test_a_night_shift_ends_when_the_clocks_have_changed() -> None:
    """22:00 to 06:00 in the night in which 02:00 becomes 03:00: seven hours of elapsed time."""
    night = ((Hours(22 * 60, 30 * 60),),) * 7
    start = local("2026-03-28T20:00")
    [period] = NamedCalendar("n", "N", night).open_periods(start, start + timedelta(hours=20), BERLIN)[:1]
    assert period.whole_seconds == 7 * 3600

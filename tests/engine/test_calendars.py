"""Working time: openings and closings, night shifts, holidays, breaks, pauses, daylight-saving changes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from engine.calendar_text import read_calendar
from engine.calendars import (
    ALL_DAY,
    ALL_WEEK,
    ALWAYS_OPEN,
    DAY_NAMES,
    Hours,
    WorkCalendar,
    add_working_seconds,
    is_open_for,
    is_working,
    segments,
    subtract_working_seconds,
    working_seconds_between,
    working_time_between,
)
from engine.errors import (
    AbsurdDate,
    InvalidQuantity,
    NaiveInstant,
    WorkTimeNotReached,
)
from engine.periods import zone_named
from engine.quantities import Period

HOUR = 3600
TICK = datetime.resolution
OFFICE = [["09:00", "17:00"]]
WORKDAYS = DAY_NAMES[:5]


def every(days: tuple[str, ...], hours: list[list[str]]) -> dict[str, list[list[str]]]:
    """The same hours on each of `days`."""
    return dict.fromkeys(days, hours)


DESK = read_calendar("UTC", every(WORKDAYS, OFFICE))


def at(text: str) -> datetime:
    """An instant of the first days of June 2026 (the 1st is a Monday) or, in full, of any day; UTC."""
    return datetime.fromisoformat(text if len(text) > 11 else f"2026-06-{text}").replace(tzinfo=UTC)


def spans(periods: tuple[Period, ...]) -> list[tuple[datetime, datetime | None]]:
    return [(period.start, period.end) for period in periods]


# Openings and closings


@pytest.mark.parametrize(
    ("instant", "open_then"),
    [
        (at("01T09:00") - TICK, False),
        (at("01T09:00"), True),
        (at("01T17:00") - TICK, True),
        (at("01T17:00"), False),
        (at("06T12:00"), False),
    ],
)
def test_a_desk_is_open_from_its_opening_until_just_before_its_closing(
    instant: datetime, open_then: bool
) -> None:
    assert is_working(DESK, instant) is open_then


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("01T08:00", "01T09:00", 0),
        ("01T08:00", "01T09:00:01", 1),
        ("01T16:59:59", "01T18:00", 1),
        ("01T17:00", "02T09:00", 0),
        ("05T16:00", "08T10:00", 2 * HOUR),
        ("01T00:00", "08T00:00", 40 * HOUR),
        ("01T12:00", "01T12:00", 0),
        ("01T13:00", "01T12:00", 0),
    ],
)
def test_only_open_time_counts(start: str, end: str, seconds: int) -> None:
    assert working_seconds_between(DESK, at(start), at(end)) == seconds


def test_parts_of_a_second_are_rounded_down_once() -> None:
    start = at("01T16:59:59") - TICK
    assert working_seconds_between(DESK, start, at("02T09:00")) == 1
    assert working_seconds_between(DESK, start, at("02T09:00:01") - 2 * TICK) == 1
    assert working_seconds_between(DESK, start, at("02T09:00:01") - TICK) == 2


@pytest.mark.parametrize(
    ("start", "seconds", "end"),
    [
        ("01T16:00", HOUR - 1, "01T16:59:59"),
        ("01T16:00", HOUR, "01T17:00"),
        ("01T16:00", HOUR + 1, "02T09:00:01"),
        ("05T16:00", 2 * HOUR, "08T10:00"),
        ("06T12:00", 1, "08T09:00:01"),
        ("01T09:00", 8 * HOUR, "01T17:00"),
        # adding 0 gives the next open instant
        ("01T12:00", 0, "01T12:00"),
        ("01T17:00", 0, "02T09:00"),
        ("06T12:00", 0, "08T09:00"),
    ],
)
def test_working_time_is_added_to_the_earliest_instant(start: str, seconds: int, end: str) -> None:
    assert add_working_seconds(DESK, at(start), seconds) == at(end)


@pytest.mark.parametrize(
    ("end", "seconds", "start"),
    [
        ("02T10:00", HOUR - 1, "02T09:00:01"),
        ("02T10:00", HOUR, "02T09:00"),
        ("02T10:00", HOUR + 1, "01T16:59:59"),
        ("08T10:00", 2 * HOUR, "05T16:00"),
        ("07T12:00", 1, "05T16:59:59"),
        # subtracting 0 gives the last closing time
        ("01T12:00", 0, "01T12:00"),
        ("02T09:00", 0, "01T17:00"),
        ("07T12:00", 0, "05T17:00"),
    ],
)
def test_working_time_is_subtracted_to_the_latest_instant(end: str, seconds: int, start: str) -> None:
    assert subtract_working_seconds(DESK, at(end), seconds) == at(start)


def test_years_of_working_time_are_reached() -> None:
    assert add_working_seconds(DESK, at("01T09:00"), 52 * 40 * HOUR) == at("2027-05-28T17:00")
    assert subtract_working_seconds(DESK, at("2027-05-28T17:00"), 52 * 40 * HOUR) == at("01T09:00")


# Night shifts, holidays, hours of a date, breaks


def test_a_night_shift_continues_into_the_next_day() -> None:
    night = read_calendar("UTC", {"mon": [["22:00", "06:00"]]})
    assert night.weekly[0] == (Hours(22 * 60, 30 * 60),)
    assert read_calendar("UTC", {"mon": [["22:00", "30:00"]]}) == night
    assert spans(segments(night, at("01T00:00"), at("08T00:00"))) == [(at("01T22:00"), at("02T06:00"))]
    assert is_working(night, at("02T06:00") - TICK)
    assert not is_working(night, at("02T06:00"))
    assert add_working_seconds(night, at("02T05:00"), HOUR + 1) == at("08T22:00:01")
    assert subtract_working_seconds(night, at("03T00:00"), 8 * HOUR) == at("01T22:00")


def test_a_night_shift_belongs_to_the_day_it_starts_on() -> None:
    nights = read_calendar("UTC", every(WORKDAYS, [["22:00", "06:00"]]), holidays=["2026-06-02"])
    assert is_working(nights, at("02T05:59"))
    assert not is_working(nights, at("02T22:00"))
    assert not is_working(nights, at("03T05:59"))
    split = read_calendar(
        "UTC", every(WORKDAYS, [["22:00", "24:00"], ["00:00", "06:00"]]), holidays=["2026-06-02"]
    )
    assert not is_working(split, at("02T00:00"))


def test_shifts_that_overlap_count_once() -> None:
    shifts = [["06:00", "14:00"], ["13:00", "22:00"], ["21:30", "06:30"], ["07:00", "08:00"]]
    calendar = read_calendar("UTC", {"mon": shifts, "tue": shifts})
    assert spans(segments(calendar, at("01T00:00"), at("04T00:00"))) == [(at("01T06:00"), at("03T06:30"))]
    assert working_seconds_between(calendar, at("01T00:00"), at("04T00:00")) == 48 * HOUR + HOUR // 2


def test_a_holiday_has_no_hours() -> None:
    calendar = replace(
        DESK,
        holidays=frozenset({date(2026, 6, 1)}),
        annual_holidays=frozenset({(6, 2)}),
        date_hours={date(2026, 6, 1): ALL_DAY, date(2026, 6, 6): (Hours(600, 660),)},
    )
    assert not is_working(calendar, at("01T12:00"))
    assert not is_working(calendar, at("02T12:00"))
    assert not is_working(calendar, at("2031-06-02T12:00"))
    assert add_working_seconds(calendar, at("01T00:00"), 0) == at("03T09:00")
    assert subtract_working_seconds(calendar, at("02T23:00"), 1) == at("2026-05-29T16:59:59")


def test_29_february_can_be_an_annual_holiday() -> None:
    calendar = replace(DESK, annual_holidays=frozenset({(2, 29)}))
    assert not is_working(calendar, at("2028-02-29T12:00"))
    assert is_working(calendar, at("2028-02-28T12:00"))
    assert is_working(calendar, at("2028-03-01T12:00"))


def test_hours_of_a_date_replace_those_of_the_weekday() -> None:
    calendar = replace(DESK, date_hours={date(2026, 6, 6): (Hours(600, 660),), date(2026, 6, 8): ()})
    assert is_working(calendar, at("06T10:59"))
    assert not is_working(calendar, at("06T11:00"))
    assert not is_working(calendar, at("08T12:00"))


def test_a_calendar_may_have_dates_and_no_weekly_hours() -> None:
    calendar = replace(ALWAYS_OPEN, weekly=((),) * 7, date_hours={date(2026, 6, 6): (Hours(600, 660),)})
    assert add_working_seconds(calendar, at("01T00:00"), HOUR) == at("06T11:00")
    assert subtract_working_seconds(calendar, at("2150-01-01T00:00"), HOUR) == at("06T10:00")
    with pytest.raises(WorkTimeNotReached):
        add_working_seconds(calendar, at("01T00:00"), HOUR + 1)


def test_a_break_closes_its_clock_times_in_every_shift() -> None:
    calendar = read_calendar(
        "UTC",
        {"mon": [["20:00", "04:00"]], "tue": [["03:00", "10:00"]]},
        date_breaks={"2026-06-02": [["01:00", "02:00"], ["01:30", "03:30"], ["09:00", "12:00"]]},
    )
    assert spans(segments(calendar, at("01T00:00"), at("03T00:00"))) == [
        (at("01T20:00"), at("02T01:00")),
        (at("02T03:30"), at("02T09:00")),
    ]
    assert not is_working(calendar, at("02T03:30") - TICK)
    assert is_working(calendar, at("02T03:30"))


def test_a_break_may_continue_past_midnight() -> None:
    calendar = replace(ALWAYS_OPEN, date_breaks={date(2026, 6, 1): (Hours(23 * 60, 25 * 60),)})
    assert spans(segments(calendar, at("01T22:00"), at("02T02:00"))) == [
        (at("01T22:00"), at("01T23:00")),
        (at("02T01:00"), at("02T02:00")),
    ]


# Pauses


def test_the_clock_stops_in_a_pause() -> None:
    pauses = [Period(at("01T15:00"), at("02T10:00")), Period(at("01T11:00"), at("01T12:00"))]
    assert working_seconds_between(DESK, at("01T10:00"), at("02T11:00"), pauses=pauses) == 5 * HOUR
    assert add_working_seconds(DESK, at("01T10:00"), 4 * HOUR, pauses=pauses) == at("01T15:00")
    assert add_working_seconds(DESK, at("01T10:00"), 4 * HOUR + 1, pauses=pauses) == at("02T10:00:01")
    assert subtract_working_seconds(DESK, at("02T11:00"), 5 * HOUR, pauses=pauses) == at("01T10:00")
    assert add_working_seconds(DESK, at("01T11:30"), 0, pauses=pauses) == at("01T12:00")


def test_overlapping_or_adjacent_pauses_are_merged() -> None:
    pauses = [
        Period(at("01T10:00"), at("01T12:00")),
        Period(at("01T11:00"), at("01T11:30")),
        Period(at("01T12:00"), at("01T13:00")),
    ]
    assert working_seconds_between(DESK, at("01T09:00"), at("01T17:00"), pauses=pauses) == 5 * HOUR
    assert working_seconds_between(ALWAYS_OPEN, at("01T09:00"), at("01T17:00"), pauses=pauses) == 5 * HOUR


def test_working_time_after_an_open_pause_is_never_reached() -> None:
    on_hold = [Period(at("01T10:00"))]
    for calendar in (DESK, ALWAYS_OPEN):
        assert working_seconds_between(calendar, at("01T09:00"), at("05T10:00"), pauses=on_hold) == HOUR
        assert add_working_seconds(calendar, at("01T09:00"), HOUR, pauses=on_hold) == at("01T10:00")
        with pytest.raises(WorkTimeNotReached):
            add_working_seconds(calendar, at("01T09:00"), HOUR + 1, pauses=on_hold)


# Daylight-saving changes


def berlin_sundays(*hours: list[str]) -> WorkCalendar:
    return read_calendar("Europe/Berlin", {"sun": hours})


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-28", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2026-10-26", 24),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Pacific/Apia", "2011-12-30", 0),
    ],
)
def test_an_all_day_calendar_follows_daylight_saving_changes(zone: str, day: str, hours: float) -> None:
    on = date.fromisoformat(day)
    calendar = WorkCalendar(zone_named(zone), ((),) * 7, date_hours={on: ALL_DAY})
    around = at(f"{day}T00:00") - timedelta(days=3), at(f"{day}T00:00") + timedelta(days=3)
    assert working_seconds_between(calendar, *around) == hours * HOUR


@pytest.mark.parametrize(
    ("hours", "opens", "closes"),
    [
        # the clocks go from 02:00 to 03:00, which is 01:00 in UTC
        (["01:00", "04:00"], "2026-03-29T00:00", "2026-03-29T02:00"),
        (["02:30", "04:00"], "2026-03-29T01:00", "2026-03-29T02:00"),
        (["02:30", "03:15"], "2026-03-29T01:00", "2026-03-29T01:15"),
        (["01:30", "02:30"], "2026-03-29T00:30", "2026-03-29T01:00"),
    ],
)
def test_skipped_hours_shorten_the_day(hours: list[str], opens: str, closes: str) -> None:
    day = segments(berlin_sundays(hours), at("2026-03-28T00:00"), at("2026-03-30T00:00"))
    assert spans(day) == [(at(opens), at(closes))]


def test_entirely_skipped_hours_are_empty() -> None:
    calendar = berlin_sundays(["02:00", "03:00"], ["02:15", "02:45"])
    assert segments(calendar, at("2026-03-28T00:00"), at("2026-03-30T00:00")) == ()


@pytest.mark.parametrize(
    ("hours", "opens", "closes"),
    [
        # the clocks go from 03:00 back to 02:00, which is 01:00 in UTC
        (["01:00", "04:00"], "2026-10-24T23:00", "2026-10-25T03:00"),
        (["01:00", "02:30"], "2026-10-24T23:00", "2026-10-25T00:30"),
        (["02:30", "03:00"], "2026-10-25T00:30", "2026-10-25T02:00"),
        (["02:00", "02:30"], "2026-10-25T00:00", "2026-10-25T00:30"),
    ],
)
def test_ambiguous_hours_start_and_end_at_their_first_occurrence(
    hours: list[str], opens: str, closes: str
) -> None:
    day = segments(berlin_sundays(hours), at("2026-10-24T00:00"), at("2026-10-26T00:00"))
    assert spans(day) == [(at(opens), at(closes))]


# Bounds


@pytest.mark.parametrize(
    "closed",
    [
        replace(ALWAYS_OPEN, weekly=((),) * 7),
        replace(ALWAYS_OPEN, weekly=((),) * 7, date_hours={date(2026, 6, 1): ()}),
        replace(
            ALWAYS_OPEN,
            annual_holidays=frozenset(
                (day.month, day.day) for day in map(date.fromordinal, range(730_000, 730_366))
            ),
        ),
    ],
)
def test_a_desk_that_never_opens_has_no_working_time(closed: WorkCalendar) -> None:
    assert working_seconds_between(closed, at("01T00:00"), at("2027-01-01T00:00")) == 0
    assert segments(closed, at("01T00:00"), at("2027-01-01T00:00")) == ()
    for step in (add_working_seconds, subtract_working_seconds):
        for seconds in (0, 1):
            with pytest.raises(WorkTimeNotReached):
                step(closed, at("01T00:00"), seconds)


@pytest.mark.parametrize("step", [add_working_seconds, subtract_working_seconds])
def test_out_of_range_amounts_are_refused(
    step: Callable[[WorkCalendar, datetime, int], datetime],
) -> None:
    for seconds in (-1, 10**12, 10**40):
        with pytest.raises(InvalidQuantity):
            step(DESK, at("01T12:00"), seconds)
    with pytest.raises(WorkTimeNotReached):
        step(ALWAYS_OPEN, at("01T12:00"), 200 * 366 * 24 * HOUR)
    with pytest.raises(NaiveInstant):
        step(DESK, at("01T12:00").replace(tzinfo=None), 1)
    with pytest.raises(AbsurdDate):
        step(DESK, at("0001-01-01T12:00"), 1)


# Values


def test_a_calendar_is_a_value() -> None:
    dated = {date(2026, 6, 6): ALL_DAY}
    calendar = replace(DESK, date_hours=dated)
    dated.clear()
    assert is_working(calendar, at("06T12:00"))
    assert calendar == replace(DESK, date_hours={date(2026, 6, 6): ALL_DAY})


def test_a_desk_that_never_closes_is_recognized() -> None:
    assert ALWAYS_OPEN.never_closes
    halves = read_calendar("Asia/Tokyo", every(DAY_NAMES, [["12:00", "24:00"], ["00:00", "12:00"]]))
    assert halves.never_closes
    for exception in (
        {"holidays": frozenset({date(2026, 1, 1)})},
        {"annual_holidays": frozenset({(1, 1)})},
        {"date_breaks": {date(2026, 1, 1): ALL_DAY}},
        {"date_hours": {date(2026, 1, 1): (Hours(0, 1439),)}},
        {"weekly": (*ALL_WEEK[:6], (Hours(1, 1440),))},
    ):
        assert not replace(ALWAYS_OPEN, **exception).never_closes


@pytest.mark.parametrize("days", [0, 1, 2, 5, 9])
def test_is_open_for_agrees_with_the_whole_time(days: int) -> None:
    start = at("01T12:00")
    end = start + timedelta(days=days)
    open_time = working_time_between(DESK, start, end)
    assert is_open_for(DESK, start, end, timedelta()) is bool(open_time)
    for wanted in (TICK, open_time - TICK, open_time, open_time + TICK):
        if wanted > timedelta():
            assert is_open_for(DESK, start, end, wanted) is (open_time >= wanted)

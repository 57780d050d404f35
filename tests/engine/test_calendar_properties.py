"""Properties of working time in every calendar, and agreement with a minute-by-minute check."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from engine.calendars import (
    ALWAYS_OPEN,
    DayHours,
    Hours,
    WorkCalendar,
    add_working_seconds,
    is_working,
    segments,
    subtract_working_seconds,
    working_seconds_between,
)
from engine.errors import WorkTimeNotReached
from engine.periods import zone_named
from engine.quantities import Period

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
thorough = settings(deadline=None, max_examples=150)

# Around these days the clocks of one of the zones change: at 02:00, at midnight, by 30 minutes, by a day.
ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia"]
ANCHORS = ["2026-03-29", "2026-10-25", "2018-11-04", "2018-02-18", "2024-04-26", "2026-10-04", "2011-12-30"]

hours = st.tuples(st.integers(0, 95), st.integers(1, 96)).map(
    lambda pair: Hours(15 * pair[0], 15 * (pair[0] + pair[1]))
)
day_hours = st.lists(hours, max_size=3).map(tuple)


@st.composite
def desks(draw: st.DrawFn, zones: Sequence[str] = ZONES) -> tuple[WorkCalendar, datetime]:
    """A calendar with various exceptions, and an instant near them."""
    anchor = date.fromisoformat(draw(st.sampled_from(ANCHORS)))
    near = st.integers(-4, 4).map(lambda n: anchor + timedelta(days=n))
    calendar = WorkCalendar(
        time_zone=zone_named(draw(st.sampled_from(zones))),
        weekly=tuple(draw(day_hours) for _ in range(7)),
        date_hours=draw(st.dictionaries(near, day_hours, max_size=2)),
        date_breaks=draw(st.dictionaries(near, day_hours, max_size=2)),
        holidays=frozenset(draw(st.sets(near, max_size=2))),
        annual_holidays=frozenset((day.month, day.day) for day in draw(st.sets(near, max_size=1))),
    )
    seconds = draw(st.integers(-5 * 86_400, 5 * 86_400))
    return calendar, datetime(anchor.year, anchor.month, anchor.day, tzinfo=UTC) + timedelta(seconds=seconds)


@st.composite
def pauses_near(draw: st.DrawFn, at: datetime) -> list[Period]:
    pairs = draw(st.lists(st.tuples(st.integers(-300_000, 300_000), st.integers(1, 90_000)), max_size=3))
    return [Period(at + since * SECOND, at + (since + length) * SECOND) for since, length in pairs]


@thorough
@given(desks(), st.integers(0, 700_000), st.data())
def test_open_periods_sum_to_the_work_and_do_not_touch(
    desk: tuple[WorkCalendar, datetime], length: int, data: st.DataObject
) -> None:
    calendar, start = desk
    end, pauses = start + length * SECOND, data.draw(pauses_near(start))
    found = segments(calendar, start, end, pauses=pauses)
    worked = sum(period.whole_seconds for period in found)
    assert worked == working_seconds_between(calendar, start, end, pauses=pauses)
    assert all(start <= period.start and period.end is not None and period.end <= end for period in found)
    assert all(one.end is not None and one.end < following.start for one, following in pairwise(found))
    for period in found:
        assert is_working(calendar, period.start)
        assert not any(period.overlaps(pause) for pause in pauses)


@thorough
@given(desks(), st.integers(0, 700_000), st.integers(0, 700_000), st.data())
def test_working_time_of_two_parts_sums_to_the_whole(
    desk: tuple[WorkCalendar, datetime], one: int, other: int, data: st.DataObject
) -> None:
    calendar, start = desk
    middle, end = start + one * SECOND, start + (one + other) * SECOND
    pauses = data.draw(pauses_near(start))
    parts = working_seconds_between(calendar, start, middle, pauses=pauses) + working_seconds_between(
        calendar, middle, end, pauses=pauses
    )
    assert parts == working_seconds_between(calendar, start, end, pauses=pauses)
    assert parts <= one + other


@thorough
@given(desks(), st.integers(0, 200_000), st.data())
def test_added_working_time_has_passed_and_not_a_second_earlier(
    desk: tuple[WorkCalendar, datetime], seconds: int, data: st.DataObject
) -> None:
    calendar, start = desk
    assume(any(calendar.weekly))
    pauses = data.draw(pauses_near(start))
    end = add_working_seconds(calendar, start, seconds, pauses=pauses)
    assert working_seconds_between(calendar, start, end, pauses=pauses) == seconds
    if seconds:
        assert working_seconds_between(calendar, start, end - SECOND, pauses=pauses) == seconds - 1
        # Subtracting it again leads back to the first open instant.
        back = subtract_working_seconds(calendar, end, seconds, pauses=pauses)
        assert back >= start
        assert working_seconds_between(calendar, start, back, pauses=pauses) == 0
    assert add_working_seconds(calendar, start, seconds + 1, pauses=pauses) > end


@thorough
@given(desks(), st.integers(1, 200_000), st.data())
def test_subtracted_working_time_passes_and_not_from_a_second_later(
    desk: tuple[WorkCalendar, datetime], seconds: int, data: st.DataObject
) -> None:
    calendar, end = desk
    pauses = data.draw(pauses_near(end))
    try:
        start = subtract_working_seconds(calendar, end, seconds, pauses=pauses)
    except WorkTimeNotReached:
        reject()
    assert working_seconds_between(calendar, start, end, pauses=pauses) == seconds
    assert working_seconds_between(calendar, start + SECOND, end, pauses=pauses) == seconds - 1


@thorough
@given(desks(), st.integers(0, 500_000), st.data())
def test_a_pause_never_brings_a_target_nearer(
    desk: tuple[WorkCalendar, datetime], seconds: int, data: st.DataObject
) -> None:
    calendar, start = desk
    assume(any(calendar.weekly))
    pauses = data.draw(pauses_near(start))
    assert add_working_seconds(calendar, start, seconds) <= add_working_seconds(
        calendar, start, seconds, pauses=pauses
    )


@thorough
@given(st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1)), st.integers(0, 10**8))  # noqa: DTZ001 (in UTC below)
def test_around_the_clock_working_time_is_elapsed_time(wall: datetime, seconds: int) -> None:
    start = wall.replace(tzinfo=UTC)
    end = start + seconds * SECOND
    assume(end.year < 2199)
    assert working_seconds_between(ALWAYS_OPEN, start, end) == seconds
    assert add_working_seconds(ALWAYS_OPEN, start, seconds) == end
    assert subtract_working_seconds(ALWAYS_OPEN, end, seconds) == start


@settings(deadline=None, max_examples=40)
@given(desks(zones=["UTC"]), st.data())
def test_a_minute_by_minute_check_agrees(desk: tuple[WorkCalendar, datetime], data: st.DataObject) -> None:
    calendar, at = desk
    start = at.replace(second=0)
    minutes = data.draw(st.integers(0, 4_000))
    watched = sum(open_by_the_clock(calendar, start + n * MINUTE) for n in range(minutes))
    assert 60 * watched == working_seconds_between(calendar, start, start + minutes * MINUTE)


def open_by_the_clock(calendar: WorkCalendar, at: datetime) -> bool:
    """Whether a desk in UTC is open in the minute of `at`, straight from the calendar's definition."""
    today, minute = at.date(), 60 * at.hour + at.minute
    yesterday = today - timedelta(days=1)

    def within(given: DayHours, of_minute: int) -> bool:
        return any(opens <= of_minute < closes for opens, closes in given)

    def hours_on(day: date) -> DayHours:
        if day in calendar.holidays or (day.month, day.day) in calendar.annual_holidays:
            return ()
        return calendar.date_hours.get(day, calendar.weekly[day.weekday()])

    on_break = within(calendar.date_breaks.get(today, ()), minute) or within(
        calendar.date_breaks.get(yesterday, ()), minute + 1440
    )
    return not on_break and (within(hours_on(today), minute) or within(hours_on(yesterday), minute + 1440))

"""Calendar arithmetic: month ends, leap years, the last day of a contract, recurring periods."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.errors import AbsurdDate, InvalidPeriod
from engine.periods import (
    Duration,
    add_period,
    first_instant_of,
    last_included_day,
    period_containing,
    whole_periods,
    zone_named,
)

MONTH, YEAR = Duration(months=1), Duration(years=1)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


zones = st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia"]).map(
    zone_named
)
dates = st.dates(date(1970, 1, 1), date(2199, 12, 31))
# From 1986: the period before the earliest of them begins in a supported year.
instants = st.datetimes(wall("1986-01-01T00:00"), wall("2150-01-01T00:00")).map(
    lambda at: at.replace(tzinfo=UTC)
)
durations = st.one_of(
    st.builds(Duration, months=st.integers(1, 40)),
    st.builds(Duration, years=st.integers(1, 9)),
    st.builds(Duration, weeks=st.integers(0, 9), days=st.integers(1, 99)),
    st.builds(Duration, months=st.integers(1, 9), days=st.integers(0, 40)),
)


# Steps


@pytest.mark.parametrize(
    ("start", "duration", "n", "expected"),
    [
        ("2026-01-31", MONTH, 1, "2026-02-28"),
        ("2028-01-31", MONTH, 1, "2028-02-29"),
        ("2026-01-31", MONTH, 2, "2026-03-31"),
        ("2026-01-31", MONTH, 3, "2026-04-30"),
        ("2026-03-31", MONTH, -1, "2026-02-28"),
        ("2028-02-29", YEAR, 1, "2029-02-28"),
        ("2028-02-29", YEAR, 4, "2032-02-29"),
        ("2096-02-29", YEAR, 4, "2100-02-28"),
        ("2026-12-31", MONTH, 2, "2027-02-28"),
        ("2026-11-30", MONTH, 1, "2026-12-30"),
        ("2026-01-30", Duration(months=1, days=1), 1, "2026-03-01"),
        ("2026-03-01", Duration(weeks=1, days=-1), 1, "2026-03-07"),
        ("2026-03-01", MONTH, 0, "2026-03-01"),
    ],
)
def test_steps_clamp_and_are_counted_from_the_anchor(
    start: str, duration: Duration, n: int, expected: str
) -> None:
    assert add_period(date.fromisoformat(start), duration, n) == date.fromisoformat(expected)


def test_a_datetime_keeps_its_time_of_day() -> None:
    assert add_period(wall("2026-01-31T09:30"), MONTH) == wall("2026-02-28T09:30")
    assert add_period(utc("2026-01-31T09:30"), Duration(hours=15)) == utc("2026-02-01T00:30")
    with pytest.raises(InvalidPeriod):
        add_period(date(2026, 1, 31), Duration(hours=24))


@pytest.mark.parametrize(
    ("start", "duration", "n"),
    [
        ("2199-12-31", Duration(days=1), 1),
        ("1970-01-01", Duration(days=1), -1),
        ("2026-01-01", YEAR, 10**30),
        ("2026-01-01", Duration(days=10**30), 1),
        ("2026-01-01", Duration(days=10**9), -1),
    ],
)
def test_leaving_the_supported_years_is_refused(start: str, duration: Duration, n: int) -> None:
    with pytest.raises(AbsurdDate):
        add_period(date.fromisoformat(start), duration, n)


@given(st.dates(date(1990, 1, 1), date(2150, 1, 1)), st.integers(-200, 200))
def test_months_keep_the_day_or_end_the_month(start: date, n: int) -> None:
    moved = add_period(start, MONTH, n)
    assert 12 * moved.year + moved.month == 12 * start.year + start.month + n
    assert moved.day == min(start.day, monthrange(moved.year, moved.month)[1])


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), durations, st.integers(0, 20))
def test_later_steps_are_later_dates(start: date, duration: Duration, n: int) -> None:
    assume(n * (duration.calendar_months * 31 + duration.calendar_days) < 36_000)
    assert add_period(start, duration, n) < add_period(start, duration, n + 1)


# The last day of a contract


@pytest.mark.parametrize(
    ("starts_on", "duration", "ends_on"),
    [
        ("2026-03-15", Duration(months=12), "2027-03-14"),
        ("2026-03-15", YEAR, "2027-03-14"),
        ("2026-01-01", YEAR, "2026-12-31"),
        ("2026-02-01", MONTH, "2026-02-28"),
        ("2028-02-01", MONTH, "2028-02-29"),
        # ends with the month that has no such day
        ("2026-01-31", MONTH, "2026-02-28"),
        ("2028-01-31", MONTH, "2028-02-29"),
        ("2028-02-29", YEAR, "2029-02-28"),
        ("2026-08-31", MONTH, "2026-09-30"),
        # just before that: ends on the day before
        ("2026-01-28", MONTH, "2026-02-27"),
        ("2026-01-29", MONTH, "2026-02-28"),
        ("2028-01-29", MONTH, "2028-02-28"),
        ("2028-01-30", MONTH, "2028-02-29"),
        ("2028-02-29", Duration(years=4), "2032-02-28"),
        ("2026-01-31", Duration(months=2), "2026-03-30"),
        ("2026-01-31", Duration(months=1, days=7), "2026-03-07"),
        ("2026-01-31", Duration(days=1), "2026-01-31"),
        ("2026-01-31", Duration(weeks=1), "2026-02-06"),
        ("2199-01-01", YEAR, "2199-12-31"),
    ],
)
def test_the_last_day_included(starts_on: str, duration: Duration, ends_on: str) -> None:
    assert last_included_day(date.fromisoformat(starts_on), duration) == date.fromisoformat(ends_on)


@given(st.dates(date(1990, 1, 1), date(2150, 1, 1)), durations)
def test_a_later_start_never_ends_earlier(starts_on: date, duration: Duration) -> None:
    ends_on = last_included_day(starts_on, duration)
    assert starts_on <= ends_on
    assert ends_on <= last_included_day(starts_on + timedelta(days=1), duration)


@pytest.mark.parametrize(
    "duration", [Duration(), Duration(months=-1), Duration(months=1, days=-1), Duration(days=1, hours=1)]
)
def test_a_contract_lasts_whole_days(duration: Duration) -> None:
    with pytest.raises(InvalidPeriod):
        last_included_day(date(2026, 1, 1), duration)


def test_a_contract_that_would_end_after_the_supported_years_is_refused() -> None:
    with pytest.raises(AbsurdDate):
        last_included_day(date(2199, 1, 2), YEAR)


# Recurring periods


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("2026-02-27", 0),
        ("2026-02-28", 1),
        ("2026-03-30", 1),
        ("2026-03-31", 2),
        ("2026-01-31", 0),
        ("2025-01-01", 0),
    ],
)
def test_whole_periods_are_counted_when_they_are_over(end: str, expected: int) -> None:
    assert whole_periods(date(2026, 1, 31), date.fromisoformat(end), MONTH) == expected


@settings(deadline=None)
@given(dates, dates, durations)
def test_whole_periods_count_as_many_as_fit(start: date, end: date, duration: Duration) -> None:
    assume(start <= end < date(2180, 1, 1))
    n = whole_periods(start, end, duration)
    assert add_period(start, duration, n) <= end < add_period(start, duration, n + 1)


def test_whole_periods_of_times() -> None:
    start = wall("2026-01-31T12:00")
    assert whole_periods(start, wall("2026-02-28T11:59"), MONTH) == 0
    assert whole_periods(start, wall("2026-02-28T12:00"), MONTH) == 1
    assert whole_periods(start, wall("2026-01-31T23:00"), Duration(hours=3)) == 3
    with pytest.raises(InvalidPeriod):
        whole_periods(start.date(), date(2027, 1, 1), Duration(hours=3))


@pytest.mark.parametrize("duration", [Duration(), Duration(days=-1), Duration(days=10**30)])
def test_a_duration_that_is_not_positive_is_refused(duration: Duration) -> None:
    with pytest.raises(InvalidPeriod):
        whole_periods(date(2026, 1, 1), date(2027, 1, 1), duration)
    with pytest.raises(InvalidPeriod):
        period_containing(
            utc("2026-01-01"), anchor=utc("2026-01-01"), duration=duration, zone=zone_named("UTC")
        )


def test_months_of_a_contract_keep_local_midnight_across_daylight_saving_changes() -> None:
    berlin = zone_named("Europe/Berlin")
    anchor = first_instant_of(date(2026, 1, 31), berlin)
    begins = [first_instant_of(date(2026, *day), berlin) for day in ((1, 31), (2, 28), (3, 31), (4, 30))]
    for begin, end in pairwise(begins):
        for at in (begin, end - datetime.resolution):
            period = period_containing(at, anchor=anchor, duration=MONTH, zone=berlin)
            assert (period.start, period.end) == (begin, end)


def test_periods_extend_before_the_anchor() -> None:
    anchor = utc("2026-03-31T00:00")
    period = period_containing(
        anchor - datetime.resolution, anchor=anchor, duration=MONTH, zone=zone_named("UTC")
    )
    assert (period.start, period.end) == (utc("2026-02-28T00:00"), anchor)


def test_an_anchor_in_the_second_ambiguous_hour_is_preserved() -> None:
    anchor = utc("2026-10-25T01:30")  # 02:30 in Berlin for the second time
    period = period_containing(anchor, anchor=anchor, duration=MONTH, zone=zone_named("Europe/Berlin"))
    assert (period.start, period.end) == (anchor, utc("2026-11-25T01:30"))


@settings(deadline=None)
@given(instants, instants, durations, zones)
def test_each_instant_is_in_one_period_and_the_next_begins_at_its_end(
    at: datetime, anchor: datetime, duration: Duration, zone: ZoneInfo
) -> None:
    period = period_containing(at, anchor=anchor, duration=duration, zone=zone)
    assert period.contains(at)
    assert period.end is not None
    assert period_containing(period.start, anchor=anchor, duration=duration, zone=zone) == period
    following = period_containing(period.end, anchor=anchor, duration=duration, zone=zone)
    assert following.start == period.end

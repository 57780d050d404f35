"""Local days and calendar arithmetic: changes of clocks, month ends, leap years, the accepted years."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.errors import AbsurdDate, InvalidPeriod, NaiveInstant, NonexistentLocalTime, UnknownTimeZone
from engine.periods import (
    Duration,
    add_period,
    check_date,
    check_instant,
    contract_end,
    first_instant_at,
    first_instant_of,
    last_day_of_month,
    last_included_day,
    local_date,
    period_containing,
    resolve_local,
    whole_periods,
    zone_named,
)

SECOND = timedelta(seconds=1)
MONTH, YEAR = Duration(months=1), Duration(years=1)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Zones whose clocks have changed at midnight, by half an hour, by a whole day, or in the first minute of one.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]
zones = st.sampled_from(ZONES).map(zone_named)
dates = st.dates(date(1970, 1, 1), date(2199, 12, 31))
instants = st.datetimes(wall("1970-01-02T00:00"), wall("2150-01-01T00:00")).map(
    lambda at: at.replace(tzinfo=UTC)
)
later_instants = instants.filter(lambda at: at.year > 1985)  # a period before them is one of accepted years
durations = st.one_of(
    st.builds(Duration, months=st.integers(1, 40)),
    st.builds(Duration, years=st.integers(1, 9)),
    st.builds(Duration, weeks=st.integers(0, 9), days=st.integers(1, 99)),
    st.builds(Duration, months=st.integers(1, 9), days=st.integers(0, 40)),
)


# The first instant of a day


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("UTC", "2026-03-01", "2026-03-01T00:00"),
        ("Europe/Berlin", "2026-01-01", "2025-12-31T23:00"),
        ("Europe/Berlin", "2026-07-01", "2026-06-30T22:00"),
        # no midnight: the clocks went from 00:00 to 01:00
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00"),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00"),
        # midnight twice: they went back from 01:00 to 00:00
        ("America/Havana", "2024-11-03", "2024-11-03T04:00"),
        # back from midnight to 23:00: the day before has 25 hours
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00"),
        # a day that was left out begins, and ends, with the next
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
    ],
)
def test_a_day_begins_when_its_clocks_first_show_it(zone: str, day: str, expected: str) -> None:
    assert first_instant_of(date.fromisoformat(day), zone_named(zone)) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Pacific/Apia", "2011-12-30", 0),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: str, hours: float) -> None:
    on = date.fromisoformat(day)
    begins_at = first_instant_of(on, zone_named(zone))
    assert contract_end(on, zone_named(zone)) - begins_at == timedelta(hours=hours)


@pytest.mark.parametrize("name", ZONES)
def test_days_follow_each_other_over_every_change_of_clocks(name: str) -> None:
    zone = zone_named(name)
    noons = [datetime.combine(date(1970, 1, 2) + timedelta(days=n), time(12), zone) for n in range(365 * 80)]
    for noon, next_noon in pairwise(noons):
        if noon.utcoffset() != next_noon.utcoffset():
            for day in (noon.date(), next_noon.date()):
                begins_at = first_instant_of(day, zone)
                assert local_date(begins_at - SECOND, zone) < day <= local_date(begins_at, zone)
                assert first_instant_of(day - timedelta(days=1), zone) <= begins_at


@settings(deadline=None)
@given(dates, zones)
def test_just_before_a_day_it_is_an_earlier_one(day: date, zone: ZoneInfo) -> None:
    begins_at = first_instant_of(day, zone)
    assert local_date(begins_at - SECOND, zone) < day
    assert local_date(begins_at, zone) >= day


@settings(deadline=None)
@given(dates, zones)
def test_what_ends_on_a_day_covers_all_of_it(day: date, zone: ZoneInfo) -> None:
    ends_at = contract_end(day, zone)
    assert first_instant_of(day, zone) <= ends_at
    assert local_date(ends_at - SECOND, zone) <= day
    assert local_date(ends_at, zone) > day


def test_a_contract_that_ends_on_31_december_covers_all_of_it() -> None:
    berlin = zone_named("Europe/Berlin")
    assert contract_end(date(2026, 12, 31), berlin) == utc("2026-12-31T23:00")
    assert local_date(utc("2026-12-31T22:59:59"), berlin) == date(2026, 12, 31)
    assert local_date(utc("2026-12-31T23:00"), berlin) == date(2027, 1, 1)


# Wall-clock times


def test_a_time_that_is_left_out_is_refused_with_what_would_do() -> None:
    berlin = zone_named("Europe/Berlin")
    assert resolve_local(wall("2026-03-29T01:59:59"), berlin) == utc("2026-03-29T00:59:59")
    for minute in (0, 30, 59):
        with pytest.raises(NonexistentLocalTime) as refused:
            resolve_local(wall(f"2026-03-29T02:{minute:02}"), berlin)
        assert "from 02:00 to 03:00" in refused.value.detail
        assert refused.value.values["gap_end"] == utc("2026-03-29T01:00")
    assert resolve_local(wall("2026-03-29T03:00"), berlin) == utc("2026-03-29T01:00")


def test_a_time_that_comes_twice_is_the_first() -> None:
    berlin = zone_named("Europe/Berlin")
    assert resolve_local(wall("2026-10-25T02:00"), berlin) == utc("2026-10-25T00:00")
    assert resolve_local(wall("2026-10-25T02:59:59").replace(fold=1), berlin) == utc("2026-10-25T00:59:59")
    assert resolve_local(wall("2026-10-25T03:00"), berlin) == utc("2026-10-25T02:00")


def test_a_day_that_is_left_out_has_no_times() -> None:
    with pytest.raises(NonexistentLocalTime):
        resolve_local(wall("2011-12-30T12:00"), zone_named("Pacific/Apia"))


def test_a_wall_clock_has_no_offset() -> None:
    with pytest.raises(ValueError, match="without an offset"):
        resolve_local(utc("2026-01-01T00:00"), zone_named("UTC"))


@settings(deadline=None)
@given(st.datetimes(wall("1970-01-02T00:00"), wall("2199-12-30T00:00")), zones)
def test_a_local_time_begins_when_the_clocks_first_reach_it(shown: datetime, zone: ZoneInfo) -> None:
    instant = first_instant_at(shown, zone)
    assert instant.astimezone(zone).replace(tzinfo=None) >= shown
    assert (instant - SECOND).astimezone(zone).replace(tzinfo=None) < shown


@settings(deadline=None)
@given(instants, zones)
def test_every_instant_is_found_by_its_local_time(instant: datetime, zone: ZoneInfo) -> None:
    shown = instant.astimezone(zone)
    found = resolve_local(shown.replace(tzinfo=None), zone)
    assert found == instant if shown.fold == 0 else found < instant


# The accepted years, and zones


@pytest.mark.parametrize("day", ["1970-01-01", "2199-12-31"])
def test_the_accepted_years_are_accepted_to_their_last_day(day: str) -> None:
    assert check_date(date.fromisoformat(day)).isoformat() == day
    for zone in map(zone_named, ZONES):
        assert check_instant(first_instant_of(date.fromisoformat(day), zone))
        assert check_instant(contract_end(date.fromisoformat(day), zone))


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31"])
def test_absurd_dates_are_refused_by_every_door(day: str) -> None:
    absurd, sane, zone = date.fromisoformat(day), date(2026, 1, 1), zone_named("UTC")
    for call in (
        lambda: check_date(absurd),
        lambda: first_instant_of(absurd, zone),
        lambda: contract_end(absurd, zone),
        lambda: resolve_local(datetime.combine(absurd, time()), zone),
        lambda: add_period(absurd, MONTH),
        lambda: last_included_day(absurd, MONTH),
        lambda: last_day_of_month(absurd),
        lambda: whole_periods(absurd, sane, MONTH),
        lambda: whole_periods(sane, absurd, MONTH),
    ):
        with pytest.raises(AbsurdDate) as refused:
            call()
        assert "1970 to 2199" in refused.value.remedy


@pytest.mark.parametrize("instant", ["0001-01-01T00:00", "1969-12-30T23:59:59", "2200-01-02T00:00:01"])
def test_absurd_instants_are_refused(instant: str) -> None:
    with pytest.raises(AbsurdDate):
        check_instant(utc(instant))
    with pytest.raises(AbsurdDate):
        local_date(utc(instant), zone_named("UTC"))
    with pytest.raises(AbsurdDate):
        period_containing(utc(instant), anchor=utc("2026-01-01"), duration=MONTH, zone=zone_named("UTC"))


def test_an_instant_has_an_offset() -> None:
    with pytest.raises(NaiveInstant):
        check_instant(wall("2026-01-01T00:00"))


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/Atlantis", "../etc/passwd", "/etc/passwd", "a\0b", "x" * 400]
)
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        zone_named(name)


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
def test_a_step_out_of_the_years_is_refused(start: str, duration: Duration, n: int) -> None:
    with pytest.raises(AbsurdDate):
        add_period(date.fromisoformat(start), duration, n)


@given(st.dates(date(1990, 1, 1), date(2150, 1, 1)), st.integers(-200, 200))
def test_months_keep_the_day_or_end_the_month(start: date, n: int) -> None:
    moved = add_period(start, MONTH, n)
    assert 12 * moved.year + moved.month == 12 * start.year + start.month + n
    assert moved.day == min(start.day, monthrange(moved.year, moved.month)[1])


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), durations, st.integers(0, 20))
def test_later_steps_lead_further(start: date, duration: Duration, n: int) -> None:
    assume(n * (duration.calendar_months * 31 + duration.calendar_days) < 36_000)
    assert add_period(start, duration, n) < add_period(start, duration, n + 1)


# What a contract includes


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
        # just before that, the day before
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


def test_a_contract_that_would_end_after_the_accepted_years_is_refused() -> None:
    with pytest.raises(AbsurdDate):
        last_included_day(date(2199, 1, 2), YEAR)


# Periods that repeat


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
def test_whole_periods_are_as_many_as_fit(start: date, end: date, duration: Duration) -> None:
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
def test_a_period_that_goes_nowhere_is_refused(duration: Duration) -> None:
    with pytest.raises(InvalidPeriod):
        whole_periods(date(2026, 1, 1), date(2027, 1, 1), duration)
    with pytest.raises(InvalidPeriod):
        period_containing(
            utc("2026-01-01"), anchor=utc("2026-01-01"), duration=duration, zone=zone_named("UTC")
        )


def test_months_of_a_contract_keep_local_midnight_over_changes_of_clocks() -> None:
    berlin = zone_named("Europe/Berlin")
    anchor = first_instant_of(date(2026, 1, 31), berlin)
    begins = [first_instant_of(date(2026, *day), berlin) for day in ((1, 31), (2, 28), (3, 31), (4, 30))]
    for begin, end in pairwise(begins):
        for at in (begin, end - datetime.resolution):
            period = period_containing(at, anchor=anchor, duration=MONTH, zone=berlin)
            assert (period.start, period.end) == (begin, end)


def test_periods_reach_back_before_the_anchor() -> None:
    anchor = utc("2026-03-31T00:00")
    period = period_containing(
        anchor - datetime.resolution, anchor=anchor, duration=MONTH, zone=zone_named("UTC")
    )
    assert (period.start, period.end) == (utc("2026-02-28T00:00"), anchor)


def test_an_anchor_in_the_second_of_two_equal_hours_stays_where_it_is() -> None:
    anchor = utc("2026-10-25T01:30")  # 02:30 in Berlin for the second time
    period = period_containing(anchor, anchor=anchor, duration=MONTH, zone=zone_named("Europe/Berlin"))
    assert (period.start, period.end) == (anchor, utc("2026-11-25T01:30"))


@settings(deadline=None)
@given(later_instants, later_instants, durations, zones)
def test_each_instant_is_in_one_period_and_the_next_begins_at_its_end(
    at: datetime, anchor: datetime, duration: Duration, zone: ZoneInfo
) -> None:
    period = period_containing(at, anchor=anchor, duration=duration, zone=zone)
    assert period.contains(at)
    assert period.end is not None
    assert period_containing(period.start, anchor=anchor, duration=duration, zone=zone) == period
    following = period_containing(period.end, anchor=anchor, duration=duration, zone=zone)
    assert following.start == period.end

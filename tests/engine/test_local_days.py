"""Local days and times: when they begin across daylight-saving changes, and the supported years."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import AbsurdDate, NaiveInstant, NonexistentLocalTime, UnknownTimeZone
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
MONTH = Duration(months=1)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Zones with changes at midnight, by half an hour, by a whole day, or in the first minute of a day.
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


# The first instant of a day


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("UTC", "2026-03-01", "2026-03-01T00:00"),
        ("Europe/Berlin", "2026-01-01", "2025-12-31T23:00"),
        ("Europe/Berlin", "2026-07-01", "2026-06-30T22:00"),
        # midnight skipped: the clocks went from 00:00 to 01:00
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00"),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00"),
        # midnight twice: they went back from 01:00 to 00:00
        ("America/Havana", "2024-11-03", "2024-11-03T04:00"),
        # back from midnight to 23:00: the day before has 25 hours
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00"),
        # a skipped day begins, and ends, with the next
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
    ],
)
def test_a_day_begins_when_the_local_clock_first_reaches_it(zone: str, day: str, expected: str) -> None:
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
def test_the_length_of_a_day_follows_daylight_saving_changes(zone: str, day: str, hours: float) -> None:
    on = date.fromisoformat(day)
    begins_at = first_instant_of(on, zone_named(zone))
    assert contract_end(on, zone_named(zone)) - begins_at == timedelta(hours=hours)


@pytest.mark.parametrize("name", ZONES)
def test_days_are_consecutive_across_every_daylight_saving_change(name: str) -> None:
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
def test_the_instant_before_a_day_is_in_an_earlier_day(day: date, zone: ZoneInfo) -> None:
    begins_at = first_instant_of(day, zone)
    assert local_date(begins_at - SECOND, zone) < day
    assert local_date(begins_at, zone) >= day


@settings(deadline=None)
@given(dates, zones)
def test_a_contract_covers_all_of_its_last_day(day: date, zone: ZoneInfo) -> None:
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


def test_a_skipped_time_is_refused_with_a_remedy() -> None:
    berlin = zone_named("Europe/Berlin")
    assert resolve_local(wall("2026-03-29T01:59:59"), berlin) == utc("2026-03-29T00:59:59")
    for minute in (0, 30, 59):
        with pytest.raises(NonexistentLocalTime) as refused:
            resolve_local(wall(f"2026-03-29T02:{minute:02}"), berlin)
        assert "from 02:00 to 03:00" in refused.value.detail
        assert refused.value.values["gap_end"] == utc("2026-03-29T01:00")
    assert resolve_local(wall("2026-03-29T03:00"), berlin) == utc("2026-03-29T01:00")


def test_an_ambiguous_time_is_its_first_occurrence() -> None:
    berlin = zone_named("Europe/Berlin")
    assert resolve_local(wall("2026-10-25T02:00"), berlin) == utc("2026-10-25T00:00")
    assert resolve_local(wall("2026-10-25T02:59:59").replace(fold=1), berlin) == utc("2026-10-25T00:59:59")
    assert resolve_local(wall("2026-10-25T03:00"), berlin) == utc("2026-10-25T02:00")


def test_a_skipped_day_has_no_times() -> None:
    with pytest.raises(NonexistentLocalTime):
        resolve_local(wall("2011-12-30T12:00"), zone_named("Pacific/Apia"))


def test_a_wall_clock_has_no_offset() -> None:
    with pytest.raises(ValueError, match="without an offset"):
        resolve_local(utc("2026-01-01T00:00"), zone_named("UTC"))


@settings(deadline=None)
@given(st.datetimes(wall("1970-01-02T00:00"), wall("2199-12-30T00:00")), zones)
def test_a_local_time_begins_when_the_local_clock_first_reaches_it(shown: datetime, zone: ZoneInfo) -> None:
    instant = first_instant_at(shown, zone)
    assert instant.astimezone(zone).replace(tzinfo=None) >= shown
    assert (instant - SECOND).astimezone(zone).replace(tzinfo=None) < shown


@settings(deadline=None)
@given(instants, zones)
def test_every_instant_is_found_by_its_local_time(instant: datetime, zone: ZoneInfo) -> None:
    shown = instant.astimezone(zone)
    found = resolve_local(shown.replace(tzinfo=None), zone)
    assert found == instant if shown.fold == 0 else found < instant


# Supported years and zones


@pytest.mark.parametrize("day", ["1970-01-01", "2199-12-31"])
def test_supported_years_include_their_first_and_last_day(day: str) -> None:
    assert check_date(date.fromisoformat(day)).isoformat() == day
    for zone in map(zone_named, ZONES):
        assert check_instant(first_instant_of(date.fromisoformat(day), zone))
        assert check_instant(contract_end(date.fromisoformat(day), zone))


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31"])
def test_absurd_dates_are_refused_by_every_function(day: str) -> None:
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


def test_an_instant_needs_an_offset() -> None:
    with pytest.raises(NaiveInstant):
        check_instant(wall("2026-01-01T00:00"))


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/Atlantis", "../etc/passwd", "/etc/passwd", "a\0b", "x" * 400]
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        zone_named(name)

"""The dates of a successor: its length, and the place of each grant in it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.periods import Duration, contract_end, first_instant_of, last_included_day, local_date
from engine.renewals import Succession, successor_last_day

BERLIN, KIRITIMATI = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati")
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Africa/Cairo", "Pacific/Apia", "Asia/Kolkata")
DAY = timedelta(days=1)
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))


def succession(first: date, last: date, zone: ZoneInfo = BERLIN) -> Succession:
    """The succession of a contract on these days by one of the same length."""
    starts_at, expires_at = first_instant_of(first, zone), contract_end(last, zone)
    ends_on = successor_last_day(starts_at, expires_at, zone)
    return Succession(starts_at, expires_at, contract_end(ends_on, zone), zone)


@pytest.mark.parametrize(
    ("first", "last", "begins", "ends", "in_successor"),
    [
        # the second quarter of a year is that of the next year
        ("2026-01-01", "2026-12-31", "2026-04-01", "2026-06-30", ("2027-04-01", "2027-06-30")),
        # half years, over both changes of the clock
        ("2026-01-01", "2026-06-30", "2026-04-01", "2026-05-31", ("2026-10-01", "2026-11-30")),
        # the last days of a long month fall to the last day of a shorter one
        ("2026-07-01", "2026-12-31", "2026-08-31", "2026-08-31", ("2027-02-28", "2027-02-28")),
        # from the 31st: the months of the successor begin with the first
        ("2026-12-31", "2027-02-28", "2027-01-31", "2027-02-28", ("2027-04-01", "2027-04-30")),
        # a period of days moves by days
        ("2026-03-20", "2026-05-10", "2026-04-01", "2026-04-15", ("2026-05-23", "2026-06-06")),
    ],
)
def test_a_grant_keeps_its_place(
    first: str, last: str, begins: str, ends: str, in_successor: tuple[str, str]
) -> None:
    span = succession(date.fromisoformat(first), date.fromisoformat(last)).span(
        first_instant_of(date.fromisoformat(begins), BERLIN), contract_end(date.fromisoformat(ends), BERLIN)
    )
    expected = [date.fromisoformat(one) for one in in_successor]
    assert span == (first_instant_of(expected[0], BERLIN), contract_end(expected[1], BERLIN))


def test_an_open_end_stays_open_and_the_end_is_the_successors() -> None:
    year = succession(date(2026, 1, 1), date(2026, 12, 31))
    assert year.span(None, None) == (None, None)
    assert year.span(year.starts_at, year.expires_at) == (year.expires_at, year.successor_expires_at)
    before, after = year.starts_at - 40 * DAY, year.expires_at + 40 * DAY
    assert year.span(before, after) == (year.expires_at, year.successor_expires_at)


def test_a_time_of_day_stays_that_of_the_contracts_zone() -> None:
    year = succession(date(2026, 1, 1), date(2026, 12, 31), KIRITIMATI)
    noon = datetime(2026, 5, 3, 22, 0, tzinfo=UTC)  # 12:00 on 4 May there
    assert year.span(noon, noon + timedelta(hours=3)) == (
        datetime(2027, 5, 3, 22, 0, tzinfo=UTC),
        datetime(2027, 5, 4, 1, 0, tzinfo=UTC),
    )


@given(zone=zones, first=days, months=st.integers(1, 40))
def test_a_period_of_months_is_followed_by_as_many_months(zone: ZoneInfo, first: date, months: int) -> None:
    one = succession(first, last_included_day(first, Duration(months=months)), zone)
    begins = local_date(one.expires_at, zone)
    ends = local_date(one.successor_expires_at, zone) - DAY
    assert ends == last_included_day(begins, Duration(months=months))


@given(zone=zones, first=days, length=st.integers(0, 900), data=st.data())
def test_grants_are_never_empty_and_keep_their_order(
    zone: ZoneInfo, first: date, length: int, data: st.DataObject
) -> None:
    one = succession(first, first + length * DAY, zone)
    starts = st.integers(0, length).map(lambda n: first + n * DAY)
    begins = sorted(data.draw(st.lists(starts, min_size=2, max_size=4)))
    lengths = [data.draw(st.integers(0, 60)) for _ in begins]
    spans = [
        one.span(first_instant_of(day, zone), contract_end(day + more * DAY, zone))
        for day, more in zip(begins, lengths, strict=True)
    ]
    for effective_at, expires_at in spans:
        assert effective_at is not None
        assert expires_at is not None
        assert one.expires_at <= effective_at < expires_at <= one.successor_expires_at
    ordered = [span[0] for span in spans if span[0] is not None]
    assert ordered == sorted(ordered)

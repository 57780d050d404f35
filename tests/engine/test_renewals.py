"""The dates of a successor: its length, and the place of each grant in it."""

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import CurrencyMismatch, InvalidPeriod, InvalidQuantity
from engine.periods import Duration, contract_end, first_instant_of, last_included_day, local_date
from engine.quantities import Money
from engine.renewals import NO_UPLIFT, Succession, Uplift, renewal_price, successor_last_day

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


# ------------------------------------------------------------------ the price

amounts = st.integers(0, 10**12)
percents = st.integers(0, 10_000_000).map(lambda number: Fraction(number, 10_000))


def euros(amount_minor: int) -> Money:
    return Money(amount_minor, "EUR")


@pytest.mark.parametrize(
    ("price", "uplift", "raised"),
    [
        (10_000, NO_UPLIFT, 10_000),
        (10_000, Uplift(percent=Fraction("3.5")), 10_350),
        (10_000, Uplift(amount=euros(250)), 10_250),
        # half a cent is rounded up, less than half down
        (1_010, Uplift(percent=Fraction("2.5")), 1_035),
        (1_001, Uplift(percent=Fraction("0.05")), 1_002),
        (999, Uplift(percent=Fraction("0.05")), 999),
        (0, Uplift(percent=Fraction(1000)), 0),
        (100, Uplift(percent=Fraction(1000)), 1_100),
    ],
)
def test_a_price_is_raised_by_a_percentage_or_an_amount(price: int, uplift: Uplift, raised: int) -> None:
    assert renewal_price(euros(price), uplift) == euros(raised)


def test_a_raised_price_is_prorated_and_rounded_once() -> None:
    whole = (date(2026, 1, 1), date(2027, 1, 1))
    half = (date(2026, 1, 1), date(2026, 7, 2))
    # 33.5 % of 1.03 is 1.375 for the whole year and 0.6856 for 182 of its 365 days
    uplift = Uplift(percent=Fraction("33.5"))
    assert renewal_price(euros(103), uplift, part=half, whole=whole) == euros(69)
    assert renewal_price(euros(103), uplift, part=whole, whole=whole) == euros(138)
    longer = (date(2026, 1, 1), date(2028, 1, 1))
    assert renewal_price(euros(36_500), part=longer, whole=whole) == euros(73_000)


def test_uplifts_that_cannot_be() -> None:
    for percent in (Fraction(-1), Fraction("1000.0001")):
        with pytest.raises(InvalidQuantity):
            Uplift(percent=percent)
    with pytest.raises(CurrencyMismatch):
        renewal_price(euros(100), Uplift(amount=Money(1, "USD")))
    day = date(2026, 1, 1)
    with pytest.raises(InvalidPeriod):
        renewal_price(euros(100), part=(day, day), whole=(day, day))


@given(price=amounts, percent=percents, extra=amounts)
def test_an_uplift_never_lowers_a_price(price: int, percent: Fraction, extra: int) -> None:
    raised = renewal_price(euros(price), Uplift(percent=percent))
    assert raised.amount_minor >= price
    assert abs(raised.amount_minor - price * (1 + percent / 100)) <= Fraction(1, 2)
    assert renewal_price(euros(price), Uplift(amount=euros(extra))) == euros(price + extra)


@given(price=amounts, first=days, length=st.integers(1, 800), data=st.data())
def test_the_parts_of_a_period_add_up_to_its_price(
    price: int, first: date, length: int, data: st.DataObject
) -> None:
    whole = (first, first + length * DAY)
    cut = first + data.draw(st.integers(0, length)) * DAY
    parts = [renewal_price(euros(price), part=part, whole=whole) for part in ((first, cut), (cut, whole[1]))]
    assert abs(parts[0].amount_minor + parts[1].amount_minor - price) <= 1


def span_of(texts: list[str]) -> tuple[date, date]:
    from_on, until_on = map(date.fromisoformat, texts)
    return from_on, until_on


def test_shared_cases_of_proration_agree(shared_cases: Path) -> None:
    """The prorated price of other billing systems, as facts; `sign` is that of a credited line."""
    borrowed = json.loads((shared_cases / "billing.json").read_text(encoding="utf-8"))
    cases = [case for case in borrowed["cases"] if case["group"] == "proration"]
    assert cases
    wrong = []
    for case in cases:
        got = []
        for item in case["input"]["items"]:
            part, whole = (span_of(item[name]) for name in ("segment", "period"))
            price = renewal_price(euros(item["price"]), part=part, whole=whole).amount_minor
            got.append(item.get("sign", 1) * price)
        if got != case["expect"]["amounts"] or sum(got) != case["expect"]["total"]:
            wrong.append(f"{case['id']}: expected {case['expect']}, got {got}")
    assert wrong == []

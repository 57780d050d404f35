"""Minutes, money and periods: at, just before and just after each boundary."""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import AbsurdDate, CurrencyMismatch, InvalidPeriod, InvalidQuantity, NaiveInstant
from engine.quantities import (
    MAX_AMOUNT_MINOR,
    MAX_MINUTES,
    ROUNDING_SCOPES,
    Money,
    Period,
    Rounding,
    as_utc,
    check_minutes,
    round_half_up,
    round_minutes,
    whole_minutes,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = datetime.resolution


def hours_later(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


# Money


def test_money_adds_subtracts_and_negates_in_its_currency() -> None:
    assert Money(1250, "EUR") + Money(-250, "EUR") == Money(1000, "EUR")
    assert Money(1250, "EUR") - Money(250, "EUR") == Money(1000, "EUR")
    assert -Money(1250, "EUR") == Money(-1250, "EUR")


def test_two_currencies_cannot_be_added() -> None:
    with pytest.raises(CurrencyMismatch) as refused:
        Money(1, "EUR") + Money(1, "USD")
    assert refused.value.values["currencies"] == ("EUR", "USD")
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") - Money(1, "USD")


@pytest.mark.parametrize(
    ("amount_minor", "factor", "expected"),
    [
        (2995, Fraction(6, 30), 599),
        (2995, Fraction(20, 30), 1997),
        (1, Fraction(49, 100), 0),
        (1, Fraction(1, 2), 1),
        (1, Fraction(51, 100), 1),
        (-1, Fraction(1, 2), -1),
        (5, Fraction(-1, 2), -3),
        (333, 3, 999),
        (333, 0, 0),
    ],
)
def test_money_rounds_once_halves_away_from_zero(
    amount_minor: int, factor: Fraction | int, expected: int
) -> None:
    assert Money(amount_minor, "EUR").times(factor) == Money(expected, "EUR")


@pytest.mark.parametrize("amount_minor", [1.0, True, "1", None])
def test_money_is_an_integer(amount_minor: object) -> None:
    with pytest.raises(InvalidQuantity):
        Money(amount_minor, "EUR")  # type: ignore[arg-type]  # what an unchecked caller might pass


@pytest.mark.parametrize("currency", ["", "EU", "EURO", "eur", "E1R", "ÄÖÜ", "EUR\n"])
def test_a_currency_code_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(InvalidQuantity):
        Money(1, currency)


def test_money_is_limited_to_exactly_representable_amounts() -> None:
    largest = Money(MAX_AMOUNT_MINOR, "EUR")
    assert (-largest).amount_minor == -MAX_AMOUNT_MINOR
    with pytest.raises(InvalidQuantity):
        largest + Money(1, "EUR")
    with pytest.raises(InvalidQuantity) as refused:
        Money(10**5000, "EUR")
    assert refused.value.remedy == "The largest amount is EUR 90,071,992,547,409.91."


@given(st.fractions())
def test_half_up_is_the_nearest_integer_and_symmetric_around_zero(value: Fraction) -> None:
    assert abs(round_half_up(value) - value) <= Fraction(1, 2)
    assert round_half_up(-value) == -round_half_up(value)


# Periods


def test_a_period_contains_its_start_and_not_its_end() -> None:
    period = Period(NOON, hours_later(1))
    assert not period.contains(NOON - TICK)
    assert period.contains(NOON)
    assert period.contains(hours_later(1) - TICK)
    assert not period.contains(hours_later(1))


def test_a_period_without_end_contains_everything_after_its_start() -> None:
    period = Period(NOON)
    assert not period.contains(NOON - TICK)
    assert period.contains(NOON)
    assert period.contains(datetime.max.replace(tzinfo=UTC))
    with pytest.raises(InvalidPeriod):
        _ = period.whole_seconds


@pytest.mark.parametrize("end", [NOON, NOON - TICK])
def test_an_empty_period_is_refused(end: datetime) -> None:
    with pytest.raises(InvalidPeriod):
        Period(NOON, end)


def test_a_period_converts_its_instants_to_utc() -> None:
    summer = timezone(timedelta(hours=2))
    period = Period(NOON.astimezone(summer), hours_later(1).astimezone(summer))
    assert period == Period(NOON, hours_later(1))
    assert (period.start.tzinfo, period.end and period.end.tzinfo) == (UTC, UTC)
    with pytest.raises(NaiveInstant):
        Period(NOON.replace(tzinfo=None))
    with pytest.raises(NaiveInstant):
        Period(NOON, hours_later(1).replace(tzinfo=None))


def test_adjacent_periods_do_not_overlap() -> None:
    first, second = Period(NOON, hours_later(1)), Period(hours_later(1), hours_later(2))
    assert not first.overlaps(second)
    assert not second.overlaps(first)
    assert first.intersect(second) is None
    assert first.overlaps(Period(hours_later(1) - TICK, hours_later(2)))
    assert first.intersect(Period(hours_later(1) - TICK)) == Period(hours_later(1) - TICK, hours_later(1))


def test_split_at_returns_the_parts_before_and_after() -> None:
    period = Period(NOON, hours_later(2))
    assert period.split_at(NOON - TICK) == (None, period)
    assert period.split_at(NOON) == (None, period)
    assert period.split_at(NOON + TICK) == (Period(NOON, NOON + TICK), Period(NOON + TICK, hours_later(2)))
    assert period.split_at(hours_later(2) - TICK)[1] == Period(hours_later(2) - TICK, hours_later(2))
    assert period.split_at(hours_later(2)) == (period, None)
    assert period.split_at(hours_later(3)) == (period, None)
    assert Period(NOON).split_at(hours_later(1)) == (Period(NOON, hours_later(1)), Period(hours_later(1)))


def test_seconds_of_a_period_are_rounded_down() -> None:
    assert Period(NOON, NOON + timedelta(seconds=59, microseconds=999_999)).whole_seconds == 59
    assert Period(NOON, NOON + timedelta(seconds=60)).whole_seconds == 60


instants = st.integers(-50, 50).map(hours_later)
periods = st.tuples(instants, st.none() | st.integers(1, 50)).map(
    lambda pair: Period(pair[0], None if pair[1] is None else pair[0] + timedelta(hours=pair[1]))
)


@given(periods, periods, instants)
def test_an_intersection_contains_exactly_what_both_contain(one: Period, other: Period, at: datetime) -> None:
    common = one.intersect(other)
    assert common == other.intersect(one)
    assert (common is not None and common.contains(at)) == (one.contains(at) and other.contains(at))


@given(periods, instants, instants)
def test_a_split_loses_nothing(period: Period, cut_at: datetime, at: datetime) -> None:
    before, after = period.split_at(cut_at)
    assert (before is not None and before.contains(at)) == (period.contains(at) and at < cut_at)
    assert (after is not None and after.contains(at)) == (period.contains(at) and at >= cut_at)


def test_an_instant_that_cannot_be_converted_to_utc_is_refused() -> None:
    with pytest.raises(AbsurdDate):
        as_utc(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))


# Rounding


@pytest.mark.parametrize(
    ("rounding", "worked", "chargeable"),
    [
        (Rounding(), 0, 0),
        (Rounding(), 1, 1),
        (Rounding(), 61, 61),
        # a started increment is charged in full
        (Rounding(15), 14, 15),
        (Rounding(15), 15, 15),
        (Rounding(15), 16, 30),
        # unless the part beyond the last full one is within the grace
        (Rounding(15, grace_minutes=5), 19, 15),
        (Rounding(15, grace_minutes=5), 20, 15),
        (Rounding(15, grace_minutes=5), 21, 30),
        # which may waive all of it
        (Rounding(15, grace_minutes=5), 5, 0),
        (Rounding(15, grace_minutes=5), 6, 15),
        # the minimum applies to any time worked, and not to none
        (Rounding(1, minimum_minutes=30), 0, 0),
        (Rounding(1, minimum_minutes=30), 1, 30),
        (Rounding(1, minimum_minutes=30), 30, 30),
        (Rounding(1, minimum_minutes=30), 31, 31),
        (Rounding(15, minimum_minutes=30, grace_minutes=5), 5, 30),
        # a minimum between two increments is charged as it is, not rounded up to an increment
        (Rounding(15, minimum_minutes=20), 1, 20),
        (Rounding(15, minimum_minutes=20), 16, 30),
        # with a grace of a whole increment or more, only full increments are charged
        (Rounding(15, grace_minutes=15), 29, 15),
        (Rounding(15, grace_minutes=60), 14, 0),
    ],
)
def test_worked_minutes_become_chargeable(rounding: Rounding, worked: int, chargeable: int) -> None:
    assert round_minutes(worked, rounding) == chargeable


roundings = st.builds(Rounding, st.integers(1, 120), st.integers(0, 120), st.integers(0, 120))


@given(st.integers(0, 10_000), roundings)
def test_more_work_is_never_cheaper(worked: int, rounding: Rounding) -> None:
    assert round_minutes(worked, rounding) <= round_minutes(worked + 1, rounding)


@given(st.integers(0, 10_000), roundings)
def test_the_charge_stays_near_the_worked_minutes(worked: int, rounding: Rounding) -> None:
    charged = round_minutes(worked, rounding)
    assert worked - rounding.grace_minutes <= charged
    assert charged < max(worked + rounding.increment_minutes, rounding.minimum_minutes + 1)


@pytest.mark.parametrize(
    ("field", "minutes"),
    [
        ("increment_minutes", 0),
        ("increment_minutes", 1441),
        ("minimum_minutes", -1),
        ("minimum_minutes", 1441),
        ("grace_minutes", -1),
        ("grace_minutes", 10**40),
        ("grace_minutes", True),
        ("grace_minutes", 0.5),
    ],
)
def test_an_out_of_range_rounding_is_refused(field: str, minutes: int) -> None:
    with pytest.raises(InvalidQuantity) as refused:
        Rounding(**{field: minutes})  # type: ignore[arg-type]  # the field varies, and so does the type
    assert refused.value.values["setting"] == field


def test_a_rounding_has_one_of_three_scopes() -> None:
    assert [Rounding(scope=scope).scope for scope in ROUNDING_SCOPES] == list(ROUNDING_SCOPES)
    with pytest.raises(InvalidQuantity, match="Use entry, service_request_day or service_request"):
        Rounding(scope="week")  # type: ignore[arg-type]  # what an unchecked caller might pass


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (3600, 60)])
def test_a_started_minute_counts(seconds: int, minutes: int) -> None:
    assert whole_minutes(seconds) == minutes


def test_out_of_range_minutes_are_refused() -> None:
    assert check_minutes(MAX_MINUTES) == MAX_MINUTES
    for minutes in (-1, MAX_MINUTES + 1, 10**5000):
        with pytest.raises(InvalidQuantity):
            check_minutes(minutes)
        with pytest.raises(InvalidQuantity):
            round_minutes(minutes, Rounding())
    for seconds in (-1, 60 * MAX_MINUTES + 1):
        with pytest.raises(InvalidQuantity):
            whole_minutes(seconds)

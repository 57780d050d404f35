"""Revenue by days, by quantity and by the larger of both; what is left; a bundle's price."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidPeriod, InvalidQuantity
from engine.periods import zone_named
from engine.recognition import (
    deferred_minor,
    first_unused_day,
    recognized_minor,
    recognized_steps,
    share_by_days,
    share_by_quantity,
    share_whichever_first,
    unused_part_minor,
)

YEAR = (date(2026, 1, 1), date(2027, 1, 1))


def test_days_count_once_they_have_gone_by() -> None:
    assert share_by_days(*YEAR, gone_by_until=date(2025, 12, 31)) == 0
    assert share_by_days(*YEAR, gone_by_until=date(2026, 1, 1)) == 0
    assert share_by_days(*YEAR, gone_by_until=date(2026, 1, 2)) == Fraction(1, 365)
    assert share_by_days(*YEAR, gone_by_until=date(2026, 12, 31)) == Fraction(364, 365)
    assert share_by_days(*YEAR, gone_by_until=date(2027, 1, 1)) == 1
    assert share_by_days(*YEAR, gone_by_until=date(2027, 6, 1)) == 1
    with pytest.raises(InvalidPeriod):
        share_by_days(date(2026, 1, 1), date(2026, 1, 1), gone_by_until=date(2026, 1, 1))


def test_what_is_drawn_beyond_the_purchase_is_not_of_this_price() -> None:
    assert share_by_quantity(0, 600) == 0
    assert share_by_quantity(599, 600) == Fraction(599, 600)
    assert share_by_quantity(601, 600) == 1
    with pytest.raises(InvalidQuantity):
        share_by_quantity(1, 0)


def test_a_share_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(InvalidQuantity):
        recognized_minor(100, Fraction(3, 2))


def test_whichever_first_is_the_larger_share() -> None:
    half_of_the_time = share_by_days(*YEAR, gone_by_until=date(2026, 7, 2))
    assert share_whichever_first(half_of_the_time, share_by_quantity(540, 600)) == Fraction(9, 10)
    assert share_whichever_first(half_of_the_time, share_by_quantity(60, 600)) == half_of_the_time


def test_a_correction_moves_revenue_back() -> None:
    shares = [share_by_quantity(drawn, 3) for drawn in (1, 2, 1)]
    assert recognized_steps(10_000, shares) == (3_333, 3_333, -3_333)


def test_the_breakage_of_an_expired_grant_is_the_rest() -> None:
    assert deferred_minor(10_000, share_by_quantity(1, 3)) == 6_667


def test_a_negative_price_is_the_mirror() -> None:
    assert recognized_minor(-10_000, Fraction(1, 3)) == -3_333


def test_the_day_of_cancellation_has_gone_by_in_the_providers_zone() -> None:
    at = datetime(2026, 10, 15, 1, 0, tzinfo=UTC)
    assert first_unused_day(at, zone_named("America/Los_Angeles")) == date(2026, 10, 15)
    assert first_unused_day(at, zone_named("Europe/Paris")) == date(2026, 10, 16)


def test_an_end_at_midnight_leaves_the_day_that_it_begins() -> None:
    midnight = datetime(2026, 10, 14, 22, 0, tzinfo=UTC)
    paris = zone_named("Europe/Paris")
    assert first_unused_day(midnight, paris) == date(2026, 10, 15)
    assert first_unused_day(midnight + timedelta(microseconds=1), paris) == date(2026, 10, 16)


def test_an_unused_part_is_less_what_was_credited_before_and_never_below_zero() -> None:
    assert unused_part_minor(12_000, Fraction(1, 4)) == 9_000
    assert unused_part_minor(12_000, Fraction(1, 4), credited_minor=2_000) == 7_000
    assert unused_part_minor(12_000, Fraction(1, 4), credited_minor=9_001) == 0


prices = st.integers(-10_000_000, 10_000_000)


@given(prices, st.lists(st.integers(0, 600), max_size=10))
def test_steps_sum_to_the_revenue_and_the_rest_to_the_price(price: int, drawn: list[int]) -> None:
    shares = [share_by_quantity(one, 600) for one in drawn]
    last = shares[-1] if shares else Fraction(0)
    recognized = sum(recognized_steps(price, shares))
    assert recognized == recognized_minor(price, last)
    assert recognized + deferred_minor(price, last) == price


@given(st.integers(0, 10_000_000), st.integers(1, 1_000))
def test_day_by_day_never_goes_back_and_ends_with_the_whole(price: int, days: int) -> None:
    shares = [Fraction(day, days) for day in range(days + 1)]
    steps = recognized_steps(price, shares)
    assert min(steps) >= 0
    assert max(steps) - min(steps[1:]) <= 1
    assert sum(steps) == price

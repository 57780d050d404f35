"""What has been delivered of what was sold."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.revenue import Delivery

YEAR = (date(2026, 1, 1), date(2027, 1, 1))


@pytest.mark.parametrize(
    ("delivery", "share"),
    [
        (Delivery(YEAR, 0, 0, is_over=False), Fraction(90, 365)),
        (Delivery(None, 1200, 300, is_over=False), Fraction(1, 4)),
        (Delivery(YEAR, 1200, 300, is_over=False), Fraction(1, 4)),
        (Delivery(YEAR, 1200, 60, is_over=False), Fraction(90, 365)),
        (Delivery(None, 1200, 300, is_over=True), Fraction(1)),
        (Delivery(None, 0, 0, is_over=False), Fraction(0)),
        (Delivery((date(2027, 1, 1), date(2028, 1, 1)), 0, 0, is_over=False), Fraction(0)),
        (Delivery((date(2026, 1, 1), date(2026, 1, 1)), 0, 0, is_over=False), Fraction(0)),
    ],
    ids=["days", "drawn", "more drawn", "more days", "over", "per request", "not begun", "no day"],
)
def test_the_share_on_31_march(delivery: Delivery, share: Fraction) -> None:
    assert delivery.share(date(2026, 4, 1)) == share


@given(st.integers(0, 3000), st.integers(0, 3000), st.dates(date(2025, 1, 1), date(2029, 1, 1)))
def test_a_share_never_falls_with_time_and_is_at_most_all(purchased: int, drawn: int, day: date) -> None:
    delivery = Delivery(YEAR, purchased, drawn, is_over=False)
    assert 0 <= delivery.share(day) <= delivery.share(date(2029, 1, 2)) <= 1

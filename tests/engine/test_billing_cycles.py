"""Billing days, cycles billed in advance, and prorated prices."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.billing_cycles import (
    BilledCycle,
    billed_cycles,
    cycles_in_advance,
    first_billing_date,
    prorated_amount,
)
from engine.errors import AbsurdDate, InvalidPeriod, InvalidQuantity
from engine.periods import Duration
from engine.quantities import Money

MONTH, YEAR = Duration(months=1), Duration(years=1)
start_dates = st.dates(date(2000, 1, 1), date(2100, 1, 1))
billing_days = st.integers(1, 31)
cycle_lengths = st.sampled_from([MONTH, Duration(months=3), Duration(months=6), YEAR])


@pytest.mark.parametrize(
    ("starts_on", "billing_day", "duration", "expected"),
    [
        ("2026-05-14", 15, MONTH, "2026-05-15"),
        ("2026-05-15", 15, MONTH, "2026-05-15"),
        ("2026-05-16", 15, MONTH, "2026-06-15"),
        ("2026-02-28", 31, MONTH, "2026-02-28"),
        ("2026-04-30", 31, MONTH, "2026-04-30"),
        ("2026-01-31", 30, MONTH, "2026-02-28"),
        ("2026-05-16", 15, YEAR, "2027-05-15"),
        ("2026-12-16", 15, Duration(months=3), "2027-03-15"),
    ],
)
def test_the_first_billing_date(starts_on: str, billing_day: int, duration: Duration, expected: str) -> None:
    first_on = first_billing_date(date.fromisoformat(starts_on), billing_day, duration)
    assert first_on == date.fromisoformat(expected)


@pytest.mark.parametrize("billing_day", [0, 32, -1])
def test_a_billing_day_must_be_1_to_31(billing_day: int) -> None:
    with pytest.raises(InvalidQuantity):
        first_billing_date(date(2026, 1, 1), billing_day, MONTH)


@pytest.mark.parametrize(
    "duration",
    [Duration(), Duration(weeks=4), Duration(months=-1), Duration(months=1, days=1), Duration(years=9999)],
)
def test_a_billing_cycle_must_be_whole_months(duration: Duration) -> None:
    with pytest.raises(InvalidPeriod):
        first_billing_date(date(2026, 1, 1), 1, duration)


def test_days_before_the_first_billing_date_are_billed_pro_rata() -> None:
    cycles = billed_cycles(
        starts_on=date(2026, 1, 20),
        until_on=date(2026, 3, 20),
        target_on=date(2026, 3, 15),
        billing_day=15,
        duration=MONTH,
    )
    assert cycles == (
        BilledCycle(date(2026, 1, 20), date(2026, 2, 15), Fraction(26, 31)),
        BilledCycle(date(2026, 2, 15), date(2026, 3, 15), Fraction(1)),
        BilledCycle(date(2026, 3, 15), date(2026, 3, 20), Fraction(5, 31)),
    )


@pytest.mark.parametrize(
    ("target_on", "expected"), [("2026-02-14", 1), ("2026-02-15", 2), ("2026-02-16", 2), ("2026-03-15", 3)]
)
def test_a_cycle_is_due_on_the_day_it_begins(target_on: str, expected: int) -> None:
    total = cycles_in_advance(
        starts_on=date(2026, 1, 15),
        until_on=None,
        target_on=date.fromisoformat(target_on),
        billing_day=15,
        duration=MONTH,
    )
    assert total == expected


def test_an_empty_term_is_not_billed() -> None:
    on = date(2026, 1, 20)
    assert billed_cycles(starts_on=on, until_on=on, target_on=on, billing_day=15, duration=MONTH) == ()


def test_reversed_or_absurd_dates_are_refused() -> None:
    on, before = date(2026, 1, 20), date(2026, 1, 19)
    with pytest.raises(InvalidPeriod):
        billed_cycles(starts_on=on, until_on=None, target_on=before, billing_day=1, duration=MONTH)
    with pytest.raises(InvalidPeriod):
        billed_cycles(starts_on=on, until_on=before, target_on=on, billing_day=1, duration=MONTH)
    with pytest.raises(AbsurdDate):
        billed_cycles(starts_on=on, until_on=None, target_on=date(9999, 1, 1), billing_day=1, duration=MONTH)


@given(start_dates, st.integers(0, 1500), st.integers(0, 1500), billing_days, cycle_lengths)
def test_cycles_are_consecutive_and_cover_the_term(
    starts_on: date, length_days: int, target_days: int, billing_day: int, duration: Duration
) -> None:
    until_on, target_on = starts_on + timedelta(days=length_days), starts_on + timedelta(days=target_days)
    cycles = billed_cycles(
        starts_on=starts_on,
        until_on=until_on,
        target_on=target_on,
        billing_day=billing_day,
        duration=duration,
    )
    next_on = starts_on
    for cycle in cycles:
        assert cycle.from_on == next_on
        assert cycle.from_on < cycle.until_on
        assert 0 < cycle.share <= 1
        next_on = cycle.until_on
    # Billed in advance: every day before the target is included.
    assert min(until_on, target_on) <= next_on <= until_on
    assert all(cycle.share == 1 for cycle in cycles[1:-1])


# Prorated prices

APRIL = (date(2026, 4, 1), date(2026, 5, 1))


@pytest.mark.parametrize(
    ("until_on", "amount_minor"),
    [("2026-04-01", 0), ("2026-04-02", 33), ("2026-04-16", 500), ("2026-05-01", 1000)],
)
def test_a_part_is_prorated_by_days(until_on: str, amount_minor: int) -> None:
    part = (date(2026, 4, 1), date.fromisoformat(until_on))
    assert prorated_amount(Money(1000, "EUR"), part=part, whole=APRIL) == Money(amount_minor, "EUR")


def test_a_credit_mirrors_the_charge() -> None:
    half = (date(2026, 4, 1), date(2026, 4, 16))
    charged = prorated_amount(Money(25, "EUR"), part=half, whole=APRIL)
    assert charged == Money(13, "EUR")
    assert prorated_amount(Money(-25, "EUR"), part=half, whole=APRIL) == -charged


def test_a_price_is_prorated_only_over_a_non_empty_period() -> None:
    with pytest.raises(InvalidPeriod):
        prorated_amount(Money(1, "EUR"), part=APRIL, whole=(APRIL[0], APRIL[0]))
    with pytest.raises(InvalidPeriod):
        prorated_amount(Money(1, "EUR"), part=(APRIL[1], APRIL[0]), whole=APRIL)

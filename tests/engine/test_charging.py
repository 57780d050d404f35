"""Worked minutes to chargeable minutes: increments, minimum, grace and percent, at their boundaries."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.charging import percent_of, price_minor
from engine.errors import DeskError
from engine.quantities import ROUNDING_SCOPES, Rounding
from engine.rounding import rounded_minutes


def chargeable_minutes(
    worked_minutes: int, rounding: Rounding, *, percent: int = 100, before_minutes: int = 0
) -> int:
    """Worked minutes, rounded and then multiplied."""
    return percent_of(rounded_minutes(worked_minutes, rounding, before_minutes=before_minutes), percent)


QUARTERS = Rounding(increment_minutes=15, minimum_minutes=30, grace_minutes=5)
DAILY = Rounding(increment_minutes=15, minimum_minutes=30, grace_minutes=5, scope="service_request_day")
worked = st.integers(min_value=0, max_value=5_000)
roundings = st.builds(
    Rounding,
    increment_minutes=st.integers(1, 120),
    minimum_minutes=st.integers(0, 120),
    grace_minutes=st.integers(0, 119),
    scope=st.sampled_from(ROUNDING_SCOPES),
).filter(lambda rounding: rounding.grace_minutes < rounding.increment_minutes)


@pytest.mark.parametrize(
    ("worked_minutes", "charged"),
    [(0, 0), (1, 30), (29, 30), (30, 30), (35, 30), (36, 45), (45, 45), (50, 45), (51, 60), (60, 60)],
)
def test_a_started_increment_is_charged_beyond_its_grace(worked_minutes: int, charged: int) -> None:
    assert chargeable_minutes(worked_minutes, QUARTERS) == charged


@pytest.mark.parametrize(
    ("worked_minutes", "percent", "charged"),
    [
        (1, 0, 0),
        (1, 49, 0),
        (1, 50, 1),
        (1, 149, 1),
        (1, 150, 2),
        (60, 150, 90),
        (60, 200, 120),
        (3, 33, 1),
    ],
)
def test_percent_applies_after_rounding_and_halves_round_up(
    worked_minutes: int, percent: int, charged: int
) -> None:
    assert chargeable_minutes(worked_minutes, Rounding(), percent=percent) == charged


def test_as_shipped_time_is_charged_as_worked() -> None:
    assert [chargeable_minutes(minutes, Rounding()) for minutes in (0, 1, 59, 60, 100_000)] == [
        0,
        1,
        59,
        60,
        100_000,
    ]


def test_a_day_is_rounded_as_a_whole() -> None:
    charged, before = [], 0
    for minutes in (10, 10, 10, 6, 20):
        charged.append(chargeable_minutes(minutes, DAILY, before_minutes=before))
        before += minutes
    assert charged == [30, 0, 0, 15, 15]


@given(st.lists(worked, max_size=8), roundings)
def test_the_entries_of_a_day_sum_to_the_day_rounded_once(entries: list[int], rounding: Rounding) -> None:
    charged, before = 0, 0
    for minutes in entries:
        part = chargeable_minutes(minutes, rounding, before_minutes=before)
        assert part >= 0
        charged += part
        before += minutes
    if rounding.scope != "entry":
        assert charged == chargeable_minutes(before, replace(rounding, scope="entry"))
    else:
        assert charged == sum(chargeable_minutes(minutes, rounding) for minutes in entries)


@given(worked, roundings)
def test_the_charge_is_bounded_and_monotonic(minutes: int, rounding: Rounding) -> None:
    charged = chargeable_minutes(minutes, rounding)
    assert charged >= minutes - rounding.grace_minutes
    assert charged <= max(minutes + rounding.increment_minutes - 1, rounding.minimum_minutes)
    assert chargeable_minutes(minutes + 1, rounding) >= charged


def test_negative_minutes_are_refused() -> None:
    with pytest.raises(DeskError):
        chargeable_minutes(-1, Rounding())


@pytest.mark.parametrize(
    ("minutes", "per_hour_minor", "price"),
    [(0, 6000, 0), (1, 29, 0), (1, 30, 1), (1, 89, 1), (1, 90, 2), (90, 12_000, 18_000), (20, 10_001, 3_334)],
)
def test_half_a_minor_unit_is_rounded_up(minutes: int, per_hour_minor: int, price: int) -> None:
    assert price_minor(minutes, per_hour_minor) == price

"""The projected date on which minutes run out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.projection import FARTHEST, PACE_SPAN, Band, Drawn, Pace, project_band, project_run_out

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=200)


def ago(days: int, minutes: int) -> Drawn:
    return Drawn(NOW - timedelta(days=days), minutes)


def test_the_pace_of_the_last_thirty_days_is_projected() -> None:
    pace = project_run_out([ago(29, 300), ago(1, 300)], available_minutes=1200, began_at=LONG_AGO, now=NOW)
    assert pace == Pace(600, timedelta(days=30), NOW + timedelta(days=60))


def test_older_draws_do_not_count() -> None:
    drawn = [ago(31, 6000), ago(30, 6000), ago(10, 60)]
    pace = project_run_out(drawn, available_minutes=60, began_at=LONG_AGO, now=NOW)
    assert pace is not None
    assert pace.drawn_minutes == 60


def test_a_new_contract_is_measured_since_its_start_but_for_at_least_a_week() -> None:
    began = NOW - timedelta(days=14)
    pace = project_run_out([ago(1, 140)], available_minutes=140, began_at=began, now=NOW)
    assert pace == Pace(140, timedelta(days=14), NOW + timedelta(days=14))
    first_day = project_run_out(
        [Drawn(NOW, 60)], available_minutes=60, began_at=NOW - timedelta(hours=3), now=NOW
    )
    assert first_day == Pace(60, timedelta(days=7), NOW + timedelta(days=7))


def test_returned_minutes_are_subtracted() -> None:
    drawn = [ago(3, 100), ago(2, -100)]
    assert project_run_out(drawn, available_minutes=60, began_at=LONG_AGO, now=NOW) is None


def test_no_work_gives_no_pace_and_a_slow_pace_has_no_date() -> None:
    assert project_run_out([], available_minutes=60, began_at=LONG_AGO, now=NOW) is None
    slow = project_run_out([ago(1, 1)], available_minutes=10**6, began_at=LONG_AGO, now=NOW)
    assert slow == Pace(1, timedelta(days=30), None)


def test_nothing_left_runs_out_now() -> None:
    pace = project_run_out([ago(1, 60)], available_minutes=0, began_at=LONG_AGO, now=NOW)
    assert pace is not None
    assert pace.runs_out_at == NOW


def pace(minutes: int, available: int) -> Pace:
    found = project_run_out([ago(1, minutes)], available_minutes=available, began_at=LONG_AGO, now=NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("weekly", "earliest_days", "latest_days"),
    [
        ([70, 70, 70, 70], 60, 60),
        ([140, 70, 140, 70], 30, 60),
        ([140, 0, 140, 0], 30, None),
        # the week in the middle belongs to both halves: 210 and 105 minutes a week, above the recent pace
        ([280, 140, 70], 20, 60),
        ([70, -70, 140, 70], 40, 120),
    ],
)
def test_the_band_is_that_of_busier_and_quieter_weeks(
    weekly: list[int], earliest_days: int, latest_days: int | None
) -> None:
    """With 600 minutes left, and 300 drawn in 30 days: a pace of 70 in a week, which lasts 60 days."""
    band = project_band(weekly, pace(300, 600), available_minutes=600, now=NOW)
    latest = NOW + timedelta(days=latest_days) if latest_days is not None else None
    assert band == Band(NOW + timedelta(days=earliest_days), latest)


@pytest.mark.parametrize("weekly", [[], [70]])
def test_one_week_makes_no_band(weekly: list[int]) -> None:
    assert project_band(weekly, pace(300, 600), available_minutes=600, now=NOW) is None


@given(
    weekly=st.lists(st.integers(-500, 5000), min_size=2, max_size=8),
    recent=st.integers(1, 20_000),
    available=st.integers(0, 200_000),
)
def test_the_projection_lies_within_the_band(weekly: list[int], recent: int, available: int) -> None:
    expected = pace(recent, available)
    band = project_band(weekly, expected, available_minutes=available, now=NOW)
    assert band is not None
    never = NOW + FARTHEST + PACE_SPAN
    earliest, middle, latest = (
        one or never for one in (band.earliest_at, expected.runs_out_at, band.latest_at)
    )
    assert NOW <= earliest <= middle <= latest

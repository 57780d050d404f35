"""The projected date on which minutes run out."""

from datetime import UTC, datetime, timedelta

from engine.projection import Drawn, Pace, project_run_out

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

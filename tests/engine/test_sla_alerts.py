"""The alerts of a service level clock: when they occur, each once, whenever they are asked for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars import ALWAYS_OPEN, Hours, WorkCalendar
from engine.sla import SlaTarget, SlaWarning
from engine.sla_alerts import (
    RESOLUTION,
    SlaAlert,
    alerts_of_change,
    alerts_since,
    first_alert_at,
    next_alert_at,
)
from engine.sla_clock import (
    SlaClock,
    SlaTerms,
    change_terms,
    first_due_instants,
    reopen,
    resolve,
    respond,
    run_clock,
    stop_clock,
)

MONDAY = datetime(2026, 3, 23, 9, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OFFICE = WorkCalendar(ZoneInfo("Europe/Berlin"), ((Hours(540, 1020),),) * 5 + ((), ()))
THREE_QUARTERS = SlaWarning(percent=75)


def terms(
    response: int = 240,
    resolution: int = 480,
    warning: SlaWarning | None = THREE_QUARTERS,
    calendar: WorkCalendar = ALWAYS_OPEN,
) -> SlaTerms:
    return SlaTerms(SlaTarget(response, resolution), calendar, warning)


def opened(given: SlaTerms | None = None, at: datetime = MONDAY) -> SlaClock:
    return change_terms(SlaClock(), given or terms(), at)


def names(found: list[SlaAlert]) -> list[tuple[str, str, timedelta]]:
    return [(one.target, one.kind, one.at - MONDAY) for one in found]


def test_all_alerts_of_a_request_that_nobody_answers() -> None:
    assert names(alerts_since(opened(), MONDAY, MONDAY + 100 * HOUR)) == [
        ("response", "sla_warning", 3 * HOUR),
        ("response", "sla_breach", 4 * HOUR),
        ("resolution", "sla_warning", 6 * HOUR),
        ("resolution", "sla_breach", 8 * HOUR),
    ]


@pytest.mark.parametrize(
    ("warning", "minutes", "after"),
    [
        (SlaWarning(percent=1), 99, 0),
        (SlaWarning(percent=50), 15, 7),
        (SlaWarning(percent=99), 100, 99),
        (SlaWarning(minutes_before=30), 240, 210),
        (SlaWarning(minutes_before=1), 1, 0),
    ],
)
def test_a_percentage_is_rounded_down(warning: SlaWarning, minutes: int, after: int) -> None:
    assert warning.minutes_into(minutes) == after


def test_a_target_is_breached_just_after_it_was_due() -> None:
    clock, due_at = opened(), MONDAY + 4 * HOUR
    assert ("response", "sla_breach", 4 * HOUR) not in names(alerts_since(clock, MONDAY, due_at))
    assert names(alerts_since(clock, due_at, due_at + RESOLUTION)) == [("response", "sla_breach", 4 * HOUR)]
    in_time, late = respond(clock, due_at), respond(clock, due_at + RESOLUTION)
    after = due_at + HOUR
    assert names(alerts_since(in_time, MONDAY, after)) == [("response", "sla_warning", 3 * HOUR)]
    assert ("response", "sla_breach", 4 * HOUR) in names(alerts_since(late, MONDAY, after))


def test_a_stopped_clock_has_no_alert_until_it_runs_again() -> None:
    stopped = stop_clock(opened(), MONDAY + 2 * HOUR)
    assert next_alert_at(stopped, MONDAY + 2 * HOUR) is None
    assert alerts_since(stopped, MONDAY, MONDAY + 99 * HOUR) == []
    running = run_clock(stopped, MONDAY + 10 * HOUR)
    assert alerts_of_change(running, MONDAY + 10 * HOUR) == []
    assert next_alert_at(running, MONDAY + 10 * HOUR) == MONDAY + 11 * HOUR


def test_a_hold_after_the_warning_does_not_warn_again() -> None:
    stopped = stop_clock(opened(), MONDAY + 3 * HOUR + MINUTE)
    running = run_clock(stopped, MONDAY + 10 * HOUR)
    [warning] = alerts_of_change(running, MONDAY + 10 * HOUR)
    assert warning.kind == "sla_warning", "it is still true, and was given"
    assert next_alert_at(running, MONDAY + 10 * HOUR) == MONDAY + 10 * HOUR + 59 * MINUTE + RESOLUTION


def test_a_longer_target_has_its_warning_again() -> None:
    clock, at = opened(), MONDAY + 3 * HOUR + MINUTE
    longer = change_terms(clock, terms(response=400), at)
    assert alerts_of_change(longer, at) == []
    assert next_alert_at(longer, at) == MONDAY + 5 * HOUR


def test_a_shorter_target_warns_and_is_breached_at_once() -> None:
    clock, at = opened(), MONDAY + 2 * HOUR
    shorter = change_terms(clock, terms(response=150), at)
    assert names(alerts_of_change(shorter, at)) == [("response", "sla_warning", 2 * HOUR)]
    missed = change_terms(clock, terms(response=60), at)
    [breach] = alerts_of_change(missed, at)
    assert (breach.kind, breach.at, breach.due_at) == ("sla_breach", at, MONDAY + HOUR)
    [same] = alerts_of_change(change_terms(missed, terms(response=90), at), at)
    assert (same.kind, same.due_at) == (breach.kind, breach.due_at)


def test_a_reopened_request_is_due_when_the_rest_of_its_time_has_counted() -> None:
    solved = resolve(opened(), MONDAY + 7 * HOUR)
    again = reopen(solved, MONDAY + 50 * HOUR, waits=False)
    still_true = {(one.target, one.kind) for one in alerts_of_change(again, MONDAY + 50 * HOUR)}
    assert still_true == {("response", "sla_breach"), ("resolution", "sla_warning")}
    assert next_alert_at(again, MONDAY + 50 * HOUR) == MONDAY + 51 * HOUR + RESOLUTION


def test_a_response_is_missed_that_comes_while_the_clock_stands_at_its_due_instant() -> None:
    stopped = stop_clock(opened(), MONDAY + 4 * HOUR)
    answered = respond(stopped, MONDAY + 9 * HOUR)
    assert names(alerts_of_change(answered, MONDAY + 9 * HOUR)) == [("response", "sla_breach", 9 * HOUR)]


minutes = st.integers(1, 3000)
warnings = st.one_of(
    st.none(),
    st.integers(1, 99).map(lambda percent: SlaWarning(percent=percent)),
    st.just(SlaWarning(None, 1)),
)


@given(
    response=minutes, more=minutes, warning=warnings, calendar=st.sampled_from([ALWAYS_OPEN, OFFICE]),
    late=st.integers(0, 60 * 24 * 14), stop=st.integers(0, 6000), pause=st.integers(0, 6000),
)  # fmt: skip
def test_whenever_alerts_are_asked_for_they_are_the_same(
    response: int,
    more: int,
    warning: SlaWarning | None,
    calendar: WorkCalendar,
    late: int,
    stop: int,
    pause: int,
) -> None:
    """One by one at their instants, or all at once after a stop of the job."""
    given = terms(response, response + more, warning, calendar)
    clock = opened(given)
    assert first_alert_at(given, MONDAY, first_due_instants(given, MONDAY)[0]) in (
        next_alert_at(clock, MONDAY),
        MONDAY,  # one that is due when the request is logged
    )
    held_at = MONDAY + stop * MINUTE
    held = stop_clock(clock, held_at)
    resumed_at = held_at + pause * MINUTE
    resumed = run_clock(held, resumed_at)
    end = resumed_at + late * MINUTE
    at_once = alerts_since(clock, MONDAY, held_at)
    at_once += made_due(resumed, resumed_at, at_once)
    at_once += alerts_since(resumed, resumed_at + RESOLUTION, end)
    stepwise: list[SlaAlert] = []
    due_at: datetime | None = first_alert_at(given, MONDAY, first_due_instants(given, MONDAY)[0])
    while due_at is not None and due_at <= held_at:
        stepwise += alerts_since(clock, due_at, due_at)
        due_at = next_alert_at(clock, due_at)
    stepwise += made_due(resumed, resumed_at, stepwise)
    due_at = next_alert_at(resumed, resumed_at)
    while due_at is not None and due_at <= end:
        stepwise += alerts_since(resumed, due_at, due_at)
        due_at = next_alert_at(resumed, due_at)
    assert stepwise == at_once
    assert len({(one.target, one.kind) for one in at_once}) == len(at_once)
    assert [one.at for one in at_once] == sorted(one.at for one in at_once)


def made_due(clock: SlaClock, at: datetime, given: list[SlaAlert]) -> list[SlaAlert]:
    known = {(one.target, one.kind) for one in given}
    return [one for one in alerts_of_change(clock, at) if (one.target, one.kind) not in known]

"""The service level clock against a plain calculation over random histories, and by single cases."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar_text import read_calendar
from engine.calendars import (
    ALWAYS_OPEN,
    LAST_INSTANT,
    HolidayHours,
    Hours,
    WorkCalendar,
    working_time_between,
)
from engine.named_calendars import Closure, NamedCalendar
from engine.quantities import Period
from engine.sla import Sla, SlaCalendars, SlaTarget, UnreachableTarget, unreachable_target
from engine.sla_clock import (
    SlaClock,
    SlaTerms,
    change_terms,
    first_due_instants,
    remaining_minutes,
    reopen,
    resolve,
    respond,
    run_clock,
    stop_clock,
    target_state,
)
from tests.support.sla_history import (
    STEP,
    Kind,
    PlainEvent,
    PlainHours,
    PlainTarget,
    PlainTargets,
    PlainTerms,
    plain_targets,
)

MONDAY = datetime(2026, 3, 23, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OFFICE_DAY = ((9 * 60, 17 * 60),)
SPLIT_DAY = ((8 * 60, 12 * 60), (13 * 60, 18 * 60 + 30))
WEEK = PlainHours("UTC", (OFFICE_DAY,) * 5 + ((), ()))
CALENDARS: list[PlainHours | None] = [
    None,
    WEEK,
    PlainHours("UTC", (OFFICE_DAY,) * 5 + ((), ()), frozenset({date(2026, 3, 24), date(2026, 3, 27)})),
    # the clocks of these zones change on 29 March and 5 April, by an hour and by half an hour
    PlainHours("Europe/Berlin", (SPLIT_DAY,) * 5 + (((600, 720),), ())),
    PlainHours("Australia/Lord_Howe", (OFFICE_DAY, (), OFFICE_DAY, (), SPLIT_DAY, (), ((0, 1440),))),
]


def _terms(plain: PlainTerms | None) -> SlaTerms | None:
    if plain is None:
        return None
    calendar = ALWAYS_OPEN
    if plain.hours is not None:
        weekly = tuple(tuple(Hours(*window) for window in day) for day in plain.hours.weekly)
        calendar = WorkCalendar(ZoneInfo(plain.hours.zone), weekly, holidays=plain.hours.holidays)
    return SlaTerms(SlaTarget(plain.response, plain.resolution), calendar)


def _target(hours: PlainHours | None, response: int = 240, resolution: int = 480) -> SlaTerms:
    converted = _terms(PlainTerms(response, resolution, hours))
    assert converted is not None
    return converted


ROUND_THE_CLOCK, BY_THE_WEEK = _target(None), _target(WEEK)


LEGAL: dict[str, dict[Kind, str]] = {
    "running": {"stop": "stopped", "respond": "running", "resolve": "resolved", "cancel": "cancelled"},
    "stopped": {"run": "running", "respond": "stopped", "resolve": "resolved", "cancel": "cancelled"},
    "waiting": {"run": "running", "respond": "waiting", "cancel": "cancelled"},
    "resolved": {"reopen": "running", "reopen_waiting": "waiting"},
}


@st.composite
def terms(draw: st.DrawFn) -> PlainTerms | None:
    response = draw(st.integers(1, 100)) * 5
    return draw(
        st.none()
        | st.builds(
            PlainTerms,
            st.just(response),
            st.integers(0, 200).map(lambda more: response + more * 5),
            st.sampled_from(CALENDARS),
        )
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[PlainEvent], list[datetime]]:
    """A history that the states of a service request allow, and instants to look at it."""
    at, state = MONDAY, draw(st.sampled_from(["running", "waiting"]))
    events: list[PlainEvent] = [PlainEvent(at, "stop")] if state == "waiting" else []
    if draw(st.booleans()):
        events.append(PlainEvent(at, "terms", draw(terms())))
    gaps = st.sampled_from([0, 1, 3, 6, 12, 24, 48, 96, 150, 288, 600])
    instants = []
    for _ in range(draw(st.integers(1, 9))):
        at += draw(gaps) * STEP
        if state == "cancelled":
            break
        kind: Kind = draw(
            st.sampled_from(["terms", *LEGAL[state], *(one for one in LEGAL[state] if one != "cancel")])
        )
        events.append(PlainEvent(at, kind, draw(terms()) if kind == "terms" else None))
        state = LEGAL[state].get(kind, state)
        instants.append(at + draw(gaps) * STEP)
    return events, instants


@settings(deadline=None, max_examples=250)
@given(histories())
def test_a_clock_agrees_with_counting_step_by_step(case: tuple[list[PlainEvent], list[datetime]]) -> None:
    history, instants = case
    for at in sorted({*instants, *(event.at for event in history)}):
        assert _targets(history, at) == plain_targets(history, MONDAY, at), at


@settings(deadline=None, max_examples=100)
@given(histories(), st.timedeltas(timedelta(), timedelta(days=5)), st.integers(0, 10**6))
def test_events_that_change_nothing_move_nothing(
    case: tuple[list[PlainEvent], list[datetime]], after: timedelta, microseconds: int
) -> None:
    """Stopping and running at one instant, or the same terms again, to the microsecond."""
    history, _ = case
    last = history[-1].at if history else MONDAY
    clock = _clock(history, last)
    at = last + after + timedelta(microseconds=microseconds)
    due = (clock.response_due_at, clock.resolution_due_at)
    same_terms = change_terms(clock, clock.terms, at)
    assert (same_terms.response_due_at, same_terms.resolution_due_at) == due
    if clock.stopped_at is None:
        blinked = run_clock(stop_clock(clock, at), at)
        assert (blinked.response_due_at, blinked.resolution_due_at) == due
        assert run_clock(clock, at) == clock


def _open(terms: SlaTerms, at: datetime = MONDAY) -> SlaClock:
    return change_terms(SlaClock(), terms, at)


@pytest.mark.parametrize("hours", CALENDARS)
@pytest.mark.parametrize("minutes", [(1, 1), (60, 61), (480, 480), (481, 5000)])
def test_the_targets_of_a_new_request(hours: PlainHours | None, minutes: tuple[int, int]) -> None:
    for at in (MONDAY, MONDAY - 3 * HOUR, MONDAY + timedelta(days=5, microseconds=1)):
        clock = _open(_target(hours, *minutes), at)
        due = first_due_instants(_target(hours, *minutes), at)
        assert due == (clock.response_due_at, clock.resolution_due_at)


def test_a_missed_response_stays_missed_after_a_hold() -> None:
    clock = respond(_open(ROUND_THE_CLOCK), MONDAY + 5 * HOUR)
    held = run_clock(stop_clock(clock, MONDAY + 6 * HOUR), MONDAY + 50 * HOUR)
    assert held.response_due_at == MONDAY + 4 * HOUR
    assert held.resolution_due_at == MONDAY + 52 * HOUR


def test_an_overdue_response_stays_overdue_after_a_hold_and_a_milder_level() -> None:
    clock = run_clock(stop_clock(_open(ROUND_THE_CLOCK), MONDAY + 5 * HOUR), MONDAY + 9 * HOUR)
    milder = change_terms(clock, _target(None, response=2400, resolution=4800), MONDAY + 9 * HOUR)
    assert milder.response_due_at == MONDAY + 4 * HOUR
    # five hours have counted, of eighty
    assert milder.resolution_due_at == MONDAY + (9 + 75) * HOUR


def test_the_time_from_resolution_to_reopening_does_not_count() -> None:
    """Seven hours are left of the working day that Wednesday's reopening begins."""
    clock = resolve(_open(BY_THE_WEEK), MONDAY + HOUR)
    assert clock.resolution_due_at == MONDAY + 8 * HOUR
    reopened = reopen(clock, MONDAY + timedelta(days=2), waits=False)
    assert reopened.resolution_due_at == MONDAY + timedelta(days=2) + 7 * HOUR


def test_a_wait_after_a_reopening_does_not_count() -> None:
    clock = reopen(resolve(_open(ROUND_THE_CLOCK), MONDAY + HOUR), MONDAY + 30 * HOUR, waits=True)
    uncovered = change_terms(clock, None, MONDAY + 30 * HOUR)
    assert uncovered.resolution_due_at is None
    covered = run_clock(change_terms(uncovered, ROUND_THE_CLOCK, MONDAY + 60 * HOUR), MONDAY + 60 * HOUR)
    assert covered.resolution_due_at == MONDAY + 67 * HOUR
    assert covered.response_due_at == MONDAY + 4 * HOUR


def test_another_calendar_keeps_what_has_counted() -> None:
    """Two hours by the week, a night on hold, then around the clock: six hours are left."""
    clock = stop_clock(_open(BY_THE_WEEK), MONDAY + 2 * HOUR)
    resumed = run_clock(clock, MONDAY + 24 * HOUR)
    changed = change_terms(resumed, ROUND_THE_CLOCK, MONDAY + 24 * HOUR)
    assert changed.resolution_due_at == MONDAY + 30 * HOUR
    back = change_terms(changed, BY_THE_WEEK, MONDAY + 26 * HOUR)
    assert back.resolution_due_at == MONDAY + 30 * HOUR


def test_a_more_urgent_level_is_due_when_so_much_had_counted() -> None:
    clock = run_clock(stop_clock(_open(ROUND_THE_CLOCK), MONDAY + HOUR), MONDAY + 2 * HOUR)
    urgent = change_terms(clock, _target(None, response=30, resolution=90), MONDAY + 4 * HOUR)
    assert urgent.response_due_at == MONDAY + 30 * MINUTE
    assert urgent.resolution_due_at == MONDAY + 2 * HOUR + 30 * MINUTE


def test_a_response_while_the_clock_is_stopped_is_in_time() -> None:
    clock = stop_clock(_open(ROUND_THE_CLOCK), MONDAY + HOUR)
    answered = respond(clock, MONDAY + 100 * HOUR)
    assert answered.response_due_at == MONDAY + 103 * HOUR
    assert answered.resolution_due_at == MONDAY + 8 * HOUR


@pytest.mark.parametrize("runs_first", [True, False])
def test_a_response_while_waiting_is_in_time_by_a_level_that_comes_later(*, runs_first: bool) -> None:
    """As when a contract that the request waited for covers it."""
    answered_at, covered_at = MONDAY + 2 * HOUR, MONDAY + 9 * HOUR
    clock = respond(stop_clock(SlaClock(), MONDAY), answered_at)
    if runs_first:
        clock = change_terms(run_clock(clock, covered_at), ROUND_THE_CLOCK, covered_at)
    else:
        clock = run_clock(change_terms(clock, ROUND_THE_CLOCK, covered_at), covered_at)
    assert clock.response_due_at == (covered_at if runs_first else answered_at) + 4 * HOUR
    assert clock.resolution_due_at == covered_at + 8 * HOUR


@pytest.mark.parametrize(("seconds", "state"), [(-1, "met"), (0, "met"), (1, "missed")])
def test_done_at_the_due_instant_is_met(seconds: int, state: str) -> None:
    done_at = MONDAY + timedelta(seconds=seconds)
    found = target_state(MONDAY, done_at, stopped_at=None, is_cancelled=False, at=MONDAY + HOUR)
    assert found == state
    not_done = target_state(MONDAY, None, stopped_at=None, is_cancelled=False, at=done_at)
    assert not_done == ("missed" if state == "missed" else "open")


# ------------------------------------------------------------------ hours that reach no target


def _sla(minutes: int, calendar: Any = "business_hours") -> dict[str, Sla]:
    return {"one": Sla("one", "One", calendar, {"low": SlaTarget(1, minutes)})}


@pytest.mark.parametrize("day", range(7))
def test_one_minute_a_week_reaches_a_short_target_only(day: int) -> None:
    weekly = tuple((Hours(600, 601),) if n == day else () for n in range(7))
    calendar = WorkCalendar(ZoneInfo("Europe/Berlin"), weekly)
    assert unreachable_target(_sla(1000), SlaCalendars(calendar, {}), MONDAY) is None
    found = unreachable_target(_sla(1100), SlaCalendars(calendar, {}), MONDAY)
    assert found is not None
    assert (found.sla, found.priority) == (_sla(1100)["one"], "low")
    assert unreachable_target(_sla(10_000_000, "always"), SlaCalendars(calendar, {}), MONDAY) is None


def test_hours_that_never_open_reach_nothing() -> None:
    closed = WorkCalendar(ZoneInfo("UTC"), ((),) * 7)
    assert unreachable_target({}, SlaCalendars(closed, {}), MONDAY) == UnreachableTarget()


# ------------------------------------------------------------------ named calendars

OFFICE_WEEK = (*[(Hours(540, 1020),)] * 5, (), ())
BERLIN = ZoneInfo("Europe/Berlin")


def _due(calendar: WorkCalendar, start: str, minutes: int) -> str:
    at = datetime.fromisoformat(start).replace(tzinfo=BERLIN)
    _, due_at = first_due_instants(SlaTerms(SlaTarget(1, minutes), calendar), at.astimezone(UTC))
    return due_at.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M")


def test_targets_pass_over_holidays_half_days_and_closures() -> None:
    """Eight hours from Wednesday afternoon: two that day, three on the half day, none while closed."""
    half_days = HolidayHours("IS", None, ("half_day",), (Hours(540, 720),))
    closed = Period(
        datetime(2026, 12, 28, 9, tzinfo=BERLIN).astimezone(UTC),
        datetime(2026, 12, 28, 17, tzinfo=BERLIN).astimezone(UTC),
    )
    named = NamedCalendar(
        "desk", "Desk", OFFICE_WEEK, holidays=(half_days, HolidayHours("IS")), closures=(Closure(closed),)
    )
    calendar = named.in_zone(BERLIN)
    # Thursday 24 December is a half day, Friday and Saturday are holidays, Monday is closed
    assert _due(calendar, "2026-12-23T15:00", 5 * 60) == "2026-12-24T12:00"
    assert _due(calendar, "2026-12-23T15:00", 8 * 60) == "2026-12-29T12:00"
    start, end = (datetime(2026, 12, day, tzinfo=UTC) for day in (20, 31))
    in_charging = sum(
        (one.end - one.start for one in named.open_periods(start, end, BERLIN) if one.end), timedelta()
    )
    assert in_charging == working_time_between(calendar, start, end) == timedelta(hours=8 * 5 + 3)


def test_business_hours_have_public_holidays_too() -> None:
    calendar = WorkCalendar(BERLIN, OFFICE_WEEK, public_holidays=(HolidayHours("DE", "BY"),))
    assert _due(calendar, "2026-05-13T16:00", 120) == "2026-05-15T10:00"  # Ascension Day
    own = WorkCalendar(
        BERLIN, OFFICE_WEEK, {date(2026, 5, 14): OFFICE_WEEK[0]}, public_holidays=calendar.public_holidays
    )
    assert _due(own, "2026-05-13T16:00", 120) == "2026-05-14T10:00"


def test_a_named_calendar_must_reach_its_targets_too() -> None:
    open_week = WorkCalendar(BERLIN, OFFICE_WEEK)
    minute = NamedCalendar("few", "Few", ((Hours(600, 601),), *[()] * 6))
    closed = Closure(Period(MONDAY, LAST_INSTANT))
    shut = NamedCalendar("shut", "Shut", OFFICE_WEEK, closures=(closed,))
    calendars = SlaCalendars(open_week, {"few": minute, "shut": shut})
    assert unreachable_target(_sla(1000, "few"), calendars, MONDAY) is None
    for minutes, name in ((1100, "few"), (1, "shut")):
        found = unreachable_target(_sla(minutes, name), calendars, MONDAY)
        assert found == UnreachableTarget(_sla(minutes, name)["one"], "low")


def test_holidays_that_end_with_this_year_are_found_before_they_end() -> None:
    """The data of Sri Lanka ends with 2026: in 2027 nothing could be logged."""
    ending = WorkCalendar(BERLIN, OFFICE_WEEK, public_holidays=(HolidayHours("LK"),))
    found = unreachable_target(_sla(60), SlaCalendars(ending, {}), MONDAY)
    assert found is not None
    assert (found.sla, found.no_data is not None) == (None, True)
    named = NamedCalendar("lk", "LK", OFFICE_WEEK, holidays=(HolidayHours("LK"),))
    calendars = SlaCalendars(WorkCalendar(BERLIN, OFFICE_WEEK), {"lk": named})
    found = unreachable_target(_sla(60, "lk"), calendars, MONDAY)
    assert found is not None
    assert (found.sla, found.no_data is not None) == (_sla(60, "lk")["one"], True)


# ------------------------------------------------------------------ cases of other systems


def test_borrowed_cases_agree(shared_cases: Path) -> None:
    borrowed = json.loads((shared_cases / "charging.json").read_text(encoding="utf-8"))["cases"]
    cases = [case for case in borrowed if case["op"] == "sla"]
    assert cases
    for case in cases:
        assert _outcome_of(case["input"], case["expect"]) == case["expect"], case["id"]


def _outcome_of(given: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    calendar = _borrowed_calendar(given, given.get("holidays", []))
    start, minutes = _instant(given["start"]), given["target_minutes"]
    as_of = _instant(given["as_of"]) if "as_of" in given else start
    warned = minutes * given.get("warn_percent", 100) // 100
    clock = _open(SlaTerms(SlaTarget(warned, minutes), calendar), start)
    events: list[tuple[datetime, Callable[[SlaClock, datetime], SlaClock]]] = []
    for since, until in given.get("pauses", []):
        # a pause without an end lasts until they look
        events += [(_instant(since), stop_clock), (_instant(until) if until else as_of, run_clock)]
    for change in given.get("calendar_changes", []):
        if "as_of" in given and _instant(change["at"]) > as_of:
            continue
        calendar = _borrowed_calendar(given, change["holidays"])
        changed = SlaTerms(SlaTarget(warned, minutes), calendar)
        events.append((_instant(change["at"]), partial(_changed, changed)))
    for at, then in sorted(events, key=lambda event: event[0]):
        clock = then(clock, at)
    assert clock.response_due_at is not None
    assert clock.resolution_due_at is not None
    left = remaining_minutes(calendar, clock.resolution_due_at, stopped_at=None, at=as_of)
    late = remaining_minutes(calendar, as_of, stopped_at=None, at=clock.resolution_due_at)
    found = {
        "due": _text(clock.resolution_due_at),
        "warn": _text(clock.response_due_at),
        "left_minutes": left or -late,
    }
    return {key: found[key] for key in expected}


def _changed(terms: SlaTerms, clock: SlaClock, at: datetime) -> SlaClock:
    return change_terms(clock, terms, at)


def _borrowed_calendar(given: dict[str, Any], holidays: list[str]) -> WorkCalendar:
    if "weekly" not in given:
        return ALWAYS_OPEN
    return read_calendar(given.get("zone", "UTC"), given["weekly"], holidays=holidays)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# ------------------------------------------------------------------ the plain history as events of the clock


def _targets(history: list[PlainEvent], at: datetime) -> PlainTargets:
    clock = _clock(history, at)
    is_cancelled = any(event.kind == "cancel" for event in history if event.at <= at)

    def target(due_at: datetime | None, done_at: datetime | None) -> PlainTarget:
        state = target_state(due_at, done_at, stopped_at=clock.stopped_at, is_cancelled=is_cancelled, at=at)
        left = None
        if due_at is not None and state in ("open", "stopped", "missed") and done_at is None and clock.terms:
            left = remaining_minutes(clock.terms.calendar, due_at, stopped_at=clock.stopped_at, at=at)
        return PlainTarget(due_at, state, left)

    return PlainTargets(
        target(clock.response_due_at, clock.responded_at),
        target(clock.resolution_due_at, clock.resolved_at),
        clock.stopped_at,
    )


def _clock(history: list[PlainEvent], at: datetime) -> SlaClock:
    clock = SlaClock()
    for event in history:
        if event.at > at:
            break
        clock = _after(clock, event)
    return clock


def _after(clock: SlaClock, event: PlainEvent) -> SlaClock:
    at = event.at
    match event.kind:
        case "terms":
            return change_terms(clock, _terms(event.terms), at)
        case "stop" | "cancel":
            return stop_clock(clock, at)
        case "run":
            return run_clock(clock, at)
        case "respond":
            return respond(clock, at)
        case "resolve":
            return resolve(clock, at)
    return reopen(clock, at, waits=event.kind == "reopen_waiting")

"""The service level clock of one service request: the working time that has counted, and its two targets.

Each function here takes the clock and one event of the request's history, and returns the clock after it: a
clock is a pure function of the history. Working time counts while a service level is in force and the clock
is not stopped, by the calendar that is in force at the time. What has counted stays counted, whatever changes
later. A target is due at the instant at which as much has counted as the level gives it.

A target is settled once it is done, or once it is due while the clock runs: it is met or missed, and no later
event moves it. Every event moves the other targets, by the working time that is left. A reopening opens the
resolution again, unless it was missed.

While the clock is stopped, the due instant of an open target is the one that it would have if the clock had
not stopped: it lies after `stopped_at`, and moves when the clock runs again. A response while it is stopped
is compared with the instant at which it would be due if the clock ran again at the response, whether the
service level is in force by then or comes later, with the contract that the request waits for.

Source: product.md section 9.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from engine.calendars import WorkCalendar, add_working_time, segments, working_time_between
from engine.quantities import Minutes, Period
from engine.sla import SlaTarget, SlaWarning

TargetState = Literal["open", "stopped", "met", "missed", "cancelled"]

_MINUTE = timedelta(minutes=1)
_NO_TIME = timedelta()


@dataclass(frozen=True, slots=True)
class SlaTerms:
    """The targets of a service level for the request's priority, and the calendar that they count in."""

    target: SlaTarget
    calendar: WorkCalendar
    warning: SlaWarning | None = None


@dataclass(frozen=True, slots=True)
class SlaClock:
    """A service level clock after the latest event; instants are aware UTC.

    `counted` is the open time that has counted before `counts_from`, in order; from there the clock counts by
    its terms, until `stopped_at` if it is stopped. Without a service level both are None.
    """

    terms: SlaTerms | None = None
    counted: tuple[Period, ...] = ()
    counts_from: datetime | None = None
    stopped_at: datetime | None = None
    responded_at: datetime | None = None
    resolved_at: datetime | None = None
    response_due_at: datetime | None = None
    resolution_due_at: datetime | None = None


# ------------------------------------------------------------------ events


def change_terms(clock: SlaClock, terms: SlaTerms | None, at: datetime) -> SlaClock:
    """The clock after a change of service level, priority or calendar; None if no level is in force any more.

    Raises: WorkTimeNotReached if the calendar never has as many open hours as a target needs.
    """
    until = clock.stopped_at or at
    if clock.terms is None or terms is None or clock.terms.calendar != terms.calendar:
        clock = replace(_counted(clock, until), counts_from=until if terms is not None else None)
    return _rescheduled(replace(clock, terms=terms), until)


def first_due_instants(terms: SlaTerms, at: datetime) -> tuple[datetime, datetime]:
    """When response and resolution of a request are due whose clock starts at `at`.

    They are those of `change_terms(SlaClock(), terms, at)`, without a clock: every request that is logged and
    covered takes this way. Raises: WorkTimeNotReached.
    """
    return _due_instants(terms, (), at)


def stop_clock(clock: SlaClock, at: datetime) -> SlaClock:
    """The clock after a hold or a cancellation, or while the request waits for a contract."""
    return clock if clock.stopped_at is not None else replace(clock, stopped_at=at)


def run_clock(clock: SlaClock, at: datetime) -> SlaClock:
    """The clock after a stop ends. Raises: WorkTimeNotReached."""
    stopped_at = clock.stopped_at
    if stopped_at is None:
        return clock
    clock = _counted(clock, stopped_at)
    clock = replace(clock, stopped_at=None, counts_from=at if clock.terms is not None else None)
    return _rescheduled(clock, stopped_at)


def respond(clock: SlaClock, at: datetime) -> SlaClock:
    """The clock after a response; only the first counts.

    A response while the clock is stopped is compared with the due instant that running again would give.
    Raises: WorkTimeNotReached.
    """
    if clock.responded_at is not None:
        return clock
    return replace(clock, responded_at=at, response_due_at=run_clock(clock, at).response_due_at)


def resolve(clock: SlaClock, at: datetime) -> SlaClock:
    """The clock after the resolution, which is a response too, and stops it. Raises: WorkTimeNotReached."""
    clock = respond(run_clock(clock, at), at)
    return replace(_counted(clock, at), stopped_at=at, resolved_at=at)


def reopen(clock: SlaClock, at: datetime, *, waits: bool) -> SlaClock:
    """The clock after a reopening; it stays stopped if the request now waits for a contract.

    Raises: WorkTimeNotReached.
    """
    clock = replace(clock, resolved_at=None)
    return _rescheduled(clock, clock.stopped_at or at) if waits else run_clock(clock, at)


# ------------------------------------------------------------------ reading


def target_state(
    due_at: datetime | None,
    done_at: datetime | None,
    *,
    stopped_at: datetime | None,
    is_cancelled: bool,
    at: datetime,
) -> TargetState | None:
    """The state of a target at `at`, which is not before the latest event; None if there is no target.

    Done at the due instant is met. A target that is not done is missed after it.
    """
    if due_at is None:
        return None
    if done_at is not None:
        return "met" if done_at <= due_at else "missed"
    if due_at < (stopped_at or at):
        return "missed"
    if is_cancelled:
        return "cancelled"
    return "open" if stopped_at is None else "stopped"


def remaining_minutes(
    calendar: WorkCalendar, due_at: datetime, *, stopped_at: datetime | None, at: datetime
) -> Minutes:
    """The working time left of a target that is not done, in whole minutes rounded down; 0 once it is due."""
    return working_time_between(calendar, stopped_at or at, due_at) // _MINUTE


def counted_at(clock: SlaClock, minutes: Minutes) -> datetime | None:
    """The first instant by which so many working minutes have counted, or will if the clock does not stop.

    None while no service level is in force. Raises: WorkTimeNotReached.
    """
    if clock.terms is None or clock.counts_from is None:
        return None
    return _reached(clock.terms.calendar, clock.counted, clock.counts_from, minutes * _MINUTE)


# ------------------------------------------------------------------ helpers


def _counted(clock: SlaClock, until: datetime) -> SlaClock:
    """The clock with the open time up to `until` among what has counted."""
    if clock.terms is None or clock.counts_from is None:
        return clock
    counted = segments(clock.terms.calendar, clock.counts_from, until)
    return replace(clock, counted=clock.counted + counted, counts_from=until)


def _rescheduled(clock: SlaClock, settled_by: datetime) -> SlaClock:
    """The clock with new due instants for the targets that were not settled at `settled_by`."""
    response_due_at, resolution_due_at = clock.response_due_at, clock.resolution_due_at
    response_is_settled = _is_settled(response_due_at, clock.responded_at, settled_by)
    resolution_is_settled = _is_settled(resolution_due_at, clock.resolved_at, settled_by)
    if response_is_settled and resolution_is_settled:
        return clock
    new_response = new_resolution = None
    if clock.terms is not None and clock.counts_from is not None:
        new_response, new_resolution = _due_instants(clock.terms, clock.counted, clock.counts_from)
        if clock.responded_at is not None and clock.responded_at > clock.counts_from:
            # while the clock was stopped and no level was in force
            new_response, _ = _due_instants(clock.terms, clock.counted, clock.responded_at)
    return replace(
        clock,
        response_due_at=response_due_at if response_is_settled else new_response,
        resolution_due_at=resolution_due_at if resolution_is_settled else new_resolution,
    )


def _is_settled(due_at: datetime | None, done_at: datetime | None, by: datetime) -> bool:
    return due_at is not None and (done_at is not None or due_at <= by)


def _due_instants(
    terms: SlaTerms, counted: tuple[Period, ...], counts_from: datetime
) -> tuple[datetime, datetime]:
    """When response and resolution would be due if the clock did not stop any more."""
    target, calendar = terms.target, terms.calendar
    response_due_at = _reached(calendar, counted, counts_from, target.response_minutes * _MINUTE)
    later = (target.resolution_minutes - target.response_minutes) * _MINUTE
    if response_due_at < counts_from or later <= _NO_TIME:
        resolution = target.resolution_minutes * _MINUTE
        return response_due_at, _reached(calendar, counted, counts_from, resolution)
    # From the earlier target on, so that no hour is walked through twice.
    return response_due_at, add_working_time(calendar, response_due_at, later)


def _reached(
    calendar: WorkCalendar, counted: tuple[Period, ...], counts_from: datetime, left: timedelta
) -> datetime:
    """The first instant by which so much has counted, or will have."""
    for period in counted:
        assert period.end is not None, "open time that has counted has an end"
        length = period.end - period.start
        if left <= length:
            return period.start + left
        left -= length
    return add_working_time(calendar, counts_from, left)

"""Service level targets of a service request, with labels for the time left."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from web.pages.wording.formats import span_text
from web.pages.wording.labels import Label
from workflows.views.service_requests import ServiceRequestView

AT_RISK = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Target:
    """A target: its name, due time (None while the clock is stopped) and label."""

    name: str
    due_at: datetime | None
    label: Label


def next_target(request: ServiceRequestView, now: datetime) -> Target | None:
    """The current target: the response until there is one, then the resolution."""
    listed = targets(request, now)
    if request.responded_at is None and len(listed) > 1:
        return listed[0]
    return listed[-1] if listed else None


def targets(request: ServiceRequestView, now: datetime) -> list[Target]:
    """The response and resolution targets, if the service level defines them."""
    stages = (
        ("Response", request.response_due_at, request.responded_at),
        ("Resolution", request.resolution_due_at, request.resolved_at),
    )
    ended = request.closed_at
    return [
        _target(name, due_at, done_at or ended, request.paused_at, now)
        for name, due_at, done_at in stages
        if due_at is not None
    ]


def _target(
    name: str, due_at: datetime, done_at: datetime | None, paused_at: datetime | None, now: datetime
) -> Target:
    """While the clock is stopped there is no due time, since it is postponed."""
    is_stopped = done_at is None and paused_at is not None
    return Target(name, None if is_stopped else due_at, _label(due_at, done_at, paused_at, now))


def _label(due_at: datetime, done_at: datetime | None, paused_at: datetime | None, now: datetime) -> Label:
    if done_at is not None:
        met = done_at <= due_at
        return Label("met", "check-circle", "success") if met else Label("missed", "cross", "error")
    if paused_at is not None:
        return Label("clock stopped", "pause", "neutral")
    if due_at <= now:
        return Label(f"overdue by {span_text(now - due_at)}", "warn", "error")
    left = due_at - now
    if left <= AT_RISK:
        return Label(f"{span_text(left)} left", "warn", "warning")
    return Label(f"{span_text(left)} left", "clock", "neutral")

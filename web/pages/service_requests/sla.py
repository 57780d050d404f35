"""Service level targets of a service request, with labels for the time left."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.sla_clock import TargetState
from web.languages import gettext, mark
from web.pages.wording.formats import span_text
from web.pages.wording.labels import Label, Tone
from workflows.views.service_requests import ServiceRequestView

AT_RISK = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Target:
    """A target: its name, due time (None while the clock is stopped) and label."""

    name: str
    due_at: datetime | None
    label: Label


def next_target(request: ServiceRequestView, now: datetime) -> Target | None:
    """The next target: the response if it is awaited, and due no later than the resolution."""
    response_due_at, resolution_due_at = request.response_due_at, request.resolution_due_at
    if request.responded_at is not None or response_due_at is None:
        return _resolution(request, now)
    is_first = resolution_due_at is None or response_due_at <= resolution_due_at
    return _response(request, now) if is_first else _resolution(request, now)


def targets(request: ServiceRequestView, now: datetime) -> list[Target]:
    """The response and resolution targets, if the service level defines them."""
    return [one for one in (_response(request, now), _resolution(request, now)) if one is not None]


def _response(request: ServiceRequestView, now: datetime) -> Target | None:
    done = request.responded_at is not None
    return _target(
        gettext("Response"), request, request.response_due_at, request.response_state, now, is_done=done
    )


def _resolution(request: ServiceRequestView, now: datetime) -> Target | None:
    done = request.resolved_at is not None
    state = request.resolution_state
    return _target(gettext("Resolution"), request, request.resolution_due_at, state, now, is_done=done)


def _target(
    name: str,
    request: ServiceRequestView,
    due_at: datetime | None,
    state: TargetState | None,
    now: datetime,
    *,
    is_done: bool,
) -> Target | None:
    """While the clock is stopped an open target has no due time, since it is postponed."""
    if due_at is None or state is None:
        return None
    if state == "missed" and not is_done and request.state != "cancelled":
        late = span_text((request.paused_at or now) - due_at)
        return Target(name, due_at, Label(gettext("overdue by %(span)s", span=late), "warn", "error"))
    if state == "open":
        return Target(name, due_at, _time_left(due_at - now))
    text, icon, tone = _LABELS[state]
    return Target(name, None if state == "stopped" else due_at, Label(gettext(text), icon, tone))


_LABELS: dict[TargetState, tuple[str, str, Tone]] = {
    "met": (mark("met"), "check-circle", "success"),
    "missed": (mark("missed"), "cross", "error"),
    "stopped": (mark("clock stopped"), "pause", "neutral"),
    "cancelled": (mark("cancelled"), "cross", "neutral"),
}


def _time_left(left: timedelta) -> Label:
    text = gettext("%(amount)s left", amount=span_text(left))
    return Label(text, "warn", "warning") if left <= AT_RISK else Label(text, "clock", "neutral")

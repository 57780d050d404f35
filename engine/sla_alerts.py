"""The alerts of a service level clock: a warning and a breach for each target, each once.

A warning is due once as much working time has counted as the level says; a target is breached when it is not
done after its due instant, done at the due instant being in time. While the clock is stopped, nothing becomes
due. An alert that a change makes due at once is stamped with the instant of the change, any other with its
own: a job that runs late finds the same alerts, in the same order.

A target that moves has its warning again if the warning then lies ahead; one whose warning has been given and
still lies behind does not warn twice.

Source: product.md sections 9 and 11.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from engine.quantities import Minutes
from engine.sla_clock import SlaClock, SlaTerms, counted_at

SlaTargetName = Literal["response", "resolution"]
SlaAlertKind = Literal["sla_warning", "sla_breach"]

SLA_TARGETS: tuple[SlaTargetName, ...] = get_args(SlaTargetName)
SLA_ALERT_KINDS: tuple[SlaAlertKind, ...] = get_args(SlaAlertKind)

RESOLUTION = timedelta(microseconds=1)
"""Of stored instants: a target can still be met at its due instant, and is missed at the next one."""


class SlaAlert(NamedTuple):
    """An alert of one target as of `at`, and the instant at which the target is due (aware UTC)."""

    target: SlaTargetName
    kind: SlaAlertKind
    at: datetime
    due_at: datetime

    @property
    def occurs_at(self) -> datetime:
        """The first instant at which it is true: a breach, just after its target was due."""
        return self.at + RESOLUTION if self.kind == "sla_breach" else self.at


def next_alert_at(clock: SlaClock, at: datetime) -> datetime | None:
    """When the next alert after `at` occurs unless the clock changes; None while it is stopped.

    Raises: WorkTimeNotReached.
    """
    if clock.stopped_at is not None:
        return None
    later = (one.occurs_at for one in _alerts(clock) if one.occurs_at > at)
    return min(later, default=None)


def first_alert_at(terms: SlaTerms, at: datetime, response_due_at: datetime) -> datetime:
    """`next_alert_at` of a clock that starts at `at`: no other alert is earlier than that of the response.

    Raises: WorkTimeNotReached.
    """
    if terms.warning is None:
        return response_due_at + RESOLUTION
    minutes = terms.warning.minutes_into(terms.target.response_minutes)
    warned_at = counted_at(SlaClock(terms=terms, counts_from=at), minutes)
    assert warned_at is not None, "the clock has terms"
    return warned_at


def alerts_since(clock: SlaClock, since: datetime, until: datetime) -> list[SlaAlert]:
    """The alerts that occur in [since, until] while the clock does not change, in order.

    Raises: WorkTimeNotReached.
    """
    return [one for one in _occurred(clock, until) if one.occurs_at >= since]


def alerts_of_change(clock: SlaClock, at: datetime) -> list[SlaAlert]:
    """The alerts that are true of a clock after its change at `at`, stamped with `at`, in order.

    Those that were given before are among them; a warning of a target that is done or missed is not.
    Raises: WorkTimeNotReached.
    """
    return [
        one._replace(at=at)
        for one in _occurred(clock, at)
        if one.kind == "sla_breach" or (one.due_at >= at and _done_at(clock, one.target) is None)
    ]


def _occurred(clock: SlaClock, at: datetime) -> list[SlaAlert]:
    """The alerts that have occurred by `at`, in order; a clock that is stopped has none after its stop."""
    until = min(clock.stopped_at or at, at)
    found = [
        one for one in _alerts(clock) if one.occurs_at <= until or _done_at(clock, one.target) is not None
    ]
    return sorted(found, key=lambda one: (one.occurs_at, SLA_TARGETS.index(one.target)))


def _alerts(clock: SlaClock) -> list[SlaAlert]:
    """The alerts of both targets: of one that is done, only those that there were before."""
    target = clock.terms.target if clock.terms is not None else None
    response = target.response_minutes if target is not None else None
    resolution = target.resolution_minutes if target is not None else None
    return [
        *_alerts_of(clock, "response", response, clock.response_due_at),
        *_alerts_of(clock, "resolution", resolution, clock.resolution_due_at),
    ]


def _alerts_of(
    clock: SlaClock, name: SlaTargetName, minutes: Minutes | None, due_at: datetime | None
) -> list[SlaAlert]:
    if due_at is None:
        return []
    done_at = _done_at(clock, name)
    found = (
        [] if done_at is not None and done_at <= due_at else [SlaAlert(name, "sla_breach", due_at, due_at)]
    )
    warning = clock.terms.warning if clock.terms is not None else None
    if warning is not None and minutes is not None:
        warned_at = counted_at(clock, warning.minutes_into(minutes))
        if warned_at is not None and warned_at < due_at and (done_at is None or warned_at <= done_at):
            found.append(SlaAlert(name, "sla_warning", warned_at, due_at))
    return found


def _done_at(clock: SlaClock, target: SlaTargetName) -> datetime | None:
    return clock.responded_at if target == "response" else clock.resolved_at

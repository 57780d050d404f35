"""Service levels: how soon a service request is answered and resolved, by priority.

Source: product.md sections 5 and 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from engine.calendars import LAST_INSTANT, WorkCalendar, is_open_for, working_time_between

SlaCalendar = Literal["always", "business_hours"]

SLA_CALENDARS: tuple[SlaCalendar, ...] = get_args(SlaCalendar)


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """Whole minutes of the SLA's calendar, counted from logging; time on hold or waiting does not count."""

    response_minutes: int
    resolution_minutes: int


@dataclass(frozen=True, slots=True)
class SlaWarning:
    """When a target that is not reached gives a warning; exactly one of the two is set.

    Either once `percent` (1 to 99) of its minutes have counted, or `minutes_before` it is due, in working
    time of the level's calendar.
    """

    percent: int | None = None
    minutes_before: int | None = None

    def minutes_into(self, target_minutes: int) -> int:
        """The whole minutes of a target after which the warning is due; a percentage is rounded down."""
        if self.percent is not None:
            return target_minutes * self.percent // 100
        return max(0, target_minutes - (self.minutes_before or 0))


@dataclass(frozen=True, slots=True)
class Sla:
    """One service level of `rules/slas.json`, with a target for each priority; None gives no warnings."""

    id: str
    label: str
    calendar: SlaCalendar
    targets: Mapping[str, SlaTarget]
    warning: SlaWarning | None = None


LONGEST_WAIT = timedelta(days=20 * 365)
"""Within this time the desk must be open for as long as its longest target takes."""


@dataclass(frozen=True, slots=True)
class UnreachableTarget:
    """A target that business hours do not reach within `LONGEST_WAIT`; None for hours that never open."""

    sla: Sla | None = None
    priority: str | None = None


def unreachable_target(
    slas: Mapping[str, Sla], business_hours: WorkCalendar, at: datetime
) -> UnreachableTarget | None:
    """The first target that the business hours do not reach in time, counted from `at`; None if all are.

    No service request could be logged under such a level. Source: product.md section 9.
    """
    until = min(at + LONGEST_WAIT, LAST_INSTANT) if at < LAST_INSTANT else at
    if not is_open_for(business_hours, at, until, timedelta()):
        return UnreachableTarget()
    counted = [sla for sla in slas.values() if sla.calendar != "always"]
    minutes = {target.resolution_minutes for sla in counted for target in sla.targets.values()}
    if not minutes or is_open_for(business_hours, at, until, timedelta(minutes=max(minutes))):
        return None
    open_time = working_time_between(business_hours, at, until)
    for sla in counted:
        for priority, target in sla.targets.items():
            if open_time < timedelta(minutes=target.resolution_minutes):
                return UnreachableTarget(sla, priority)
    return None

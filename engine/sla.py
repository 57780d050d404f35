"""Service levels: how soon a service request is answered and resolved, by priority.

Source: product.md sections 5 and 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.calendars import ALWAYS_OPEN, LAST_INSTANT, WorkCalendar, is_open_for, working_time_between
from engine.named_calendars import NamedCalendar
from engine.public_holidays import NoHolidayData, holidays_in

ALWAYS = "always"
BUSINESS_HOURS = "business_hours"
SLA_CALENDARS = (ALWAYS, BUSINESS_HOURS)
"""The calendars that a level can name besides those of `calendars.json`, whose ids they cannot be."""


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
    """One service level of `rules/slas.json`, with a target for each priority; None gives no warnings.

    `calendar` is one of `SLA_CALENDARS`, or the id of a named calendar.
    """

    id: str
    label: str
    calendar: str
    targets: Mapping[str, SlaTarget]
    warning: SlaWarning | None = None


@dataclass(frozen=True, slots=True)
class SlaCalendars:
    """The calendars that levels count in: the desk's business hours, and the named calendars by id."""

    business_hours: WorkCalendar
    named: Mapping[str, NamedCalendar]

    def of(self, sla: Sla) -> WorkCalendar:
        """The calendar of a level, in the provider's time zone."""
        if sla.calendar == ALWAYS:
            return ALWAYS_OPEN
        if sla.calendar == BUSINESS_HOURS:
            return self.business_hours
        return self.named[sla.calendar].in_zone(self.business_hours.time_zone)


LONGEST_WAIT = timedelta(days=20 * 365)
"""Within this time a calendar must be open for as long as its longest target takes."""


@dataclass(frozen=True, slots=True)
class UnreachableTarget:
    """A target that its calendar does not reach within `LONGEST_WAIT`; None for hours that never open.

    With `no_data`, the public holidays of the calendar (without `sla`: the business hours) are not known for
    as long as that.
    """

    sla: Sla | None = None
    priority: str | None = None
    no_data: NoHolidayData | None = None


def unreachable_target(
    slas: Mapping[str, Sla], calendars: SlaCalendars, at: datetime
) -> UnreachableTarget | None:
    """The first target that its calendar does not reach in time, counted from `at`; None if all are.

    No service request could be logged under such a level. Source: product.md section 9.
    """
    until = min(at + LONGEST_WAIT, LAST_INSTANT) if at < LAST_INSTANT else at
    try:
        if not is_open_for(calendars.business_hours, at, until, timedelta()):
            return UnreachableTarget()
        _require_next_year(calendars.business_hours, at)
    except NoHolidayData as error:
        return UnreachableTarget(no_data=error)
    for name in {sla.calendar: None for sla in slas.values() if sla.calendar != ALWAYS}:
        counted = [sla for sla in slas.values() if sla.calendar == name]
        try:
            _require_next_year(calendars.of(counted[0]), at)
            found = _unreachable_by(calendars.of(counted[0]), counted, at, until)
        except NoHolidayData as error:
            return UnreachableTarget(counted[0], no_data=error)
        if found is not None:
            return found
    return None


def _unreachable_by(
    calendar: WorkCalendar, slas: list[Sla], at: datetime, until: datetime
) -> UnreachableTarget | None:
    minutes = max(target.resolution_minutes for sla in slas for target in sla.targets.values())
    if is_open_for(calendar, at, until, timedelta(minutes=minutes)):
        return None
    open_time = working_time_between(calendar, at, until)
    for sla in slas:
        for priority, target in sla.targets.items():
            if open_time < timedelta(minutes=target.resolution_minutes):
                return UnreachableTarget(sla, priority)
    return None


def _require_next_year(calendar: WorkCalendar, at: datetime) -> None:
    """Raise NoHolidayData if the holidays of the calendar end with this year: soon none could be logged."""
    for entry in calendar.public_holidays:
        holidays_in(entry.country, entry.subdivision, entry.categories, at.year + 1)

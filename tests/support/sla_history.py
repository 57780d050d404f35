"""A plain, slow calculation of a service request's targets, to compare the service level clock with.

It walks through a history in steps of five minutes and counts those in which the clock runs and the desk is
open. It shares no arithmetic with `engine.sla_clock` or `engine.calendars`: whether the desk is open is read
from the local time of each step. Instants and targets must be whole steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

STEP_MINUTES = 5
STEP = timedelta(minutes=STEP_MINUTES)

Kind = Literal["terms", "stop", "run", "respond", "resolve", "reopen", "reopen_waiting", "cancel"]


class PlainHours(NamedTuple):
    """Business hours: `weekly` has (opens, closes) in minutes of the day for each weekday, Monday first."""

    zone: str
    weekly: tuple[tuple[tuple[int, int], ...], ...]
    holidays: frozenset[date] = frozenset()


class PlainTerms(NamedTuple):
    """Minutes to respond and to resolve; `hours` None counts around the clock."""

    response: int
    resolution: int
    hours: PlainHours | None


class PlainEvent(NamedTuple):
    """What happened at an instant; `terms` are those in force after an event of this kind."""

    at: datetime
    kind: Kind
    terms: PlainTerms | None = None


class PlainTarget(NamedTuple):
    """What is right for a target as of an instant."""

    due_at: datetime | None
    state: str | None
    minutes_left: int | None


class PlainTargets(NamedTuple):
    response: PlainTarget
    resolution: PlainTarget
    stopped_at: datetime | None


def plain_targets(history: Sequence[PlainEvent], began_at: datetime, at: datetime) -> PlainTargets:
    """The targets as of `at`, from the events up to then, in order."""
    walk = _Walk()
    now = began_at
    events = [event for event in history if event.at <= at]
    while True:
        while events and events[0].at <= now:
            walk.apply(events.pop(0))
        if now >= at:
            return walk.as_of(now)
        walk.step(now)
        now += STEP


@dataclass
class _Target:
    name: Literal["response", "resolution"]
    done_at: datetime | None = None
    due_at: datetime | None = None
    """Once settled: done, or due while not done."""

    def minutes(self, terms: PlainTerms) -> int:
        return terms.response if self.name == "response" else terms.resolution


@dataclass
class _Walk:
    terms: PlainTerms | None = None
    stopped_at: datetime | None = None
    is_cancelled: bool = False
    reached: list[datetime] = field(default_factory=list)
    """The end of each step that has counted."""
    response: _Target = field(default_factory=lambda: _Target("response"))
    resolution: _Target = field(default_factory=lambda: _Target("resolution"))

    def step(self, begins_at: datetime) -> None:
        if self.stopped_at is None and self.terms is not None and _counts(self.terms, begins_at):
            self.reached.append(begins_at + STEP)
            self._settle_what_is_due()

    def apply(self, event: PlainEvent) -> None:
        if self.is_cancelled:
            return  # nothing moves any more
        if event.kind == "terms":
            self.terms = event.terms
            self._settle_what_is_due()
            for target in (self.response, self.resolution):
                if target.done_at is not None and target.due_at is None:
                    # as if the clock ran again when it was done, or counted from now on
                    since = event.at if self.stopped_at is None else max(self.stopped_at, target.done_at)
                    target.due_at = self._due_at(target, since)
        elif event.kind in ("stop", "cancel"):
            self.stopped_at = self.stopped_at or event.at
            self.is_cancelled = event.kind == "cancel"
        elif event.kind == "run":
            self.stopped_at = None
        elif event.kind == "respond":
            self._do(self.response, event.at)
        elif event.kind == "resolve":
            self._do(self.response, event.at)
            self._do(self.resolution, event.at)
            self.stopped_at = event.at
        else:
            self._reopen(waits=event.kind == "reopen_waiting")

    def as_of(self, now: datetime) -> PlainTargets:
        return PlainTargets(
            self._as_of(self.response, now), self._as_of(self.resolution, now), self.stopped_at
        )

    def _do(self, target: _Target, at: datetime) -> None:
        if target.done_at is None:
            target.done_at = at
            # what is due is compared as if the clock ran again at this instant
            target.due_at = target.due_at or self._due_at(target, at)

    def _reopen(self, *, waits: bool) -> None:
        done_at, due_at = self.resolution.done_at, self.resolution.due_at
        if done_at is not None and due_at is not None and done_at < due_at:
            self.resolution.due_at = None  # it was met, with time left: open again
        self.resolution.done_at = None
        if not waits:
            self.stopped_at = None
        self._settle_what_is_due()

    def _settle_what_is_due(self) -> None:
        for target in (self.response, self.resolution):
            if self.terms is not None and target.done_at is None and target.due_at is None:
                steps = target.minutes(self.terms) // STEP_MINUTES
                if len(self.reached) >= steps:
                    target.due_at = self.reached[steps - 1]

    def _due_at(self, target: _Target, since: datetime) -> datetime | None:
        """When the target is due if the clock runs from `since` on; None without a service level."""
        if self.terms is None:
            return None
        steps = target.minutes(self.terms) // STEP_MINUTES
        if steps <= len(self.reached):
            return self.reached[steps - 1]
        missing = steps - len(self.reached)
        while missing:
            missing -= _counts(self.terms, since)
            since += STEP
        return since

    def _as_of(self, target: _Target, now: datetime) -> PlainTarget:
        since = self.stopped_at or now
        due_at = target.due_at or self._due_at(target, since)
        if due_at is None:
            return PlainTarget(None, None, None)
        if target.done_at is not None:
            return PlainTarget(due_at, "met" if target.done_at <= due_at else "missed", None)
        left = 0
        if self.terms is not None:
            left = max(0, target.minutes(self.terms) - STEP_MINUTES * len(self.reached))
        left = 0 if target.due_at is not None else left
        known_left = left if self.terms is not None else None
        if due_at < since:
            return PlainTarget(due_at, "missed", known_left)
        if self.is_cancelled:
            return PlainTarget(due_at, "cancelled", None)
        return PlainTarget(due_at, "open" if self.stopped_at is None else "stopped", known_left)


def _counts(terms: PlainTerms, begins_at: datetime) -> bool:
    return terms.hours is None or _is_open(terms.hours, begins_at)


@lru_cache(maxsize=200_000)
def _is_open(hours: PlainHours, begins_at: datetime) -> bool:
    local = begins_at.astimezone(ZoneInfo(hours.zone))
    minute = local.hour * 60 + local.minute
    if local.date() in hours.holidays:
        return False
    return any(opens <= minute < closes for opens, closes in hours.weekly[local.weekday()])

"""Runs planned actions in time order, each at its instant, with the jobs that are due in between.

Actions are planned in any order. Many run in one transaction as long as no job is due between them; jobs run
first, at their due instants.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

from engine.periods import first_instant_at, local_date
from workflows.core.actors import SYSTEM, Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import JOBS, next_due, run_job

MAX_ACTIONS_PER_TRANSACTION = 60
DAY_BEGINS, DAY_ENDS = 8, 17
SEED = 2008


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """An action of a person at an instant. One that `is_exclusive` changes settings or rules."""

    at: datetime
    order: int
    actor: Actor
    do: Callable[[Transaction], object]
    is_exclusive: bool = False


@dataclass(slots=True)
class Timeline:
    """The desk, its people by key, the ids of records created so far by name, and the planned actions."""

    desk: Desk
    now: datetime
    zone: ZoneInfo
    people: dict[str, Actor] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    actions: list[PlannedAction] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(SEED))

    def plan(
        self, at: datetime, who: str, do: Callable[[Transaction], object], *, is_exclusive: bool = False
    ) -> None:
        """Plan an action; one in the future is dropped."""
        if at < self.now:
            self.actions.append(PlannedAction(at, len(self.actions), self.people[who], do, is_exclusive))

    def today(self) -> date:
        return local_date(self.now, self.zone)

    def day(self, days_ago: int) -> date:
        return self.today() - timedelta(days=days_ago)

    def at(self, days_ago: int, hour: int, minute: int = 0) -> datetime:
        """An instant some days ago, by the local time of the provider."""
        day = self.day(days_ago)
        wall = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 -- a wall clock
        return first_instant_at(wall, self.zone)

    def in_business_hours(self, at: datetime) -> datetime:
        """The instant itself if it is in business hours, else an instant early in the next ones."""
        local = at.astimezone(self.zone)
        if local.weekday() < 5 and DAY_BEGINS <= local.hour < DAY_ENDS:
            return at
        day = local.date() if local.hour < DAY_BEGINS else local.date() + timedelta(days=1)
        while day.weekday() >= 5:
            day += timedelta(days=1)
        wall = datetime(day.year, day.month, day.day, DAY_BEGINS, self.random.randrange(5, 55))  # noqa: DTZ001
        return first_instant_at(wall, self.zone).astimezone(UTC)

    def run(self) -> None:
        """Run all planned actions in time order, with the jobs due in between, up to now."""
        actions = sorted(self.actions, key=lambda action: (action.at, action.order))
        self.actions = []
        done = 0
        while done < len(actions):
            self._run_due(actions[done].at)
            done = self.desk.perform(SYSTEM, partial(self._run_some, actions=actions, first=done))
            self.desk.refresh()
        self._run_due(self.now)

    def _run_some(self, tx: Transaction, actions: list[PlannedAction], first: int) -> int:
        """Run actions in one transaction until one is exclusive or a job is due; returns the next index."""
        for place in range(first, min(first + MAX_ACTIONS_PER_TRANSACTION, len(actions))):
            action = actions[place]
            if place > first and (action.is_exclusive or _is_due(tx, action.at)):
                return place
            action.do(replace(tx, now=action.at, actor=action.actor))
            if action.is_exclusive:
                return place + 1
        return min(first + MAX_ACTIONS_PER_TRANSACTION, len(actions))

    def _run_due(self, until: datetime) -> None:
        """Run the jobs that are due until an instant, each at its due instant, in order."""
        done_at: datetime | None = None
        while True:
            with self.desk.read() as tx:
                due = next_due(tx)
                if due is None or due > until:
                    return
                if due == done_at:
                    raise RuntimeError(f"The jobs did not do what was due at {due.isoformat()}.")
                done_at = due
                names = [
                    name
                    for name, job in JOBS.items()
                    if job.next_due is not None and (at := job.next_due(tx)) is not None and at <= due
                ]
            for name in names:
                run_job(self.desk, name, due)


def _is_due(tx: Transaction, at: datetime) -> bool:
    due = next_due(tx)
    return due is not None and due <= at

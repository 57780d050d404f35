"""Two months played in their order: every act at its instant, and between them what happens by itself.

Acts are put down in any order and played by time. Many go into one transaction, as long as no job is due
between them: what is due runs first, at the instant it was due.
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

MOST_ACTS = 60
DAY_BEGINS, DAY_ENDS = 8, 17
SEED = 2008


@dataclass(frozen=True, slots=True)
class Act:
    """Something that someone does at an instant. `alone` changes settings or rules, which others then see."""

    at: datetime
    order: int
    actor: Actor
    do: Callable[[Transaction], object]
    alone: bool = False


@dataclass(slots=True)
class Stage:
    """The desk, its people by key, the records made so far by name, and the acts to come."""

    desk: Desk
    now: datetime
    zone: ZoneInfo
    people: dict[str, Actor] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(SEED))

    def plan(
        self, at: datetime, who: str, do: Callable[[Transaction], object], *, alone: bool = False
    ) -> None:
        """Put down an act; what would still lie ahead is left for whoever plays on."""
        if at < self.now:
            self.acts.append(Act(at, len(self.acts), self.people[who], do, alone))

    def today(self) -> date:
        return local_date(self.now, self.zone)

    def day(self, days_ago: int) -> date:
        return self.today() - timedelta(days=days_ago)

    def at(self, days_ago: int, hour: int, minute: int = 0) -> datetime:
        """An instant by the provider's clock, so many days ago."""
        day = self.day(days_ago)
        wall = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 -- a wall clock
        return first_instant_at(wall, self.zone)

    def in_hours(self, at: datetime) -> datetime:
        """The instant itself in business hours, else some time in the next ones."""
        local = at.astimezone(self.zone)
        if local.weekday() < 5 and DAY_BEGINS <= local.hour < DAY_ENDS:
            return at
        day = local.date() if local.hour < DAY_BEGINS else local.date() + timedelta(days=1)
        while day.weekday() >= 5:
            day += timedelta(days=1)
        wall = datetime(day.year, day.month, day.day, DAY_BEGINS, self.random.randrange(5, 55))  # noqa: DTZ001
        return first_instant_at(wall, self.zone).astimezone(UTC)

    # -------------------------------------------------------------- playing

    def play(self) -> None:
        """Play all acts by time, with the jobs between them, up to now."""
        acts = sorted(self.acts, key=lambda act: (act.at, act.order))
        self.acts = []
        played = 0
        while played < len(acts):
            self._run_due(acts[played].at)
            played = self.desk.perform(SYSTEM, partial(self._play_some, acts=acts, first=played))
            self.desk.refresh()
        self._run_due(self.now)

    def _play_some(self, tx: Transaction, acts: list[Act], first: int) -> int:
        """Play acts in one transaction until one is alone or a job is due; answers the next one's place."""
        for place in range(first, min(first + MOST_ACTS, len(acts))):
            act = acts[place]
            if place > first and (act.alone or _is_due(tx, act.at)):
                return place
            act.do(replace(tx, now=act.at, actor=act.actor))
            if act.alone:
                return place + 1
        return min(first + MOST_ACTS, len(acts))

    def _run_due(self, until: datetime) -> None:
        """Run what is due up to an instant, each job at its own, in their order."""
        done_at: datetime | None = None
        while True:
            with self.desk.read() as tx:
                due = next_due(tx)
                if due is None or due > until:
                    return
                if due == done_at:
                    raise RuntimeError(f"Jobs leave undone what was due at {due.isoformat()}.")
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

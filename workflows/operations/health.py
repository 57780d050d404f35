"""Whether the desk can work, and what it is busy with: for those who run it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import monotonic

from sqlalchemy import ColumnElement, Connection, Table, func, select

from engine.service_requests import NOT_ENDED_STATES
from workflows.core.desk import Desk
from workflows.store import tables as t

COUNTS_KEPT_SECONDS = 5.0
TIMES_THE_COUNTING = 100
"""Counts are kept for so many times as long as they took: counting has a hundredth of a process's time."""


@dataclass(frozen=True, slots=True)
class JobHealth:
    """When a job last ran, for what was due when, and how it last failed."""

    job: str
    last_run_at: datetime | None
    last_due_at: datetime | None
    last_count: int
    failed_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class FolderHealth:
    """A machine's rules folder, and how many errors keep it from force; 0 when it is good."""

    host: str
    path: str
    errors: int


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` needs a database that is up to date and a rule set in force that can be read; no scheduler."""

    ready: bool
    database: bool
    rule_set: str | None
    jobs: list[JobHealth] = field(default_factory=list)
    service_requests: dict[str, int] = field(default_factory=dict)
    contracts: dict[str, int] = field(default_factory=dict)
    outbox_waiting: int = 0
    rules_folders: list[FolderHealth] = field(default_factory=list)


class _Kept:
    """A count over many rows, kept for a while.

    Of many who ask at once one counts, and the others get the count before.
    """

    def __init__(self, count: Callable[[Connection], dict[str, int]], timer: Callable[[], float]) -> None:
        self._count = count
        self._timer = timer
        self._counting = Lock()
        self._found: dict[str, int] | None = None
        self._kept_until = 0.0

    def read(self, connection: Connection) -> dict[str, int]:
        found = self._found
        if found is not None and (self._timer() < self._kept_until or self._counting.locked()):
            return found
        with self._counting:
            began = self._timer()
            if self._found is None or began >= self._kept_until:
                self._found = self._count(connection)
                ended = self._timer()
                self._kept_until = ended + max(COUNTS_KEPT_SECONDS, TIMES_THE_COUNTING * (ended - began))
            return self._found


class CachedCounts:
    """How many there are in each stored state, for who asks often: it is not counted often.

    What is being worked on is counted apart from what is done with, which grows for ever: it takes little
    time, and so is seldom older than some seconds. `timer` tells seconds.
    """

    def __init__(self, timer: Callable[[], float] = monotonic) -> None:
        state = t.service_request.c.state
        self._at_work = _Kept(_by_state(t.service_request, state.in_(NOT_ENDED_STATES)), timer)
        self._done_with = _Kept(_by_state(t.service_request, state.not_in(NOT_ENDED_STATES)), timer)
        self._contracts = _Kept(_by_state(t.contract), timer)

    def service_requests(self, connection: Connection) -> dict[str, int]:
        """By state."""
        return self._at_work.read(connection) | self._done_with.read(connection)

    def contracts(self, connection: Connection) -> dict[str, int]:
        """By stored state."""
        return self._contracts.read(connection)


def read_health(desk: Desk, *, counts: CachedCounts | None = None) -> Health:
    """How the desk is; `counts` adds how much there is. Raises where the database cannot be reached."""
    config = desk.refresh()
    version, is_ready = config.version, config.rule_set is not None
    with desk.database.read() as connection:
        status = t.job_status
        jobs = [
            JobHealth(
                row.job,
                row.last_run_at,
                row.last_due_at,
                row.last_count,
                row.failed_at,
                row.last_error,
            )
            for row in connection.execute(select(status).order_by(status.c.job))
        ]
        if counts is None:
            return Health(is_ready, True, version, jobs)
        service_requests, contracts = counts.service_requests(connection), counts.contracts(connection)
        folder = t.rules_folder
        folders = [
            FolderHealth(row.host, row.path, sum(one["severity"] == "error" for one in row.problems))
            for row in connection.execute(select(folder).order_by(folder.c.host, folder.c.path))
        ]
        waiting = connection.execute(
            select(func.count()).where(t.outbox.c.next_attempt_at.is_not(None))
        ).scalar_one()
    return Health(is_ready, True, version, jobs, service_requests, contracts, waiting, folders)


def _by_state(table: Table, *where: ColumnElement[bool]) -> Callable[[Connection], dict[str, int]]:
    counted = select(table.c.state, func.count()).where(*where).group_by(table.c.state)

    def count(connection: Connection) -> dict[str, int]:
        return {row[0]: row[1] for row in connection.execute(counted)}

    return count

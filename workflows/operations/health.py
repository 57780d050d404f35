"""The health of a deployment: whether it is ready, how its jobs run, and how much data it has."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import monotonic

from sqlalchemy import ColumnElement, Connection, Table, func, select

from engine.service_requests import NOT_ENDED_STATES
from workflows.core.desk import Desk
from workflows.store import tables as t

MIN_CACHE_SECONDS = 5.0
CACHE_TIMES_COUNTING = 100
"""Counts are cached this many times as long as counting took: at most 1 % of a process's time."""


@dataclass(frozen=True, slots=True)
class JobHealth:
    """When a job last ran, by which instant its work was due, and its last error."""

    job: str
    last_run_at: datetime | None
    last_due_at: datetime | None
    last_count: int
    failed_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class FolderHealth:
    """A machine's rules folder and the number of its errors; 0 if it is valid."""

    host: str
    path: str
    errors: int


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` needs a migrated database and a readable rule set in force, but no scheduler."""

    ready: bool
    database: bool
    rule_set: str | None
    jobs: list[JobHealth] = field(default_factory=list)
    service_requests: dict[str, int] = field(default_factory=dict)
    contracts: dict[str, int] = field(default_factory=dict)
    outbox_waiting: int = 0
    rules_folders: list[FolderHealth] = field(default_factory=list)


class _CachedCount:
    """A cached count over many rows.

    If several threads ask at once, one counts and the others get the previous count.
    """

    def __init__(self, count: Callable[[Connection], dict[str, int]], timer: Callable[[], float]) -> None:
        self._count = count
        self._timer = timer
        self._counting = Lock()
        self._found: dict[str, int] | None = None
        self._valid_until = 0.0

    def read(self, connection: Connection) -> dict[str, int]:
        found = self._found
        if found is not None and (self._timer() < self._valid_until or self._counting.locked()):
            return found
        with self._counting:
            began = self._timer()
            if self._found is None or began >= self._valid_until:
                self._found = self._count(connection)
                ended = self._timer()
                self._valid_until = ended + max(MIN_CACHE_SECONDS, CACHE_TIMES_COUNTING * (ended - began))
            return self._found


class CachedCounts:
    """The number of service requests and contracts in each stored state, cached because of frequent scrapes.

    Unfinished requests are counted apart from finished ones, whose number keeps growing: counting them is
    fast, so their count is rarely older than a few seconds. `timer` returns seconds.
    """

    def __init__(self, timer: Callable[[], float] = monotonic) -> None:
        state = t.service_request.c.state
        self._unfinished = _CachedCount(_by_state(t.service_request, state.in_(NOT_ENDED_STATES)), timer)
        self._finished = _CachedCount(_by_state(t.service_request, state.not_in(NOT_ENDED_STATES)), timer)
        self._contracts = _CachedCount(_by_state(t.contract), timer)

    def service_requests(self, connection: Connection) -> dict[str, int]:
        """The number of service requests by state."""
        return self._unfinished.read(connection) | self._finished.read(connection)

    def contracts(self, connection: Connection) -> dict[str, int]:
        """The number of contracts by stored state."""
        return self._contracts.read(connection)


def read_health(desk: Desk, *, counts: CachedCounts | None = None) -> Health:
    """The health of the desk; `counts` adds numbers of records.

    Raises: a SQLAlchemy error if the database cannot be reached (see `is_database_failure`).
    """
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

"""Whether the desk can work, and what it is busy with: for those who run it."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from workflows.desk import Desk
from workflows.store import tables as t


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
    """`ready` needs a database that is up to date and a rule set in force; no scheduler."""

    ready: bool
    database: bool
    rule_set: str | None
    jobs: list[JobHealth] = field(default_factory=list)
    service_requests: dict[str, int] = field(default_factory=dict)
    contracts: dict[str, int] = field(default_factory=dict)
    outbox_waiting: int = 0
    rules_folders: list[FolderHealth] = field(default_factory=list)


def read_health(desk: Desk, *, counts: bool = False) -> Health:
    """How the desk is; `counts` adds how much there is. Raises where the database cannot be reached."""
    with desk.database.read() as connection:
        version = connection.execute(select(t.deployment.c.rule_set)).scalar_one_or_none()
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
        if not counts:
            return Health(version is not None, True, version, jobs)
        by_state = {}
        for table in (t.service_request, t.contract):
            rows = connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
            by_state[table.name] = {row[0]: row[1] for row in rows}
        folder = t.rules_folder
        folders = [
            FolderHealth(row.host, row.path, sum(one["severity"] == "error" for one in row.problems))
            for row in connection.execute(select(folder).order_by(folder.c.host, folder.c.path))
        ]
        waiting = connection.execute(
            select(func.count()).where(t.outbox.c.next_attempt_at.is_not(None))
        ).scalar_one()
    return Health(
        version is not None,
        True,
        version,
        jobs,
        by_state["service_request"],
        by_state["contract"],
        waiting,
        folders,
    )

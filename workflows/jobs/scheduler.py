"""Runs the jobs at their intervals with APScheduler. The only module that imports apscheduler.

APScheduler's job store is in memory; what is due is in our tables. Any number of processes may tick: each
tick's slot is claimed by an insert, so that only one process runs it.
"""

from datetime import UTC, timedelta
from socket import gethostname
from threading import Lock

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from workflows.core.desk import Desk
from workflows.jobs.definitions import ANY_MACHINE, JOBS, claim_slot, run_job
from workflows.store.column_types import EPOCH

log = structlog.get_logger()
TICKS_AT_ONCE = 3
"""Per job: one that runs, and a few that arrive in the meantime and return at once."""


def build_scheduler(desk: Desk) -> BackgroundScheduler:
    """A scheduler that runs every job at its interval; the caller starts it and shuts it down."""
    scheduler = BackgroundScheduler(
        timezone=UTC, executors={"default": ThreadPoolExecutor(TICKS_AT_ONCE * len(JOBS))}
    )
    for job in JOBS.values():
        scheduler.add_job(
            Ticks(desk, job.name, job.every_seconds),
            "interval",
            seconds=job.every_seconds,
            id=job.name,
            coalesce=True,
            max_instances=TICKS_AT_ONCE,
            # run late however long the machine slept: one run does everything that has become due
            misfire_grace_time=None,
            next_run_time=desk.clock.now(),
        )
    return scheduler


class Ticks:
    """A job's ticks in this process: one runs at a time, then once more if others came in the meantime."""

    def __init__(self, desk: Desk, name: str, every_seconds: int) -> None:
        self._desk = desk
        self._name = name
        self._every_seconds = every_seconds
        self._lock = Lock()
        self._runs = False
        self._again = False

    def __call__(self) -> None:
        with self._lock:
            if self._runs:
                self._again = True
                return
            self._runs = True
        while True:
            tick(self._desk, self._name, self._every_seconds)
            with self._lock:
                if not self._again:
                    self._runs = False
                    return
                self._again = False


def tick(desk: Desk, name: str, every_seconds: int) -> int | None:
    """Run a job if this process gets its slot; returns how much it did, or None if another process has it."""
    seconds = int(desk.clock.now().timestamp()) // every_seconds * every_seconds
    machine = gethostname() if JOBS[name].on_each_machine else ANY_MACHINE
    try:
        if not claim_slot(desk, name, EPOCH + timedelta(seconds=seconds), machine):
            return None
        return run_job(desk, name)
    except Exception:
        log.exception("job failed", job=name)
        return None

"""Runs the jobs at their intervals with APScheduler. The only module that imports apscheduler.

APScheduler's job store is in memory; what is due is in our tables. Any number of processes may tick: each
tick's slot is claimed by an insert, so that only one process runs it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from socket import gethostname
from threading import Event, Lock, Thread
from time import monotonic

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from workflows.core.desk import Desk
from workflows.jobs.definitions import ANY_MACHINE, JOBS, claim_slot, run_job
from workflows.store.column_types import EPOCH

log = structlog.get_logger()
TICKS_AT_ONCE = 3
"""Per job: one that runs, and a few that arrive in the meantime and return at once."""
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_OF_DRIFT = 0.5
"""A clock that is corrected slowly (by NTP) drifts less than this between two looks."""


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


@contextmanager
def running_scheduler(desk: Desk) -> Iterator[BackgroundScheduler]:
    """A scheduler that is started, and shut down at the end.

    It goes on when the system's clock is set back.
    """
    scheduler = build_scheduler(desk)
    stop = Event()
    watch = Thread(target=_watch_clock, args=(scheduler, desk, stop), name="clock watch", daemon=True)
    scheduler.start()
    watch.start()
    try:
        yield scheduler
    finally:
        stop.set()
        watch.join()
        scheduler.shutdown()


def _watch_clock(scheduler: BackgroundScheduler, desk: Desk, stop: Event) -> None:
    """Run every job at once when the system's clock has gone back.

    APScheduler 3.11 stores when a job runs next by the system's clock, so that after a step back no job
    would run until the clock has caught up. The monotonic clock, which nobody sets, shows the step.
    """
    ahead = _ahead_of_monotonic(desk)
    while not stop.wait(SECONDS_BETWEEN_LOOKS):
        now = _ahead_of_monotonic(desk)
        if now < ahead - SECONDS_OF_DRIFT:
            log.warning("the system's clock was set back; all jobs run now", seconds=round(ahead - now))
            for job in scheduler.get_jobs():
                job.modify(next_run_time=desk.clock.now())
        ahead = now


def _ahead_of_monotonic(desk: Desk) -> float:
    return desk.clock.now().timestamp() - monotonic()


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

"""APScheduler's wiring: ticks in, jobs out. The only importer of apscheduler.

The store is in memory and the jobs are declared here; what is due is in our tables. Any number of
processes tick; each tick's slot is claimed by an insert, so that each run happens in one of them.
"""

from datetime import UTC
from socket import gethostname

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from workflows.desk import Desk
from workflows.jobs import JOBS, claim_slot, run_job

log = structlog.get_logger()
MISFIRE_SECONDS = 3600


def build_scheduler(desk: Desk) -> BackgroundScheduler:
    """A scheduler that runs every job of the table at its interval; start and shut it down yourself."""
    scheduler = BackgroundScheduler(timezone=UTC)
    for job in JOBS.values():
        scheduler.add_job(
            tick,
            "interval",
            seconds=job.every_seconds,
            args=(desk, job.name, job.every_seconds),
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=MISFIRE_SECONDS,
            next_run_time=desk.clock.now(),
        )
    return scheduler


def tick(desk: Desk, name: str, every_seconds: int) -> int | None:
    """Run a job if this process gets its slot; None when another has it."""
    slot = str(int(desk.clock.now().timestamp()) // every_seconds)
    if JOBS[name].on_each_machine:
        slot = f"{slot}@{gethostname()}"
    try:
        if not claim_slot(desk, name, slot):
            return None
        return run_job(desk, name)
    except Exception:
        log.exception("job failed", job=name)
        return None

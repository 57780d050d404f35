"""What happens by itself: each job finds all that is due and does it once, however often it runs.

Jobs enter the same use cases as people do. A bad row is set aside and told; the rest go on.
Source: product.md section 11.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from engine.service_requests import WAITING_OUTCOMES
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.coverage.search import cover_one, settle_due
from workflows.coverage.waiting_list import has_active_contract
from workflows.lifecycle.contracts.bulk_expiry import ENDING, expire_due
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.notifications.delivery import deliver_outbox
from workflows.replay.use_cases import forget_replays, take_up_replays
from workflows.rule_sets.folder_watch import pick_up_rules
from workflows.service_requests.closing import close_if_due
from workflows.store import tables as t

log = structlog.get_logger()
KEYS_KEPT = timedelta(hours=48)
SLOTS_KEPT = timedelta(days=7)
ANY_MACHINE = ""
CLOCK_WAS_WRONG = timedelta(hours=1)
"""A slot so far ahead was taken by a clock that has been set since: it keeps nobody from working."""
FAILURES_KEPT = timedelta(days=1)
c, r = t.contract, t.service_request


@dataclass(frozen=True, slots=True)
class Job:
    """`run(desk, at)` does what is due by `at` and answers how much; `next_due` is the earliest instant due.

    A job without `next_due` waits for nothing: it only catches up, or works in real time. What lies on a
    machine's own disk is looked after `on_each_machine`, everything else on any.
    """

    name: str
    every_seconds: int
    run: Callable[[Desk, datetime], int]
    next_due: Callable[[Transaction], datetime | None] | None = None
    on_each_machine: bool = False


def run_job(desk: Desk, name: str, due_at: datetime | None = None) -> int:
    """Run one job for everything due by `due_at` (now), and keep when it ran; answers how much it did."""
    job = JOBS[name]
    desk.refresh()
    at = due_at or desk.now()
    try:
        count = job.run(desk, at)
    except Exception as error:
        _store_status(desk, job, at, 0, f"{type(error).__name__}: {error}")
        raise
    _store_status(desk, job, at, count, None)
    return count


def claim_slot(desk: Desk, name: str, begins_at: datetime, machine: str = ANY_MACHINE) -> bool:
    """Take a job's run of the slot that begins then for this process: of any number that try, one gets it.

    Kept is the last slot taken, one row for each job, or for each machine where each runs it. A slot before
    that is nobody's any more: whoever took the later one did all that was due.
    """
    dialect = sqlite if desk.database.is_sqlite else postgresql
    last = t.job_slot.c.claimed_at
    with desk.write() as tx:
        claim = dialect.insert(t.job_slot).values(job=name, slot=machine, claimed_at=begins_at)
        claim = claim.on_conflict_do_update(
            index_elements=["job", "slot"],
            set_={"claimed_at": begins_at},
            where=or_(last < begins_at, last > begins_at + CLOCK_WAS_WRONG),
        )
        return tx.connection.execute(claim.returning(t.job_slot.c.job)).scalar() is not None


def next_due(tx: Transaction) -> datetime | None:
    """The earliest instant at which any job has something to do."""
    instants = [job.next_due(tx) for job in JOBS.values() if job.next_due is not None]
    return min((one for one in instants if one is not None), default=None)


# ------------------------------------------------------------------ the jobs


def settle_contracts(desk: Desk, at: datetime) -> int:
    """Activate contracts whose start has come, open and close grants; `expire_contracts` does mere ends."""
    due = and_(c.c.next_due_at <= at, ~ENDING)
    return _each(
        desk,
        select(c.c.id).where(due).order_by(c.c.next_due_at, c.c.id),
        settle_due,
        at,
        "settle_contracts",
    )


def auto_close(desk: Desk, at: datetime) -> int:
    """Close what has been resolved for as long as the setting says, at the instant it was due."""
    due = (
        select(r.c.id, r.c.auto_close_at.label("due_at"))
        .where(r.c.auto_close_at <= at, r.c.state == "resolved")
        .order_by(r.c.auto_close_at, r.c.id)
    )
    return _each(desk, due, _close, at, "auto_close")


def open_waiting(desk: Desk, at: datetime) -> int:
    """Search again for waiting service requests that an active contract might cover: a catching-up only."""
    if not desk.config.settings.contracts:
        return 0
    due = (
        select(r.c.id)
        .where(r.c.state == "pending_no_contract", r.c.outcome.in_(WAITING_OUTCOMES), has_active_contract())
        .order_by(r.c.opened_at, r.c.id)
    )
    return _each(desk, due, partial(cover_one, cause="open_waiting"), at, "open_waiting")


def clean_up(desk: Desk, at: datetime) -> int:
    """Forget idempotency keys, job slots and failed logins that are no longer needed, by real time."""
    old: tuple[tuple[Any, ColumnElement[Any], timedelta], ...] = (
        (t.idempotency_key, t.idempotency_key.c.stored_at, KEYS_KEPT),
        (t.job_slot, t.job_slot.c.claimed_at, SLOTS_KEPT),
        (t.login_failure, t.login_failure.c.failed_at, FAILURES_KEPT),
    )
    count = 0
    for table, since, span in old:
        with desk.write(job="clean_up") as tx:
            done = tx.connection.execute(delete(table).where(since < tx.real_now - span))
            count += int(done.rowcount)
    return count + desk.perform(SYSTEM, forget_replays, job="clean_up")


def _close(tx: Transaction, request_id: str) -> bool:
    return close_if_due(tx, lock_request(tx, request_id))


def _each(
    desk: Desk,
    due: Select[Any],
    do: Callable[[Transaction, str], object],
    at: datetime,
    job: str,
) -> int:
    """Do one thing for each row that is due, in order, each in its own transaction.

    A row that tells its own `due_at` is done as of that instant.
    """
    count = 0
    with desk.database.read() as connection:
        rows = connection.execute(due).all()
    for row in rows:
        record_id, when = row.id, getattr(row, "due_at", at)
        try:
            if desk.perform(SYSTEM, partial(_do, do=do, record_id=record_id), at=when, job=job):
                count += 1
        except (DeskError, DBAPIError) as error:
            log.error("set aside", job=job, record=record_id, error=str(error))
    return count


def _do(tx: Transaction, *, do: Callable[[Transaction, str], object], record_id: str) -> bool:
    return do(tx, record_id) is not False


def _store_status(desk: Desk, job: Job, at: datetime, count: int, error: str | None) -> None:
    dialect = sqlite if desk.database.is_sqlite else postgresql
    with desk.write(job=job.name) as tx:
        values: dict[str, Any] = {"last_run_at": tx.real_now, "last_due_at": at, "last_count": count}
        values |= {"last_error": error, "failed_at": tx.real_now if error else None}
        row = dialect.insert(t.job_status).values(job=job.name, **values)
        tx.connection.execute(row.on_conflict_do_update(index_elements=["job"], set_=values))


def _earliest(
    column: ColumnElement[Any], *where: ColumnElement[bool]
) -> Callable[[Transaction], datetime | None]:
    def ask(tx: Transaction) -> datetime | None:
        found: datetime | None = tx.connection.execute(select(func.min(column)).where(*where)).scalar()
        return found

    return ask


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("settle_contracts", 5, settle_contracts, _earliest(c.c.next_due_at, ~ENDING)),
        Job("expire_contracts", 5, expire_due, _earliest(c.c.next_due_at, ENDING)),
        Job("auto_close", 30, auto_close, _earliest(r.c.auto_close_at, r.c.state == "resolved")),
        Job("open_waiting", 30, open_waiting),
        Job("deliver_outbox", 5, deliver_outbox),
        Job("pick_up_rules", 2, pick_up_rules, on_each_machine=True),
        Job("take_up_replays", 30, take_up_replays),
        Job("clean_up", 3600, clean_up),
    )
}
"""In the order in which they run at one instant: what becomes valid first, then what ends."""

"""The background jobs: each finds everything that is due and does it once, however often it runs.

Jobs call the same use cases as people do. A row that fails is logged and skipped; the others are processed.
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
from engine.service_requests import UNFINISHED_STATES, WAITING_OUTCOMES
from workflows.billing.issuing.notices import attached_pdf
from workflows.billing.reminders.use_cases import next_reminder_due
from workflows.core.actors import SYSTEM
from workflows.core.clock import CLOCK_SKEW
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.coverage.search import cover_one, settle_due
from workflows.coverage.waiting_list import has_active_contract
from workflows.jobs.auto_top_ups import auto_top_ups
from workflows.jobs.billing import (
    bill_overage,
    draft_renewals,
    draft_sold_items,
    next_overage_due,
    next_renewal_due,
    next_sale_due,
)
from workflows.jobs.contract_alerts import contract_alerts, exhaustion_alerts, next_end_alert
from workflows.jobs.invoice_reminders import invoice_reminders
from workflows.jobs.recurring_sales import make_due_periods
from workflows.jobs.sla_alerts import sla_alerts
from workflows.jobs.unpaid_requests import unpaid_requests
from workflows.ledger.checkpoints import take_checkpoint
from workflows.lifecycle.contracts.bulk_expiry import ENDING, expire_due
from workflows.lifecycle.service_requests.opened_uncovered import open_uncovered, waiting_while_off
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.notifications.delivery import deliver_outbox
from workflows.notifications.webhooks.delivery import delete_old_deliveries, deliver_webhooks
from workflows.people.retention import remove_old_records
from workflows.replay.use_cases import delete_old_replays, resume_lost_replays
from workflows.rule_sets.folder_watch import pick_up_rules
from workflows.selling.quote_decisions import lapse_if_due
from workflows.service_requests.closing import close_if_due
from workflows.service_requests.unpaid import next_unpaid
from workflows.store import tables as t
from workflows.users.login_delays import FORGOTTEN_AFTER
from workflows.users.password_links import answer_request

log = structlog.get_logger()
KEEP_IDEMPOTENCY_KEYS = timedelta(hours=48)
KEEP_JOB_SLOTS = timedelta(days=7)
ANY_MACHINE = ""
KEEP_LINKS = timedelta(days=7)
KEEP_DEVICES = timedelta(days=400)
"""Browsers delete a cookie after 400 days at the latest."""
c, r, v = t.contract, t.service_request, t.quote_version
TO_LAPSE = and_(v.c.sent_at.is_not(None), v.c.superseded_at.is_(None), v.c.lapse_recorded_at.is_(None))


@dataclass(frozen=True, slots=True)
class Job:
    """`run(desk, at)` does what is due by `at` and returns how much; `next_due` is the earliest instant due.

    A job without `next_due` only catches up, or works in real time. A job that needs a machine's own disk
    runs `on_each_machine`, any other on one of them.
    """

    name: str
    every_seconds: int
    run: Callable[[Desk, datetime], int]
    next_due: Callable[[Transaction], datetime | None] | None = None
    on_each_machine: bool = False


def run_job(desk: Desk, name: str, due_at: datetime | None = None) -> int:
    """Run one job for everything due by `due_at` (default: now) and store its status; returns its count.

    Raises: KeyError for an unknown name; whatever the job raises, after its error has been stored.
    """
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
    """Claim a job's slot for this process; returns False if another process has it.

    The last claimed slot is stored per job, or per job and machine if each machine runs it. An earlier slot
    can no longer be claimed: the run of the later one did everything that was due.
    """
    now = max(desk.clock.now(), begins_at)
    dialect = sqlite if desk.database.is_sqlite else postgresql
    last = t.job_slot.c.claimed_at

    def claim_in(tx: Transaction) -> bool:
        claim = dialect.insert(t.job_slot).values(job=name, slot=machine, claimed_at=begins_at)
        claim = claim.on_conflict_do_update(
            index_elements=["job", "slot"],
            set_={"claimed_at": begins_at},
            where=or_(last < begins_at, last > now + CLOCK_SKEW),
        )
        return tx.connection.execute(claim.returning(t.job_slot.c.job)).scalar() is not None

    return desk.perform(SYSTEM, claim_in)


def next_due(tx: Transaction) -> datetime | None:
    """The earliest instant (aware UTC) at which any job has something to do; None if there is none."""
    instants = [job.next_due(tx) for job in JOBS.values() if job.next_due is not None]
    return min((one for one in instants if one is not None), default=None)


def activate_contracts(desk: Desk, at: datetime) -> int:
    """Activate contracts that start, and open and close grants; `expire_contracts` handles plain expiry."""
    due = and_(c.c.next_due_at <= at, ~ENDING)
    return _each(
        desk,
        select(c.c.id).where(due).order_by(c.c.next_due_at, c.c.id),
        settle_due,
        at,
        "settle_contracts",
    )


def auto_close(desk: Desk, at: datetime) -> int:
    """Close requests that have been resolved for as long as the setting says, as of the instant due."""
    due = (
        select(r.c.id, r.c.auto_close_at.label("due_at"))
        .where(r.c.auto_close_at <= at, r.c.state == "resolved")
        .order_by(r.c.auto_close_at, r.c.id)
    )
    return _each(desk, due, _close, at, "auto_close")


def open_waiting(desk: Desk, at: datetime) -> int:
    """Search again for waiting requests that an active contract might cover.

    This only catches up: a contract that becomes valid opens its waiting requests in the same transaction,
    and switching contracts off opens all. What that opened is searched for once contracts are on again.
    """
    if not desk.config.settings.contracts:
        return _each(desk, waiting_while_off(), open_uncovered, at, "open_waiting")
    lacks = and_(r.c.outcome.in_(WAITING_OUTCOMES), r.c.state.in_(UNFINISHED_STATES))
    due = select(r.c.id).where(lacks, has_active_contract()).order_by(r.c.opened_at, r.c.id)
    return _each(desk, due, partial(cover_one, cause="open_waiting"), at, "open_waiting")


def lapse_quotes(desk: Desk, at: datetime) -> int:
    """Record that quotes have lapsed, each as of its instant; their state is right without that."""
    due = (
        select(v.c.id, v.c.lapses_at.label("due_at"))
        .where(v.c.lapses_at <= at, TO_LAPSE)
        .order_by(v.c.lapses_at, v.c.id)
    )
    return _each(desk, due, lapse_if_due, at, "lapse_quotes")


def send_password_links(desk: Desk, at: datetime) -> int:
    """Send the password links that were asked for, to addresses that have an account."""
    asked = select(t.password_request.c.id).order_by(t.password_request.c.id)
    return _each(desk, asked, answer_request, at, "send_password_links")


def take_daily_checkpoint(desk: Desk, at: datetime) -> int:
    """Store a checkpoint of the ledger's chains, one for each day (UTC) on which the desk runs."""
    return int(
        desk.perform(SYSTEM, take_checkpoint, at=at, job="take_checkpoint", repeatable=True) is not None
    )


def clean_up(desk: Desk, at: datetime) -> int:
    """Delete old idempotency keys, job slots, replays, and what logins left behind, by real time."""
    session, limits = t.login_session, desk.session_limits
    old: tuple[tuple[Any, ColumnElement[Any], timedelta], ...] = (
        (t.idempotency_key, t.idempotency_key.c.stored_at, KEEP_IDEMPOTENCY_KEYS),
        (t.job_slot, t.job_slot.c.claimed_at, KEEP_JOB_SLOTS),
        (session, session.c.last_seen_at, limits.idle),
        (session, session.c.created_at, limits.longest),
        (t.login_delay, t.login_delay.c.last_at, FORGOTTEN_AFTER),
        (t.password_link, t.password_link.c.expires_at, KEEP_LINKS),
        (t.known_device, t.known_device.c.last_used_at, KEEP_DEVICES),
    )
    count = 0
    for table, created_at, keep_for in old:
        delete_old = partial(_delete_before, table=table, created_at=created_at, keep_for=keep_for)
        count += desk.perform(SYSTEM, delete_old, job="clean_up", repeatable=True)
    for clean in (delete_old_deliveries, delete_old_replays):
        count += desk.perform(SYSTEM, clean, job="clean_up", repeatable=True)
    return count


def _delete_before(
    tx: Transaction, *, table: Any, created_at: ColumnElement[Any], keep_for: timedelta
) -> int:
    return int(tx.connection.execute(delete(table).where(created_at < tx.real_now - keep_for)).rowcount)


def _close(tx: Transaction, request_id: str) -> bool:
    return close_if_due(tx, lock_request(tx, request_id))


def _each(
    desk: Desk,
    due: Select[Any],
    do: Callable[[Transaction, str], object],
    at: datetime,
    job: str,
) -> int:
    """Call `do` for each row that is due, in order, each in its own transaction.

    A row with a `due_at` of its own is processed as of that instant. Returns how many were changed.
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
            log.error("job: record skipped", job=job, record=record_id, error=str(error))
    return count


def _do(tx: Transaction, *, do: Callable[[Transaction, str], object], record_id: str) -> bool:
    return do(tx, record_id) is not False


def _store_status(desk: Desk, job: Job, at: datetime, count: int, error: str | None) -> None:
    dialect = sqlite if desk.database.is_sqlite else postgresql

    def store(tx: Transaction) -> None:
        values: dict[str, Any] = {"last_run_at": tx.real_now, "last_due_at": at, "last_count": count}
        values |= {"last_error": error, "failed_at": tx.real_now if error else None}
        row = dialect.insert(t.job_status).values(job=job.name, **values)
        tx.connection.execute(row.on_conflict_do_update(index_elements=["job"], set_=values))

    desk.perform(SYSTEM, store, job=job.name, repeatable=True)


def _earliest(
    column: ColumnElement[Any], *where: ColumnElement[bool]
) -> Callable[[Transaction], datetime | None]:
    def ask(tx: Transaction) -> datetime | None:
        found: datetime | None = tx.connection.execute(select(func.min(column)).where(*where)).scalar()
        return found

    return ask


def _next_period_due(tx: Transaction) -> datetime | None:
    """When the next period of a recurring sale is due, while things are invoiced."""
    return _earliest(t.recurring_sale.c.next_due_at)(tx) if tx.settings.invoicing else None


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("settle_contracts", 5, activate_contracts, _earliest(c.c.next_due_at, ~ENDING)),
        Job("expire_contracts", 5, expire_due, _earliest(c.c.next_due_at, ENDING)),
        Job("auto_close", 30, auto_close, _earliest(r.c.auto_close_at, r.c.state == "resolved")),
        Job("open_waiting", 30, open_waiting),
        Job("unpaid_requests", 60, unpaid_requests, next_unpaid),
        Job("sla_alerts", 5, sla_alerts, _earliest(r.c.sla_alert_at)),
        Job("auto_top_ups", 15, auto_top_ups),
        Job("contract_alerts", 60, contract_alerts, next_end_alert),
        Job("exhaustion_alerts", 3600, exhaustion_alerts),
        Job("bill_overage", 300, bill_overage, next_overage_due),
        Job("draft_renewals", 300, draft_renewals, next_renewal_due),
        Job("recurring_sales", 60, make_due_periods, _next_period_due),
        Job("draft_sold_items", 300, draft_sold_items, next_sale_due),
        Job("invoice_reminders", 60, invoice_reminders, next_reminder_due),
        Job("lapse_quotes", 60, lapse_quotes, _earliest(v.c.lapses_at, TO_LAPSE)),
        Job("send_password_links", 5, send_password_links),
        Job("deliver_outbox", 5, partial(deliver_outbox, attach=attached_pdf)),
        Job("deliver_webhooks", 5, deliver_webhooks),
        Job("pick_up_rules", 2, pick_up_rules, on_each_machine=True),
        Job("take_up_replays", 30, resume_lost_replays),
        Job("take_checkpoint", 600, take_daily_checkpoint),
        Job("clean_up", 3600, clean_up),
        Job("remove_old_records", 21600, remove_old_records),
    )
}
"""The jobs in the order in which they run at one instant.

Contracts become valid before others end, and what is sold by itself comes before what was sold is drafted.
"""

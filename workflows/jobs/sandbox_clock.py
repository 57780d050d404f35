"""The sandbox clock: an administrator sets the desk's time, to try a year of a contract in a minute.

Source: product.md section 13.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Table, or_, select

from workflows.core.actors import Actor
from workflows.core.config_version import bump_generation, config_in_force
from workflows.core.desk import Desk
from workflows.core.errors import NotFound, StateForbids
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import JOBS, next_due, run_job
from workflows.notifications.events import rfc_3339
from workflows.store import tables as t

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ClockView:
    """The desk's `now` (aware UTC); a clock that `is_set` stands still. `ran` counts work done by jobs."""

    now: datetime
    is_set: bool
    ran: int


def read_clock(desk: Desk) -> ClockView:
    """The desk's time. Raises: NotFound if the desk is no sandbox."""
    _require_sandbox(desk)
    config = desk.refresh()
    return ClockView(desk.now(), config.sandbox_now is not None, 0)


def set_clock(desk: Desk, actor: Actor, now: datetime) -> ClockView:
    """Set the clock to `now` (aware UTC) and run the jobs due until then, in order, each at its due instant.

    Raises:
        NotFound: the desk is no sandbox.
        NotAllowed: the actor is no administrator.
        StateForbids: `now` is earlier, and there are contracts or service requests.

    Source: product.md section 13.
    """
    _require_sandbox(desk)
    with desk.read(actor) as tx:
        tx.require("administrator")
    desk.refresh()
    current = desk.now()
    may_go_back = _is_empty(desk, t.contract, t.service_request)
    if may_go_back and now < current:
        _move(desk, actor, now)
        return ClockView(now, True, 0)
    if now < current:
        raise StateForbids(
            f"The clock is at {rfc_3339(current)} and can only be set forward.",
            remedy="Set a later instant. Going back needs a desk without contracts and service requests.",
            now=rfc_3339(current),
        )
    ran = 0
    done_at: datetime | None = None
    while (due := _due_after(desk, done_at)) is not None and due <= now:
        _move(desk, actor, max(due, current))
        ran += sum(run_job(desk, name, max(due, current)) for name in JOBS)
        done_at = due
    _move(desk, actor, now)
    ran += sum(run_job(desk, name, now) for name in JOBS)
    return ClockView(now, True, ran)


def _due_after(desk: Desk, done_at: datetime | None) -> datetime | None:
    """The next due instant; None, with an error in the log, if its jobs have just failed to clear it."""
    with desk.read() as tx:
        due = next_due(tx)
    if due is not None and due == done_at:
        log.error("still due after its jobs ran", due_at=due.isoformat())
        return None
    return due


def _move(desk: Desk, actor: Actor, now: datetime) -> None:
    def use_case(tx: Transaction) -> None:
        if config_in_force(tx, to_change=True).sandbox_now != now:
            bump_generation(tx, sandbox_now=now)

    desk.perform(actor, use_case, repeatable=True)
    desk.refresh()


def _is_empty(desk: Desk, *records: Table) -> bool:
    """Whether none of these tables has a row."""
    any_row = [select(one.c.id).limit(1).scalar_subquery().is_not(None) for one in records]
    with desk.database.read() as connection:
        found = connection.execute(select(or_(*any_row))).scalar()
    return not found


def _require_sandbox(desk: Desk) -> None:
    if not desk.sandbox:
        raise NotFound("There is no sandbox clock here.", remedy="Start with COVERDESK_SANDBOX=1.")

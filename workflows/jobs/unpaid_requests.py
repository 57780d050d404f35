"""The job of unpaid service requests: each step at its due instant, in order over all requests."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.billing.reminders.unpaid_requests import (
    take_back_untaken,
    take_unpaid_step_and_credit,
    untaken_on_invoices,
)
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.service_requests.unpaid import unpaid_due

log = structlog.get_logger()
JOB = "unpaid_requests"


def unpaid_requests(desk: Desk, at: datetime) -> int:
    """Warn of and cancel the requests that are unpaid too long by `at`. Returns how many steps it took.

    What is invoiced of contracts that were not taken up is taken back then, too.
    """
    with desk.read() as tx:
        due = [one for one in unpaid_due(tx) if one.due_at <= at]
    count = 0
    for one in due:
        take = partial(take_unpaid_step_and_credit, request_id=one.request, step=one.step)
        count += _attempt(desk, take, one.due_at, one.request)
    with desk.read() as tx:
        untaken = untaken_on_invoices(tx)
    for sold_item in untaken:
        take = partial(take_back_untaken, sold_item_id=sold_item)
        count += _attempt(desk, take, at, sold_item)
    return count


def _attempt(desk: Desk, act: Callable[[Transaction], bool], at: datetime, record: str) -> bool:
    try:
        return desk.perform(SYSTEM, act, at=at, job=JOB)
    except (DeskError, DBAPIError) as error:
        log.error("job: record skipped", job=JOB, record=record, error=str(error))
        return False

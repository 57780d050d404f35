"""The job of unpaid service requests: each step at its due instant, in order over all requests."""

from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.billing.unpaid_requests import take_unpaid_step_and_credit
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.service_requests.unpaid import unpaid_due

log = structlog.get_logger()
JOB = "unpaid_requests"


def unpaid_requests(desk: Desk, at: datetime) -> int:
    """Warn of and cancel the requests that are unpaid too long by `at`. Returns how many steps it took."""
    with desk.read() as tx:
        due = [one for one in unpaid_due(tx) if one.due_at <= at]
    count = 0
    for one in due:
        take = partial(take_unpaid_step_and_credit, request_id=one.request, step=one.step)
        try:
            count += desk.perform(SYSTEM, take, at=one.due_at, job=JOB)
        except (DeskError, DBAPIError) as error:
            log.error("job: record skipped", job=JOB, record=one.request, error=str(error))
    return count

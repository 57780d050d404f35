"""The job of service level alerts: each at its due instant, in order over all requests.

After a stop a request may have several alerts due. They are recorded one at a time, so that what became due
first is written first. Source: product.md sections 9 and 11.
"""

from datetime import datetime
from functools import partial
from heapq import heapify, heappop, heappush

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla import alert_if_due
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.store import tables as t

log = structlog.get_logger()
JOB = "sla_alerts"
r = t.service_request.c


def sla_alerts(desk: Desk, at: datetime) -> int:
    """Record the warnings and breaches due by `at`, as of their due instants. Returns how many were due."""
    with desk.database.read() as connection:
        rows = connection.execute(select(r.sla_alert_at, r.id).where(r.sla_alert_at <= at))
        due = [(row.sla_alert_at, row.id) for row in rows]
    heapify(due)
    count = 0
    while due:
        due_at, request_id = heappop(due)
        try:
            was_due, next_at = desk.perform(
                SYSTEM, partial(_alert, request_id=request_id), at=due_at, job=JOB
            )
        except (DeskError, DBAPIError) as error:
            log.error("job: record skipped", job=JOB, record=request_id, error=str(error))
            continue
        count += was_due
        if was_due and next_at is not None and next_at <= at:
            heappush(due, (next_at, request_id))
    return count


def _alert(tx: Transaction, *, request_id: str) -> tuple[bool, datetime | None]:
    """Record what is due of a request; returns whether anything was, and when its next alert is due."""
    if not alert_if_due(tx, lock_request(tx, request_id)):
        return False, None
    return True, tx.connection.execute(select(r.sla_alert_at).where(r.id == request_id)).scalar_one()

"""The job of reminders of invoices: each at its due instant, in order over all invoices.

After a stop an invoice may have several due. They are sent one at a time, so that what became due first is
written first. Source: product.md sections 10 and 11.
"""

from datetime import datetime
from functools import partial
from heapq import heapify, heappop, heappush

import structlog
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.billing.reminders.use_cases import ReminderDue, remind_if_due, reminders_due
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk

log = structlog.get_logger()
JOB = "invoice_reminders"


def invoice_reminders(desk: Desk, at: datetime) -> int:
    """Send the reminders due by `at`, as of their due instants. Returns how many were due."""
    with desk.read() as tx:
        due = reminders_due(tx, at)
    heapify(due)
    count = 0
    while due:
        one = heappop(due)
        try:
            remind = partial(remind_if_due, invoice_id=one.invoice)
            was_due, next_at = desk.perform(SYSTEM, remind, at=one.due_at, job=JOB)
        except (DeskError, DBAPIError) as error:
            log.error("job: record skipped", job=JOB, record=one.invoice, error=str(error))
            continue
        count += was_due
        if was_due and next_at is not None and next_at <= at:
            heappush(due, ReminderDue(next_at, one.invoice))
    return count

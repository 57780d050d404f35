"""The job of recurring sales: each period that is due, in the order of the instants, in its own transaction.

Source: product.md sections 10 and 11.
"""

from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.billing.sold.recurring_sales import make_period
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.store import tables as t

log = structlog.get_logger()
BATCH = 500
rs = t.recurring_sale.c


def make_due_periods(desk: Desk, at: datetime) -> int:
    """Make the periods of recurring sales that are due by `at`; returns how many were made.

    While invoices are off nothing is made: it is made up for once they are on again.
    """
    if not desk.config.settings.invoicing:
        return 0
    count, failed = 0, set[str]()
    while True:
        due = select(rs.id, rs.next_due_at).where(rs.next_due_at <= at, rs.id.not_in(failed))
        with desk.database.read() as connection:
            rows = connection.execute(due.order_by(rs.next_due_at, rs.id).limit(BATCH)).all()
        if not rows:
            return count
        # the periods that follow may be due before the others of this batch
        for row in [one for one in rows if one.next_due_at == rows[0].next_due_at]:
            try:
                make = partial(make_period, sale_id=row.id)
                count += desk.perform(SYSTEM, make, at=row.next_due_at, job="recurring_sales")
            except (DeskError, DBAPIError) as error:
                failed.add(row.id)
                log.error("job: record skipped", job="recurring_sales", record=row.id, error=str(error))

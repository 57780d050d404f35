"""Bringing all contracts up to date before a report is made of what is posted.

So a report is right as of now, whether or not a job has run. Source: product.md section 11.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.core.actors import SYSTEM
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_due
from workflows.lifecycle.contracts.bulk_expiry import BATCH, ENDING, expire_batch
from workflows.store import tables as t

log = structlog.get_logger()
c = t.contract


@contextmanager
def up_to_date_contracts(tx: Transaction) -> Iterator[Transaction]:
    """A transaction in which everything due of all contracts has been done, as the jobs do it.

    Where nothing is due, as usually, it is the same transaction. A contract that cannot be brought up to date
    is logged and left as it is, as by the jobs.
    """
    due = select(c.c.id).where(c.c.next_due_at <= tx.now)
    if tx.writes or tx.connection.execute(due.limit(1)).first() is None:
        yield tx
        return
    changing = due.where(~ENDING).order_by(c.c.next_due_at, c.c.id)
    for contract_id in tx.connection.execute(changing).scalars().all():
        try:
            tx.runner.perform(SYSTEM, partial(settle_due, contract_id=contract_id), repeatable=True)
        except (DeskError, DBAPIError) as error:
            log.error("report: contract not brought up to date", contract=contract_id, error=str(error))
    with tx.runner.read(tx.actor) as settled:
        ending = settled.connection.execute(due.where(ENDING).order_by(c.c.id)).scalars().all()
    for start in range(0, len(ending), BATCH):
        batch = partial(expire_batch, at=tx.now, ids=ending[start : start + BATCH])
        tx.runner.perform(SYSTEM, batch, repeatable=True)
    with tx.runner.read(tx.actor) as fresh:
        yield fresh

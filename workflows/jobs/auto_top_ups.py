"""The job of automatic top-ups: each contract that is low, in a transaction of its own; then its invoice.

Source: product.md sections 5 and 11.
"""

from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.sold.due_sales import (
    draft_top_up,
    draft_uninvoiced_top_up,
    is_issued_at_once,
    uninvoiced_top_ups,
)
from workflows.contracts.auto_top_up import low_contracts, top_up_when_low
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_due

log = structlog.get_logger()
JOB = "auto_top_ups"
MOST_IN_A_ROW = 31
"""How often one contract is topped up at most in one run: as often as a month may have it."""


def auto_top_ups(desk: Desk, at: datetime) -> int:
    """Do what the terms of contracts say that are low as of `at`. Returns how often something was done."""
    count = 0
    for _ in range(MOST_IN_A_ROW):
        with desk.read() as tx:
            low = low_contracts(tx, at)
        done = sum(_top_up(desk, contract_id, at) for contract_id in low)
        count += done
        if not done:
            break
    return count + _invoice_others(desk, at)


def _invoice_others(desk: Desk, at: datetime) -> int:
    """Invoice what was added when the terms were set, as this job invoices what it adds itself."""
    with desk.read() as tx:
        waiting = uninvoiced_top_ups(tx, at) if tx.settings.invoicing else []
    for sold_id in waiting:
        try:
            write = partial(draft_uninvoiced_top_up, sold_id=sold_id)
            draft = desk.perform(SYSTEM, write, at=at, job=JOB)
        except (DeskError, DBAPIError) as error:
            log.error("job: record skipped", job=JOB, record=sold_id, error=str(error))
            continue
        if draft is not None:
            _issue(desk, draft, at)
    return len(waiting)


def _top_up(desk: Desk, contract_id: str, at: datetime) -> bool:
    try:
        act = partial(_act, contract_id=contract_id)
        done, draft = desk.perform(SYSTEM, act, at=at, job=JOB)
    except (DeskError, DBAPIError) as error:
        log.error("job: record skipped", job=JOB, record=contract_id, error=str(error))
        return False
    if draft is not None:
        _issue(desk, draft, at)
    return done


def _issue(desk: Desk, invoice_id: str, at: datetime) -> None:
    """Issue the invoice of a top-up; what is refused stays a draft for people."""
    try:
        desk.perform(SYSTEM, partial(issue_invoice, invoice_id=invoice_id), at=at, job=JOB)
    except (DeskError, DBAPIError) as error:
        log.warning("job: the invoice stays a draft", job=JOB, record=invoice_id, error=str(error))


def _act(tx: Transaction, *, contract_id: str) -> tuple[bool, str | None]:
    """Whether something was done, and the draft of the top-up's invoice, if it is to be issued."""
    settle_due(tx, contract_id)  # a month's rest counts, also where the job of that has not run yet
    done = top_up_when_low(tx, contract_id)
    draft = draft_top_up(tx, contract_id) if done and tx.settings.invoicing else None
    return done, draft if draft is not None and is_issued_at_once(tx, contract_id) else None

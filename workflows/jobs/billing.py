"""The jobs of billing: what is due to be invoiced is written into drafts.

Each who pays has a transaction of its own, as of the instant at which it was due. Source: product.md sections
10 and 11.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from engine.errors import DeskError
from workflows.billing.overage.drafts import gather_due, overage_due
from workflows.billing.sold.due_renewals import draft_renewal, due_renewals
from workflows.billing.sold.due_sales import DueSales, draft_due_sales, due_sales
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction

log = structlog.get_logger()


def bill_overage(desk: Desk, at: datetime) -> int:
    """Write the drafts of the time to be billed that is due by `at`, month by month. Returns how many."""
    with desk.read() as tx:
        due = overage_due(tx, at)
    count = 0
    for due_at, party in due:
        act = partial(gather_due, party=party, due_at=due_at)
        count += len(_attempt(desk, act, due_at, "bill_overage", party[1]) or ())
    return count


def next_overage_due(tx: Transaction) -> datetime | None:
    """When time is to be billed next; None where none is, or nothing is invoiced."""
    return next((due_at for due_at, _ in overage_due(tx)), None)


def draft_sold_items(desk: Desk, at: datetime) -> int:
    """Write the drafts of what was sold and is due by `at`, unless that is done by hand. Returns how many."""
    with desk.read() as tx:
        due = _sales_to_draft(tx, at)
    count = 0
    for one in due:
        act = partial(draft_due_sales, party=one.party, items=[row.id for row in one.items])
        count += len(_attempt(desk, act, one.due_at, "draft_sold_items", one.party[1]) or ())
    return count


def next_sale_due(tx: Transaction) -> datetime | None:
    """When something that was sold is to be drafted next; None where nothing is."""
    return next((one.due_at for one in _sales_to_draft(tx)), None)


def draft_renewals(desk: Desk, at: datetime) -> int:
    """Renew the contracts of which it is due by `at`, and write the drafts. Returns how many."""
    with desk.read() as tx:
        due = due_renewals(tx, at)
    count = 0
    for one in due:
        act = partial(draft_renewal, contract_id=one.contract)
        count += len(_attempt(desk, act, one.due_at, "draft_renewals", one.contract) or ())
    return count


def next_renewal_due(tx: Transaction) -> datetime | None:
    """When a contract is to be renewed next; None where none is."""
    return next((one.due_at for one in due_renewals(tx)), None)


def _sales_to_draft(tx: Transaction, at: datetime | None = None) -> list[DueSales]:
    is_on = tx.settings.invoicing and tx.settings.draft_sold_items
    return due_sales(tx, at) if is_on else []


def _attempt(
    desk: Desk, act: Callable[[Transaction], list[str]], at: datetime, job: str, record: str
) -> list[str] | None:
    """Do it in a transaction as of an instant; None if it was refused, which is logged."""
    try:
        return desk.perform(SYSTEM, act, at=at, job=job)
    except (DeskError, DBAPIError) as error:
        log.error("job: record skipped", job=job, record=record, error=str(error))
        return None

"""Renewals ahead of the end, by a setting: the successor of a contract, and the draft of its invoice.

The successor starts where the contract ends, and awaits being enabled: processing its invoice does that. It
is made once: one that was cancelled does not come again. Source: product.md sections 3, 5 and 10.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import exists, or_, select

from engine.contracts import PER_REQUEST
from workflows.billing.sold.to_invoice import draft_sold
from workflows.commands.billing import DraftSold
from workflows.commands.contracts import Renew
from workflows.contracts.use_cases import renew
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.lifecycle.contracts.sold_items import payer_of
from workflows.store import tables as t

JOB = "draft_renewals"
REASON = "Renewed ahead of its end"
c, s = t.contract, t.sold_item
_SUCCESSOR = c.alias("successor")


class DueRenewal(NamedTuple):
    """A contract to be renewed since an instant (aware UTC), who pays, and the price in minor units."""

    due_at: datetime
    contract: str
    number: str
    party: tuple[str, str]
    price_minor: int
    currency: str


def due_renewals(tx: Transaction, at: datetime | None = None) -> list[DueRenewal]:
    """The contracts with a price that are to be renewed by an instant or ever, in the order of the instants.

    Days ahead are 24 hours each. A contract that ended is left out, unless it ended after the job last ran.
    """
    lead_days = tx.settings.renewal_lead_days
    if lead_days is None or not tx.settings.invoicing:
        return []
    lead = timedelta(days=lead_days)
    status = t.job_status.c
    last_run = tx.connection.execute(select(status.last_due_at).where(status.job == JOB)).scalar()
    ended_before = min(last_run, tx.now) if last_run is not None else tx.now
    rows = tx.connection.execute(
        select(c)
        .where(c.c.expires_at > ended_before, c.c.price_minor > 0, c.c.cancelled_at.is_(None))
        .where(c.c.type != PER_REQUEST, c.c.holder_kind != "service_request", c.c.enabled_at.is_not(None))
        .where(or_(c.c.currency.is_(None), c.c.currency == tx.settings.currency))
        .where(~exists(select(_SUCCESSOR.c.id).where(_SUCCESSOR.c.renewal_of_id == c.c.id)))
        .where(*([c.c.expires_at <= at + lead] if at is not None else []))
        .order_by(c.c.expires_at, c.c.id)
    )
    found = [_renewal(tx, row, lead) for row in rows if row.type in tx.rules.contract_types]
    due = [one for one in found if one is not None and (at is None or one.due_at <= at)]
    return sorted(due, key=lambda one: (one.due_at, one.contract))


def draft_renewal(tx: Transaction, contract_id: str) -> list[str]:
    """Renew a contract and write the draft of its invoice, unless that is done. For the job.

    Returns the draft's id. Raises: StateForbids; Conflict; InvalidInput.
    """
    done = select(c.c.id).where(c.c.renewal_of_id == contract_id)
    lock_contract(tx, contract_id)
    if tx.connection.execute(done.limit(1)).scalar() is not None:
        return []
    renewed = renew(tx, contract_id, Renew(enable=False, reason=REASON))
    sold = tx.connection.execute(
        select(s.c.id, s.c.customer_id, s.c.org_unit_id).where(s.c.contract_id == renewed)
    ).one()
    party = {"customer": sold.customer_id, "org_unit": sold.org_unit_id}
    return [draft_sold(tx, DraftSold.model_validate({**party, "sold": [sold.id]}))]


def _renewal(tx: Transaction, row: Any, lead: timedelta) -> DueRenewal | None:
    """None for an item without an owner, for which nobody pays."""
    party = payer_of(tx, contract_value(row).holder)
    if party is None:
        return None
    due_at = max(row.expires_at - lead, row.created_at)
    currency = row.currency or tx.settings.currency
    return DueRenewal(due_at, row.id, row.number, party, row.price_minor, currency)

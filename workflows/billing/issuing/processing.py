"""Processing an invoice: what its lines sold takes effect, and the requests that waited open.

Where a payment is required, the invoice has to be paid first. The contracts are locked after the invoice, in
the order of their ids. Source: product.md section 10.
"""

from typing import Any

from sqlalchemy import Row, select

from workflows.billing.invoicing.drafts import SUBJECT
from workflows.billing.invoicing.rows import locked_invoice
from workflows.contracts.auto_top_up import deliver_top_up
from workflows.core.actors import OFFICE
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_and_cover
from workflows.languages.formats import money_text
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.rows import lock_contracts
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

i, c = t.invoice, t.contract


def process_invoice(tx: Transaction, invoice_id: str) -> str:
    """Deliver what an issued invoice sold, in one transaction; returns its id.

    A contract that awaits payment or being enabled becomes active, from its start on if that is later. A
    top-up that awaited its payment is added.
    Raises:
        NotAllowed: the actor is no finance, supervisor or administrator.
        NotFound: there is no such invoice.
        StateForbids: it is no issued invoice, has been processed, or is not paid although it has to be.
    """
    tx.require(*OFFICE)
    row = locked_invoice(tx, invoice_id)
    _refuse(tx, row)
    tx.change(i, invoice_id, delivered_at=tx.now, delivered_by=tx.actor.name, version=next_version(i))
    contracts = _contracts_sold(tx, invoice_id)
    if contracts:
        for contract in lock_contracts(tx, contracts):
            _activate(tx, contract)
        for contract_id in contracts:
            settle_and_cover(tx, contract_id)
    for top_up_id in _top_ups_sold(tx, invoice_id):
        deliver_top_up(tx, top_up_id)
    tx.audit(SUBJECT, invoice_id, "processed", contracts=contracts)
    return invoice_id


def _refuse(tx: Transaction, row: Row[Any]) -> None:
    if row.kind != "invoice" or row.state != "issued":
        standing = gettext("a credit note") if row.kind == "credit_note" else word(row.state)
        raise StateForbids(
            gettext(
                "%(number)s cannot be processed: it is %(standing)s.",
                number=row.number or gettext("A draft"),
                standing=standing,
            ),
            remedy=gettext("Issue it first.") if row.state == "draft" else "",
            state=row.state,
        )
    if row.delivered_at is not None:
        raise StateForbids(
            gettext("%(number)s has been processed already.", number=row.number), remedy="", state="delivered"
        )
    missing_minor = row.open_minor + row.written_off_minor
    if tx.settings.payment_required and missing_minor:
        missing = money_text(missing_minor, row.currency)
        raise StateForbids(
            gettext(
                "%(number)s cannot be processed before it is paid: %(missing)s is missing.",
                number=row.number,
                missing=missing,
            ),
            remedy=gettext("Record the payment first."),
            state=row.state,
            missing={"amount_minor": missing_minor, "currency": row.currency},
        )


def _contracts_sold(tx: Transaction, invoice_id: str) -> list[str]:
    s = t.sold_item
    found = (
        select(s.c.contract_id)
        .distinct()
        .where(s.c.invoice_id == invoice_id, s.c.kind.in_(("contract", "renewal")))
    )
    return sorted(tx.connection.execute(found).scalars())


def _top_ups_sold(tx: Transaction, invoice_id: str) -> list[str]:
    """The automatic top-ups of an invoice that await its payment, in the order of their contracts."""
    s = t.sold_item.c
    found = select(s.top_up_id).where(
        s.invoice_id == invoice_id, s.top_up_id.is_not(None), s.grant_id.is_(None)
    )
    return list(tx.connection.execute(found.order_by(s.contract_id, s.id)).scalars())


def _activate(tx: Transaction, row: Row[Any]) -> None:
    """Record that a contract was paid and enabled, where it awaits that and has not ended."""
    changes: dict[str, Any] = {}
    if row.cancelled_at is not None or row.ended_at is not None:
        return
    if row.payment_due and row.paid_at is None:
        changes["paid_at"] = tx.now
    if row.enabled_at is None:
        changes["enabled_at"] = tx.now
    if changes:
        tx.change(c, row.id, **changes, version=next_version(c))
        tx.audit("contract", row.id, "enabled", **{key: str(value) for key, value in changes.items()})

"""What is sold at a price is remembered, so that it is invoiced. Source: product.md section 10."""

from sqlalchemy import select

from engine.contracts import Holder
from engine.invoices import SoldKind
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.ids import new_id


def add_sold_item(
    tx: Transaction,
    kind: SoldKind,
    contract_id: str,
    holder: Holder,
    price_minor: int | None,
    currency: str,
    *,
    grant_id: str | None = None,
    top_up_id: str | None = None,
) -> None:
    """Remember that a contract or a grant was sold, while what is sold is invoiced and it has a price.

    It is to be paid by the customer or the org unit that holds the contract, owns the item that holds it, or
    made the service request that holds it. `top_up_id` is an automatic top-up that awaits its payment.
    """
    if not tx.settings.invoicing or not price_minor:
        return
    party = payer_of(tx, holder)
    if party is None:
        return
    tx.add(
        t.sold_item,
        id=new_id(),
        kind=kind,
        contract_id=contract_id,
        grant_id=grant_id,
        top_up_id=top_up_id,
        **party_columns(*party),
        currency=currency,
        amount_minor=price_minor,
        sold_at=tx.now,
        sold_by=tx.actor.name,
    )


def waive_sale(
    tx: Transaction,
    contract_id: str,
    reason: str,
    *,
    grant_id: str | None = None,
    top_up_id: str | None = None,
) -> None:
    """Leave a contract that was sold off the list of what is to be invoiced, unless it is on an invoice.

    With a `grant_id`, only the top-up that added this grant; with a `top_up_id`, one that has none yet.
    """
    s = t.sold_item
    found = select(s.c.id).where(
        s.c.contract_id == contract_id, s.c.invoice_id.is_(None), s.c.waived_at.is_(None)
    )
    if grant_id is not None:
        found = found.where(s.c.grant_id == grant_id)
    if top_up_id is not None:
        found = found.where(s.c.top_up_id == top_up_id)
    for sold_item_id in tx.connection.execute(found.with_for_update()).scalars().all():
        tx.change(s, sold_item_id, waived_at=tx.now, waived_by=tx.actor.name, waive_reason=reason)
        tx.audit("contract", contract_id, "not to be invoiced", sold=sold_item_id, reason=reason)


def awaits_invoice(tx: Transaction, contract_id: str) -> bool:
    """Whether the payment of a contract is recorded on an invoice, because it was sold to be invoiced."""
    if not tx.settings.invoicing:
        return False
    s = t.sold_item
    found = select(s.c.id).where(
        s.c.contract_id == contract_id, s.c.kind.in_(("contract", "renewal")), s.c.waived_at.is_(None)
    )
    return tx.connection.execute(found.limit(1)).scalar() is not None


def party_columns(kind: str, party_id: str) -> dict[str, str | None]:
    """The columns of a row that name who pays: a customer or an org unit."""
    return {
        "customer_id": party_id if kind == "customer" else None,
        "org_unit_id": party_id if kind == "org_unit" else None,
    }


def payer_of(tx: Transaction, holder: Holder) -> tuple[str, str] | None:
    """Who pays for a holder's contract; None for an item without an owner."""
    if holder.kind == "service_request":
        r = t.service_request
        made_by = tx.connection.execute(select(r.c.customer_id).where(r.c.id == holder.id)).scalar_one()
        return "customer", made_by
    if holder.kind != "item":
        return holder.kind, holder.id
    found = select(t.item.c.owner_customer_id, t.item.c.owner_org_unit_id).where(t.item.c.id == holder.id)
    row = tx.connection.execute(found).one()
    if row.owner_customer_id is not None:
        return "customer", row.owner_customer_id
    return ("org_unit", row.owner_org_unit_id) if row.owner_org_unit_id is not None else None

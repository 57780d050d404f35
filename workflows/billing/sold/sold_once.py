"""What is sold once on a service request: by whoever works on it, changed or deleted until it is invoiced.

Source: product.md sections 2 and 10.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, and_, delete, or_, select

from engine.invoices import ITEM_KINDS
from engine.periods import local_date
from workflows.billing.invoicing.drafts import require_invoicing
from workflows.billing.sold.to_invoice import audit_sold, not_sold
from workflows.commands.selling import ChangeSoldItem, NewSoldItem, SoldItemGiven
from workflows.core.actors import OFFICE, PRICE_ROLES, STAFF
from workflows.core.erased import require_not_erased
from workflows.core.errors import NotAllowed, StateForbids, VersionChanged, invalid
from workflows.core.tax_rates import named_tax_rate
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.given_terms import minor_units
from workflows.lifecycle.contracts.sold_once import PricedOnce, add_once, priced_once
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.views import MoneyView
from workflows.views.billing import ProductChoice

s, d, p = t.sold_item, t.product, t.product_price
CLOSED_TO_SALES = ("pending_no_contract", "cancelled")
"""The states of a service request in which nothing is sold on it."""
MOST_CHOICES = 500


def add_sold_once(tx: Transaction, service_request_id: str, command: NewSoldItem) -> str:
    """Sell something once on a service request; returns the id of what was sold.

    A product has the price of the price list on the day. Technicians, who see no prices, give one only
    for what is no product.
    Raises:
        NotAllowed: the actor is a customer, or a technician who gives the price of a product.
        NotFound: there is no such service request.
        StateForbids: it waits for a contract or is cancelled, or invoices are off.
        InvalidInput: as `priced_once`; a day in the future; or it amounts to nothing.
    """
    tx.require(*STAFF)
    require_invoicing(tx)
    request = lock_request(tx, require_visible(tx, service_request_id).id)
    require_not_erased(tx, request.customer_id)
    if request.state in CLOSED_TO_SALES:
        waits = request.state == "pending_no_contract"
        raise StateForbids(
            gettext("%(number)s waits for a contract: nothing is sold on it.", number=request.number)
            if waits
            else gettext("%(number)s is cancelled: nothing is sold on it.", number=request.number),
            remedy=gettext("Cover it first.") if waits else "",
            state=request.state,
        )
    if command.product is not None and command.unit_price is not None:
        _require_prices(tx)
    sold_on = _day(tx, command.sold_on)
    item = priced_once(tx, SoldItemGiven(**_item_fields(command)), sold_on)
    party = (
        ("org_unit", request.org_unit_id)
        if command.bill_to == "org_unit"
        else ("customer", request.customer_id)
    )
    if party[1] is None:
        raise invalid(
            "/bill_to",
            gettext("%(number)s has no org unit.", number=request.number),
            gettext("Bill it to the customer."),
        )
    made = add_once(tx, item, party, sold_on, service_request_id=request.id)
    tx.audit("service_request", request.id, "sold", sold=made, what=item.description)
    return made


def change_sold_once(
    tx: Transaction, sold_item_id: str, command: ChangeSoldItem, expected_version: int | None = None
) -> str:
    """Change what was sold once, until it is on an invoice; returns its id. The price stays unless given.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids once it is invoiced or not to be invoiced;
    InvalidInput, as `add_sold_once`.
    """
    row = _locked(tx, sold_item_id)
    if expected_version not in (None, row.version):
        raise VersionChanged(
            gettext("It has been changed in the meantime."),
            remedy=gettext("Read it again and repeat the change."),
            version=row.version,
        )
    given = command.given()
    for name in ("description", "quantity", "unit_price", "tax_rate", "sold_on"):
        if name in given and given[name] is None:
            raise invalid(
                f"/{name}", gettext("It cannot be empty."), gettext("Leave it out to keep the old value.")
            )
    if command.unit_price is not None and row.product_id is not None:
        _require_prices(tx)
    price = minor_units(tx, command.unit_price, "/unit_price")
    item = PricedOnce(
        kind=row.kind,
        product_id=row.product_id,
        description=command.description or row.description,
        quantity=Decimal(command.quantity) if command.quantity is not None else row.quantity,
        unit=row.unit,
        unit_price_minor=price if price is not None else row.unit_price_minor,
        tax_name=named_tax_rate(tx, command.tax_rate or row.tax_name, "/tax_rate").name,
    )
    sold_on = _day(tx, command.sold_on) if command.sold_on is not None else row.sold_on
    tx.change(s, row.id, **item.columns(), sold_on=sold_on, version=next_version(s))
    audit_sold(tx, row, "changed what was sold", fields=sorted(given))
    return sold_item_id


def delete_sold_once(tx: Transaction, sold_item_id: str) -> None:
    """Delete what was sold once, until it is on an invoice. Raises: as `change_sold_once`.

    Where the line of a draft that was voided, or of an invoice that was credited, names it, it stays, as not
    to be invoiced.
    """
    row = _locked(tx, sold_item_id)
    line = t.invoice_line.c
    if tx.connection.execute(select(line.id).where(line.sold_item_id == row.id).limit(1)).scalar():
        tx.change(s, row.id, waived_at=tx.now, waived_by=tx.actor.name, waive_reason="Deleted")
    else:
        tx.connection.execute(delete(s).where(s.c.id == row.id))
    audit_sold(tx, row, "deleted what was sold", what=row.description)


def sold_once_choices(tx: Transaction) -> list[ProductChoice]:
    """The products that may be sold once, by their codes, with the prices of today. Raises: NotAllowed."""
    tx.require(*STAFF)
    today = local_date(tx.now, tx.settings.zone)
    current = and_(
        p.c.product_id == d.c.id,
        p.c.currency == tx.settings.currency,
        p.c.first_on <= today,
        or_(p.c.until_on.is_(None), p.c.until_on > today),
    )
    wanted = (
        select(d.c.id, d.c.code, d.c.label, p.c.amount_minor, p.c.currency)
        .select_from(d.outerjoin(p, current))
        .where(d.c.kind.in_(ITEM_KINDS))
        .order_by(d.c.code)
        .limit(MOST_CHOICES)
    )
    sees = tx.actor.role in PRICE_ROLES
    return [
        ProductChoice(
            row.id,
            row.code,
            row.label,
            MoneyView(row.amount_minor, row.currency) if sees and row.amount_minor is not None else None,
        )
        for row in tx.connection.execute(wanted)
    ]


def _locked(tx: Transaction, sold_item_id: str) -> Row[Any]:
    """What was sold once, locked, if it can still be changed. Raises: as `change_sold_once`."""
    tx.require(*STAFF)
    row = tx.connection.execute(select(s).where(s.c.id == sold_item_id).with_for_update()).one_or_none()
    if row is None:
        raise not_sold()
    if row.service_request_id is None:
        tx.require(*OFFICE)
    if row.kind not in ITEM_KINDS:
        raise StateForbids(
            gettext("Only what was sold once is changed."),
            remedy=gettext("Amend the contract, or end the recurring sale."),
            state=row.kind,
        )
    if row.invoice_id is not None or row.waived_at is not None:
        state = "invoiced" if row.invoice_id is not None else "waived"
        remedy = gettext("Take it off the draft, or credit it.") if state == "invoiced" else ""
        raise StateForbids(gettext("It is %(state)s already.", state=word(state)), remedy=remedy, state=state)
    return row


def _require_prices(tx: Transaction) -> None:
    if tx.actor.role not in PRICE_ROLES:
        raise NotAllowed(
            gettext("A technician does not set the price of a product."),
            remedy=gettext("Leave the price out: that of the price list holds."),
        )


def _day(tx: Transaction, given: date | None) -> date:
    """The day of a sale, by default today. Raises: InvalidInput for one in the future."""
    today = local_date(tx.now, tx.settings.zone)
    if given is not None and given > today:
        raise invalid(
            "/sold_on", gettext("The day is in the future."), gettext("Give today or an earlier day.")
        )
    return given or today


def _item_fields(command: NewSoldItem) -> dict[str, Any]:
    given = command.given()
    return {name: given[name] for name in SoldItemGiven.model_fields if name in given}

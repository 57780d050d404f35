"""What customers may buy in the portal: offered contracts, and top-ups of their own, at the price shown.

A contract that was bought awaits being enabled, or its payment; a top-up awaits its payment, or that someone
confirms it. The draft of the invoice is written with the order, unless drafts are written by hand.
Source: product.md sections 5 and 10.
"""

from typing import Any

from sqlalchemy import Row, or_, select

from engine.contracts import OVER_STATES
from engine.periods import local_date
from engine.price_list import CONTRACT_KINDS
from workflows.billing.invoicing.drafts import require_invoicing
from workflows.billing.sold.due_sales import draft_order
from workflows.commands.contracts import HolderGiven, NewContract
from workflows.commands.fields import MoneyGranted
from workflows.commands.selling import BuyOffer
from workflows.contracts.auto_top_up import order_top_up
from workflows.core.errors import NotFound, StateForbids
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_and_cover
from workflows.languages.formats import money_text
from workflows.languages.shipped_rules import rule_file_text
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.creation import Origin, sell
from workflows.store import tables as t
from workflows.views import MoneyView
from workflows.views.selling import OfferView, PurchaseView

d, p, c = t.product.c, t.product_price.c, t.contract.c
MOST_OFFERS = 200


def list_offers(tx: Transaction) -> list[OfferView]:
    """What the customer who asks may buy now, with the prices of today; nothing while invoices are off.

    Raises: NotAllowed for staff, who sell instead.
    """
    tx.require("customer")
    if not tx.settings.invoicing:
        return []
    today = local_date(tx.now, tx.settings.zone)
    rows = tx.connection.execute(
        select(t.product, p.amount_minor, p.currency)
        .join(t.product_price, p.product_id == d.id)
        .where(d.offered, d.kind.in_(CONTRACT_KINDS), p.currency == tx.settings.currency, p.amount_minor > 0)
        .where(p.first_on <= today, or_(p.until_on.is_(None), p.until_on > today))
        .order_by(d.kind, d.label, d.id)
        .limit(MOST_OFFERS)
    ).all()
    own = _own_contracts(tx)
    found: list[OfferView] = []
    for row in rows:
        terms = tx.rules.contract_types.get(row.contract_type)
        if terms is None:
            continue
        if row.kind == "contract_type" and "customer" in terms.held_by:
            found.append(_offer(row, terms, None))
        elif row.kind == "top_up" and row.quantity is not None:
            found += [_offer(row, terms, one) for one in own if one.type == row.contract_type]
    return found


def find_offer(tx: Transaction, product_id: str, contract_id: str | None = None) -> OfferView:
    """One of the offers. Raises: NotAllowed; NotFound if it is not offered to the customer who asks."""
    for one in list_offers(tx):
        if (one.product, one.contract) == (product_id, contract_id):
            return one
    raise NotFound(gettext("There is no such offer."), remedy=gettext("Look at what is offered now."))


def buy_offer(tx: Transaction, product_id: str, command: BuyOffer) -> PurchaseView:
    """Buy what is offered at the price that was shown.

    Raises:
        NotAllowed: the actor is no customer.
        NotFound: it is not offered to them, or the contract is not theirs.
        StateForbids: invoices are off, the price has changed, or a top-up waits already.
    """
    tx.require("customer")
    require_invoicing(tx)
    offer = find_offer(tx, product_id, command.contract)
    shown = (command.price.amount_minor, command.price.currency or tx.settings.currency)
    if shown != (offer.price.amount_minor, offer.price.currency):
        raise _price_changed(offer)
    if offer.contract is not None:
        order_top_up(tx, offer.contract, offer.quantity or 0, offer.price.amount_minor)
        draft_order(tx, offer.contract, "top_up")
        return PurchaseView(offer.kind, offer.contract, offer.contract_number or "", offer.price)
    amount: dict[str, Any] = {}
    if offer.quantity is not None and offer.draws == "money":
        amount = {"money": MoneyGranted(amount_minor=offer.quantity)}
    elif offer.quantity is not None:
        amount = {offer.draws: offer.quantity}
    wanted = NewContract(
        type=offer.contract_type, holder=HolderGiven(customer=tx.actor.customer), enable=False, **amount
    )
    made = sell(tx, wanted, Origin())
    row = tx.connection.execute(select(c.number, c.price_minor).where(c.id == made)).one()
    if row.price_minor != offer.price.amount_minor:
        raise _price_changed(offer)
    draft_order(tx, made, "contract")
    settle_and_cover(tx, made)
    return PurchaseView(offer.kind, made, row.number, offer.price)


def _price_changed(offer: OfferView) -> StateForbids:
    price = money_text(offer.price.amount_minor, offer.price.currency)
    return StateForbids(
        gettext("The price of “%(label)s” is %(price)s now.", label=offer.label, price=price),
        remedy=gettext("Look at the offer again, and order it at this price."),
        state="price_changed",
    )


def _own_contracts(tx: Transaction) -> list[Row[Any]]:
    """The contracts that the customer holds, without those that are over."""
    held = (c.holder_kind == "customer", c.holder_id == tx.actor.customer)
    running = (c.state.not_in(OVER_STATES), or_(c.expires_at.is_(None), c.expires_at > tx.now))
    wanted = select(c.id, c.number, c.type).where(*held, *running).order_by(c.number).limit(MOST_OFFERS)
    return list(tx.connection.execute(wanted))


def _offer(row: Row[Any], terms: Any, contract: Row[Any] | None) -> OfferView:
    return OfferView(
        product=row.id,
        label=row.label,
        kind=row.kind,
        contract_type=row.contract_type,
        contract_type_label=rule_file_text(terms.label),
        description=terms.description,
        draws=terms.draws,
        quantity=row.quantity,
        price=MoneyView(row.amount_minor, row.currency),
        contract=contract.id if contract is not None else None,
        contract_number=contract.number if contract is not None else None,
    )

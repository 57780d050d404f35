"""What is sold once, at a price: products, parts, travel and expenses, on a request or with a contract.

Source: product.md section 10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import select, update

from engine.invoices import ITEM_KINDS, SoldKind
from engine.periods import local_date
from engine.quantities import round_half_up
from workflows.commands.fields import MOST_MINOR
from workflows.commands.selling import SoldItemGiven
from workflows.core.errors import invalid
from workflows.core.tax_rates import named_tax_rate
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.given_terms import minor_units
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.sale_prices import product_price, product_row
from workflows.lifecycle.contracts.sold_items import party_columns, payer_of
from workflows.store import tables as t
from workflows.store.ids import new_id


@dataclass(frozen=True, slots=True)
class PricedOnce:
    """Something sold once, at a price in minor units of the desk's currency."""

    kind: SoldKind
    product_id: str | None
    description: str
    quantity: Decimal
    unit: str
    unit_price_minor: int
    tax_name: str

    def columns(self, pointer: str = "") -> dict[str, Any]:
        """The values of a row; its amount is rounded half up once. Raises: InvalidInput."""
        amount_minor = round_half_up(self.unit_price_minor * Fraction(self.quantity))
        if not 0 < amount_minor <= MOST_MINOR:
            raise invalid(
                f"{pointer}/quantity",
                gettext("It amounts to too much.") if amount_minor else gettext("It amounts to nothing."),
                gettext("Check quantity and price."),
            )
        return {**asdict(self), "amount_minor": amount_minor}


def priced_once(tx: Transaction, given: SoldItemGiven, day: date, pointer: str = "") -> PricedOnce:
    """What a command names, at the price of a day unless one is given.

    Raises: InvalidInput for a product that is unknown, is a contract or a top-up, or has no price that day;
    another currency than the desk's; or a tax rate that the settings lack.
    """
    price_minor = minor_units(tx, given.unit_price, f"{pointer}/unit_price")
    kind, product_id, label, unit, tax_name = given.kind or "one_off", None, "", "piece", None
    if given.product is not None:
        row = product_row(tx, given.product, f"{pointer}/product")
        if row.kind not in ITEM_KINDS:
            raise invalid(
                f"{pointer}/product",
                gettext("%(code)s is about a contract.", code=row.code),
                gettext("Sell the contract or the top-up by itself."),
            )
        kind, product_id, label, unit, tax_name = row.kind, row.id, row.label, row.unit, row.tax_rate
        if price_minor is None:
            price_minor = product_price(tx, row, day, f"{pointer}/unit_price")
    rate = given.tax_rate or tax_name or tx.settings.tax_rates[0].name
    return PricedOnce(
        kind=kind,
        product_id=product_id,
        description=given.description or label,
        quantity=Decimal(given.quantity),
        unit=given.unit or unit,
        unit_price_minor=price_minor or 0,
        tax_name=named_tax_rate(tx, rate, f"{pointer}/tax_rate").name,
    )


def add_once(
    tx: Transaction,
    item: PricedOnce,
    party: tuple[str, str],
    sold_on: date,
    *,
    contract_id: str | None = None,
    service_request_id: str | None = None,
    pointer: str = "",
) -> str:
    """Remember that something was sold once to a customer or an org unit; returns its id."""
    sold_item_id = new_id()
    tx.add(
        t.sold_item,
        id=sold_item_id,
        contract_id=contract_id,
        service_request_id=service_request_id,
        **party_columns(*party),
        **item.columns(pointer),
        currency=tx.settings.currency,
        sold_on=sold_on,
        sold_at=tx.now,
        sold_by=tx.actor.name,
    )
    return sold_item_id


def sell_beside(tx: Transaction, contract_id: str, items: Sequence[SoldItemGiven]) -> None:
    """Sell things once with a contract, to whom the contract is sold, at the prices of today.

    Raises: InvalidInput, also while nothing is invoiced, or nobody owns the item that holds the contract.
    """
    if not items:
        return
    row = tx.connection.execute(select(t.contract).where(t.contract.c.id == contract_id)).one()
    party = payer_of(tx, contract_value(row).holder)
    if not tx.settings.invoicing or party is None:
        raise invalid(
            "/sold_items",
            gettext("Invoices are off, so nothing can be sold with it.")
            if party is not None
            else gettext("Nobody owns the item, so nothing can be sold with it."),
            gettext("Leave them out."),
        )
    today = local_date(tx.now, tx.settings.zone)
    for position, given in enumerate(items):
        pointer = f"/sold_items/{position}"
        item = priced_once(tx, given, today, pointer)
        add_once(tx, item, party, today, contract_id=contract_id, pointer=pointer)
        tx.audit("contract", contract_id, "sold beside", what=item.description)


def follow_request(tx: Transaction, service_request_id: str, changes: Mapping[str, Any]) -> None:
    """Bill what was sold on a request to its new customer or org unit, where it is on no invoice yet."""
    s = t.sold_item
    for name in ("customer_id", "org_unit_id"):
        if changes.get(name) is not None:
            own = (s.c.service_request_id == service_request_id, s.c.invoice_id.is_(None))
            tx.connection.execute(update(s).where(*own, s.c[name].is_not(None)).values({name: changes[name]}))

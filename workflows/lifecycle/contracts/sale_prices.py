"""The price of a contract that is sold, and where it comes from: the seller, the price list, or the type.

Source: product.md sections 4 and 5.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, or_, select

from engine.contracts import ContractType
from engine.price_list import PriceSource, ProductKind, less_discount
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t

p, d = t.product_price.c, t.product.c


@dataclass(frozen=True, slots=True)
class ListEntry:
    """An entry of the price list: a price of a product, in minor units, and its tax rate if it names one."""

    price_id: str
    product_id: str
    product_code: str
    product_label: str
    amount_minor: int
    currency: str
    tax_rate: str | None


@dataclass(frozen=True, slots=True)
class SalePrice:
    """What a contract is sold for, in minor units of the desk's currency; None without a price.

    `list_price_minor` is the price before the discount, where there is one.
    """

    price_minor: int | None
    source: PriceSource | None = None
    product_price_id: str | None = None
    list_price_minor: int | None = None
    discount_percent: str | None = None

    def columns(self) -> dict[str, object]:
        """The values of the contract's row."""
        return {
            "price_minor": self.price_minor,
            "price_source": self.source,
            "product_price_id": self.product_price_id,
            "list_price_minor": self.list_price_minor,
            "discount_percent": self.discount_percent,
        }


def sale_price(
    tx: Transaction,
    terms: ContractType,
    *,
    given_minor: int | None,
    quantity: int | None,
    starts_on: date,
    discount_percent: str | None,
    given_by: PriceSource,
) -> SalePrice:
    """The price of a contract of a type that starts on a day; `quantity` is what it is sold with, if one.

    A given price stays. Otherwise it is the price list's for that day in the desk's currency, else the
    default of the type. `given_by` says who gave the price. A renewal has the price that it was given, or
    none. Raises: InvalidInput for a discount without a price, or of more than 100 percent.
    """
    found = SalePrice(given_minor, given_by if given_minor is not None else None)
    if given_minor is None and given_by != "renewal":
        entry = contract_price(tx, "contract_type", terms.key, quantity, starts_on)
        if entry is not None:
            found = SalePrice(entry.amount_minor, "price_list", entry.price_id)
        elif terms.defaults.price_minor is not None:
            found = SalePrice(terms.defaults.price_minor, "contract_type")
    return found if discount_percent is None else _discounted(found, discount_percent)


def contract_price(
    tx: Transaction, kind: ProductKind, contract_type: str, quantity: int | None, day: date
) -> ListEntry | None:
    """The price list's entry for a contract type on a day, in the desk's currency.

    A product of exactly this quantity (whole minutes, incidents or minor units) comes before one of any.
    """
    rows = tx.connection.execute(
        select(p.id, p.product_id, d.code, d.label, p.amount_minor, p.currency, d.tax_rate)
        .join(t.product, d.id == p.product_id)
        .where(d.kind == kind, d.contract_type == contract_type, p.currency == tx.settings.currency)
        .where(or_(d.quantity.is_(None), d.quantity == quantity))
        .where(p.first_on <= day, or_(p.until_on.is_(None), p.until_on > day))
        .order_by(d.quantity.is_(None), p.id)
        .limit(1)
    ).one_or_none()
    return None if rows is None else ListEntry(*rows)


def product_row(tx: Transaction, product_id: str, pointer: str) -> Row[Any]:
    """A product of the price list. Raises: InvalidInput."""
    row = tx.connection.execute(select(t.product).where(d.id == product_id)).one_or_none()
    if row is None:
        raise invalid(
            pointer, gettext("There is no product with this id."), gettext("Look it up in the list.")
        )
    return row


def product_price(tx: Transaction, row: Row[Any], day: date, pointer: str) -> int:
    """The price of a product on a day, in minor units of the desk's currency. Raises: InvalidInput."""
    found = tx.connection.execute(
        select(p.amount_minor)
        .where(p.product_id == row.id, p.currency == tx.settings.currency, p.first_on <= day)
        .where(or_(p.until_on.is_(None), p.until_on > day))
    ).scalar()
    if found is None:
        raise invalid(
            pointer,
            gettext(
                "%(code)s has no price in %(currency)s on %(day)s.",
                code=row.code,
                currency=tx.settings.currency,
                day=day,
            ),
            gettext("Give a price, or add one to the price list."),
        )
    return int(found)


def _discounted(found: SalePrice, percent: str) -> SalePrice:
    pointer = "/discount_percent"
    if Decimal(percent) > 100:
        raise invalid(pointer, gettext("A discount is at most 100 percent."), gettext("Give a smaller one."))
    if found.price_minor is None:
        raise invalid(
            pointer, gettext("There is no price to take a discount from."), gettext("Give a price.")
        )
    return SalePrice(
        less_discount(found.price_minor, Decimal(percent)),
        found.source,
        found.product_price_id,
        list_price_minor=found.price_minor,
        discount_percent=percent,
    )

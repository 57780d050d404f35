"""Use cases of the price list: add and change products and their prices.

A price never changes once it has begun, except for its last day: what was sold at it names it.
Source: product.md sections 2 and 4.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.exc import IntegrityError

from engine.contracts import ContractType
from engine.periods import local_date
from engine.price_list import CONTRACT_KINDS, ONE_DAY, ListPrice, ProductKind, check_no_overlap
from workflows.commands.selling import ChangeProduct, EndPrice, NewPrice, NewProduct
from workflows.core.actors import Role
from workflows.core.currencies import require_currency
from workflows.core.errors import Conflict, NotFound, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.type_terms import of_type, type_in_force
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

EDITORS: tuple[Role, ...] = ("administrator", "finance")
"""They change the price list; those who sell see it."""
SUBJECT = "product"
d, p = t.product.c, t.product_price.c


def create_product(tx: Transaction, command: NewProduct) -> str:
    """Add a product to the price list; returns its id.

    Raises:
        NotAllowed: the actor is neither administrator nor finance.
        InvalidInput: the contract type is missing, not in force, or has no such quantity.
        Conflict: another product has this code, or this contract type and quantity.
    """
    tx.require(*EDITORS)
    _check_terms(tx, command.kind, command.contract_type, command.quantity)
    _check_tax_rate(tx, command.tax_rate)
    product_id = new_id()
    values = command.model_dump()
    _refuse_taken(tx, product_id, command.kind, values)
    try:
        tx.add(t.product, id=product_id, **values, created_at=tx.now)
    except IntegrityError:
        raise _taken(command.code) from None
    tx.audit(SUBJECT, product_id, "created", **command.model_dump(exclude_none=True))
    return product_id


def change_product(
    tx: Transaction, product_id: str, command: ChangeProduct, expected_version: int | None = None
) -> str:
    """Change the fields that were given; returns the product's id.

    Raises: NotAllowed; NotFound; VersionChanged; InvalidInput; Conflict, as `create_product`.
    """
    tx.require(*EDITORS)
    row = locked_product(tx, product_id, expected_version)
    changed = {
        name: [getattr(row, name), value]
        for name, value in command.given().items()
        if getattr(row, name) != value
    }
    if not changed:
        return product_id
    wanted = {**row._mapping, **{name: new for name, (_, new) in changed.items()}}
    _check_terms(tx, row.kind, wanted["contract_type"], wanted["quantity"])
    if "tax_rate" in changed:
        _check_tax_rate(tx, wanted["tax_rate"])
    _refuse_taken(tx, product_id, row.kind, wanted)
    new_values = {name: new for name, (_, new) in changed.items()}
    try:
        tx.change(t.product, product_id, **new_values, version=next_version(t.product))
    except IntegrityError:
        raise _taken(str(wanted["code"])) from None
    tx.audit(SUBJECT, product_id, "changed", **changed)
    return product_id


def add_price(tx: Transaction, product_id: str, command: NewPrice) -> str:
    """Add a price to a product, from its first to its last day; returns the price's id.

    The days may lie in the past: what is sold afterwards from such a day on costs this price.
    Raises: NotAllowed; NotFound; InvalidInput for an unknown currency; PricesOverlap, which names both.
    """
    tx.require(*EDITORS)
    row = locked_product(tx, product_id)
    currency = command.price.currency or tx.settings.currency
    until_on = command.last_on + ONE_DAY if command.last_on is not None else None
    price = ListPrice(command.price.amount_minor, currency, command.first_on, until_on)
    return insert_price(tx, row, price, [list_price(one) for one in prices_of(tx, product_id)])


def insert_price(tx: Transaction, product: Row[Any], price: ListPrice, others: Sequence[ListPrice]) -> str:
    """Add a price to a product whose row is locked, which has `others`; returns the price's id.

    Raises: InvalidInput; PricesOverlap.
    """
    require_currency(tx, price.currency, "/price/currency")
    check_no_overlap(product.code, others, price)
    price_id = new_id()
    tx.add(
        t.product_price,
        id=price_id,
        product_id=product.id,
        currency=price.currency,
        amount_minor=price.amount_minor,
        first_on=price.first_on,
        until_on=price.until_on,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    _touch(tx, product.id)
    tx.audit(SUBJECT, product.id, "price added", price=price.text())
    return price_id


def end_price(
    tx: Transaction,
    product_id: str,
    price_id: str,
    command: EndPrice,
    *,
    expected_version: int | None = None,
) -> str:
    """Give a price another last day, or none; returns the product's id. The version is the product's.

    Raises: NotAllowed; NotFound; VersionChanged; InvalidInput for a last day before yesterday or before its
    first; StateForbids for a price that is past; PricesOverlap.
    """
    tx.require(*EDITORS)
    product = locked_product(tx, product_id, expected_version)
    rows = prices_of(tx, product_id)
    row = _one_price(rows, price_id)
    until_on = command.last_on + ONE_DAY if command.last_on is not None else None
    if until_on != row.until_on:
        set_end(tx, product, row, until_on, [list_price(one) for one in rows if one.id != price_id])
    return product_id


def set_end(
    tx: Transaction, product: Row[Any], row: Row[Any], until_on: date | None, others: Sequence[ListPrice]
) -> None:
    """End a price of a product before a day, or never. Raises: as `end_price`."""
    price, today = list_price(row), local_date(tx.now, tx.settings.zone)
    if price.standing(today) == "past":
        raise StateForbids(
            gettext("The price %(price)s is over.", price=price.text()),
            remedy=gettext("Add another price for the days after it."),
            state="past",
        )
    if until_on is not None and until_on < today:
        raise invalid(
            "/last_on",
            gettext(
                "%(until_on)s is over: contracts may have been sold at this price since.",
                until_on=until_on - ONE_DAY,
            ),
            gettext("Give %(today)s or a later day.", today=today - timedelta(days=1)),
        )
    if until_on is not None and until_on <= price.first_on:
        raise invalid(
            "/last_on",
            gettext("The price begins on %(first_on)s.", first_on=price.first_on),
            gettext("Give that day or a later one, or remove the price."),
        )
    changed = ListPrice(price.amount_minor, price.currency, price.first_on, until_on)
    check_no_overlap(product.code, others, changed)
    tx.connection.execute(update(t.product_price).where(p.id == row.id).values(until_on=until_on))
    _touch(tx, product.id)
    tx.audit(SUBJECT, product.id, "price ends", before=price.text(), after=changed.text())


def remove_price(
    tx: Transaction, product_id: str, price_id: str, *, expected_version: int | None = None
) -> str:
    """Remove a price that has not begun; returns the product's id. The version is the product's.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids for one that has begun; Conflict where a
    contract was sold at it.
    """
    tx.require(*EDITORS)
    locked_product(tx, product_id, expected_version)
    row = _one_price(prices_of(tx, product_id), price_id)
    price = list_price(row)
    standing = price.standing(local_date(tx.now, tx.settings.zone))
    if standing != "to_come":
        raise StateForbids(
            gettext("The price %(price)s has begun.", price=price.text()),
            remedy=gettext("Give it a last day instead."),
            state=standing,
        )
    c = t.contract.c
    sold = tx.connection.execute(select(c.number).where(c.product_price_id == price_id).limit(1)).scalar()
    if sold is not None:
        raise Conflict(
            gettext("%(sold)s was sold at this price.", sold=sold),
            remedy=gettext("Give it a last day instead."),
        )
    tx.connection.execute(t.product_price.delete().where(p.id == price_id))
    _touch(tx, product_id)
    tx.audit(SUBJECT, product_id, "price removed", price=price.text())
    return product_id


# ------------------------------------------------------------------ rows


def locked_product(tx: Transaction, product_id: str, expected_version: int | None = None) -> Row[Any]:
    """A product's row, locked: its prices change only under this lock. Raises: NotFound; VersionChanged."""
    row = tx.connection.execute(select(t.product).where(d.id == product_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such product."), remedy=gettext("Look it up in the price list."))
    if expected_version is not None and row.version != expected_version:
        raise VersionChanged(
            gettext(
                "This product has been changed: it has version %(version)s, not %(expected_version)s.",
                version=row.version,
                expected_version=expected_version,
            ),
            remedy=gettext("Read it again and repeat the change."),
            version=row.version,
        )
    return row


def prices_of(tx: Transaction, product_id: str) -> list[Row[Any]]:
    """The rows of a product's prices, by currency and day."""
    wanted = select(t.product_price).where(p.product_id == product_id).order_by(p.currency, p.first_on)
    return list(tx.connection.execute(wanted))


def list_price(row: Row[Any]) -> ListPrice:
    """The price of a row."""
    return ListPrice(row.amount_minor, row.currency, row.first_on, row.until_on)


def _one_price(rows: Sequence[Row[Any]], price_id: str) -> Row[Any]:
    found = next((one for one in rows if one.id == price_id), None)
    if found is None:
        raise NotFound(
            gettext("The product has no such price."), remedy=gettext("Look at the product's prices.")
        )
    return found


def _touch(tx: Transaction, product_id: str) -> None:
    tx.change(t.product, product_id, version=next_version(t.product))


# ------------------------------------------------------------------ checks


def _check_terms(tx: Transaction, kind: ProductKind, contract_type: str | None, quantity: int | None) -> None:
    """Check what a product says about contracts. Raises: InvalidInput."""
    if kind not in CONTRACT_KINDS:
        for name, value in (("contract_type", contract_type), ("quantity", quantity)):
            if value is not None:
                raise invalid(
                    f"/{name}",
                    gettext(
                        "A product of the kind %(kind)s has no %(name)s.", kind=word(kind), name=word(name)
                    ),
                    gettext("Leave it out."),
                )
        return
    if contract_type is None:
        raise invalid(
            "/contract_type",
            gettext("A product of the kind %(kind)s needs a contract type.", kind=word(kind)),
            gettext("Give one."),
        )
    terms = _type(tx, contract_type)
    if quantity is not None and terms.draws == "nothing":
        raise invalid(
            "/quantity",
            gettext("%(type)s draw nothing.", type=of_type(terms)),
            gettext("Leave the quantity out."),
        )
    if kind == "top_up" and terms.draws == "nothing":
        raise invalid(
            "/contract_type",
            gettext("%(type)s cannot be topped up.", type=of_type(terms)),
            gettext("Name another type."),
        )


def _check_tax_rate(tx: Transaction, name: str | None) -> None:
    """Check that the settings have a tax rate of this name. Raises: InvalidInput."""
    if name is not None and tx.settings.tax_rate(name) is None:
        known = ", ".join(one.name for one in tx.settings.tax_rates)
        raise invalid(
            "/tax_rate",
            gettext("There is no tax rate %(name)s in the settings.", name=repr(name)),
            gettext("Known: %(known)s.", known=known),
        )


def _type(tx: Transaction, key: str) -> ContractType:
    if key not in tx.rules.contract_types:
        known = ", ".join(sorted(tx.rules.contract_types))
        raise invalid(
            "/contract_type",
            gettext("There is no contract type %(key)s.", key=repr(key)),
            gettext("Use one of %(known)s.", known=known),
        )
    return type_in_force(tx, key)


def _refuse_taken(tx: Transaction, product_id: str, kind: ProductKind, wanted: dict[str, Any]) -> None:
    """Refuse a second price of the same: which of the two is valid could not be said. Raises: Conflict."""
    if wanted["contract_type"] is None:
        return
    same = d.quantity.is_(None) if wanted["quantity"] is None else d.quantity == wanted["quantity"]
    other = tx.connection.execute(
        select(d.code).where(
            d.kind == kind, d.contract_type == wanted["contract_type"], same, d.id != product_id
        )
    ).scalar()
    if other is not None:
        raise Conflict(
            gettext("%(other)s is the product for this contract type and quantity already.", other=other),
            remedy=gettext("Add the price to %(other)s, or give another quantity.", other=other),
            pointer="/quantity",
        )


def _taken(code: str) -> Conflict:
    return Conflict(
        gettext("There is another product with the code %(code)s.", code=repr(code)), pointer="/code"
    )

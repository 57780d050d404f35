"""A price list as a file: what is in it is added or changed, all of it or nothing.

The export has the same columns: importing what was exported changes nothing.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from engine.currencies import minor_digits
from engine.errors import DeskError
from engine.price_list import (
    COLUMNS,
    COUNT,
    MINUTES,
    InvalidPriceList,
    ListedProduct,
    ListPrice,
    PriceRow,
    quantity_text,
    read_price_list,
)
from workflows.commands.selling import ChangeProduct, NewProduct
from workflows.core.transaction import Transaction
from workflows.languages.formats import number_text
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.type_terms import of_type
from workflows.selling.price_list import (
    EDITORS,
    change_product,
    create_product,
    insert_price,
    list_price,
    locked_product,
    prices_of,
    set_end,
)
from workflows.store import tables as t
from workflows.views.selling import ImportedPriceList, ProductView

MOST_ROWS = 5000
FILE_COLUMNS = COLUMNS
DELIMITERS = ",;\t"


def import_price_list(tx: Transaction, text: str) -> ImportedPriceList:
    """Add and change the products and prices of a file; what is not in it stays as it is.

    A product is found by its code, a price by product, currency and first day; of a price that is there
    already only the last day can differ.
    Raises: NotAllowed; InvalidPriceList, with the line; nothing is changed then.
    """
    tx.require(*EDITORS)
    counts: Counter[str] = Counter()
    products: dict[str, tuple[ListedProduct, str]] = {}
    for row in _rows(text):
        try:
            known = products.get(row.product.code)
            if known is None:
                known = (row.product, _product(tx, row.product, counts))
                products[row.product.code] = known
            elif known[0] != row.product:
                raise _at(
                    row,
                    gettext("The product is described in another way in a line above."),
                    gettext("Correct one."),
                )
            if row.price is not None:
                counts[_price(tx, known[1], row)] += 1
        except InvalidPriceList:
            raise
        except DeskError as error:
            raise _at(row, error.detail, error.remedy) from error
    return ImportedPriceList(
        products_added=counts["product added"],
        products_changed=counts["product changed"],
        prices_added=counts["price added"],
        prices_changed=counts["price changed"],
        unchanged=counts["unchanged"],
    )


def exported_rows(products: Iterable[ProductView], currency: str) -> Iterator[list[Any]]:
    """The rows of `FILE_COLUMNS`: one for each price, and one for each product without prices.

    Quantities have their unit, which of money is the desk's `currency`.
    """
    for one in products:
        quantity = quantity_text(one.quantity, one.draws, currency)
        about = [one.code, one.label, one.kind, one.contract_type, quantity, one.unit, one.tax_rate]
        for price in one.prices:
            amount = _decimal(price.price.amount_minor, price.price.currency)
            yield [*about, price.price.currency, amount, price.first_on, price.last_on]
        if not one.prices:
            yield [*about, None, None, None, None]


def _decimal(amount_minor: int, currency: str) -> str:
    """1250 and EUR are "12.50"."""
    digits = minor_digits(currency)
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def _rows(text: str) -> list[PriceRow]:
    """The rows of a file, whose delimiter is that of its header. Raises: InvalidPriceList."""
    text = text.removeprefix("\ufeff")
    header_line = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header_line.count)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InvalidPriceList(
            gettext("The file cannot be read as CSV: %(error)s.", error=error),
            remedy=gettext("Save it as CSV with commas or semicolons, in UTF-8."),
            pointer="/file",
        ) from None
    if len(table) > MOST_ROWS + 1:
        raise InvalidPriceList(
            gettext("The file has more than %(most_rows)s rows.", most_rows=number_text(MOST_ROWS)),
            remedy=gettext("Import it in parts."),
            pointer="/file",
        )
    return read_price_list(table[0] if table else [], table[1:])


def _product(tx: Transaction, listed: ListedProduct, counts: Counter[str]) -> str:
    """The id of a product that is as in the file now."""
    d = t.product.c
    row = tx.connection.execute(select(t.product).where(d.code == listed.code)).one_or_none()
    _check_quantity_unit(tx, listed)
    values = {name: value for name, value in asdict(listed).items() if name != "quantity_unit"}
    try:
        if row is None:
            counts["product added"] += 1
            return create_product(tx, NewProduct(**values))
        if row.kind != listed.kind:
            raise DeskError(
                gettext(
                    "%(code)s is of the kind %(kind)s, which stays.", code=listed.code, kind=word(row.kind)
                ),
                remedy=gettext("Use another code."),
            )
        del values["kind"]
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        counts["product changed" if changed else "unchanged"] += 1
        return change_product(tx, row.id, ChangeProduct(**changed)) if changed else str(row.id)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        raise DeskError(f"{wrong['loc'][0]}: {wrong['msg']}.", remedy=gettext("Correct the cell.")) from None


def _check_quantity_unit(tx: Transaction, listed: ListedProduct) -> None:
    """Check that a quantity is written in what contracts of its type draw.

    A number alone would be hours to one reader and minutes to another. Raises: DeskError.
    """
    terms = tx.rules.contract_types.get(listed.contract_type or "")
    if terms is None or listed.quantity is None:
        return
    if terms.draws == "minutes" and listed.quantity_unit != MINUTES:
        raise DeskError(
            gettext("%(type)s draw time, and the quantity has no unit of time.", type=of_type(terms)),
            remedy=gettext("Write it as 20 h, 90 min or 1 h 30 min."),
        )
    currency = tx.settings.currency
    if terms.draws == "money" and listed.quantity_unit != currency:
        example = f"{currency} {_decimal(400 * 10 ** minor_digits(currency), currency)}"
        raise DeskError(
            gettext(
                "%(type)s draw money, and the quantity is not an amount in %(currency)s.",
                type=of_type(terms),
                currency=currency,
            ),
            remedy=gettext("Write it as %(example)s.", example=example),
        )
    if terms.draws == "incidents" and listed.quantity_unit != COUNT:
        raise DeskError(
            gettext("%(type)s draw incidents, and the quantity is not their number.", type=of_type(terms)),
            remedy=gettext("Write a whole number."),
        )


def _price(tx: Transaction, product_id: str, row: PriceRow) -> str:
    """Add a price or change its end; returns what was done."""
    assert row.price is not None
    wanted: ListPrice = row.price
    product, rows = locked_product(tx, product_id), prices_of(tx, product_id)
    same = [one for one in rows if (one.currency, one.first_on) == (wanted.currency, wanted.first_on)]
    if not same:
        insert_price(tx, product, wanted, [list_price(one) for one in rows])
        return "price added"
    [stored] = same
    if stored.amount_minor != wanted.amount_minor:
        raise _at(
            row,
            gettext(
                "%(code)s costs %(price)s; a price never changes.",
                code=product.code,
                price=list_price(stored).text(),
            ),
            gettext("End it, and add another from the day after."),
        )
    if stored.until_on == wanted.until_on:
        return "unchanged"
    set_end(tx, product, stored, wanted.until_on, [list_price(one) for one in rows if one.id != stored.id])
    return "price changed"


def _at(row: PriceRow, detail: str, remedy: str) -> InvalidPriceList:
    return InvalidPriceList(
        gettext("Line %(line)s: %(detail)s", line=row.line, detail=detail),
        remedy=remedy,
        line=row.line,
        pointer="/file",
    )

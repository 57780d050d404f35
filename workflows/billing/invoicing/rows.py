"""Rows of invoices: locking one, and its parts as they were given."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, bindparam, select

from engine.invoicing import DiscountTerms, TaxRate
from workflows.billing.invoicing.draft_parts import DraftLine
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared

i, line, discount, tax = t.invoice, t.invoice_line, t.invoice_discount, t.invoice_tax


def locked_invoice(tx: Transaction, invoice_id: str) -> Row[Any]:
    """An invoice's row, locked until the transaction ends. Raises: NotFound."""
    row: Row[Any] | None = _LOCKED.first(tx.connection, {"invoice": invoice_id})
    if row is None:
        raise no_invoice()
    return row


def party_row(tx: Transaction, invoice_id: str) -> Row[Any]:
    """Who pays an invoice, and its currency, without a lock: neither ever changes. Raises: NotFound."""
    row: Row[Any] | None = _PARTY.first(tx.connection, {"invoice": invoice_id})
    if row is None:
        raise no_invoice()
    return row


def no_invoice() -> NotFound:
    """The error for an invoice that does not exist, or that the actor may not see."""
    return NotFound(
        gettext("There is no such invoice."),
        remedy=gettext("Look it up by its number in the list of invoices."),
    )


def line_rows(tx: Transaction, invoice_id: str) -> list[Row[Any]]:
    """The rows of an invoice's lines, in order."""
    return _LINES.all(tx.connection, {"invoice": invoice_id})


def sells_something(lines: Iterable[Row[Any]]) -> bool:
    """Whether any line (its row) invoices what was sold, or credits such a line; the others are by hand."""
    return any(one.sold_item_id is not None or one.credits_line_id is not None for one in lines)


def lines_of(tx: Transaction, invoice_id: str) -> list[DraftLine]:
    """The lines of a draft, as they were given."""
    return [
        DraftLine(
            description=row.description,
            quantity=row.quantity,
            unit_price_minor=row.unit_price_minor,
            tax_name=row.tax_name,
            tax=TaxRate(row.tax_category, row.tax_percent, row.tax_reason),
            unit=row.unit,
            discount_percent=row.discount_percent,
            discount_minor=0 if row.discount_percent is not None else row.discount_minor,
            service_from=row.service_from,
            service_to=row.service_to,
            sold_item_id=row.sold_item_id,
            credits_line_id=row.credits_line_id,
        )
        for row in line_rows(tx, invoice_id)
    ]


def discount_rows(tx: Transaction, invoice_id: str) -> list[Row[Any]]:
    """The rows of an invoice's discounts by tax rate, in order."""
    return _DISCOUNTS.all(tx.connection, {"invoice": invoice_id})


def tax_rows(tx: Transaction, invoice_id: str) -> list[Row[Any]]:
    """The bases and taxes of an invoice, by category and rate."""
    found = _TAXES.all(tx.connection, {"invoice": invoice_id})
    return sorted(found, key=lambda one: (one.category, one.percent))


def discounts_of(tx: Transaction, invoice_id: str) -> list[DiscountTerms]:
    """The discounts of a draft as they were given: an amount is the sum of its parts."""
    given: dict[int, DiscountTerms] = {}
    for row in discount_rows(tx, invoice_id):
        before = given.get(row.position)
        amount = row.amount_minor + (before.amount_minor or 0 if before is not None else 0)
        given[row.position] = DiscountTerms(row.reason, row.percent, amount if row.percent is None else None)
    return [given[position] for position in sorted(given)]


def sold_by(tx: Transaction, sold_item_id: str) -> Row[Any] | None:
    """The row of something that was sold; None if there is none."""
    s = t.sold_item
    return tx.connection.execute(select(s).where(s.c.id == sold_item_id)).one_or_none()


_INVOICE = bindparam("invoice", type_=Id)
_LOCKED = Prepared(select(i).where(i.c.id == _INVOICE).with_for_update(key_share=True))
_PARTY = Prepared(select(i.c.customer_id, i.c.org_unit_id, i.c.currency).where(i.c.id == _INVOICE))
_LINES = Prepared(select(line).where(line.c.invoice_id == _INVOICE).order_by(line.c.position))
_DISCOUNTS = Prepared(
    select(discount)
    .where(discount.c.invoice_id == _INVOICE)
    .order_by(discount.c.position, discount.c.tax_category, discount.c.tax_percent)
)
_TAXES = Prepared(select(tax).where(tax.c.invoice_id == _INVOICE))

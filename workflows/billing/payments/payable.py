"""Issued invoices as payments see them: what is open, and the discount for early payment."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Row, func, or_, select

from engine.invoice_document import EarlyPayment, TaxSubtotal
from engine.payments import PayableInvoice
from workflows.core.transaction import Transaction
from workflows.store import tables as t

AT_ONCE = 500
"""How many ids a statement names at most."""
i, tax = t.invoice, t.invoice_tax
T = TypeVar("T")


def payable_invoices(tx: Transaction, rows: Sequence[Row[Any]]) -> list[PayableInvoice]:
    """Invoices as the engine's values, in the order given, with their taxes less those of credit notes.

    Taxes are read only for those with a discount for early payment; one that was given is not given again.
    """
    offered = [row.id for row in rows if row.early_payment_days is not None]
    given = {invoice for part in in_parts(offered) for invoice in _discounted(tx, part)}
    early = [one for one in offered if one not in given]
    taxes = {invoice: found for part in in_parts(early) for invoice, found in _taxes_left(tx, part).items()}
    payable = []
    for row in rows:
        if row.early_payment_days is None or row.id in given:
            payable.append(PayableInvoice(row.id, row.open_minor, row.issued_on))
            continue
        terms = EarlyPayment(row.early_payment_days, row.early_payment_percent)
        left = tuple(taxes.get(row.id, {}).values())
        payable.append(PayableInvoice(row.id, row.open_minor, row.issued_on, terms, left))
    return payable


def in_parts(values: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The values in lists of at most `size`, for statements that name them."""
    listed = list(values)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def _discounted(tx: Transaction, invoices: Sequence[str]) -> list[str]:
    """Those of some invoices for which a discount for early payment is given and was not taken back."""
    a = t.payment_allocation.c
    found = (
        select(a.invoice_id)
        .where(a.invoice_id.in_(invoices), a.kind == "early_payment")
        .group_by(a.invoice_id)
        .having(func.sum(a.amount_minor) > 0)
    )
    return list(tx.connection.execute(found).scalars())


Taxes = dict[tuple[str, Decimal], TaxSubtotal]


def _taxes_left(tx: Transaction, invoices: Sequence[str]) -> dict[str, Taxes]:
    """The taxes of each invoice by category and rate, less those of its issued credit notes."""
    found = (
        select(tax, i.c.kind, i.c.corrects_id)
        .join(i, i.c.id == tax.c.invoice_id)
        .where(
            or_(
                i.c.id.in_(invoices),
                (i.c.corrects_id.in_(invoices)) & (i.c.state == "issued"),
            )
        )
        .order_by(tax.c.category, tax.c.percent)
    )
    left: dict[str, Taxes] = {}
    for row in tx.connection.execute(found):
        of_note = row.kind == "credit_note"
        sums = left.setdefault(row.corrects_id if of_note else row.invoice_id, {})
        key, sign = (row.category, row.percent), -1 if of_note else 1
        before = sums.get(key)
        sums[key] = TaxSubtotal(
            row.category,
            row.percent,
            (before.base_minor if before is not None else 0) + sign * row.base_minor,
            (before.tax_minor if before is not None else 0) + sign * row.tax_minor,
            before.reason if before is not None else row.reason,
        )
    return left

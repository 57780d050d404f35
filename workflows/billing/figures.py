"""Figures of billing for the overview of finance. Source: product.md section 10."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from engine.bank_statements import UNDECIDED
from workflows.billing.invoicing.queries import awaits_processing, has_payment
from workflows.billing.sold.to_invoice import STATES
from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views import MOST_COUNTED

i, s, e = t.invoice, t.sold_item, t.bank_entry


@dataclass(frozen=True, slots=True)
class BillingFigures:
    """How many items are to be invoiced, how many invoices wait for what, and receipts for an invoice."""

    to_invoice: int
    drafts: int
    unpaid: int
    part_paid: int
    overdue: int
    to_process: int
    to_match: int


def read_billing_figures(tx: Transaction) -> BillingFigures:
    """The figures as of now, each up to as many as lists count. Raises: NotAllowed."""
    tx.require(*OFFICE)
    return BillingFigures(
        to_invoice=_count(tx, s.c.id, STATES["open"]),
        drafts=_count(tx, i.c.id, i.c.state == "draft"),
        unpaid=_count(tx, i.c.id, has_payment(tx, "unpaid")),
        part_paid=_count(tx, i.c.id, has_payment(tx, "part_paid")),
        overdue=_count(tx, i.c.id, has_payment(tx, "overdue")),
        to_process=_count(tx, i.c.id, awaits_processing()),
        to_match=_count(tx, e.c.id, e.c.state.in_(UNDECIDED)),
    )


def _count(tx: Transaction, column: ColumnElement[str], where: ColumnElement[bool]) -> int:
    some = select(column).where(where).limit(MOST_COUNTED + 1).subquery()
    return int(tx.connection.execute(select(func.count()).select_from(some)).scalar_one())

"""Credit of a customer: what was paid too much or credited after payment, used on the next invoice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, exists, literal_column, or_, select

from engine.payments import CustomerCredit, use_credits
from workflows.billing.journals.allocations import allocate
from workflows.billing.journals.posting import post_credit_used
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.sold_items import party_columns
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id

c = t.customer_credit


def payer_has_credit() -> ColumnElement[bool]:
    """SQL: whether who pays an invoice has credit in its currency; of a statement that reads `invoice`."""
    i = t.invoice.c
    return or_(
        *(
            exists(select(c.c.id).where(column == i[column.name], *_usable(i.currency)).correlate(t.invoice))
            for column in _PAYERS.values()
        )
    )


def use_credit(tx: Transaction, party: tuple[str, str], row: Row[Any]) -> int:
    """Settle an invoice that is being issued by the customer's credit, the oldest first.

    The customer is locked. Returns what stays open, in minor units.
    """
    kind, party_id = party
    usable = _USABLE[kind].all(tx.connection, {"party": party_id, "currency": row.currency})
    # a late job issues as of its instant: what came since then is for the next invoice
    return _use(tx, row, [one for one in usable if one.effective_at <= tx.now], row.open_minor)


def use_credit_of_notes(tx: Transaction, row: Row[Any], notes: Sequence[str], open_minor: int) -> int:
    """Settle an invoice of which so much is open by what is left of the credit that its credit notes gave.

    The customer is locked. Returns what stays open, in minor units.
    """
    left = select(c).where(c.c.credit_note_id.in_(notes), c.c.open_minor > 0)
    return _use(tx, row, tx.connection.execute(left).all(), open_minor)


def _use(tx: Transaction, row: Row[Any], usable: Iterable[Row[Any]], open_minor: int) -> int:
    found = {one.id: one for one in usable}
    credits = [CustomerCredit(one.id, one.open_minor, one.effective_at) for one in found.values()]
    for use in use_credits(open_minor, credits):
        tx.change(c, use.credit, open_minor=found[use.credit].open_minor - use.amount_minor)
        allocation_id = allocate(tx, row.id, "credit", use.amount_minor, credit_id=use.credit)
        post_credit_used(tx, row, use.amount_minor, allocation_id)
        open_minor -= use.amount_minor
    return open_minor


def add_credit(
    tx: Transaction,
    party: tuple[str, str],
    currency: str,
    amount_minor: int,
    effective_at: datetime,
    *,
    payment_id: str | None = None,
    credit_note_id: str | None = None,
) -> str:
    """Give a customer credit from a payment or a credit note. Returns its id."""
    credit_id = new_id()
    tx.add(
        c,
        id=credit_id,
        **party_columns(*party),
        currency=currency,
        payment_id=payment_id,
        credit_note_id=credit_note_id,
        amount_minor=amount_minor,
        open_minor=amount_minor,
        effective_at=effective_at,
    )
    return credit_id


def credits_of_invoice(tx: Transaction, note_ids: Sequence[str]) -> int:
    """How much of credit notes has become the customer's credit, in minor units."""
    found = select(c.c.amount_minor).where(c.c.credit_note_id.in_(note_ids))
    return sum(tx.connection.execute(found).scalars())


def _usable(currency: ColumnElement[str]) -> tuple[ColumnElement[bool], ...]:
    return c.c.currency == currency, c.c.open_minor > literal_column("0")


_PAYERS = {"customer": c.c.customer_id, "org_unit": c.c.org_unit_id}
_USABLE = {
    kind: Prepared(
        select(c).where(
            column == bindparam("party", type_=Id), *_usable(bindparam("currency", type_=c.c.currency.type))
        )
    )
    for kind, column in _PAYERS.items()
}

"""Reading payments: a list, and one with what it settled. Source: product.md sections 2 and 10."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, or_, select

from workflows.billing.invoicing.parties import party_of
from workflows.billing.payments.use_cases import payment_row
from workflows.core.actors import OFFICE
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.register.holder_names import holder_names, paid_by_name
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.billing import PaidInvoiceView, PaymentView

p, reversal, a, credit, i = (
    t.payment,
    t.payment_reversal,
    t.payment_allocation,
    t.customer_credit,
    t.invoice,
)
ORDERS = {"recorded_at": Sort(p.c.recorded_at), "amount": Sort(p.c.amount_minor)}


def list_payments(
    tx: Transaction,
    *,
    q: str | None = None,
    customer: str | None = None,
    org_unit: str | None = None,
    invoice: str | None = None,
    state: str | None = None,
    order: str = "-recorded_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[PaymentView]:
    """A page of payments; `invoice` finds those that settled a part of it, `state` is recorded or reversed.

    `q` searches the reference, the numbers of what was settled, and who paid.
    Raises: NotAllowed; InvalidInput for an order or a cursor.
    """
    tx.require(*OFFICE)
    statement = _payments()
    if q is not None:
        numbered = select(a.c.payment_id).join(i, i.c.id == a.c.invoice_id).where(matches(q, i.c.number))
        settled_number = p.c.id.in_(numbered.where(a.c.payment_id.is_not(None)))
        statement = statement.where(or_(matches(q, p.c.reference), settled_number, paid_by_name(tx, q, p)))
    if customer is not None:
        statement = statement.where(p.c.customer_id == customer)
    if org_unit is not None:
        statement = statement.where(p.c.org_unit_id == org_unit)
    if invoice is not None:
        settled = select(a.c.payment_id).where(a.c.invoice_id == invoice, a.c.payment_id.is_not(None))
        statement = statement.where(p.c.id.in_(settled))
    if state is not None:
        is_reversed = reversal.c.payment_id.is_not(None)
        statement = statement.where(is_reversed if state == "reversed" else ~is_reversed)
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=p.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_views(tx, page.items))


def read_payment(tx: Transaction, payment_id: str) -> PaymentView:
    """One payment. Raises: NotAllowed; NotFound."""
    tx.require(*OFFICE)
    payment_row(tx, payment_id)
    return _views(tx, tx.connection.execute(_payments().where(p.c.id == payment_id)).all())[0]


def _payments() -> Select[Any]:
    return select(p, reversal.c.reversed_at, reversal.c.reason.label("reversal_reason")).outerjoin(
        reversal, reversal.c.payment_id == p.c.id
    )


def _views(tx: Transaction, rows: Sequence[Row[Any]]) -> list[PaymentView]:
    names = holder_names(tx, {party_of(row) for row in rows})
    settled = _settled(tx, [row.id for row in rows])
    credits = select(credit.c.payment_id, credit.c.open_minor).where(
        credit.c.payment_id.in_([row.id for row in rows])
    )
    left = {row.payment_id: row.open_minor for row in tx.connection.execute(credits)}
    return [
        PaymentView(
            id=row.id,
            customer=row.customer_id,
            org_unit=row.org_unit_id,
            party_name=names.get(party_of(row), ""),
            amount=MoneyView(row.amount_minor, row.currency),
            received_on=row.received_on,
            method=row.method,
            reference=row.reference,
            state="recorded" if row.reversed_at is None else "reversed",
            recorded_at=row.recorded_at,
            recorded_by=row.recorded_by,
            reversed_at=row.reversed_at,
            reversal_reason=row.reversal_reason,
            invoices=_invoice_views(settled.get(row.id, ()), row.currency),
            opened_invoices=_invoice_views(
                [one for one in settled.get(row.id, ()) if _was_opened(one, row.reversed_at)], row.currency
            ),
            credit=MoneyView(left.get(row.id, 0), row.currency),
        )
        for row in rows
    ]


def _invoice_views(allocations: Iterable[Any], currency: str) -> list[PaidInvoiceView]:
    """The sums of allocations by invoice and kind, without a sign; what sums to nothing is left out."""
    sums: dict[tuple[str, str | None, str], int] = {}
    for one in allocations:
        key = (one.invoice_id, one.number, one.kind)
        sums[key] = sums.get(key, 0) + one.amount_minor
    return [
        PaidInvoiceView(invoice, number, kind, MoneyView(abs(amount), currency))
        for (invoice, number, kind), amount in sums.items()
        if amount
    ]


def _was_opened(allocation: Any, reversed_at: datetime | None) -> bool:
    """Whether an allocation takes back what a payment had settled when it was reversed."""
    return bool(allocation.amount_minor < 0 and allocation.effective_at == reversed_at)


def _settled(tx: Transaction, payments: Sequence[str]) -> dict[str, list[Any]]:
    """What payments settled, by payment: their allocations, also by their credit, in order."""
    found = (
        select(
            a.c.payment_id,
            credit.c.payment_id.label("of_credit"),
            a.c.invoice_id,
            i.c.number,
            a.c.kind,
            a.c.amount_minor,
            a.c.effective_at,
        )
        .join(i, i.c.id == a.c.invoice_id)
        .outerjoin(credit, credit.c.id == a.c.credit_id)
        .where(or_(a.c.payment_id.in_(payments), credit.c.payment_id.in_(payments)))
        .order_by(a.c.recorded_at, a.c.id)
    )
    allocations: dict[str, list[Any]] = {}
    for row in tx.connection.execute(found):
        allocations.setdefault(row.payment_id or row.of_credit, []).append(row)
    return allocations

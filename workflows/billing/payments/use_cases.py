"""Payments: recorded and reversed by finance alone. Source: product.md sections 2 and 10.

Locks are taken in one order: who pays, then their invoices by id. So two payments of one customer, or a
payment and the issue of an invoice that uses credit, never wait for each other in a circle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from engine.invoices import PaymentMethod
from engine.payments import Allocation, allocate_payment
from engine.periods import first_instant_of, local_date
from workflows.billing.invoicing.actions import CASHIERS
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import locked_invoice, party_row
from workflows.billing.issuing.notices import notify_payment
from workflows.billing.journals.allocations import allocate, open_since, take_back
from workflows.billing.journals.credit import add_credit
from workflows.billing.journals.posting import post_credit_used, post_payment, post_payment_back, tax_code
from workflows.billing.payments.credited_again import settle_by_credit_notes
from workflows.billing.payments.payable import payable_invoices
from workflows.billing.payments.write_offs import take_write_off_back, write_off, written_off_at
from workflows.commands.billing import NewPayment, ReversePayment
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.sold_items import party_columns
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

i, p, a, credit = t.invoice, t.payment, t.payment_allocation, t.customer_credit
SUBJECT = "payment"


@dataclass(frozen=True, slots=True)
class Received:
    """What was received: minor units of the invoices' currency, the day, how, and what the payer wrote."""

    amount_minor: int
    received_on: date
    method: PaymentMethod
    reference: str | None


def record_payment(tx: Transaction, invoice_id: str, command: NewPayment) -> str:
    """Record a payment that was received for an issued invoice; returns its id.

    What is too much becomes credit of the customer. A discount for early payment is given if the amount
    reaches what is open less the discount in time.
    Raises:
        NotAllowed: the actor is not finance.
        NotFound: there is no such invoice.
        StateForbids: it is no issued invoice.
        InvalidInput: the amount is nothing or in another currency, or the day is in the future.
    """
    tx.require(*CASHIERS)
    party = party_of(party_row(tx, invoice_id))
    lock_party(tx, *party)
    row = locked_invoice(tx, invoice_id)
    _check(tx, row, command)
    received = Received(command.amount.amount_minor, command.received_on, command.method, command.reference)
    return _take(tx, party, [row], received)


def record_receipt(
    tx: Transaction, party: tuple[str, str], invoices: Sequence[str], received: Received
) -> str:
    """Record a payment for issued invoices of one currency, in their order; returns its id.

    Finance decides; who pays, `party`, is locked. What is too much becomes credit.
    Raises: StateForbids if one is no issued invoice.
    """
    rows = {invoice_id: locked_invoice(tx, invoice_id) for invoice_id in sorted(invoices)}
    for row in rows.values():
        require_issued(row)
    return _take(tx, party, [rows[invoice_id] for invoice_id in invoices], received)


def reverse_payment(tx: Transaction, payment_id: str, command: ReversePayment) -> str:
    """Take a payment back as a whole, from now on; returns its id.

    What it settled is open again, also where its surplus was used as credit, and a discount for early payment
    that came with it is taken back. Credit notes of these invoices settle them by what is left of their
    credit.
    Raises: NotAllowed; NotFound; StateForbids if it was reversed before.
    """
    tx.require(*CASHIERS)
    row = payment_row(tx, payment_id)
    lock_party(tx, *party_of(row))
    reversal = t.payment_reversal
    reversed_already = select(reversal.c.payment_id).where(reversal.c.payment_id == payment_id)
    if tx.connection.execute(reversed_already).scalar() is not None:
        raise StateForbids(gettext("The payment has been reversed already."), remedy="", state="reversed")
    tx.add(
        reversal,
        payment_id=payment_id,
        reversed_at=tx.now,
        reversed_by=tx.actor.name,
        reason=command.reason,
    )
    opened = _take_all_back(tx, payment_id)
    post_payment_back(tx, payment_id)
    for invoice_id in opened:
        settle_by_credit_notes(tx, invoice_id)
    tx.audit(SUBJECT, payment_id, "reversed", reason=command.reason)
    _notify(tx, "payment_reversed", payment_id, opened)
    return payment_id


def payment_row(tx: Transaction, payment_id: str) -> Row[Any]:
    """The row of a payment. Raises: NotFound."""
    row = tx.connection.execute(select(p).where(p.c.id == payment_id)).one_or_none()
    if row is None:
        raise NotFound(
            gettext("There is no such payment."), remedy=gettext("Look it up in the list of payments.")
        )
    return row


def require_issued(row: Row[Any]) -> None:
    """Refuse what takes no payment. Raises: StateForbids."""
    if row.kind != "invoice" or row.state != "issued":
        standing = gettext("a credit note") if row.kind == "credit_note" else word(row.state)
        raise StateForbids(
            gettext(
                "%(number)s takes no payment: it is %(standing)s.",
                number=row.number or gettext("A draft"),
                standing=standing,
            ),
            remedy=gettext("Issue the invoice first.")
            if row.state == "draft"
            else gettext("Record it on another invoice."),
            state=row.state,
        )


def _check(tx: Transaction, row: Row[Any], command: NewPayment) -> None:
    require_issued(row)
    if command.amount.currency not in (None, row.currency):
        raise invalid(
            "/amount/currency",
            gettext(
                "%(number)s is in %(currency)s, and the payment in %(currency2)s.",
                number=row.number,
                currency=row.currency,
                currency2=command.amount.currency,
            ),
            gettext("Record the amount that was credited in %(currency)s.", currency=row.currency),
        )
    if command.amount.amount_minor == 0:
        raise invalid(
            "/amount/amount_minor",
            gettext("A payment must be more than 0."),
            gettext("Give the amount received."),
        )
    if command.received_on > local_date(tx.now, tx.settings.zone):
        raise invalid(
            "/received_on",
            gettext("A payment cannot be received in the future."),
            gettext("Give today or before."),
        )


def _take(tx: Transaction, party: tuple[str, str], rows: list[Row[Any]], received: Received) -> str:
    """Store a payment and what it settles of locked invoices; returns its id.

    What was written off of them is taken back for that, and what it leaves is written off again.
    """
    payment_id, currency = new_id(), rows[0].currency
    tx.add(
        p,
        id=payment_id,
        **party_columns(*party),
        currency=currency,
        amount_minor=received.amount_minor,
        received_on=received.received_on,
        method=received.method,
        reference=received.reference or None,
        recorded_at=tx.recorded_at,
        recorded_by=tx.actor.name,
    )
    received_at = first_instant_of(received.received_on, tx.settings.zone)
    written_off = {row.id: row.written_off_minor for row in rows if row.written_off_minor}
    offs = [at for at in (written_off_at(tx, one) for one in written_off) if at is not None]
    effective_at = max(received_at, *(row.issued_at for row in rows), *offs)
    reasons = {}
    for place, row in enumerate(rows):
        if row.id in written_off:  # paid after all
            rows[place], reasons[row.id] = take_write_off_back(tx, row, effective_at)
    plan = allocate_payment(received.amount_minor, received.received_on, payable_invoices(tx, rows))
    by_id = {row.id: row for row in rows}
    opened = (
        open_since(tx, one.invoice, by_id[one.invoice].open_minor, one.settled_minor)
        for one in plan.allocations
    )
    effective_at = max([effective_at, *(at for at in opened if at is not None)])
    for one in plan.allocations:
        _settle(tx, by_id[one.invoice], payment_id, one, effective_at)
    for invoice_id, reason in reasons.items():
        row = locked_invoice(tx, invoice_id)
        rest_minor = min(row.open_minor, written_off[invoice_id])
        if rest_minor:
            write_off(tx, row, rest_minor, reason, effective_at)
    _post(tx, rows, payment_id, received.amount_minor, plan.allocations, effective_at)
    if plan.credit_minor:
        add_credit(tx, party, currency, plan.credit_minor, effective_at, payment_id=payment_id)
    ids = {"invoice": rows[0].id} if len(rows) == 1 else {"invoices": [row.id for row in rows]}
    tx.audit(SUBJECT, payment_id, "recorded", **ids, amount=received.amount_minor)
    _notify(tx, "payment_received", payment_id, by_id)
    return payment_id


def _settle(tx: Transaction, row: Row[Any], payment_id: str, one: Allocation, at: datetime) -> None:
    if one.amount_minor:
        allocate(tx, row.id, "payment", one.amount_minor, effective_at=at, payment_id=payment_id)
    if one.discount_minor:
        allocate(
            tx,
            row.id,
            "early_payment",
            one.discount_minor,
            effective_at=at,
            payment_id=payment_id,
            tax_minor=sum(part.tax_minor for part in one.discounts),
        )
    tx.change(i, row.id, open_minor=row.open_minor - one.settled_minor, version=next_version(i))


def _post(
    tx: Transaction,
    rows: Sequence[Row[Any]],
    payment_id: str,
    received_minor: int,
    allocations: Sequence[Allocation],
    effective_at: datetime,
) -> None:
    taxes: dict[str, int] = {}
    for part in (part for one in allocations for part in one.discounts):
        code = tax_code(part.category, part.rate)
        taxes[code] = taxes.get(code, 0) + part.tax_minor
    post_payment(
        tx,
        rows,
        payment_id,
        received_minor=received_minor,
        paid_minor=sum(one.amount_minor for one in allocations),
        discount_minor=sum(one.discount_minor for one in allocations),
        discount_taxes=taxes,
        effective_at=effective_at,
    )


def _notify(tx: Transaction, event: str, payment_id: str, invoices: Mapping[str, Row[Any]]) -> None:
    numbers = [(invoice_id, row.number) for invoice_id, row in invoices.items()]
    notify_payment(tx, event, payment_id, payment_row(tx, payment_id), numbers)


def _take_all_back(tx: Transaction, payment_id: str) -> dict[str, Row[Any]]:
    """Reverse what a payment settled by itself and as credit, and what is left of its credit.

    Returns the invoices of which something is open again, as they were before.
    """
    credits = select(credit.c.id).where(credit.c.payment_id == payment_id)
    found = select(a).where(
        (a.c.payment_id == payment_id) | a.c.credit_id.in_(credits), a.c.reverses_id.is_(None)
    )
    rows = tx.connection.execute(found).all()
    opened = {}
    for invoice_id in sorted({row.invoice_id for row in rows}):
        invoice = opened[invoice_id] = locked_invoice(tx, invoice_id)
        opened_minor = 0
        for row in rows:
            if row.invoice_id == invoice_id:
                back_id = take_back(tx, row)
                if row.kind == "credit":
                    post_credit_used(tx, invoice, -row.amount_minor, back_id)
                opened_minor += row.amount_minor
        tx.change(i, invoice_id, open_minor=invoice.open_minor + opened_minor, version=next_version(i))
    tx.connection.execute(credit.update().where(credit.c.payment_id == payment_id).values(open_minor=0))
    return opened

"""Mail and webhooks about invoices and payments, and the document that a mail brings.

They go to the mail address of the billing details, else to the customer's own; without either, the message
is only a record. Source: product.md sections 10 and 12.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import select

from engine.dunning import reminder_kind
from engine.invoice_document import Party
from workflows.billing.documents.files import pdf_file
from workflows.billing.invoicing.document_values import in_successor_currency
from workflows.billing.invoicing.parties import buyer_of, party_of
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.languages.formats import day_text, money_text
from workflows.languages.texts import Language, gettext
from workflows.notifications.billing import Attached, notify
from workflows.notifications.mail import Attachment
from workflows.store import tables as t

i = t.invoice.c
INVOICE = "invoice"


def notify_issued(
    tx: Transaction, row: Any, number: str, buyer: Party, language: Language, *, due_on: date, open_minor: int
) -> None:
    """Notify that an invoice was issued; `row` is its row before, `language` that of the buyer's mail."""
    notify(
        tx,
        "invoice_issued",
        recipient=buyer.email,
        about=(INVOICE, row.id),
        values=lambda: {
            "number": number,
            "customer": buyer.name,
            "total": money_text(row.total_minor, row.currency),
            "open": money_text(open_minor, row.currency),
            "due_on": day_text(due_on),
            "company": tx.settings.company.name,
        },
        data={"invoice": row.id, "number": number, "due_on": str(due_on)},
        attached=Attached(row.id, number),
        language=language,
    )


def notify_credited(tx: Transaction, row: Any, note_id: str, *, voids: bool) -> None:
    """Notify that a credit note was issued for an invoice (`row`), which `voids` it; one mail says both."""
    note = tx.connection.execute(select(t.invoice).where(i.id == note_id)).one()
    said = in_successor_currency(tx, note) or note
    party = party_of(row)
    buyer = buyer_of(tx, *party)

    def values() -> dict[str, str]:
        return {
            "number": note.number,
            "invoice": row.number,
            "customer": buyer.name,
            "total": money_text(said.total_minor, said.currency),
            "reason": note.reason or "",
            "company": tx.settings.company.name,
        }

    issued = {"credit_note": note_id, "number": note.number, "invoice": row.id}
    attached = Attached(note_id, note.number)
    notify(
        tx,
        "credit_note_issued",
        recipient=None if voids else buyer.email,
        about=(INVOICE, note_id),
        values=values,
        data=issued,
        attached=attached,
        party=party,
    )
    if voids:
        notify(
            tx,
            "invoice_voided",
            recipient=buyer.email,
            about=(INVOICE, row.id),
            values=values,
            data={"invoice": row.id, "number": row.number, "credit_note": note_id},
            attached=attached,
            party=party,
        )


REMINDER_EVENTS = {"due_soon": "invoice_due_soon", "overdue": "invoice_overdue", "level": "invoice_dunned"}


def notify_reminder(
    tx: Transaction,
    row: Any,
    stage: int,
    *,
    text: str,
    fee: tuple[str, int] | None,
    fee_invoice: str | None,
    is_only_event: bool,
) -> str | None:
    """Remind of an invoice (`row`) by the mail of a stage; returns the address, None if there is none.

    `text` is that of a dunning level, and `fee` the number of the invoice that charges it, with the amount.
    Where it `is_only_event`, no mail is sent, since another one comes at the same instant.
    """
    kind = reminder_kind(stage)
    party = party_of(row)
    buyer = buyer_of(tx, *party)
    recipient = None if is_only_event else buyer.email or None
    about_invoice = {"invoice": row.id, "number": row.number}
    due = {"due_on": str(row.due_on)}
    notify(
        tx,
        REMINDER_EVENTS[kind],
        recipient=recipient,
        about=(INVOICE, row.id),
        values=lambda: {
            "number": row.number,
            "customer": buyer.name,
            "total": money_text(row.total_minor, row.currency),
            "open": money_text(row.open_minor, row.currency),
            "due_on": day_text(row.due_on),
            "company": tx.settings.company.name,
            "level": str(stage),
            "text": text,
            "fee": _fee_text(fee, row.currency),
        },
        data=about_invoice | ({"level": stage, "fee_invoice": fee_invoice} if kind == "level" else due),
        attached=None if kind == "due_soon" else Attached(row.id, row.number),
        party=party,
    )
    return recipient


def _fee_text(fee: tuple[str, int] | None, currency: str) -> str:
    if fee is None:
        return ""
    number, fee_minor = fee
    return gettext(
        "Invoice %(number)s charges %(amount)s for this reminder.",
        number=number,
        amount=money_text(fee_minor, currency),
    )


def notify_payment(
    tx: Transaction, event: str, payment_id: str, payment: Any, invoices: Iterable[tuple[str, str]]
) -> None:
    """Notify that a payment was received, or taken back (`event`); `invoices` are ids and numbers.

    `payment` has who paid, the amount, the currency and the day.
    """
    named = dict(invoices)
    party = party_of(payment)
    buyer = buyer_of(tx, *party)
    notify(
        tx,
        event,
        recipient=buyer.email,
        about=("payment", payment_id),
        values=lambda: {
            "amount": money_text(payment.amount_minor, payment.currency),
            "received_on": day_text(payment.received_on),
            "invoices": ", ".join(named.values()),
            "customer": buyer.name,
            "company": tx.settings.company.name,
        },
        data={"payment": payment_id, "invoices": list(named)},
        party=party,
    )


def attached_pdf(desk: Desk, invoice_id: str) -> Attachment:
    """The PDF of what was issued, for a mail that is sent now."""
    with desk.read(SYSTEM) as tx:
        return Attachment(*pdf_file(tx, invoice_id))

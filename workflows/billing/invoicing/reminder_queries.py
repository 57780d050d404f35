"""Reading the reminders of an invoice."""

from typing import Any

from sqlalchemy import select

from engine.dunning import OVERDUE, reminder_kind
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views import MoneyView
from workflows.views.billing import InvoiceReference, ReminderView


def reminders_of(tx: Transaction, row: Any) -> list[ReminderView]:
    """The reminders of an invoice (`row`) that were sent, in order."""
    fee = t.invoice.alias("fee")
    one = t.invoice_reminder.c
    found = (
        select(t.invoice_reminder, fee.c.id.label("fee_id"), fee.c.number, fee.c.total_minor, fee.c.currency)
        .outerjoin(fee, fee.c.id == one.fee_invoice_id)
        .where(one.invoice_id == row.id)
        .order_by(one.stage)
    )
    return [
        ReminderView(
            kind=reminder_kind(sent.stage),
            level=max(sent.stage, OVERDUE),
            due_at=sent.due_at,
            recorded_at=sent.recorded_at,
            open=MoneyView(sent.open_minor, row.currency),
            recipient=sent.recipient if tx.actor.is_staff else None,
            fee_invoice=InvoiceReference(sent.fee_id, sent.number, MoneyView(sent.total_minor, sent.currency))
            if sent.fee_id is not None
            else None,
        )
        for sent in tx.connection.execute(found)
    ]

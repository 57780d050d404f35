"""Writing off what is open of an invoice, and taking that back, also where it is paid after all.

A write-off has no tax: what is owed for tax is corrected by a credit note. Source: product.md section 10.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.drafts import SUBJECT
from workflows.billing.invoicing.parties import lock_party, party_of
from workflows.billing.invoicing.rows import locked_invoice, party_row
from workflows.billing.journals.allocations import allocate, take_back
from workflows.billing.journals.posting import post_write_off
from workflows.commands.billing import ReverseWriteOff, WriteOff
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.languages.texts import gettext
from workflows.notifications.events import publish
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.compiled_statements import next_version

i, a = t.invoice, t.payment_allocation


def write_off_invoice(tx: Transaction, invoice_id: str, command: WriteOff) -> str:
    """Write off all that is open of an issued invoice, for a reason; returns its id.

    It gets no more reminders, and is not processed where a payment is required.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: there is no such invoice.
        StateForbids: it is no issued invoice, or nothing of it is open.
    """
    tx.require(*ISSUERS)
    lock_party(tx, *party_of(party_row(tx, invoice_id)))
    row = locked_invoice(tx, invoice_id)
    if row.kind != "invoice" or row.state != "issued" or not row.open_minor:
        what = gettext("A credit note") if row.kind == "credit_note" else row.number or gettext("A draft")
        raise StateForbids(
            gettext(
                "%(what)s cannot be written off: %(amount)s is owed for it.",
                what=what,
                amount=money_text(0, row.currency),
            ),
            remedy="",
            state=row.state,
        )
    write_off(tx, row, row.open_minor, command.reason, tx.now)
    tx.audit(SUBJECT, invoice_id, "written off", amount=row.open_minor, reason=command.reason)
    data = {"invoice": invoice_id, "number": row.number, "due_on": str(row.due_on)}
    publish(tx, "invoice_written_off", data)
    return invoice_id


def reverse_write_off(tx: Transaction, invoice_id: str, command: ReverseWriteOff) -> str:
    """Take back what was written off of an invoice: it is open again. Returns its id.

    Raises: NotAllowed; NotFound; StateForbids if nothing of it is written off.
    """
    tx.require(*ISSUERS)
    lock_party(tx, *party_of(party_row(tx, invoice_id)))
    row = locked_invoice(tx, invoice_id)
    if not row.written_off_minor:
        raise StateForbids(
            gettext("Nothing of %(number)s is written off.", number=row.number or gettext("a draft")),
            remedy="",
            state=row.state,
        )
    take_write_off_back(tx, row, tx.now)
    details = {"amount": row.written_off_minor, "reason": command.reason}
    tx.audit(SUBJECT, invoice_id, "write-off reversed", **details)
    return invoice_id


def write_off(tx: Transaction, row: Row[Any], amount_minor: int, reason: str, at: datetime) -> None:
    """Write an amount of a locked invoice off, effective at an instant (aware UTC)."""
    allocation_id = allocate(tx, row.id, "write_off", amount_minor, effective_at=at, reason=reason)
    post_write_off(tx, row, amount_minor, allocation_id, at)
    tx.change(
        i,
        row.id,
        open_minor=row.open_minor - amount_minor,
        written_off_minor=row.written_off_minor + amount_minor,
        version=next_version(i),
    )


def take_write_off_back(tx: Transaction, row: Row[Any], at: datetime) -> tuple[Row[Any], str]:
    """Take back all that is written off of a locked invoice, from an instant on (aware UTC).

    Returns its row as it is then, and the reason of the last write-off.
    """
    reason = ""
    for one in _in_force(tx, row.id):
        back_id = take_back(tx, one, at=at)
        post_write_off(tx, row, -one.amount_minor, back_id, at)
        reason = one.reason
    tx.change(
        i,
        row.id,
        open_minor=row.open_minor + row.written_off_minor,
        written_off_minor=0,
        version=next_version(i),
    )
    return locked_invoice(tx, row.id), reason


def written_off_at(tx: Transaction, invoice_id: str) -> datetime | None:
    """When something of an invoice was written off last; None if nothing is."""
    found = select(func.max(a.c.effective_at, type_=Instant())).where(
        a.c.invoice_id == invoice_id, a.c.kind == "write_off"
    )
    at: datetime | None = tx.connection.execute(found).scalar()
    return at


def _in_force(tx: Transaction, invoice_id: str) -> list[Row[Any]]:
    """The write-offs of an invoice that were not taken back, in order."""
    back = a.alias("back")
    found = (
        select(a)
        .outerjoin(back, back.c.reverses_id == a.c.id)
        .where(
            a.c.invoice_id == invoice_id,
            a.c.kind == "write_off",
            a.c.reverses_id.is_(None),
            back.c.id.is_(None),
        )
        .order_by(a.c.id)
    )
    return list(tx.connection.execute(found))

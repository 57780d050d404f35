"""Messages about work entries. Source: product.md sections 7 and 12."""

from typing import Any

from sqlalchemy import Row, select

from engine.quantities import hours_text
from workflows.core.transaction import Transaction
from workflows.notifications.events import publish
from workflows.notifications.messages import send
from workflows.notifications.templates import mail_text
from workflows.store import tables as t


def notify_rejected(tx: Transaction, entry: Row[Any], request: Row[Any], reason: str | None) -> None:
    """Write to the technician of an entry that it was rejected, unless it is the one who rejects it.

    For somebody who can no longer log in, the message is only a record.
    """
    data = {"service_request": request.id, "number": request.number, "work_entry": entry.id}
    publish(tx, "work_rejected", data)
    if entry.technician_id == tx.actor.id:
        return
    user = t.user_account.c
    active = select(user.email).where(user.id == entry.technician_id, user.disabled_at.is_(None))
    zone = tx.settings.zone
    worked = f"{hours_text(entry.worked_minutes)} of {entry.started_at.astimezone(zone):%Y-%m-%d %H:%M}"
    values = {
        "number": request.number,
        "subject": request.subject,
        "author": tx.actor.name,
        "worked": worked,
        "reason": reason or "",
    }
    subject, body = mail_text(tx, "work_rejected", values)
    send(
        tx,
        "work_rejected",
        recipient=tx.connection.execute(active).scalar(),
        subject=subject,
        body=body,
        about=("service_request", request.id),
        payload={"number": request.number, "work_entry": entry.id, "reason": reason},
    )

"""Messages about work entries. Source: product.md sections 7 and 12."""

from typing import Any

from sqlalchemy import Row, select

from engine.quantities import hours_text
from workflows.core.transaction import Transaction
from workflows.languages.formats import instant_text
from workflows.languages.texts import gettext
from workflows.notifications.events import publish
from workflows.notifications.messages import send
from workflows.notifications.recipients import language_of
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
    address = tx.connection.execute(active).scalar()

    def values() -> dict[str, str]:
        return {
            "number": request.number,
            "subject": request.subject,
            "author": tx.actor.name,
            "worked": gettext(
                "%(time)s of %(start)s",
                time=hours_text(entry.worked_minutes),
                start=instant_text(entry.started_at, tx.settings.zone),
            ),
            "reason": reason or "",
        }

    subject, body = mail_text(tx, "work_rejected", values, language_of(tx, address))
    send(
        tx,
        "work_rejected",
        recipient=address,
        subject=subject,
        body=body,
        about=("service_request", request.id),
        payload={"number": request.number, "work_entry": entry.id, "reason": reason},
    )

"""Messages about work beyond contracts, and about approvals of it. Source: product.md sections 7 and 12."""

from typing import Any

from sqlalchemy import Row, select

from engine.quantities import hours_text
from workflows.core.transaction import Transaction
from workflows.languages.formats import amount_text, instant_text
from workflows.notifications.billing import notify
from workflows.notifications.events import publish
from workflows.notifications.mail_links import APPROVAL_EVENT, PLACEHOLDER
from workflows.notifications.messages import customer_email, send
from workflows.notifications.recipients import languages_of
from workflows.notifications.templates import mail_text
from workflows.store import tables as t


def quantity_text(minutes: int | None, amount_minor: int | None, currency: str | None) -> str:
    """What is approved, for a mail: "2:00", or "EUR 120.00"."""
    if minutes is not None:
        return hours_text(minutes)
    return amount_text(amount_minor or 0, "money", currency)


def notify_asked(tx: Transaction, request: Row[Any], approval: Row[Any], link_id: str) -> None:
    """Write to the approver what is asked, with a link that is made when the mail is sent."""
    notify(
        tx,
        APPROVAL_EVENT,
        recipient=approval.recipient,
        about=("service_request", request.id),
        values=lambda: {
            "number": request.number,
            "subject": request.subject,
            "quantity": quantity_text(approval.minutes, approval.amount_minor, approval.currency),
            "reason": approval.reason,
            "lapses_at": f"{instant_text(approval.lapses_at, tx.settings.zone)} ({tx.settings.time_zone})",
            "link": PLACEHOLDER,
            "company": tx.settings.company.name,
        },
        data=_data(request, approval),
        link=link_id,
        party=("customer", request.customer_id),
    )


def notify_answered(
    tx: Transaction,
    request: Row[Any],
    approval: Row[Any],
    answer: str,
    *,
    quantity: str,
    name: str,
    comment: str,
) -> None:
    """Write to who asked what the customer answered, where that user can still log in."""
    user = t.user_account.c
    asker = select(user.email).where(user.id == approval.asked_by_id, user.disabled_at.is_(None))
    own = approval.asked_by_id is not None and approval.asked_by_id == tx.actor.id
    notify(
        tx,
        f"approval_{answer}",
        recipient=None if own else tx.connection.execute(asker).scalar(),
        about=("service_request", request.id),
        values=lambda: {
            "number": request.number,
            "subject": request.subject,
            "quantity": quantity,
            "name": name,
            "comment": comment,
        },
        data=_data(request, approval),
    )


def notify_beyond(tx: Transaction, row: Any, contract: str, minutes: int) -> None:
    """Write to the customer that work goes past what a contract pays, by whole minutes.

    `row` is the entry's as it is drawn.
    """
    subject = _subject(tx, row.id)
    notify(
        tx,
        "work_beyond",
        recipient=customer_email(tx, row.customer_id),
        about=("service_request", row.id),
        values=lambda: {
            "number": row.number,
            "subject": subject,
            "contract": contract,
            "time": hours_text(minutes),
        },
        data={"service_request": row.id, "number": row.number, "contract": contract},
        party=("customer", row.customer_id),
    )


def notify_beyond_approval(tx: Transaction, row: Any, entry_id: str, minutes: int, reason: str) -> None:
    """Write to the supervisors that whole minutes of work were logged beyond what the customer has approved.

    One more message, without a recipient, is the event itself.
    """
    user = t.user_account.c
    in_role = select(user.email).where(user.role == "supervisor", user.disabled_at.is_(None))
    addresses = tx.connection.execute(in_role.order_by(user.email)).scalars().all()
    languages = languages_of(tx, addresses)
    values = {
        "number": row.number,
        "subject": _subject(tx, row.id),
        "author": tx.actor.name,
        "time": hours_text(minutes),
        "reason": reason,
    }
    data = {"service_request": row.id, "number": row.number, "work_entry": entry_id}
    for address in (None, *addresses):
        code = languages.get(address or "")
        subject, body = mail_text(tx, "work_beyond_approval", values, *([code] if code else []))
        send(
            tx,
            "work_beyond_approval",
            recipient=address,
            subject=subject,
            body=body,
            about=("service_request", row.id),
            payload=data,
        )
    publish(tx, "work_beyond_approval", data)


def _subject(tx: Transaction, request_id: str) -> str:
    r = t.service_request.c
    return str(tx.connection.execute(select(r.subject).where(r.id == request_id)).scalar_one())


def _data(request: Row[Any], approval: Row[Any]) -> dict[str, Any]:
    return {"service_request": request.id, "number": request.number, "approval": approval.id}

"""The outbox as an administrator sees it: messages, their recipients, and failed deliveries.

A job delivers them (`workflows/notifications/delivery.py`). Source: product.md section 12.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, select

from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.service_requests import MailState

o = t.outbox
FAILED = and_(o.c.delivered_at.is_(None), o.c.last_error.is_not(None))
STATES = {
    "failed": FAILED,
    "waiting": and_(o.c.delivered_at.is_(None), o.c.next_attempt_at.is_not(None)),
    "given_up": and_(o.c.delivered_at.is_(None), o.c.next_attempt_at.is_(None)),
    "delivered": and_(
        o.c.delivered_at.is_not(None), o.c.recipient.is_not(None), o.c.delivered_by.is_distinct_from("log")
    ),
    "logged": o.c.delivered_by == "log",
}


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message. A message without a recipient is only a record, and for webhooks.

    `delivered_by` is smtp, or log if there was no mail server; None without a recipient, or where it was not
    recorded yet. `attachment` is the name of the file that goes with it.
    """

    id: str
    event: str
    recipient: str | None
    subject: str
    body: str
    subject_kind: str | None
    subject_id: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    attempts: int
    delivered_at: datetime | None
    delivered_by: str | None
    last_error: str | None
    attachment: str | None = None


def list_outbox(
    tx: Transaction,
    *,
    state: str | None = None,
    q: str | None = None,
    event: str | None = None,
    order: str = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[MessageView]:
    """A page of messages; `state` is failed, waiting, given_up, delivered or logged.

    Raises: NotAllowed unless the actor is an administrator; InvalidInput for `state`, `order` or `cursor`.
    """
    tx.require("administrator")
    statement = select(o)
    if state is not None:
        if state not in STATES:
            raise invalid(
                "/state",
                gettext("%(state)s is not a valid state.", state=repr(state)),
                gettext("Use one of %(states)s.", states=", ".join(STATES)),
            )
        statement = statement.where(STATES[state])
    if event is not None:
        statement = statement.where(o.c.event == event)
    if q:
        statement = statement.where(matches(q, o.c.subject, o.c.recipient))
    orders = {"created_at": Sort(o.c.created_at)}
    return read_page(
        tx,
        statement,
        _view,
        orders=orders,
        by_id=o.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def send_again(tx: Transaction, message_id: str) -> str:
    """Queue an undelivered message for the next delivery, with all its attempts; returns its id.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such message.
        StateForbids: it has been delivered.
    """
    tx.require("administrator")
    row = tx.connection.execute(select(o).where(o.c.id == message_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such message."))
    if row.delivered_at is not None:
        raise StateForbids(
            gettext("The message has already been delivered."), remedy=gettext("Nothing needs to be done.")
        )
    tx.change(o, message_id, next_attempt_at=tx.real_now, attempts=0)
    return message_id


def mail_state(row: Row[Any]) -> MailState:
    """What became of a message that is addressed to somebody."""
    if row.delivered_at is not None:
        return "logged" if row.delivered_by == "log" else "delivered"
    if row.next_attempt_at is None:
        return "given_up"
    return "failed" if row.last_error is not None else "waiting"


def _view(row: Row[Any]) -> MessageView:
    document = row.payload.get("document")
    return MessageView(
        id=row.id,
        event=row.event,
        recipient=row.recipient,
        subject=row.subject,
        body=row.body,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        attempts=row.attempts,
        delivered_at=row.delivered_at,
        delivered_by=row.delivered_by,
        last_error=row.last_error,
        attachment=f"{document['number']}.pdf" if document else None,
    )

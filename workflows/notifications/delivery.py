"""Delivery of the outbox: by SMTP if it is configured, else to the log; at least once, with back-off.

A message is claimed by postponing its next attempt, so that no two processes send it, and another one tries
again if the first one dies. Whatever goes wrong with one message is stored with it, and the others are sent.
A document that goes with a mail is made for each attempt, one at a time, and stored nowhere.
Source: product.md sections 11 and 12.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, case, literal, or_, select, update

from workflows.core.actors import SYSTEM
from workflows.core.clock import CLOCK_SKEW
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.notifications.mail import (
    TIMEOUT_SECONDS,
    Attachment,
    Mail,
    MailServer,
    ServerUnreachable,
    read_smtp_url,
    send,
)
from workflows.notifications.mail_links import LinkGone, text_to_send
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.erasure_triggers import is_address_of_erased

log = structlog.get_logger()
Attach = Callable[[Desk, str], Attachment]
"""Makes the file of an invoice or a credit note, by its id."""
CLAIMED_FOR = timedelta(minutes=5)
BATCH = 10
"""Claimed at once: even if each one times out, in connecting and in sending, the claims have not expired."""
MOST_BATCHES = 20
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
MOST_ATTEMPTS = 12
LONGEST_ERROR = 500
assert timedelta(seconds=TIMEOUT_SECONDS) * BATCH < CLAIMED_FOR


def deliver_outbox(desk: Desk, at: datetime, attach: Attach | None = None) -> int:
    """Send the messages that are due by real time, with their documents; returns how many were delivered.

    If the mail server cannot be reached, the rest waits for the next run.
    """
    server = read_smtp_url(desk.smtp_url) if desk.smtp_url else None
    delivered = 0
    for _ in range(MOST_BATCHES):
        rows = desk.perform(SYSTEM, _claim, job="deliver_outbox")
        failures = [failure for row in rows if (failure := _deliver(desk, row, server, attach)) is not None]
        delivered += len(rows) - len(failures)
        if len(rows) < BATCH or any(isinstance(failure, ServerUnreachable) for failure in failures):
            break
    return delivered


def _claim(tx: Transaction) -> list[Row[Any]]:
    o = t.outbox
    due = (
        select(o.c.id)
        .where(or_(o.c.next_attempt_at <= tx.real_now, _was_set_by_a_clock_ahead(tx)))
        .order_by(o.c.next_attempt_at, o.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    ids = tx.connection.execute(due).scalars().all()
    if not ids:
        return []
    claimed = (
        update(o)
        .where(o.c.id.in_(ids))
        .values(next_attempt_at=tx.real_now + CLAIMED_FOR, attempts=o.c.attempts + 1)
    )
    rows = tx.connection.execute(claimed.returning(o)).all()
    return sorted(rows, key=lambda row: row.id)


def _was_set_by_a_clock_ahead(tx: Transaction) -> ColumnElement[bool]:
    """Whether a message waits for longer than it may: its next attempt was set before the clock was set back.

    It may wait for the claim of a process that sends it, or for the pause after its last failure.
    """
    o = t.outbox
    latest = tx.real_now + CLOCK_SKEW
    longest = case(
        *(
            (o.c.attempts == number, literal(latest + _longest_wait(number), Instant))
            for number in range(MOST_ATTEMPTS)
        ),
        else_=literal(latest + LONGEST_PAUSE, Instant),
    )
    return (o.c.next_attempt_at > latest) & (o.c.next_attempt_at > longest)


def _longest_wait(attempts: int) -> timedelta:
    return max(CLAIMED_FOR, _pause_after(attempts)) if attempts else timedelta(0)


def _pause_after(attempts: int) -> timedelta:
    """The pause after that many failed attempts, at least one."""
    return min(FIRST_PAUSE * (1 << (attempts - 1)), LONGEST_PAUSE)


def _deliver(desk: Desk, row: Row[Any], server: MailServer | None, attach: Attach | None) -> Exception | None:
    """Send one message and store the result; returns what went wrong."""
    failure = _send(desk, row, server, attach)
    if isinstance(failure, LinkGone):
        set_aside = partial(_set_aside, row=row, reason=str(failure))
        desk.perform(SYSTEM, set_aside, job="deliver_outbox", repeatable=True)
        return failure
    delivered_by = None if not row.recipient else "log" if server is None else "smtp"
    error = None if failure is None else _in_words(failure)
    # The mail is sent: storing that is retried, since otherwise it would be sent again.
    store = partial(_store_attempt, row=row, error=error, delivered_by=delivered_by)
    desk.perform(SYSTEM, store, job="deliver_outbox", repeatable=True)
    if error is not None:
        log.warning("mail not delivered", message=row.id, attempts=row.attempts, error=error)
    return failure


def _set_aside(tx: Transaction, *, row: Row[Any], reason: str) -> None:
    """Give up a mail whose link would no longer work."""
    tx.change(t.outbox, row.id, next_attempt_at=None, last_error=reason)


def _send(desk: Desk, row: Row[Any], server: MailServer | None, attach: Attach | None) -> Exception | None:
    if not row.recipient:
        return None
    if is_address_of_erased(row.recipient):
        return LinkGone("Its recipient has been erased.")
    if server is None:
        log.info("mail", recipient=row.recipient, subject=row.subject)
        return None
    try:
        body = text_to_send(desk, row.event, row.body, row.payload.get("link"))
        document = row.payload.get("document")
        attachment = attach(desk, document["invoice"]) if document and attach is not None else None
        send(server, Mail(row.id, row.recipient, row.subject, body, row.created_at, attachment))
    except Exception as failure:  # noqa: BLE001 -- whatever is wrong with one message must not stop the others
        return failure
    return None


def _store_attempt(tx: Transaction, *, row: Row[Any], error: str | None, delivered_by: str | None) -> None:
    if error is None:
        tx.change(
            t.outbox,
            row.id,
            delivered_at=tx.real_now,
            delivered_by=delivered_by,
            next_attempt_at=None,
            last_error=None,
        )
        return
    again = tx.real_now + _pause_after(row.attempts) if row.attempts < MOST_ATTEMPTS else None
    tx.change(t.outbox, row.id, next_attempt_at=again, last_error=error)


def _in_words(failure: Exception) -> str:
    """An error as text that every database can store."""
    text = f"{type(failure).__name__}: {failure}"[:LONGEST_ERROR]
    return "".join(char if char.isprintable() else " " for char in text)

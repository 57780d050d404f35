"""Delivery of the outbox: by SMTP if it is configured, else to the log; at least once, with back-off.

A message is claimed by postponing its next attempt, so that no two processes send it, and another one tries
again if the first one dies. Source: product.md sections 11 and 12.
"""

import smtplib
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy import ColumnElement, Row, case, literal, or_, select, update

from workflows.core.actors import SYSTEM
from workflows.core.clock import CLOCK_SKEW
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Instant

log = structlog.get_logger()
BATCH = 200
CLAIMED_FOR = timedelta(minutes=5)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
MOST_ATTEMPTS = 12
TIMEOUT_SECONDS = 20


class Sender(Protocol):
    """Sends one message. Raises: OSError or smtplib.SMTPException if that fails."""

    def send(self, recipient: str, subject: str, body: str) -> None: ...


class LogSender:
    """Writes the message to the log, for a desk without a mail server."""

    def send(self, recipient: str, subject: str, body: str) -> None:
        log.info("mail", recipient=recipient, subject=subject)


class SmtpSender:
    """Sends by the server in `smtp://user:password@host:port/?from=desk@example.com` (or `smtps:`)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or "localhost"
        self.tls = parts.scheme == "smtps"
        self.port = parts.port or (465 if self.tls else 25)
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self.sender = unquote(parts.query.removeprefix("from=")) or f"coverdesk@{self.host}"

    def send(self, recipient: str, subject: str, body: str) -> None:
        message = EmailMessage()
        message["From"], message["To"] = self.sender, recipient
        message["Subject"] = " ".join(subject.split())
        message.set_content(body)
        connect = smtplib.SMTP_SSL if self.tls else smtplib.SMTP
        with connect(self.host, self.port, timeout=TIMEOUT_SECONDS) as server:
            if self.user:
                if not self.tls:
                    server.starttls()
                server.login(self.user, self.password)
            server.send_message(message)


def deliver_outbox(desk: Desk, at: datetime) -> int:
    """Send the messages that are due by real time; returns how many were delivered."""
    sender: Sender = SmtpSender(desk.smtp_url) if desk.smtp_url else LogSender()
    return sum(_deliver(desk, row, sender) for row in desk.perform(SYSTEM, _claim, job="deliver_outbox"))


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


def _deliver(desk: Desk, row: Row[Any], sender: Sender) -> int:
    error = None
    if row.recipient:
        try:
            sender.send(row.recipient, row.subject, row.body)
        except (OSError, smtplib.SMTPException) as failure:
            error = f"{type(failure).__name__}: {failure}"[:500]
    # the mail is sent: storing that is retried, since otherwise it would be sent again
    store = partial(_store_attempt, row=row, error=error)
    desk.perform(SYSTEM, store, job="deliver_outbox", repeatable=True)
    if error is None:
        return 1
    log.warning("mail not delivered", message=row.id, attempts=row.attempts, error=error)
    return 0


def _store_attempt(tx: Transaction, *, row: Row[Any], error: str | None) -> None:
    if error is None:
        tx.change(t.outbox, row.id, delivered_at=tx.real_now, next_attempt_at=None, last_error=None)
        return
    again = tx.real_now + _pause_after(row.attempts) if row.attempts < MOST_ATTEMPTS else None
    tx.change(t.outbox, row.id, next_attempt_at=again, last_error=error)

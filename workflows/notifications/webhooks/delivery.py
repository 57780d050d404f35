"""The job that delivers webhooks: at least once, in order for each endpoint, with back-off and a limit.

One process at a time delivers to an endpoint: it claims the endpoint, sends what is first in its queue, and
stores what came of it before it sends the next. A process that dies leaves its claim, which runs out; what it
was sending is sent again with the same `webhook-id`. A delivery that fails is tried again, and those behind
it wait; after the last attempt it is set aside. Several endpoints are served side by side, so that a slow one
delays no other. Source: product.md sections 11 and 12.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Row, delete, or_, select, update
from standardwebhooks import Webhook

from workflows.core.actors import SYSTEM
from workflows.core.clock import CLOCK_SKEW
from workflows.core.config_version import bump_generation
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.languages.formats import instant_text
from workflows.languages.texts import SOURCE, gettext, in_language
from workflows.notifications.messages import notify_administrators
from workflows.notifications.webhooks.addresses import UnusableUrl, read_target
from workflows.notifications.webhooks.endpoints import signing_secrets
from workflows.notifications.webhooks.sending import MOST_SECONDS, Sent, post
from workflows.store import tables as t
from workflows.store.column_types import text_constant
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

log = structlog.get_logger()
JOB = "deliver_webhooks"
CLAIMED_FOR = timedelta(minutes=2)
"""Longer than an attempt takes, resolving the name included; renewed with each delivery."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 900, 1800, 3600, 7200))
"""The pause after each failed attempt; after one more, nearly four hours later, a delivery is set aside."""
MOST_ATTEMPTS = len(PAUSES) + 1
DISABLED_AFTER = timedelta(days=3)
"""An endpoint that has failed for so long is disabled when the next delivery is set aside."""
SIDE_BY_SIDE = 8
MOST_IN_A_RUN = 200
LONGEST_RUN_SECONDS = 30
"""For one endpoint in one run of the job, which ends when the last one does."""
STORED_FOR = timedelta(days=30)
GONE = 410
USER_AGENT = "Coverdesk"
WAITING = text_constant("waiting")
"""In the text of a statement: SQLite uses the partial index of what waits only then."""
assert timedelta(seconds=2 * MOST_SECONDS) < CLAIMED_FOR

endpoint, delivery, attempt = t.webhook_endpoint, t.webhook_delivery, t.webhook_attempt


@dataclass(frozen=True, slots=True)
class Claimed:
    """The first delivery of an endpoint's queue, and what it takes to send it."""

    delivery: Row[Any]
    url: str
    secrets: tuple[str, ...]


def deliver_webhooks(desk: Desk, at: datetime) -> int:
    """Send what is due by real time to every endpoint; returns how many were delivered."""
    with desk.read(SYSTEM) as tx:
        ids = tx.connection.execute(_with_something_due(tx)).scalars().all()
    if not ids:
        return 0
    with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(ids)), thread_name_prefix="webhooks") as pool:
        return sum(pool.map(partial(_serve, desk), ids))


def delete_old_deliveries(tx: Transaction) -> int:
    """Delete the deliveries that are older than they are stored for; returns how many."""
    old = select(delivery.c.id).where(delivery.c.created_at < tx.real_now - STORED_FOR)
    tx.connection.execute(delete(attempt).where(attempt.c.delivery_id.in_(old)))
    return int(tx.connection.execute(delete(delivery).where(delivery.c.id.in_(old))).rowcount)


# ------------------------------------------------------------------ one endpoint


def _serve(desk: Desk, endpoint_id: str) -> int:
    """Send an endpoint's queue in order until nothing is due; returns how many were delivered."""
    claim, start, delivered = new_id(), monotonic(), 0
    for _ in range(MOST_IN_A_RUN):
        take = partial(_take_first, endpoint_id=endpoint_id, claim=claim)
        claimed = desk.perform(SYSTEM, take, job=JOB, repeatable=True)
        if claimed is None:
            return delivered
        sent = _send(desk, claimed)
        store = partial(_store, claimed=claimed, attempt_id=new_id(), sent=sent)
        desk.perform(SYSTEM, store, job=JOB, repeatable=True)
        delivered += sent.error is None
        if monotonic() - start > LONGEST_RUN_SECONDS:
            break
    desk.perform(SYSTEM, partial(_release, endpoint_id=endpoint_id, claim=claim), job=JOB, repeatable=True)
    return delivered


def _send(desk: Desk, claimed: Claimed) -> Sent:
    row = claimed.delivery
    try:
        # it may have been saved by a program, or with settings, that allowed more
        target = read_target(claimed.url, desk.webhook_hosts)
    except UnusableUrl as error:
        return Sent(0, error=f"The URL cannot be used: {error}")
    now = desk.clock.now()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": row.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(one).sign(row.id, now, row.body) for one in claimed.secrets),
    }
    return post(target, row.body.encode(), headers, desk.webhook_hosts)


# ------------------------------------------------------------------ what is stored


def _with_something_due(tx: Transaction) -> Any:
    """The enabled endpoints that nobody has claimed and whose first delivery is due, as a query.

    The first delivery of each is looked up by index, however many wait behind it.
    """
    first_at = (
        select(delivery.c.next_attempt_at)
        .where(delivery.c.endpoint_id == endpoint.c.id, delivery.c.state == WAITING)
        .order_by(delivery.c.place)
        .limit(1)
        .scalar_subquery()
    )
    due = _is_due(tx, first_at)
    return select(endpoint.c.id).where(_is_open(), _is_free(tx), due).order_by(first_at, endpoint.c.id)


def _is_open() -> ColumnElement[bool]:
    return endpoint.c.disabled_at.is_(None) & endpoint.c.deleted_at.is_(None)


def _is_free(tx: Transaction) -> ColumnElement[bool]:
    """Whether no process that is alive has claimed the endpoint.

    A claim that lasts longer than any does was made before the clock was set back.
    """
    until = endpoint.c.claimed_until
    return or_(until.is_(None), until <= tx.real_now, until > tx.real_now + CLAIMED_FOR + CLOCK_SKEW)


def _is_due(tx: Transaction, at: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(at <= tx.real_now, at > tx.real_now + PAUSES[-1] + CLOCK_SKEW)


def _take_first(tx: Transaction, *, endpoint_id: str, claim: str) -> Claimed | None:
    """Claim the endpoint, or renew the claim, and return its first delivery.

    None, and no claim, if that is not due, if another process has the endpoint, or if it is disabled.
    """
    ours = (endpoint.c.id == endpoint_id, or_(endpoint.c.claimed_by == claim, _is_free(tx)), _is_open())
    renewed = {"claimed_by": claim, "claimed_until": tx.real_now + CLAIMED_FOR}
    claiming = update(endpoint).where(*ours).values(**renewed).returning(endpoint.c.url)
    url = tx.connection.execute(claiming).scalar()
    if url is None:
        _release(tx, endpoint_id=endpoint_id, claim=claim)
        return None
    waiting = (delivery.c.endpoint_id == endpoint_id, delivery.c.state == WAITING)
    is_due = _is_due(tx, delivery.c.next_attempt_at).label("is_due")
    first = select(delivery, is_due).where(*waiting).order_by(delivery.c.place).limit(1)
    row = tx.connection.execute(first).one_or_none()
    if row is None or not row.is_due:
        _release(tx, endpoint_id=endpoint_id, claim=claim)
        return None
    return Claimed(row, url, tuple(one.secret for one in signing_secrets(tx, endpoint_id)))


def _release(tx: Transaction, *, endpoint_id: str, claim: str) -> None:
    ours = (endpoint.c.id == endpoint_id, endpoint.c.claimed_by == claim)
    tx.connection.execute(update(endpoint).where(*ours).values(claimed_by=None, claimed_until=None))


def _store(tx: Transaction, *, claimed: Claimed, attempt_id: str, sent: Sent) -> None:
    """Store an attempt and what follows from it; a second time it changes nothing."""
    row = claimed.delivery
    receiver = tx.connection.execute(
        # whoever publishes an event meanwhile refers to it, and need not wait
        select(endpoint).where(endpoint.c.id == row.endpoint_id).with_for_update(key_share=True)
    ).one()
    now = tx.connection.execute(
        select(delivery).where(delivery.c.id == row.id).with_for_update()
    ).one_or_none()
    stored = select(attempt.c.id).where(attempt.c.id == attempt_id)
    if now is None or tx.connection.execute(stored).one_or_none() is not None:
        return
    tx.add(
        attempt,
        id=attempt_id,
        delivery_id=row.id,
        at=tx.real_now,
        milliseconds=sent.milliseconds,
        status=sent.status,
        error=sent.error,
        response=sent.response,
    )
    # another process may have sent it as well, if this one was stopped for longer than its claim
    if now.state == "waiting" and now.place == row.place:
        _settle(tx, receiver, now, sent)


def _settle(tx: Transaction, receiver: Row[Any], row: Row[Any], sent: Sent) -> None:
    attempts = row.attempts + 1
    if sent.error is None:
        done = {"state": "delivered", "delivered_at": tx.real_now, "next_attempt_at": None}
        tx.change(delivery, row.id, attempts=attempts, **done)
        if receiver.failing_since is not None:
            tx.change(endpoint, receiver.id, failing_since=None)
        return
    log.warning("webhook not delivered", webhook=receiver.id, delivery=row.id, error=sent.error)
    if receiver.failing_since is None:
        tx.change(endpoint, receiver.id, failing_since=tx.real_now)
    if attempts < MOST_ATTEMPTS and sent.status != GONE:
        tx.change(delivery, row.id, attempts=attempts, next_attempt_at=tx.real_now + PAUSES[attempts - 1])
        return
    tx.change(delivery, row.id, attempts=attempts, state="set_aside", next_attempt_at=None)
    fails_since = receiver.failing_since or tx.real_now
    if sent.status == GONE:
        _disable(tx, receiver, "gone", lambda: gettext("It answered that it is gone for good (410)."))
    elif tx.real_now - fails_since >= DISABLED_AFTER:
        _disable(
            tx,
            receiver,
            "failures",
            lambda: gettext(
                "It has failed since %(instant)s UTC: %(error)s",
                instant=instant_text(fails_since, ZoneInfo("UTC")),
                error=sent.error,
            ),
        )


def _disable(tx: Transaction, receiver: Row[Any], by: str, why: Callable[[], str]) -> None:
    """Disable an endpoint, and write that to the administrators."""
    if receiver.disabled_at is not None or receiver.deleted_at is not None:
        return
    disabled = {"disabled_at": tx.real_now, "disabled_by": by}
    tx.change(endpoint, receiver.id, version=next_version(endpoint), **disabled)
    with in_language(SOURCE):
        tx.audit("webhook", receiver.id, "webhook disabled", reason=why())
    bump_generation(tx)
    notify_administrators(
        tx,
        "webhook_disabled",
        lambda: {"url": receiver.url, "why": why()},
        about=("webhook", receiver.id),
    )

"""Webhooks, their deliveries and the types of events, as administrators see them."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Row, func, or_, select

from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.notifications.events import EVENT_TYPES, TEST_EVENT
from workflows.notifications.webhooks.endpoints import ADMINISTRATOR, signing_secrets
from workflows.store import tables as t
from workflows.store.tables.webhooks import DELIVERY_STATES
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.webhooks import (
    AttemptView,
    DeliveryDetail,
    DeliveryView,
    EventTypeView,
    SecretView,
    WebhookView,
    WebhookWithSecret,
)

LATEST_ATTEMPTS = 50
e, d, a = t.webhook_endpoint.c, t.webhook_delivery.c, t.webhook_attempt.c


def list_webhooks(
    tx: Transaction,
    *,
    order: str = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[WebhookView]:
    """A page of endpoints. Raises: NotAllowed unless the actor is an administrator; InvalidInput."""
    tx.require(ADMINISTRATOR)
    return read_page(
        tx,
        select(t.webhook_endpoint).where(e.deleted_at.is_(None)),
        lambda row: _view(tx, row),
        orders={"created_at": Sort(e.created_at), "url": Sort(e.url)},
        by_id=e.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def read_webhook(tx: Transaction, endpoint_id: str) -> WebhookView:
    """One endpoint. Raises: NotAllowed; NotFound."""
    return _view(tx, _endpoint(tx, endpoint_id))


def with_secret(tx: Transaction, endpoint_id: str, secret: str) -> WebhookWithSecret:
    """An endpoint with its new secret. Raises: NotAllowed; NotFound."""
    view = read_webhook(tx, endpoint_id)
    return WebhookWithSecret(**{one.name: getattr(view, one.name) for one in fields(view)}, secret=secret)


def list_failing(tx: Transaction) -> list[WebhookView]:
    """The endpoints that fail, and those that were disabled because they failed. Raises: NotAllowed."""
    tx.require(ADMINISTRATOR)
    fails = or_(e.failing_since.is_not(None), e.disabled_by.in_(("failures", "gone")))
    found = select(t.webhook_endpoint).where(fails, e.deleted_at.is_(None)).order_by(e.created_at, e.id)
    return [_view(tx, row) for row in tx.connection.execute(found).all()]


def list_deliveries(
    tx: Transaction,
    endpoint_id: str,
    *,
    state: str | None = None,
    event: str | None = None,
    order: str = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[DeliveryView]:
    """A page of an endpoint's deliveries, each with its last attempt.

    Raises: NotAllowed; NotFound; InvalidInput for `state`, `order` or `cursor`.
    """
    _endpoint(tx, endpoint_id)
    statement = select(t.webhook_delivery).where(d.endpoint_id == endpoint_id)
    if state is not None:
        if state not in DELIVERY_STATES:
            known = ", ".join(DELIVERY_STATES)
            raise invalid(
                "/state",
                gettext("%(state)s is not a valid state.", state=repr(state)),
                gettext("Use one of %(known)s.", known=known),
            )
        statement = statement.where(d.state == state)
    if event is not None:
        statement = statement.where(d.event == event)
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders={"created_at": Sort(d.created_at)},
        by_id=d.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    attempts = _attempts(tx, [row.id for row in page.items])
    return page.with_items([_delivery(row, attempts[row.id]) for row in page.items])


def read_delivery(tx: Transaction, endpoint_id: str, delivery_id: str) -> DeliveryDetail:
    """One delivery with what is sent and its latest attempts. Raises: NotAllowed; NotFound."""
    _endpoint(tx, endpoint_id)
    found = select(t.webhook_delivery).where(d.id == delivery_id, d.endpoint_id == endpoint_id)
    row = tx.connection.execute(found).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such delivery."))
    latest = select(t.webhook_attempt).where(a.delivery_id == delivery_id).order_by(a.at.desc(), a.id.desc())
    return DeliveryDetail(
        id=row.id,
        webhook=row.endpoint_id,
        event=row.event,
        state=row.state,
        created_at=row.created_at,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        payload=json.loads(row.body),
        latest_attempts=[_attempt(one) for one in tx.connection.execute(latest.limit(LATEST_ATTEMPTS)).all()],
    )


def list_event_types(tx: Transaction) -> list[EventTypeView]:
    """The types of events that endpoints can get. Raises: NotAllowed."""
    tx.require(ADMINISTRATOR)
    types = sorted(EVENT_TYPES.values(), key=lambda one: one.name)
    return [EventTypeView(one.name, one.when, list(one.fields)) for one in (*types, TEST_EVENT)]


def _endpoint(tx: Transaction, endpoint_id: str) -> Row[Any]:
    tx.require(ADMINISTRATOR)
    found = select(t.webhook_endpoint).where(e.id == endpoint_id, e.deleted_at.is_(None))
    row = tx.connection.execute(found).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such webhook."))
    return row


def _view(tx: Transaction, row: Row[Any]) -> WebhookView:
    unsent = (d.endpoint_id == row.id, d.state.in_(("waiting", "set_aside")))
    counted = select(d.state, func.count().label("deliveries")).where(*unsent).group_by(d.state)
    counts = {one.state: one.deliveries for one in tx.connection.execute(counted)}
    return WebhookView(
        id=row.id,
        url=row.url,
        description=row.description,
        events=row.events,
        enabled=row.disabled_at is None,
        disabled_at=row.disabled_at,
        disabled_by=row.disabled_by,
        failing_since=row.failing_since,
        waiting=counts.get("waiting", 0),
        set_aside=counts.get("set_aside", 0),
        secrets=[SecretView(one.created_at, one.expires_at) for one in signing_secrets(tx, row.id)],
        created_at=row.created_at,
        created_by=row.created_by,
        version=row.version,
    )


def _attempts(tx: Transaction, delivery_ids: Sequence[str]) -> dict[str, AttemptView | None]:
    """The last attempt of each delivery."""
    found: dict[str, AttemptView | None] = defaultdict(lambda: None)
    rows = select(t.webhook_attempt).where(a.delivery_id.in_(delivery_ids)).order_by(a.at, a.id)
    for row in tx.connection.execute(rows):
        found[row.delivery_id] = _attempt(row)
    return found


def _delivery(row: Row[Any], last: AttemptView | None) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        event=row.event,
        state=row.state,
        created_at=row.created_at,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        last_attempt=last,
    )


def _attempt(row: Row[Any]) -> AttemptView:
    return AttemptView(row.at, row.milliseconds, row.status, row.error, row.response)

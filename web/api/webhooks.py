"""API routes of webhooks.

A secret is in the response that creates it, and in the one that is stored with an idempotency key; the desk
stores it anyway, since it signs with it.
"""

from typing import Literal

from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
from workflows.commands.webhooks import ChangeWebhook, NewWebhook, RotateSecret
from workflows.core.transaction import Transaction
from workflows.notifications.webhooks import endpoints, queries
from workflows.views import Page
from workflows.views.webhooks import (
    DeliveryDetail,
    DeliveryView,
    EventTypeView,
    Replayed,
    WebhookView,
    WebhookWithSecret,
)

webhooks = RouteGroup("Webhooks")


class WebhooksQuery(ListQuery):
    """Paging of webhooks; `order` is created_at or url."""


class DeliveriesQuery(ListQuery):
    """Filters of deliveries: a state, and a type of event."""

    state: Literal["waiting", "delivered", "set_aside"] | None = None
    event: Text | None = None


@webhooks.post("/webhooks", status=201)
def create_webhook(tx: Transaction, command: NewWebhook) -> WebhookWithSecret:
    """Add an endpoint. For administrators.

    Its `secret` is in this response alone; deliveries are signed with it by Standard Webhooks. The URL is
    one of https and of a public host, unless the deployment allows the host by name.
    """
    webhook_id, secret = endpoints.create_webhook(tx, command)
    return queries.with_secret(tx, webhook_id, secret)


@webhooks.get("/webhooks")
def list_webhooks(tx: Transaction, query: WebhooksQuery) -> Page[WebhookView]:
    """List the endpoints, the newest first. For administrators."""
    return queries.list_webhooks(tx, **query.given())


@webhooks.get("/webhooks/{webhook}")
def read_webhook(tx: Transaction, webhook: str) -> WebhookView:
    """Return one endpoint, with how many deliveries wait and were set aside."""
    return queries.read_webhook(tx, webhook)


@webhooks.patch("/webhooks/{webhook}")
def change_webhook(
    tx: Transaction, webhook: str, command: ChangeWebhook, expected_version: int | None
) -> WebhookView:
    """Change an endpoint: its URL, its types of events, or whether it is enabled."""
    endpoints.change_webhook(tx, webhook, command, expected_version=expected_version)
    return queries.read_webhook(tx, webhook)


@webhooks.delete("/webhooks/{webhook}")
def delete_webhook(tx: Transaction, webhook: str) -> None:
    """Remove an endpoint and its secrets: nothing more is sent to it."""
    endpoints.delete_webhook(tx, webhook)


@webhooks.post("/webhooks/{webhook}/rotate-secret")
def rotate_webhook_secret(tx: Transaction, webhook: str, command: RotateSecret) -> WebhookWithSecret:
    """Give an endpoint a new secret. Until the overlap is over, deliveries have both signatures."""
    return queries.with_secret(tx, webhook, endpoints.rotate_secret(tx, webhook, command))


@webhooks.post("/webhooks/{webhook}/test", status=201)
def test_webhook(tx: Transaction, webhook: str) -> DeliveryDetail:
    """Queue an event of the type webhook.test for this endpoint alone."""
    return queries.read_delivery(tx, webhook, endpoints.send_test(tx, webhook))


@webhooks.get("/webhooks/{webhook}/deliveries")
def list_webhook_deliveries(tx: Transaction, webhook: str, query: DeliveriesQuery) -> Page[DeliveryView]:
    """List an endpoint's deliveries of the last 30 days, the newest first, each with its last attempt."""
    return queries.list_deliveries(tx, webhook, **query.given())


@webhooks.get("/webhooks/{webhook}/deliveries/{delivery}")
def read_webhook_delivery(tx: Transaction, webhook: str, delivery: str) -> DeliveryDetail:
    """Return one delivery with its payload and its latest attempts."""
    return queries.read_delivery(tx, webhook, delivery)


@webhooks.post("/webhooks/{webhook}/deliveries/{delivery}/replay")
def replay_webhook_delivery(tx: Transaction, webhook: str, delivery: str) -> DeliveryDetail:
    """Send a delivery again, after those that wait, with the same `webhook-id`."""
    return queries.read_delivery(tx, webhook, endpoints.replay_delivery(tx, webhook, delivery))


@webhooks.post("/webhooks/{webhook}/replay")
def replay_webhook(tx: Transaction, webhook: str) -> Replayed:
    """Send every delivery that was set aside again, in order."""
    return Replayed(endpoints.replay_set_aside(tx, webhook))


@webhooks.get("/webhook-events")
def list_webhook_events(tx: Transaction) -> Page[EventTypeView]:
    """List the types of events, when each is sent, and the fields of its `data`."""
    return Page(queries.list_event_types(tx), None)

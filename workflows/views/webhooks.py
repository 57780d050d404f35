"""Webhooks as they are shown."""

from datetime import datetime
from typing import Any, Literal

from workflows.views.base import View, view

DisabledBy = Literal["administrator", "failures", "gone"]
DeliveryState = Literal["waiting", "delivered", "set_aside"]


@view
class SecretView(View):
    """A secret that signs, without its text; the newest one has no `expires_at`."""

    created_at: datetime
    expires_at: datetime | None


@view
class WebhookView(View):
    """An endpoint. `events` are the types that it gets; None for all.

    `disabled_by` says who disabled it: an administrator, repeated `failures`, or a receiver that answered
    that it is `gone`. `failing_since` is the first failure after the last success. `waiting` and `set_aside`
    count deliveries.
    """

    id: str
    url: str
    description: str
    events: list[str] | None
    enabled: bool
    disabled_at: datetime | None
    disabled_by: DisabledBy | None
    failing_since: datetime | None
    waiting: int
    set_aside: int
    secrets: list[SecretView]
    created_at: datetime
    created_by: str
    version: int


@view
class WebhookWithSecret(WebhookView):
    """An endpoint whose newest `secret` was just created: its text is shown only this once."""

    secret: str


@view
class AttemptView(View):
    """An attempt to deliver. `status` is that of the response, `response` its beginning; either may lack."""

    at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    response: str | None


@view
class DeliveryView(View):
    """An event for one endpoint. The id is its `webhook-id`; `last_attempt` is None before the first one."""

    id: str
    event: str
    state: DeliveryState
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_attempt: AttemptView | None


@view
class DeliveryDetail(View):
    """A delivery with its `payload`, and the latest attempts, the last one first."""

    id: str
    webhook: str
    event: str
    state: DeliveryState
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    payload: dict[str, Any]
    latest_attempts: list[AttemptView]


@view
class EventTypeView(View):
    """A type of event: when it is sent, and the fields of its `data`."""

    type: str
    when: str
    fields: list[str]


@view
class Replayed(View):
    """How many deliveries were queued again."""

    queued: int

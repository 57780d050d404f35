"""What administrators do with webhooks: add, change and remove endpoints, rotate secrets, test and replay."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, update

from workflows.commands.webhooks import ChangeWebhook, NewWebhook, RotateSecret
from workflows.core.actors import Role
from workflows.core.config_version import bump_generation
from workflows.core.errors import NotFound, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.notifications.events import TEST_EVENT, TYPE_NAMES, delivery_row
from workflows.notifications.webhooks.addresses import UnusableUrl, read_target
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

ADMINISTRATOR: Role = "administrator"
SECRET_PREFIX, SECRET_BYTES = "whsec_", 32
MOST_SECRETS = 4
"""Signatures that a delivery has at most: each is in its header."""

endpoint, secret, delivery = t.webhook_endpoint, t.webhook_secret, t.webhook_delivery


def create_webhook(tx: Transaction, command: NewWebhook) -> tuple[str, str]:
    """Add an endpoint; returns its id and its secret, which no other call returns.

    Raises: NotAllowed; InvalidInput for a URL that is not public, and for an unknown type of event.
    """
    tx.require(ADMINISTRATOR)
    _require_usable(tx, command.url)
    endpoint_id = new_id()
    tx.add(
        endpoint,
        id=endpoint_id,
        url=command.url,
        description=command.description,
        events=_known_types(command.events),
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    text = _add_secret(tx, endpoint_id)
    tx.audit("webhook", endpoint_id, "webhook created", url=command.url)
    bump_generation(tx)
    return endpoint_id, text


def change_webhook(
    tx: Transaction, endpoint_id: str, command: ChangeWebhook, *, expected_version: int | None = None
) -> str:
    """Change an endpoint; returns its id. One that is enabled again is tried at once.

    Raises: NotAllowed; NotFound; VersionChanged; InvalidInput as `create_webhook`.
    """
    tx.require(ADMINISTRATOR)
    row = lock_endpoint(tx, endpoint_id)
    if expected_version is not None and row.version != expected_version:
        raise VersionChanged(
            gettext("The webhook has been changed since it was read."), remedy=gettext("Read it again.")
        )
    given = command.given()
    changes: dict[str, Any] = {}
    if command.url is not None:
        _require_usable(tx, command.url)
        changes["url"] = command.url
    if command.description is not None:
        changes["description"] = command.description
    if "events" in given:
        changes["events"] = _known_types(command.events)
    if command.enabled is not None and command.enabled != (row.disabled_at is None):
        disabled = {"disabled_at": tx.real_now, "disabled_by": ADMINISTRATOR}
        enabled = {"disabled_at": None, "disabled_by": None, "failing_since": None}
        changes |= enabled if command.enabled else disabled
        if command.enabled:
            _try_now(tx, endpoint_id)
    changes = {name: value for name, value in changes.items() if value != getattr(row, name)}
    if changes:
        tx.change(endpoint, endpoint_id, version=next_version(endpoint), **changes)
        shown = {name: value for name, value in given.items() if value is not None or name == "events"}
        tx.audit("webhook", endpoint_id, "webhook changed", **shown)
        bump_generation(tx)
    return endpoint_id


def delete_webhook(tx: Transaction, endpoint_id: str) -> None:
    """Remove an endpoint: it gets nothing more, and its secrets are deleted. Raises: NotAllowed; NotFound."""
    tx.require(ADMINISTRATOR)
    row = lock_endpoint(tx, endpoint_id)
    tx.change(endpoint, endpoint_id, deleted_at=tx.real_now, version=next_version(endpoint))
    tx.connection.execute(secret.delete().where(secret.c.endpoint_id == endpoint_id))
    tx.audit("webhook", endpoint_id, "webhook removed", url=row.url)
    bump_generation(tx)


def rotate_secret(tx: Transaction, endpoint_id: str, command: RotateSecret) -> str:
    """Give an endpoint a new secret and return its text; the ones before it sign until the overlap is over.

    Raises: NotAllowed; NotFound; StateForbids while too many secrets sign.
    """
    tx.require(ADMINISTRATOR)
    lock_endpoint(tx, endpoint_id)
    ends_at = tx.real_now + timedelta(hours=command.overlap_hours)
    of_endpoint = secret.c.endpoint_id == endpoint_id
    tx.connection.execute(update(secret).where(of_endpoint, _signs_after(ends_at)).values(expires_at=ends_at))
    if len(signing_secrets(tx, endpoint_id)) >= MOST_SECRETS:
        raise StateForbids(
            gettext(
                "%(most_secrets)s secrets of this webhook sign at the same time already.",
                most_secrets=MOST_SECRETS,
            ),
            remedy=gettext(
                "Wait until one expires, or rotate with an overlap of 0 hours, which ends them at once."
            ),
        )
    text = _add_secret(tx, endpoint_id)
    tx.audit("webhook", endpoint_id, "webhook secret rotated", overlap_hours=command.overlap_hours)
    return text


def send_test(tx: Transaction, endpoint_id: str) -> str:
    """Queue a test event for an endpoint, whatever types it gets; returns the id of the delivery.

    Raises: NotAllowed; NotFound; StateForbids if the endpoint is disabled.
    """
    tx.require(ADMINISTRATOR)
    _require_enabled(lock_endpoint(tx, endpoint_id))
    row = delivery_row(tx, TEST_EVENT, {"webhook": endpoint_id}, endpoint_id)
    tx.add(delivery, **row)
    tx.audit("webhook", endpoint_id, "webhook tested", delivery=row["id"])
    return str(row["id"])


def replay_delivery(tx: Transaction, endpoint_id: str, delivery_id: str) -> str:
    """Queue a delivery again behind those that wait, with all its attempts and the same `webhook-id`.

    Raises: NotAllowed; NotFound; StateForbids if it is waiting already, or the endpoint is disabled.
    """
    tx.require(ADMINISTRATOR)
    _require_enabled(lock_endpoint(tx, endpoint_id))
    of_endpoint = (delivery.c.id == delivery_id, delivery.c.endpoint_id == endpoint_id)
    row = tx.connection.execute(select(delivery).where(*of_endpoint).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such delivery."))
    if row.state == "waiting":
        raise StateForbids(
            gettext("The delivery is waiting to be sent already."),
            remedy=gettext("Nothing needs to be done."),
        )
    _queue(tx, delivery_id)
    tx.audit("webhook", endpoint_id, "webhook delivery replayed", delivery=delivery_id)
    return delivery_id


def replay_set_aside(tx: Transaction, endpoint_id: str) -> int:
    """Queue every delivery that was set aside again, in their order; returns how many.

    Raises: NotAllowed; NotFound; StateForbids if the endpoint is disabled.
    """
    tx.require(ADMINISTRATOR)
    _require_enabled(lock_endpoint(tx, endpoint_id))
    aside = (delivery.c.endpoint_id == endpoint_id, delivery.c.state == "set_aside")
    ids = tx.connection.execute(
        select(delivery.c.id).where(*aside).order_by(delivery.c.place).with_for_update()
    ).scalars()
    queued = [_queue(tx, one) for one in ids.all()]
    if queued:
        tx.audit("webhook", endpoint_id, "webhook deliveries replayed", deliveries=len(queued))
    return len(queued)


def lock_endpoint(tx: Transaction, endpoint_id: str) -> Row[Any]:
    """An endpoint's row, locked until the transaction ends. Raises: NotFound, also if it was removed."""
    found = select(endpoint).where(endpoint.c.id == endpoint_id, endpoint.c.deleted_at.is_(None))
    row = tx.connection.execute(found.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such webhook."))
    return row


def signing_secrets(tx: Transaction, endpoint_id: str) -> list[Row[Any]]:
    """The secrets that sign now, by real time, the newest first."""
    rows = tx.connection.execute(
        select(secret)
        .where(secret.c.endpoint_id == endpoint_id, _signs_after(tx.real_now))
        .order_by(secret.c.created_at.desc(), secret.c.id.desc())
    )
    return list(rows)


def _signs_after(at: datetime) -> ColumnElement[bool]:
    """SQL: a secret still signs after an instant (aware UTC)."""
    return or_(secret.c.expires_at.is_(None), secret.c.expires_at > at)


def _queue(tx: Transaction, delivery_id: str) -> str:
    again = {"state": "waiting", "attempts": 0, "next_attempt_at": tx.real_now, "delivered_at": None}
    tx.change(delivery, delivery_id, place=new_id(), **again)
    return delivery_id


def _try_now(tx: Transaction, endpoint_id: str) -> None:
    waiting = (delivery.c.endpoint_id == endpoint_id, delivery.c.state == "waiting")
    tx.connection.execute(update(delivery).where(*waiting).values(attempts=0, next_attempt_at=tx.real_now))


def _add_secret(tx: Transaction, endpoint_id: str) -> str:
    text = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    tx.add(secret, id=new_id(), endpoint_id=endpoint_id, secret=text, created_at=tx.real_now)
    return text


def _require_enabled(row: Row[Any]) -> None:
    if row.disabled_at is not None:
        raise StateForbids(gettext("The webhook is disabled."), remedy=gettext("Enable it first."))


def _require_usable(tx: Transaction, url: str) -> None:
    try:
        read_target(url, tx.runner.webhook_hosts)
    except UnusableUrl as error:
        raise invalid("/url", str(error)) from error


def _known_types(events: list[str] | None) -> list[str] | None:
    """The types in alphabetical order, each once. Raises: InvalidInput."""
    for index, name in enumerate(events or ()):
        if name not in TYPE_NAMES:
            known = ", ".join(TYPE_NAMES)
            raise invalid(
                f"/events/{index}",
                gettext("%(name)s is not a type of event.", name=repr(name)),
                gettext("Use some of %(known)s.", known=known),
            )
    return sorted(set(events)) if events is not None else None

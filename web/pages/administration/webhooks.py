"""Webhooks: endpoints, what was sent to them, secrets, tests and replays."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import InputRequired

from web.languages import Texts, gettext, lazy_text, mark, mark_in
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import (
    ActionForm,
    DeskForm,
    EditingForm,
    KeyedForm,
    attempt_once,
    succeeds,
    succeeds_once,
)
from web.pages.forms.fields import CheckboxesField, select_options
from web.pages.layout.list_links import keep_list
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from workflows.commands.webhooks import ChangeWebhook, NewWebhook, RotateSecret
from workflows.core.secret_texts import secret_hash
from workflows.core.transaction import Transaction
from workflows.notifications.events import EVENT_TYPES
from workflows.notifications.webhooks.endpoints import (
    change_webhook,
    create_webhook,
    delete_webhook,
    replay_delivery,
    replay_set_aside,
    rotate_secret,
    send_test,
)
from workflows.notifications.webhooks.queries import (
    list_deliveries,
    list_webhooks,
    read_delivery,
    read_webhook,
)
from workflows.views.webhooks import WebhookView

VIEWS = Texts(
    {
        "": mark_in("deliveries", "All"),
        "waiting": mark("Waiting"),
        "delivered": mark_in("deliveries", "Delivered"),
        "set_aside": mark("Set aside"),
    }
)
WEBHOOKS_CSV = [
    "id",
    "url",
    "description",
    "events",
    "enabled",
    "disabled_by",
    "failing_since",
    "waiting",
    "set_aside",
    "created_at",
    "created_by",
]
CSV_HEADER = [
    "id",
    "event",
    "state",
    "created_at",
    "attempts",
    "delivered_at",
    "status",
    "milliseconds",
    "error",
]
TYPES = [(one.name, one.name) for one in sorted(EVENT_TYPES.values(), key=lambda one: one.name)]
WHEN_SENT = {one.name: one.when for one in EVENT_TYPES.values()}
OVERLAPS = Texts(
    {
        "24": mark("24 hours"),
        "168": mark("7 days"),
        "1": mark("1 hour"),
        "0": mark("not at all: the old secret stops at once"),
    }
)

pages = Blueprint("webhooks", __name__, url_prefix="/webhooks")
keep_list(pages, "webhook_id")


class NewWebhookForm(KeyedForm):
    url = StringField(
        lazy_text("URL"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text(
            "Begins with https:// and names a public host, for example https://example.com/hooks."
        ),
    )
    description = StringField(
        lazy_text("Description"), description=lazy_text("For your own reference: what receives the events.")
    )
    events = CheckboxesField(
        lazy_text("Events"), choices=select_options(TYPES), description=lazy_text("Choose none to get all.")
    )


class WebhookForm(NewWebhookForm, EditingForm):
    enabled = BooleanField(
        lazy_text("Enabled"), description=lazy_text("While it is disabled, events are not written for it.")
    )


class RotateForm(KeyedForm):
    overlap_hours = SelectField(
        lazy_text("Both secrets sign for"), choices=lambda: select_options(OVERLAPS.items()), default="24"
    )


@pages.get("")
def webhooks() -> str | Response:
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(partial(list_webhooks, tx))
            return csv_response("webhooks", WEBHOOKS_CSV, [_webhook_row(one) for one in rows])
        page = list_webhooks(tx, **counted_page())
    return render_template("administration/webhooks/index.html", page=page)


@pages.route("/new", methods=["GET", "POST"])
def new() -> tuple[str, int] | str:
    require_role("administrator")
    form = NewWebhookForm()
    if form.is_submitted():
        command = form.checked_command(NewWebhook, _typed(form))
        created: dict[str, str] = {}
        webhook_id = command and attempt_once(form, lambda tx: _create(tx, command, created), command)
        if webhook_id:
            return _with_secret(webhook_id, created.get(webhook_id))
    return render_template("administration/webhooks/new.html", form=form, when_sent=WHEN_SENT), (
        422 if form.has_errors else 200
    )


@pages.get("/<webhook_id>")
def show(webhook_id: str) -> str | Response:
    if wants_csv():
        return _csv(webhook_id)
    return _page(webhook_id)


@pages.route("/<webhook_id>/edit", methods=["GET", "POST"])
def edit(webhook_id: str) -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        webhook = read_webhook(tx, webhook_id)
    stored = {
        "url": webhook.url,
        "description": webhook.description,
        "events": webhook.events or [],
        "enabled": webhook.enabled,
    }
    form = WebhookForm(data={**stored, "seen": json.dumps(stored)})
    if form.validate_on_submit():
        wanted = {
            **_typed(form),
            "description": form.description.data or "",
            "enabled": bool(form.enabled.data),
        }
        changes = form.changes(stored, {**wanted, "events": form.events.data or []})
        if not form.has_errors and _is_changed(form, webhook_id, changes):
            flash(gettext("Saved."), "success")
            return redirect(url_for("webhooks.show", webhook_id=webhook_id))
    return render_template(
        "administration/webhooks/edit.html", form=form, webhook=webhook, when_sent=WHEN_SENT
    ), (422 if form.has_errors else 200)


@pages.post("/<webhook_id>/test")
def test(webhook_id: str) -> Response:
    done = gettext("A test event was queued. It is sent within seconds, after those already waiting.")
    return _act(webhook_id, lambda tx: send_test(tx, webhook_id), done)


@pages.post("/<webhook_id>/rotate")
def rotate(webhook_id: str) -> str | Response:
    """Show the new secret in the response itself: it is not stored in the session, and never shown again."""
    require_role("administrator")
    form = RotateForm()
    command = form.checked_command(RotateSecret, {"overlap_hours": int(form.overlap_hours.data or 24)})
    created: dict[str, str] = {}
    made = command and attempt_once(form, lambda tx: _rotate(tx, webhook_id, command, created), command)
    if made:
        return _with_secret(webhook_id, created.get(made))
    return _back(webhook_id, form)


@pages.post("/<webhook_id>/replay")
def replay_all(webhook_id: str) -> Response:
    done = gettext("Everything that was set aside is sent again, in order.")
    return _act(webhook_id, lambda tx: replay_set_aside(tx, webhook_id), done)


@pages.post("/<webhook_id>/remove")
def remove(webhook_id: str) -> Response:
    require_role("administrator")
    form = ActionForm()
    if form.validate_on_submit() and succeeds_once(form, lambda tx: delete_webhook(tx, webhook_id)):
        flash(gettext("The webhook was removed."), "success")
        return redirect(url_for("webhooks.webhooks"))
    return _back(webhook_id, form)


@pages.get("/<webhook_id>/deliveries/<delivery_id>")
def delivery(webhook_id: str, delivery_id: str) -> str:
    with desk().read(actor()) as tx:
        webhook = read_webhook(tx, webhook_id)
        found = read_delivery(tx, webhook_id, delivery_id)
    return render_template(
        "administration/webhooks/delivery.html",
        webhook=webhook,
        delivery=found,
        payload=json.dumps(found.payload, indent=2, ensure_ascii=False),
        action_form=ActionForm(formdata=None),
    )


@pages.post("/<webhook_id>/deliveries/<delivery_id>/replay")
def replay(webhook_id: str, delivery_id: str) -> Response:
    done = gettext("The event is sent again within seconds, after those already waiting.")
    return _act(webhook_id, lambda tx: replay_delivery(tx, webhook_id, delivery_id), done)


def _create(tx: Transaction, command: NewWebhook, created: dict[str, str]) -> str:
    """Create a webhook; returns its id, which may be stored as its secret, added to `created`, may not."""
    webhook_id, secret = create_webhook(tx, command)
    created[webhook_id] = secret
    return webhook_id


def _rotate(tx: Transaction, webhook_id: str, command: RotateSecret, created: dict[str, str]) -> str:
    """Create a new secret and add it to `created`; returns its hash, by which it is found there."""
    secret = rotate_secret(tx, webhook_id, command)
    created[secret_hash(secret)] = secret
    return secret_hash(secret)


def _with_secret(webhook_id: str, secret: str | None) -> str:
    """The page with a secret; None if it was created by an earlier submit of the same form."""
    if secret is None:
        flash(gettext("The secret was created already. Rotate it if you have not seen it."), "warning")
    return _page(webhook_id, new_secret=secret)


def _page(webhook_id: str, new_secret: str | None = None) -> str:
    filters = query_filters("state", "event")
    with desk().read(actor()) as tx:
        webhook = read_webhook(tx, webhook_id)
        page = list_deliveries(tx, webhook_id, **filters, **counted_page())
    return render_template(
        "administration/webhooks/show.html",
        webhook=webhook,
        page=page,
        filters=filters,
        views=VIEWS,
        new_secret=new_secret,
        action_form=ActionForm(formdata=None),
        rotate_form=RotateForm(formdata=None),
    )


def _webhook_row(one: WebhookView) -> list[Any]:
    return [
        one.id,
        one.url,
        one.description,
        " ".join(one.events or []),
        one.enabled,
        one.disabled_by,
        one.failing_since.isoformat() if one.failing_since else None,
        one.waiting,
        one.set_aside,
        one.created_at.isoformat(),
        one.created_by,
    ]


def _csv(webhook_id: str) -> Response:
    filters = query_filters("state", "event")
    with desk().read(actor()) as tx:
        rows = all_rows(lambda **at: list_deliveries(tx, webhook_id, **filters, **at))
        table = [
            [
                one.id,
                one.event,
                one.state,
                one.created_at.isoformat(),
                one.attempts,
                one.delivered_at.isoformat() if one.delivered_at else None,
                one.last_attempt.status if one.last_attempt else None,
                one.last_attempt.milliseconds if one.last_attempt else None,
                one.last_attempt.error if one.last_attempt else None,
            ]
            for one in rows
        ]
    return csv_response("webhook-deliveries", CSV_HEADER, table)


def _typed(form: NewWebhookForm) -> dict[str, Any]:
    return {"url": form.url.data, "description": form.description.data, "events": form.events.data}


def _is_changed(form: WebhookForm, webhook_id: str, changes: dict[str, Any]) -> bool:
    """Save the changes, if there are any; None of the types means all."""
    if "events" in changes and not changes["events"].value:
        changes["events"].value = None
    command = form.command(ChangeWebhook, changes)
    # not once for its key: a form that is sent again finds nothing left to change
    return command is not None and succeeds(form, lambda tx: change_webhook(tx, webhook_id, command))


def _act(webhook_id: str, use_case: Callable[[Transaction], object], done: str) -> Response:
    """Run a use case for a button of the page, and say what was done or why not."""
    require_role("administrator")
    form = ActionForm()
    if form.validate_on_submit() and succeeds_once(form, use_case):
        flash(done, "success")
    return _back(webhook_id, form)


def _back(webhook_id: str, form: DeskForm) -> Response:
    for message in form.form_errors:
        flash(message, "error")
    return redirect(url_for("webhooks.show", webhook_id=webhook_id))

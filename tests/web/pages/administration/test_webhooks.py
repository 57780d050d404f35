"""The pages of webhooks: add one, read its secret once, test, replay, rotate, edit and remove it."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from tests.support.webhook_receiver import HOST, Receiver, webhook_receiver
from workflows.jobs.definitions import run_job
from workflows.notifications.webhooks.delivery import DISABLED_AFTER
from workflows.store import tables as t

SECRET = re.compile(r"whsec_[\w+/=]+")


@pytest.fixture
def receiver(web: WebClients) -> Iterator[Receiver]:
    web.sample.desk.webhook_hosts = frozenset({HOST})
    with webhook_receiver() as server:
        yield server


def add(web: WebClients, url: str, **fields: str) -> Page:
    page = web.administrator.open("/webhooks/new")
    return web.administrator.send(page, url=url, **fields)


def webhook_of(web: WebClients) -> str:
    [row] = web.sample.rows(t.webhook_endpoint)
    return f"/webhooks/{row.id}"


def test_the_way_of_a_webhook(web: WebClients, receiver: Receiver) -> None:
    assert "No webhooks yet" in web.administrator.open("/webhooks")
    added = add(web, receiver.url(), description="The data warehouse")
    [secret] = SECRET.findall(added.text)
    shown = web.administrator.open(webhook_of(web))
    assert "whsec_" not in shown.html
    assert "The data warehouse" in shown
    assert "No deliveries" in shown
    tested = web.administrator.send(shown, "/test")
    assert "A test event was queued." in tested
    assert "webhook.test" in tested
    run_job(web.sample.desk, "deliver_webhooks")
    [payload] = receiver.payloads(secret)
    assert payload["type"] == "webhook.test"
    listed = web.administrator.open(webhook_of(web))
    assert "Answered 204." in listed
    [delivery] = web.sample.rows(t.webhook_delivery)
    detail = web.administrator.open(f"{webhook_of(web)}/deliveries/{delivery.id}")
    assert '"type": "webhook.test"' in detail
    again = web.administrator.send(detail, "/replay")
    assert "The event is sent again within seconds" in again
    run_job(web.sample.desk, "deliver_webhooks")
    assert receiver.ids == [delivery.id] * 2
    export = web.administrator.client.get(f"{webhook_of(web)}?format=csv").get_data(as_text=True)
    assert f"{delivery.id},webhook.test,delivered," in export
    assert receiver.url() in web.administrator.open("/webhooks")


def test_a_new_secret_is_shown_once(web: WebClients, receiver: Receiver) -> None:
    [first] = SECRET.findall(add(web, receiver.url()).text)
    page = web.administrator.open(webhook_of(web))
    rotated = web.administrator.send(page, "/rotate", overlap_hours="1")
    [second] = SECRET.findall(rotated.text)
    assert first != second
    assert "signs until" in rotated
    repeated = web.administrator.send(page, "/rotate", overlap_hours="1")
    assert "whsec_" not in repeated.html
    assert "The secret was created already." in repeated
    web.administrator.send(rotated, "/test")
    run_job(web.sample.desk, "deliver_webhooks")
    assert receiver.payloads(first) == receiver.payloads(second)


def test_what_is_typed_wrong_is_said_at_its_field(web: WebClients) -> None:
    for url in ("http://127.0.0.1/", "https://localhost/", "desk", ""):
        page = add(web, url, description="The data warehouse")
        assert page.status == 422
        assert page.form().values["description"] == "The data warehouse"
    assert web.sample.rows(t.webhook_endpoint) == []


def test_it_is_edited_disabled_and_removed(web: WebClients, receiver: Receiver) -> None:
    add(web, receiver.url(), events="sla.breach")
    address = webhook_of(web)
    page = web.administrator.open(f"{address}/edit")
    assert page.form().values["events"] == "sla.breach"
    saved = web.administrator.send(page, description="Pager", enabled=None)
    assert "Disabled" in saved
    assert not saved.has_form("/test")
    [row] = web.sample.rows(t.webhook_endpoint)
    assert (row.description, row.events, row.disabled_by) == ("Pager", ["sla.breach"], "administrator")
    page = web.administrator.open(f"{address}/edit")
    web.administrator.send(page, events=None, enabled="y")
    [row] = web.sample.rows(t.webhook_endpoint)
    assert (row.events, row.disabled_at) == (None, None)
    removed = web.administrator.send(web.administrator.open(address), "/remove")
    assert "The webhook was removed." in removed
    assert web.administrator.open(address).status == 404


def test_failures_are_shown_where_an_administrator_looks(web: WebClients, receiver: Receiver) -> None:
    add(web, receiver.url())
    address = webhook_of(web)
    web.administrator.send(web.administrator.open(address), "/test")
    receiver.statuses[:] = [503] * 99
    run_job(web.sample.desk, "deliver_webhooks")
    assert "Deliveries fail." in web.administrator.open(address)
    assert "The receiver answered 503." in web.administrator.open(f"{address}?state=waiting")
    assert "1 failing or disabled" in web.administrator.open("/")
    web.sample.clock.at += DISABLED_AFTER
    while not web.sample.rows(t.webhook_delivery, state="set_aside"):
        run_job(web.sample.desk, "deliver_webhooks")
        web.sample.clock.at += timedelta(hours=2)
    disabled = web.administrator.open(address)
    assert "nothing could be delivered for days" in disabled
    assert "1 failing or disabled" in web.administrator.open("/")
    page = web.administrator.open(f"{address}/edit")
    receiver.statuses.clear()
    enabled = web.administrator.send(page, enabled="y")
    replayed = web.administrator.send(enabled, f"{address}/replay")
    assert "Everything that was set aside is sent again, in order." in replayed
    run_job(web.sample.desk, "deliver_webhooks")
    assert "failing or disabled" not in web.administrator.open("/")


def test_other_roles_find_no_webhooks(web: WebClients, receiver: Receiver) -> None:
    add(web, receiver.url())
    web.administrator.send(web.administrator.open(webhook_of(web)), "/test")
    [delivery] = web.sample.rows(t.webhook_delivery)
    address = webhook_of(web)
    paths = ("/webhooks", "/webhooks/new", address, f"{address}/edit", f"{address}/deliveries/{delivery.id}")
    for role in ("finance", "supervisor", "technician", "customer"):
        for path in paths:
            assert web.of_role(role).open(path).status == 403, (role, path)

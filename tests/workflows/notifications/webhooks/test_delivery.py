"""Delivery to a real receiver: signatures, order, back-off, setting aside, disabling, and time limits."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from tests.support.builders import DeskFixture
from tests.support.certificates import issue
from tests.support.webhook_receiver import HOST, Receiver, webhook_receiver
from workflows.commands.webhooks import ChangeWebhook, NewWebhook, RotateSecret
from workflows.core.errors import StateForbids
from workflows.jobs.definitions import run_job
from workflows.notifications.events import publish
from workflows.notifications.webhooks import sending
from workflows.notifications.webhooks.delivery import DISABLED_AFTER, MOST_ATTEMPTS, PAUSES, STORED_FOR
from workflows.notifications.webhooks.endpoints import (
    change_webhook,
    create_webhook,
    delete_webhook,
    replay_delivery,
    replay_set_aside,
    rotate_secret,
    send_test,
)
from workflows.notifications.webhooks.queries import list_deliveries, read_delivery, read_webhook
from workflows.store import tables as t


class Sender:
    """A desk with one webhook, whose receiver may be asked to fail."""

    def __init__(self, new_desk: DeskFixture, receiver: Receiver) -> None:
        self.desk = new_desk
        self.receiver = receiver
        new_desk.desk.webhook_hosts = frozenset({HOST})
        self.webhook, self.secret = self.add(receiver.url())

    def add(self, url: str, **terms: Any) -> tuple[str, str]:
        return self.desk.do(create_webhook, NewWebhook(url=url, **terms))

    def publish(self, *numbers: str) -> None:
        for number in numbers:
            data = {"contract": f"id of {number}", "number": number, "state": "active"}
            self.desk.do(publish, "contract_activated", data)

    def deliver(self, **later: int) -> int:
        self.desk.clock.move(**later)
        return run_job(self.desk.desk, "deliver_webhooks")

    def fail(self) -> None:
        """Let the receiver fail until one more delivery is set aside."""
        aside = self.view.set_aside
        self.receiver.statuses[:] = [500] * 99
        while self.view.set_aside == aside:
            assert self.deliver(hours=2) == 0
        self.receiver.statuses.clear()

    @property
    def view(self) -> Any:
        return self.desk.see(read_webhook, self.webhook)

    @property
    def deliveries(self) -> list[Any]:
        """The oldest first."""
        return self.desk.see(list_deliveries, self.webhook).items[::-1]

    @property
    def numbers(self) -> list[str]:
        """The contracts of which the receiver heard, in order."""
        return [json.loads(one.body)["data"]["number"] for one in self.receiver.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as server:
        yield server


@pytest.fixture
def sender(bare_desk: DeskFixture, receiver: Receiver) -> Sender:
    return Sender(bare_desk, receiver)


def test_an_event_is_signed_and_sent_once(sender: Sender) -> None:
    sender.publish("SH-1")
    assert (sender.deliver(seconds=1), sender.deliver(minutes=9)) == (1, 0)
    (one,) = sender.receiver.received
    assert one.payload(sender.secret) == {
        "type": "contract.activated",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {"contract": "id of SH-1", "number": "SH-1", "state": "active"},
    }
    assert one.sent_at == sender.desk.clock.now() - timedelta(minutes=9)
    assert (one.path, one.headers["content-type"]) == ("/hooks", "application/json")
    assert one.headers["host"] == f"{HOST}:{sender.receiver.port}"
    (stored,) = sender.deliveries
    assert (stored.id, stored.state, stored.attempts) == (one.id, "delivered", 1)
    assert (stored.last_attempt.status, stored.last_attempt.error) == (204, None)
    assert 0 <= stored.last_attempt.milliseconds < 5000
    with pytest.raises(WebhookVerificationError):
        one.payload(sender.add(sender.receiver.url())[1])


def test_what_fails_is_tried_again_in_order_with_the_same_id(sender: Sender) -> None:
    sender.publish("A", "B")
    sender.receiver.statuses[:] = [500, 404, 302]
    sender.receiver.text = b"out \x00of order\n" + b"x" * 5000
    assert sender.deliver() == 0
    for attempts, pause in enumerate(PAUSES[:2], 1):
        sender.desk.clock.at += pause - timedelta(microseconds=1)
        assert (sender.deliver(), len(sender.receiver.received)) == (0, attempts)
        sender.desk.clock.at += timedelta(microseconds=1)
        assert (sender.deliver(), len(sender.receiver.received)) == (0, attempts + 1)
    assert sender.numbers == ["A"] * 3
    first: Any = sender.desk.see(read_delivery, sender.webhook, sender.receiver.ids[0])
    said = [(one.status, one.error) for one in first.latest_attempts]
    assert said == [
        (302, "The receiver answered 302; redirects are not followed."),
        (404, "The receiver answered 404."),
        (500, "The receiver answered 500."),
    ]
    response = first.latest_attempts[0].response
    assert response.startswith("out  of order\nxxx")
    assert len(response) == sending.MOST_RESPONSE_BYTES
    assert sender.view.failing_since is not None
    assert sender.deliver(minutes=5) == 2
    assert sender.numbers == [*["A"] * 4, "B"]
    assert len(set(sender.receiver.ids[:4])) == 1
    assert sender.view.failing_since is None


def test_redirects_are_not_followed(sender: Sender) -> None:
    with webhook_receiver() as other:
        sender.receiver.location = other.url()
        sender.receiver.statuses[:] = [307]
        sender.publish("A")
        assert sender.deliver() == 0
        assert (len(sender.receiver.received), other.received) == (1, [])


def test_after_all_attempts_it_is_set_aside_and_can_be_replayed(sender: Sender) -> None:
    sender.publish("A", "B")
    sender.fail()
    assert sender.numbers == [*["A"] * MOST_ATTEMPTS, "B"]
    assert [one.state for one in sender.deliveries] == ["set_aside", "waiting"]
    assert (sender.view.waiting, sender.view.set_aside) == (1, 1)
    assert sender.deliver(hours=2) == 1
    aside, sent = sender.deliveries
    sender.desk.do(change_webhook, sender.webhook, ChangeWebhook(enabled=False))
    with pytest.raises(StateForbids, match="disabled"):
        sender.desk.do(replay_delivery, sender.webhook, aside.id)
    sender.desk.do(change_webhook, sender.webhook, ChangeWebhook(enabled=True))
    sender.publish("C")
    sender.desk.do(replay_delivery, sender.webhook, aside.id)
    with pytest.raises(StateForbids, match="waiting"):
        sender.desk.do(replay_delivery, sender.webhook, aside.id)
    assert sender.deliver() == 2
    assert sender.numbers[MOST_ATTEMPTS:] == ["B", "B", "C", "A"]
    assert sender.receiver.ids[-1] == sender.receiver.ids[0] == aside.id
    sender.desk.do(replay_delivery, sender.webhook, sent.id)
    assert sender.deliver() == 1
    assert sender.numbers[-1] == "B"


def test_everything_that_was_set_aside_is_replayed_in_order(sender: Sender) -> None:
    sender.publish("A", "B")
    sender.fail()
    sender.fail()
    assert sender.view.set_aside == 2
    sender.receiver.received.clear()
    assert sender.desk.do(replay_set_aside, sender.webhook) == 2
    assert sender.desk.do(replay_set_aside, sender.webhook) == 0
    assert sender.deliver() == 2
    assert sender.numbers == ["A", "B"]


def test_an_endpoint_that_fails_for_days_is_disabled_and_administrators_hear_of_it(sender: Sender) -> None:
    sender.publish("A", "B", "C")
    sender.fail()
    assert sender.view.enabled
    sender.desk.clock.at += DISABLED_AFTER
    sender.fail()
    view = sender.view
    assert (view.enabled, view.disabled_by, view.set_aside, view.waiting) == (False, "failures", 2, 1)
    mail = [one for one in sender.desk.rows(t.outbox, event="webhook_disabled") if one.recipient]
    assert len(mail) == 1
    assert f"Nothing more is sent to {sender.receiver.url()}. It has failed since 2026-03-02" in mail[0].body
    sender.publish("while disabled")
    sender.receiver.statuses.clear()
    assert sender.deliver(hours=9) == 0
    sender.desk.do(change_webhook, sender.webhook, ChangeWebhook(enabled=True))
    assert sender.deliver() == 1
    assert sender.numbers[-1] == "C"
    assert sender.view.failing_since is None


def test_a_receiver_that_is_gone_is_disabled_at_once(sender: Sender) -> None:
    sender.publish("A")
    sender.receiver.statuses[:] = [410]
    sender.deliver()
    assert (sender.view.disabled_by, sender.view.set_aside) == ("gone", 1)


def test_during_an_overlap_both_secrets_sign(sender: Sender) -> None:
    newer = sender.desk.do(rotate_secret, sender.webhook, RotateSecret(overlap_hours=2))
    sender.publish("A", "B", "C")
    assert sender.deliver(hours=1, minutes=59) == 3
    for one in sender.receiver.received:
        assert one.payload(sender.secret) == one.payload(newer)
        assert len(one.headers["webhook-signature"].split(" ")) == 2
    sender.publish("D")
    assert sender.deliver(minutes=1) == 1
    last = sender.receiver.received[-1]
    last.payload(newer)
    with pytest.raises(WebhookVerificationError):
        last.payload(sender.secret)
    newest = sender.desk.do(rotate_secret, sender.webhook, RotateSecret(overlap_hours=0))
    sender.publish("E")
    sender.deliver()
    last = sender.receiver.received[-1]
    last.payload(newest)
    with pytest.raises(WebhookVerificationError):
        last.payload(newer)


def test_too_many_secrets_at_the_same_time(sender: Sender) -> None:
    for _ in range(3):
        sender.desk.do(rotate_secret, sender.webhook, RotateSecret(overlap_hours=2))
    with pytest.raises(StateForbids, match="4 secrets"):
        sender.desk.do(rotate_secret, sender.webhook, RotateSecret(overlap_hours=2))
    assert len(sender.view.secrets) == 4
    sender.desk.do(rotate_secret, sender.webhook, RotateSecret(overlap_hours=0))
    assert [one.expires_at for one in sender.view.secrets] == [None]


def test_an_endpoint_gets_the_types_that_it_asks_for_and_tests(sender: Sender, receiver: Receiver) -> None:
    other, secret = sender.add(receiver.url("/other"), events=["sla.breach", "sla.warning", "sla.breach"])
    sender.publish("A")
    sender.desk.do(send_test, other)
    assert sender.deliver() == 2
    by_path = {one.path: one for one in receiver.received}
    assert by_path["/other"].payload(secret)["type"] == "webhook.test"
    assert by_path["/other"].payload(secret)["data"] == {"webhook": other}
    assert by_path["/hooks"].payload(sender.secret)["type"] == "contract.activated"
    sender.desk.do(change_webhook, other, ChangeWebhook.model_validate({"events": None}))
    sender.publish("B")
    assert sender.deliver() == 2


def test_a_removed_endpoint_gets_nothing_more(sender: Sender) -> None:
    sender.publish("A")
    sender.desk.do(delete_webhook, sender.webhook)
    sender.publish("B")
    assert (sender.deliver(), sender.receiver.received) == (0, [])
    assert sender.desk.rows(t.webhook_secret) == []
    assert len(sender.desk.rows(t.webhook_delivery)) == 1


def test_nothing_is_published_by_what_is_rolled_back(sender: Sender) -> None:
    def fail(tx: Any) -> None:
        publish(tx, "contract_activated", {"contract": "x", "number": "A", "state": "active"})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        sender.desk.do(fail)
    assert sender.deliver() == 0


def test_old_deliveries_are_deleted_with_their_attempts(sender: Sender) -> None:
    sender.publish("A")
    sender.deliver()
    sender.desk.clock.at += STORED_FOR
    sender.publish("B")
    sender.deliver()
    run_job(sender.desk.desk, "clean_up")
    assert len(sender.deliveries) == 2
    sender.desk.clock.move(seconds=1)
    run_job(sender.desk.desk, "clean_up")
    assert len(sender.deliveries) == len(sender.desk.rows(t.webhook_attempt)) == 1


def test_a_clock_that_is_set_back_stops_no_delivery(sender: Sender) -> None:
    sender.publish("A")
    sender.receiver.statuses[:] = [500]
    sender.deliver()
    sender.desk.clock.move(days=-30)
    assert sender.deliver() == 1


# ------------------------------------------------------------------ receivers that do not behave


@contextmanager
def raw_server(answer: bytes, *, closes: bool = False) -> Iterator[str]:
    """A server that answers each connection with these bytes, and then waits or closes; yields its URL."""
    listening = socket.create_server((HOST, 0))
    open_ones = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            open_ones.append(connection)
            connection.sendall(answer)
            if closes:
                connection.shutdown(socket.SHUT_WR)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://{HOST}:{listening.getsockname()[1]}/"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()
    for one in open_ones:
        one.close()


MISBEHAVING = [
    (b"", False, None, "There was no response within 0.3 seconds."),
    (b"HTTP/1.1 200 OK\r\nX: ", False, None, "There was no response within 0.3 seconds."),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 3, False, None, "There was no response within 0.3 seconds."),
    (b"", True, None, "No valid response: RemoteDisconnected"),
    (b"220 mail.example ESMTP\r\n", True, None, "No valid response: BadStatusLine"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", True, None, "No valid response: HTTPException"),
    (b"HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nbro", True, 500, "The receiver answered 500."),
    (b"HTTP/1.1 204 Done\r\n\r\n", False, 204, None),
    (b"HTTP/1.1 200 Done\r\nContent-Length: 99\r\n\r\nnot yet all", False, 200, None),
]


@pytest.mark.parametrize(("answer", "closes", "status", "error"), MISBEHAVING)
def test_receivers_that_do_not_behave(
    sqlite_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    closes: bool,
    status: int | None,
    error: str | None,
) -> None:
    monkeypatch.setattr(sending, "MOST_SECONDS", 0.3)
    with raw_server(answer, closes=closes) as url, webhook_receiver() as receiver:
        sender = Sender(DeskFixture(sqlite_database_url), receiver)
        sender.desk.do(change_webhook, sender.webhook, ChangeWebhook(url=url))
        sender.publish("A")
        assert sender.deliver() == (error is None)
        (one,) = sender.deliveries
        assert one.last_attempt.status == status
        assert (one.last_attempt.error or "").startswith(error or "")
        assert one.last_attempt.milliseconds < 3000
        sender.desk.close()


def test_a_slow_receiver_delays_no_other(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_SECONDS", 0.5)
    with raw_server(b"") as url:
        slow, _ = sender.add(url)
        sender.publish("A", "B", "C")
        assert sender.deliver() == 3
        listed: Any = sender.desk.see(list_deliveries, slow, order="created_at")
        first, *rest = listed.items
        assert first.last_attempt.error.startswith("There was no response")
        assert [one.last_attempt for one in rest] == [None, None]


def test_nobody_listens(sender: Sender) -> None:
    free = socket.create_server((HOST, 0))
    url = f"http://{HOST}:{free.getsockname()[1]}/"
    free.close()
    sender.desk.do(change_webhook, sender.webhook, ChangeWebhook(url=url))
    sender.publish("A")
    assert sender.deliver() == 0
    assert "Connection refused" in sender.deliveries[0].last_attempt.error


def test_a_host_that_is_no_longer_allowed_is_refused_at_delivery(sender: Sender) -> None:
    sender.publish("A")
    sender.desk.desk.webhook_hosts = frozenset()
    assert (sender.deliver(), sender.receiver.received) == (0, [])
    assert "must begin with https://" in sender.deliveries[0].last_attempt.error


def test_a_name_that_resolves_to_a_private_address_is_not_connected_to(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo
    asked: list[str] = []

    def private(host: str, port: int, **options: Any) -> Any:
        if options.get("flags"):
            return look_up(host, port, **options)
        asked.append(host)
        return look_up(HOST if host == "rebound.example" else host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", private)
    with webhook_receiver() as other:
        url = f"https://rebound.example:{other.port}/"
        sender.desk.do(change_webhook, sender.webhook, ChangeWebhook(url=url))
        sender.publish("A")
        assert sender.deliver() == 0
        assert other.received == []
    # asked once for each attempt: what was checked is what is connected to
    assert asked == ["rebound.example"]
    error = sender.deliveries[0].last_attempt.error
    assert error == f"rebound.example has the address {HOST}, which is not public."


@pytest.mark.parametrize(
    ("name", "trusted"), [("localhost", True), ("localhost", False), ("other.example", True)]
)
def test_the_certificate_must_be_that_of_the_host(
    sqlite_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, trusted: bool
) -> None:
    files = issue(tmp_path, name)
    (tmp_path / "other").mkdir()
    authority = files.authority if trusted else issue(tmp_path / "other", name).authority
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with webhook_receiver(files) as receiver:
        sender = Sender(DeskFixture(sqlite_database_url), receiver)
        sender.desk.desk.webhook_hosts = frozenset({"localhost"})
        url = receiver.url(host="localhost")
        sender.desk.do(change_webhook, sender.webhook, ChangeWebhook(url=url))
        sender.publish("A")
        works = trusted and name == "localhost"
        assert sender.deliver() == works
        if not works:
            assert "certificate verify failed" in sender.deliveries[0].last_attempt.error
        sender.desk.close()

"""Processes that deliver at the same time, or are killed: nothing is lost, sent twice or out of order."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import DeskFixture, FixedClock
from tests.support.concurrency import worker_pool
from tests.support.webhook_receiver import HOST, Receiver, webhook_receiver
from workflows.commands.webhooks import NewWebhook
from workflows.core.desk import Desk
from workflows.notifications.events import publish
from workflows.notifications.webhooks.delivery import CLAIMED_FOR, deliver_webhooks
from workflows.notifications.webhooks.endpoints import create_webhook
from workflows.store import tables as t
from workflows.store.database import Database

CHECKOUT = Path(__file__).resolve().parents[4]
EVENTS = 40
PROGRAM = """
import sys
from tests.workflows.notifications.webhooks.test_at_once import deliver_from
deliver_from(*sys.argv[1:])
"""


def deliver_from(database_url: str, at: str) -> int:
    """Deliver in a process of its own, at an instant; returns how much."""
    desk = Desk(Database(database_url, pool_size=4), FixedClock(FixedClock().at.fromisoformat(at)))
    desk.webhook_hosts = frozenset({HOST})
    try:
        return deliver_webhooks(desk, desk.now())
    finally:
        desk.database.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as server:
        yield server


def publish_to(desk: DeskFixture, receiver: Receiver, *paths: str) -> list[str]:
    """Publish events to an endpoint at each path; returns the ids of the deliveries in their order."""
    desk.desk.webhook_hosts = frozenset({HOST})
    for path in paths:
        desk.do(create_webhook, NewWebhook(url=receiver.url(path)))
    for number in range(EVENTS):
        data = {"contract": "id", "number": str(number), "state": "active"}
        desk.do(publish, "contract_activated", data)
    return [row.id for row in sorted(desk.rows(t.webhook_delivery), key=lambda row: row.place)]


def address(desk: DeskFixture) -> str:
    return desk.desk.database.url.render_as_string(hide_password=False)


def test_two_processes_send_each_once_and_in_order(bare_desk: DeskFixture, receiver: Receiver) -> None:
    written = publish_to(bare_desk, receiver, "/a", "/b", "/c")
    with worker_pool("processes", 2) as pool:
        done = pool.do(deliver_from, address(bare_desk), bare_desk.clock.now().isoformat())
    assert sum(done) == len(written) == 3 * EVENTS
    assert sorted(receiver.ids) == sorted(written)
    for path in ("/a", "/b", "/c"):
        ids = [one.id for one in receiver.received if one.path == path]
        assert ids == sorted(ids)
    assert {row.state for row in bare_desk.rows(t.webhook_delivery)} == {"delivered"}
    assert len(bare_desk.rows(t.webhook_attempt)) == 3 * EVENTS


def test_a_process_that_is_killed_loses_nothing(bare_desk: DeskFixture, receiver: Receiver) -> None:
    written = publish_to(bare_desk, receiver, "/a")
    receiver.hold_after = EVENTS // 2
    arguments = [sys.executable, "-c", PROGRAM, address(bare_desk), bare_desk.clock.now().isoformat()]
    with subprocess.Popen(arguments, cwd=CHECKOUT) as process:
        give_up_at = time.monotonic() + 120
        while len(receiver.received) <= EVENTS // 2 and time.monotonic() < give_up_at:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    receiver.go_on()
    assert len(receiver.received) == EVENTS // 2 + 1
    # its claim has not run out: what it was sending may still arrive
    assert deliver_webhooks(bare_desk.desk, bare_desk.clock.now()) == 0
    bare_desk.clock.at += CLAIMED_FOR
    assert deliver_webhooks(bare_desk.desk, bare_desk.clock.now()) == EVENTS - EVENTS // 2
    assert receiver.ids == [*written[: EVENTS // 2], written[EVENTS // 2], *written[EVENTS // 2 :]]
    assert {row.state for row in bare_desk.rows(t.webhook_delivery)} == {"delivered"}

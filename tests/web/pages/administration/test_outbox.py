"""The outbox page: what was sent, what was only logged, and what failed."""

import pytest

from tests.support.web_clients import WebClients
from workflows.jobs.definitions import run_job
from workflows.notifications.delivery import MOST_ATTEMPTS
from workflows.notifications.messages import send
from workflows.store import tables as t


@pytest.fixture
def written(web: WebClients) -> WebClients:
    """A desk whose outbox has one message to Ann and one that cannot be sent."""
    run_job(web.sample.desk, "deliver_outbox")
    with web.sample.desk.write() as tx:
        for recipient in ("ann@example.com", "nobody"):
            send(tx, "test", recipient=recipient, subject="Hello", body="Text.", about=("desk", "1"))
    return web


def test_without_a_mail_server_nothing_is_called_delivered(written: WebClients) -> None:
    run_job(written.sample.desk, "deliver_outbox")
    page = written.administrator.open("/outbox")
    assert "No mail server is set (COVERDESK_SMTP_URL)." in page
    assert "Written to the log not sent" in page
    assert "Delivered not" not in page
    assert "ann@example.com" in written.administrator.open("/outbox?state=logged")
    assert "ann@example.com" not in written.administrator.open("/outbox?state=delivered")
    home = written.administrator.open("/")
    assert "All delivered" not in home
    assert "No mail server is set, so messages are only written to the log." in home


def test_a_message_that_cannot_be_sent_is_shown_and_retried(written: WebClients) -> None:
    desk = written.sample.desk
    desk.smtp_url = "smtp://127.0.0.1:1"
    for _ in range(MOST_ATTEMPTS):
        run_job(desk, "deliver_outbox")
        written.sample.clock.move(hours=6)
    words = "is not an address that mail can be sent to."
    page = written.administrator.open("/outbox?state=given_up")
    assert f"after {MOST_ATTEMPTS} attempts: UnusableMessage: 'nobody' {words}" in page
    assert "No mail server is set" not in page
    assert "2 failed" in written.administrator.open("/")
    row = next(one for one in written.sample.rows(t.outbox) if one.recipient == "nobody")
    again = written.administrator.send(page, f"/outbox/{row.id}/again")
    assert "The message will be retried with the next delivery." in again
    waiting = written.administrator.open("/outbox?state=waiting")
    assert "nobody" in waiting

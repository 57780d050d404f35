"""Delivery through a real SMTP server: failures of one message, certificates, and a desk without a server."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import DeskFixture
from tests.support.certificates import issue
from tests.support.mail_server import Inbox, Tls, mail_server
from workflows.core.errors import StateForbids
from workflows.notifications.delivery import BATCH, MOST_ATTEMPTS, deliver_outbox
from workflows.notifications.messages import send
from workflows.notifications.outbox import list_outbox, send_again
from workflows.store import tables as t


def write(new_desk: DeskFixture, *recipients: str | None, subject: str = "Hello") -> None:
    with new_desk.desk.write() as tx:
        for recipient in recipients:
            send(tx, "test", recipient=recipient, subject=subject, body="Text.", about=("desk", "1"))


def deliver(new_desk: DeskFixture, *, minutes: int = 0) -> int:
    new_desk.clock.move(minutes=minutes)
    return deliver_outbox(new_desk.desk, new_desk.clock.now())


def outbox(new_desk: DeskFixture) -> dict[str | None, Any]:
    return {row.recipient: row for row in new_desk.rows(t.outbox)}


@pytest.fixture
def inbox(bare_desk: DeskFixture) -> Iterator[Inbox]:
    with mail_server() as server:
        bare_desk.desk.smtp_url = f"smtp://127.0.0.1:{server.port}/?from=desk@example.com"
        yield server


def test_a_message_is_sent_once_with_its_headers(bare_desk: DeskFixture, inbox: Inbox) -> None:
    write(bare_desk, "ann@example.com", subject="Contract SH-1\nis active")
    assert (deliver(bare_desk), deliver(bare_desk, minutes=10)) == (1, 0)
    (envelope,), (message,) = inbox.envelopes, inbox.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("desk@example.com", ["ann@example.com"])
    assert message["Subject"] == "Contract SH-1 is active"
    assert message["Date"].datetime == bare_desk.rows(t.outbox)[0].created_at.replace(microsecond=0)
    assert message.get_content().strip() == "Text."
    assert outbox(bare_desk)["ann@example.com"].delivered_by == "smtp"


def test_a_message_that_cannot_be_sent_stops_no_other(bare_desk: DeskFixture, inbox: Inbox) -> None:
    inbox.refuse = "gone@example.com"
    bad = ["nobody", "=?utf-8?q?ann?=@example.com", "a@b, c@d", "gone@example.com"]
    good = [f"person{number}@example.com" for number in range(2 * BATCH)]
    write(bare_desk, *bad, *good)
    assert deliver(bare_desk) == len(good)
    assert sorted(envelope.rcpt_tos[0] for envelope in inbox.envelopes) == sorted(good)
    stored = outbox(bare_desk)
    for recipient in bad:
        assert (stored[recipient].attempts, stored[recipient].delivered_at) == (1, None)
        assert stored[recipient].last_error
    assert "is not an address that mail can be sent to" in stored["nobody"].last_error
    assert "There is no such mailbox" in stored["gone@example.com"].last_error
    assert [
        one.recipient for one in bare_desk.see(list_outbox, state="failed").items if one.recipient not in bad
    ] == []


def test_after_all_attempts_it_is_set_aside_until_someone_retries(
    bare_desk: DeskFixture, inbox: Inbox
) -> None:
    inbox.refuse = "gone@example.com"
    write(bare_desk, "gone@example.com")
    for _ in range(MOST_ATTEMPTS + 3):
        deliver(bare_desk, minutes=6 * 60)
    (message,) = bare_desk.see(list_outbox, state="given_up").items
    assert (message.attempts, message.next_attempt_at) == (MOST_ATTEMPTS, None)
    inbox.refuse = ""
    assert deliver(bare_desk, minutes=6 * 60) == 0
    bare_desk.do(send_again, message.id)
    assert deliver(bare_desk) == 1
    (message,) = bare_desk.see(list_outbox, state="delivered").items
    assert message.last_error is None
    with pytest.raises(StateForbids):
        bare_desk.do(send_again, message.id)


def test_while_no_server_can_be_reached_few_are_tried(bare_desk: DeskFixture, inbox: Inbox) -> None:
    reachable = bare_desk.desk.smtp_url
    bare_desk.desk.smtp_url = "smtp://127.0.0.1:1"
    recipients = [f"person{number}@example.com" for number in range(3 * BATCH)]
    write(bare_desk, *recipients)
    assert deliver(bare_desk) == 0
    assert sum(row.attempts for row in bare_desk.rows(t.outbox)) == BATCH
    assert "127.0.0.1:1: " in max(row.last_error or "" for row in bare_desk.rows(t.outbox))
    bare_desk.desk.smtp_url = reachable
    assert deliver(bare_desk, minutes=2) == 3 * BATCH


def test_without_a_server_messages_are_only_written_to_the_log(bare_desk: DeskFixture) -> None:
    write(bare_desk, "ann@example.com", None)
    deliver(bare_desk)
    stored = outbox(bare_desk)
    assert (stored["ann@example.com"].delivered_by, stored[None].delivered_by) == ("log", None)
    assert [one.recipient for one in bare_desk.see(list_outbox, state="logged").items] == ["ann@example.com"]
    assert bare_desk.see(list_outbox, state="delivered").items == []


# ------------------------------------------------------------------ TLS


class Certified:
    """A mail server with TLS, reached as localhost, and which authority the desk trusts."""

    def __init__(
        self, new_desk: DeskFixture, folder: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
    ) -> None:
        self.fixture = new_desk
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._stack = stack

    def start(self, tls: Tls, *names: str, trusted: bool = True) -> Inbox:
        files = issue(self._folder, *names)
        (self._folder / "other").mkdir()
        trusted_file = files.authority if trusted else issue(self._folder / "other", *names).authority
        self._monkeypatch.setenv("SSL_CERT_FILE", str(trusted_file))
        inbox = self._stack.enter_context(mail_server(tls, files))
        scheme = "smtps" if tls == "implicit" else "smtp"
        self.fixture.desk.smtp_url = f"{scheme}://desk:secret@localhost:{inbox.port}/?from=desk@example.com"
        write(self.fixture, "ann@example.com")
        return inbox


@pytest.fixture
def certified(
    sqlite_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Certified]:
    new_desk = DeskFixture(sqlite_database_url)
    with ExitStack() as stack:
        yield Certified(new_desk, tmp_path, monkeypatch, stack)
    new_desk.close()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_with_a_verified_certificate_it_logs_in_and_sends(certified: Certified, tls: Tls) -> None:
    inbox = certified.start(tls, "localhost")
    assert deliver(certified.fixture) == 1
    assert inbox.logins == [(b"desk", b"secret")]
    assert len(inbox.envelopes) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.example", True)])
def test_without_one_nothing_is_sent(certified: Certified, tls: Tls, name: str, *, trusted: bool) -> None:
    inbox = certified.start(tls, name, trusted=trusted)
    assert deliver(certified.fixture) == 0
    assert (inbox.logins, inbox.envelopes) == ([], [])
    assert "certificate verify failed" in outbox(certified.fixture)["ann@example.com"].last_error


def test_no_password_is_sent_without_tls(certified: Certified) -> None:
    with mail_server() as inbox:
        certified.fixture.desk.smtp_url = f"smtp://desk:secret@127.0.0.1:{inbox.port}"
        write(certified.fixture, "ann@example.com")
        assert deliver(certified.fixture) == 0
    assert (inbox.logins, inbox.envelopes) == ([], [])
    assert "STARTTLS" in outbox(certified.fixture)["ann@example.com"].last_error

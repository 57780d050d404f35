"""Delivery through a real SMTP server: failures of one message, certificates, and a desk without a server."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import Kit
from tests.support.certificates import issue
from tests.support.mail_server import Inbox, Tls, mail_server
from workflows.core.errors import StateForbids
from workflows.notifications.delivery import BATCH, MOST_ATTEMPTS, deliver_outbox
from workflows.notifications.messages import send
from workflows.notifications.outbox import list_outbox, send_again
from workflows.store import tables as t


def write(kit: Kit, *recipients: str | None, subject: str = "Hello") -> None:
    with kit.desk.write() as tx:
        for recipient in recipients:
            send(tx, "test", recipient=recipient, subject=subject, body="Text.", about=("desk", "1"))


def deliver(kit: Kit, *, minutes: int = 0) -> int:
    kit.clock.move(minutes=minutes)
    return deliver_outbox(kit.desk, kit.clock.now())


def outbox(kit: Kit) -> dict[str | None, Any]:
    return {row.recipient: row for row in kit.rows(t.outbox)}


@pytest.fixture
def inbox(bare_kit: Kit) -> Iterator[Inbox]:
    with mail_server() as server:
        bare_kit.desk.smtp_url = f"smtp://127.0.0.1:{server.port}/?from=desk@example.com"
        yield server


def test_a_message_is_sent_once_with_its_headers(bare_kit: Kit, inbox: Inbox) -> None:
    write(bare_kit, "ann@example.com", subject="Contract SH-1\nis active")
    assert (deliver(bare_kit), deliver(bare_kit, minutes=10)) == (1, 0)
    (envelope,), (message,) = inbox.envelopes, inbox.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("desk@example.com", ["ann@example.com"])
    assert message["Subject"] == "Contract SH-1 is active"
    assert message["Date"].datetime == bare_kit.rows(t.outbox)[0].created_at.replace(microsecond=0)
    assert message.get_content().strip() == "Text."
    assert outbox(bare_kit)["ann@example.com"].delivered_by == "smtp"


def test_a_message_that_cannot_be_sent_stops_no_other(bare_kit: Kit, inbox: Inbox) -> None:
    inbox.refuse = "gone@example.com"
    bad = ["nobody", "=?utf-8?q?ann?=@example.com", "a@b, c@d", "gone@example.com"]
    good = [f"person{number}@example.com" for number in range(2 * BATCH)]
    write(bare_kit, *bad, *good)
    assert deliver(bare_kit) == len(good)
    assert sorted(envelope.rcpt_tos[0] for envelope in inbox.envelopes) == sorted(good)
    stored = outbox(bare_kit)
    for recipient in bad:
        assert (stored[recipient].attempts, stored[recipient].delivered_at) == (1, None)
        assert stored[recipient].last_error
    assert "is not an address that mail can be sent to" in stored["nobody"].last_error
    assert "There is no such mailbox" in stored["gone@example.com"].last_error
    assert [
        one.recipient for one in bare_kit.see(list_outbox, state="failed").items if one.recipient not in bad
    ] == []


def test_after_all_attempts_it_is_set_aside_until_someone_retries(bare_kit: Kit, inbox: Inbox) -> None:
    inbox.refuse = "gone@example.com"
    write(bare_kit, "gone@example.com")
    for _ in range(MOST_ATTEMPTS + 3):
        deliver(bare_kit, minutes=6 * 60)
    (message,) = bare_kit.see(list_outbox, state="given_up").items
    assert (message.attempts, message.next_attempt_at) == (MOST_ATTEMPTS, None)
    inbox.refuse = ""
    assert deliver(bare_kit, minutes=6 * 60) == 0
    bare_kit.do(send_again, message.id)
    assert deliver(bare_kit) == 1
    (message,) = bare_kit.see(list_outbox, state="delivered").items
    assert message.last_error is None
    with pytest.raises(StateForbids):
        bare_kit.do(send_again, message.id)


def test_while_no_server_can_be_reached_few_are_tried(bare_kit: Kit, inbox: Inbox) -> None:
    reachable = bare_kit.desk.smtp_url
    bare_kit.desk.smtp_url = "smtp://127.0.0.1:1"
    recipients = [f"person{number}@example.com" for number in range(3 * BATCH)]
    write(bare_kit, *recipients)
    assert deliver(bare_kit) == 0
    assert sum(row.attempts for row in bare_kit.rows(t.outbox)) == BATCH
    assert "127.0.0.1:1: " in max(row.last_error or "" for row in bare_kit.rows(t.outbox))
    bare_kit.desk.smtp_url = reachable
    assert deliver(bare_kit, minutes=2) == 3 * BATCH


def test_without_a_server_messages_are_only_written_to_the_log(bare_kit: Kit) -> None:
    write(bare_kit, "ann@example.com", None)
    deliver(bare_kit)
    stored = outbox(bare_kit)
    assert (stored["ann@example.com"].delivered_by, stored[None].delivered_by) == ("log", None)
    assert [one.recipient for one in bare_kit.see(list_outbox, state="logged").items] == ["ann@example.com"]
    assert bare_kit.see(list_outbox, state="delivered").items == []


# ------------------------------------------------------------------ TLS


class Certified:
    """A mail server with TLS, reached as localhost, and which authority the desk trusts."""

    def __init__(self, kit: Kit, folder: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.kit = kit
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
        self.kit.desk.smtp_url = f"{scheme}://desk:secret@localhost:{inbox.port}/?from=desk@example.com"
        write(self.kit, "ann@example.com")
        return inbox


@pytest.fixture
def certified(
    sqlite_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Certified]:
    kit = Kit(sqlite_database_url)
    with ExitStack() as stack:
        yield Certified(kit, tmp_path, monkeypatch, stack)
    kit.close()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_with_a_verified_certificate_it_logs_in_and_sends(certified: Certified, tls: Tls) -> None:
    inbox = certified.start(tls, "localhost")
    assert deliver(certified.kit) == 1
    assert inbox.logins == [(b"desk", b"secret")]
    assert len(inbox.envelopes) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.example", True)])
def test_without_one_nothing_is_sent(certified: Certified, tls: Tls, name: str, *, trusted: bool) -> None:
    inbox = certified.start(tls, name, trusted=trusted)
    assert deliver(certified.kit) == 0
    assert (inbox.logins, inbox.envelopes) == ([], [])
    assert "certificate verify failed" in outbox(certified.kit)["ann@example.com"].last_error


def test_no_password_is_sent_without_tls(certified: Certified) -> None:
    with mail_server() as inbox:
        certified.kit.desk.smtp_url = f"smtp://desk:secret@127.0.0.1:{inbox.port}"
        write(certified.kit, "ann@example.com")
        assert deliver(certified.kit) == 0
    assert (inbox.logins, inbox.envelopes) == ([], [])
    assert "STARTTLS" in outbox(certified.kit)["ann@example.com"].last_error

"""Links to set a password: they work once, expire, are in no table and no log, and reveal no user."""

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from multiprocessing import get_context
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import event
from structlog.testing import capture_logs

from engine.errors import DeskError
from tests.support.builders import DeskFixture, FixedClock
from workflows.commands.register import ChangeCustomer
from workflows.core.actors import NOBODY, Actor
from workflows.core.desk import Desk
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.jobs.definitions import run_job
from workflows.register import change_customer
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user
from workflows.users.authentication import NotAuthenticated, authenticate_login
from workflows.users.login_delays import TooManyAttempts
from workflows.users.password_links import (
    LinkNotValid,
    ask_for_link,
    find_link_owner,
    send_link,
    set_password_by_link,
    show_link,
)
from workflows.users.sessions import Visit, load_session

PASSWORD, NEW_PASSWORD = "correct horse battery", "another long password"
EMAIL = "sue@staff.example"
HOME = Visit("192.0.2.7", "Firefox")


class Mailbox:
    """A real mail server that keeps what it receives."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((envelope.rcpt_tos[0], str(message.get_content())))
        return "451 Try again later" if self.refuses else "250 OK"

    def secrets(self) -> list[str]:
        return [re.findall(r"link=(\S+)", text)[0] for _, text in self.mails]


@pytest.fixture
def mailbox(bare_desk: DeskFixture) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    bare_desk.desk.smtp_url = f"smtp://127.0.0.1:{port}"
    bare_desk.desk.base_url = "https://desk.example/"
    yield box
    controller.stop()


@pytest.fixture
def sue(bare_desk: DeskFixture) -> Actor:
    command = NewUser(email=EMAIL, name="Sue", role="supervisor", password=PASSWORD)
    return Actor(bare_desk.do(create_user, command), "Sue", "supervisor")


def deliver(new_desk: DeskFixture) -> None:
    run_job(new_desk.desk, "send_password_links")
    run_job(new_desk.desk, "deliver_outbox")


def ask(new_desk: DeskFixture, email: str = EMAIL, address: str = HOME.address) -> None:
    new_desk.do_as(NOBODY, ask_for_link, email, address)


def use(new_desk: DeskFixture, secret: str, password: str = NEW_PASSWORD, device: str = "a device") -> None:
    new_desk.do_as(NOBODY, set_password_by_link, secret, password, Visit(HOME.address, "Firefox", device))


def shown(new_desk: DeskFixture, user_id: str) -> str:
    return new_desk.do(show_link, user_id, "https://desk.example").url.rpartition("link=")[2]


def test_a_user_without_a_password_gets_an_invitation(bare_desk: DeskFixture, mailbox: Mailbox) -> None:
    bare_desk.do(create_user, NewUser(email=EMAIL, name="Sue", role="finance"))
    deliver(bare_desk)
    [(recipient, text)] = mailbox.mails
    assert recipient == EMAIL
    assert "https://desk.example/password/new?link=" in text
    [secret] = mailbox.secrets()
    owner = bare_desk.see_as(NOBODY, find_link_owner, secret)
    assert (owner.email, owner.is_new) == (EMAIL, True)
    bare_desk.clock.move(days=6, hours=23)
    use(bare_desk, secret)
    assert authenticate_login(bare_desk.desk, EMAIL, NEW_PASSWORD, HOME).actor.name == "Sue"


def test_no_invitation_is_sent_with_a_password_or_unwanted(bare_desk: DeskFixture, sue: Actor) -> None:
    bare_desk.do(create_user, NewUser(email="api@staff.example", role="finance", invite=False))
    assert bare_desk.rows(t.outbox) == []


def test_a_forgotten_password_is_reset_by_mail(bare_desk: DeskFixture, sue: Actor, mailbox: Mailbox) -> None:
    login = authenticate_login(bare_desk.desk, EMAIL, PASSWORD, HOME)
    ask(bare_desk, " SUE@staff.example ")
    deliver(bare_desk)
    [secret] = mailbox.secrets()
    use(bare_desk, secret, device="the new device")
    assert load_session(bare_desk.desk, login.session, HOME) is None
    with pytest.raises(NotAuthenticated):
        authenticate_login(bare_desk.desk, EMAIL, PASSWORD, HOME)
    devices = bare_desk.rows(t.known_device)
    assert len(devices) == 1, "only the device that has used the link is known"
    actions = [row.action for row in sorted(bare_desk.rows(t.audit_event), key=lambda row: row.id)]
    assert actions[-4:] == ["logged in", "reset sent", "password set by link", "login failed"]


def test_a_link_works_once(bare_desk: DeskFixture, sue: Actor) -> None:
    one, other = shown(bare_desk, str(sue.id)), shown(bare_desk, str(sue.id))
    use(bare_desk, one)
    for secret in (one, other):
        with pytest.raises(LinkNotValid):
            bare_desk.see_as(NOBODY, find_link_owner, secret)
        with pytest.raises(LinkNotValid):
            use(bare_desk, secret, "yet another password")
    assert authenticate_login(bare_desk.desk, EMAIL, NEW_PASSWORD, HOME).actor.id == sue.id


@pytest.mark.parametrize("purpose", ["reset", "invitation"])
def test_a_link_expires(bare_desk: DeskFixture, purpose: str) -> None:
    lasts = {"reset": timedelta(hours=1), "invitation": timedelta(days=7)}[purpose]
    password = PASSWORD if purpose == "reset" else None
    command = NewUser(email=EMAIL, role="finance", password=password, invite=False)
    secret = shown(bare_desk, bare_desk.do(create_user, command))
    bare_desk.clock.at += lasts - timedelta(microseconds=1)
    bare_desk.see_as(NOBODY, find_link_owner, secret)
    bare_desk.clock.at += timedelta(microseconds=1)
    with pytest.raises(LinkNotValid):
        bare_desk.see_as(NOBODY, find_link_owner, secret)
    with pytest.raises(LinkNotValid):
        use(bare_desk, secret)
    bare_desk.clock.move(days=8)
    run_job(bare_desk.desk, "clean_up")
    assert bare_desk.rows(t.password_link) == []


@pytest.mark.parametrize("secret", ["", "x", "\0", "\ud800", "x" * 10_000])
def test_an_unknown_link_is_not_valid(bare_desk: DeskFixture, sue: Actor, secret: str) -> None:
    bare_desk.do(send_link, str(sue.id))  # has no secret until it is delivered
    with pytest.raises(LinkNotValid):
        use(bare_desk, secret)


def test_a_refused_password_does_not_use_the_link_up(bare_desk: DeskFixture, sue: Actor) -> None:
    secret = shown(bare_desk, str(sue.id))
    for password in ("short", "password1234", "x" * 1001):
        with pytest.raises(InvalidInput) as refusal:
            use(bare_desk, secret, password)
        assert refusal.value.values["pointer"] == "/new_password"
    use(bare_desk, secret)


@pytest.mark.parametrize("change", [{"password": "a third long password"}, {"disabled": True}])
def test_a_link_stops_with_a_new_password_or_the_user(
    bare_desk: DeskFixture, sue: Actor, change: dict[str, Any]
) -> None:
    secret = shown(bare_desk, str(sue.id))
    bare_desk.do(change_user, str(sue.id), ChangeUser.model_validate(change))
    with pytest.raises(LinkNotValid):
        use(bare_desk, secret)


def test_a_link_stops_when_the_address_changes(bare_desk: DeskFixture) -> None:
    ann = bare_desk.customer("Ann")
    user_id = bare_desk.do(create_user, NewUser(email="ann@example.com", role="customer", invite=False))
    secret = shown(bare_desk, user_id)
    bare_desk.do(change_customer, ann, ChangeCustomer(email="ann@elsewhere.example"))
    with pytest.raises(LinkNotValid):
        use(bare_desk, secret)


def test_only_administrators_send_links_to_others(bare_desk: DeskFixture, sue: Actor) -> None:
    for use_case in (send_link, show_link):
        arguments = (None,) if use_case is show_link else ()
        with pytest.raises(NotAllowed):
            bare_desk.do_as(bare_desk.supervisor, use_case, str(sue.id), *arguments)
        with pytest.raises(NotFound):
            bare_desk.do(use_case, "nobody", *arguments)
    bare_desk.do(change_user, str(sue.id), ChangeUser(disabled=True))
    with pytest.raises(StateForbids):
        bare_desk.do(send_link, str(sue.id))


# Two at once


def use_in_process(url: str, at: datetime, secret: str, password: str) -> str:
    desk = Desk(Database(url, pool_size=1), FixedClock(at))
    try:
        desk.perform(NOBODY, lambda tx: set_password_by_link(tx, secret, password, HOME))
    except DeskError as refusal:
        return refusal.code
    finally:
        desk.database.dispose()
    return "done"


def test_of_two_processes_with_one_link_one_wins(
    bare_desk: DeskFixture, sue: Actor, database_url: str
) -> None:
    words = ["the first new sentence", "the second new sentence"]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for _ in range(3):
            secret = shown(bare_desk, str(sue.id))
            at = bare_desk.clock.at
            tries = [pool.submit(use_in_process, database_url, at, secret, word) for word in words]
            results = [one.result() for one in tries]
            assert sorted(results) == ["done", "link-not-valid"]
            winner = words[results.index("done")]
            assert authenticate_login(bare_desk.desk, EMAIL, winner, HOME).actor.id == sue.id


# What is stored and what is revealed


def test_no_link_is_stored_or_logged(bare_desk: DeskFixture, sue: Actor, mailbox: Mailbox) -> None:
    ask(bare_desk)
    with capture_logs() as logs:
        run_job(bare_desk.desk, "send_password_links")
        before = str([bare_desk.rows(table) for table in t.metadata.sorted_tables])
        run_job(bare_desk.desk, "deliver_outbox")
    [secret] = mailbox.secrets()
    after = str([bare_desk.rows(table) for table in t.metadata.sorted_tables])
    assert "[link: only in the mail that is sent]" in before
    assert "[link: only in the mail that is sent]" in after
    for text in (before, after, str(logs)):
        assert secret not in text


def test_each_attempt_to_deliver_has_a_link_of_its_own(
    bare_desk: DeskFixture, sue: Actor, mailbox: Mailbox
) -> None:
    ask(bare_desk)
    mailbox.refuses = True
    deliver(bare_desk)
    mailbox.refuses = False
    bare_desk.clock.move(minutes=10)
    deliver(bare_desk)
    first, second = mailbox.secrets()
    assert first != second
    # the first mail may have arrived although the server seemed to refuse it
    bare_desk.see_as(NOBODY, find_link_owner, second)
    use(bare_desk, first)
    with pytest.raises(LinkNotValid):
        use(bare_desk, second)


def test_a_mail_whose_link_is_not_needed_any_more_is_not_sent(
    bare_desk: DeskFixture, sue: Actor, mailbox: Mailbox
) -> None:
    ask(bare_desk)
    run_job(bare_desk.desk, "send_password_links")
    bare_desk.do(change_user, str(sue.id), ChangeUser(password=NEW_PASSWORD))
    deliver(bare_desk)
    assert mailbox.mails == []
    [row] = bare_desk.rows(t.outbox)
    assert row.next_attempt_at is None
    assert "no longer needed" in row.last_error


def test_without_a_mail_server_the_link_is_not_in_the_log(bare_desk: DeskFixture, sue: Actor) -> None:
    ask(bare_desk)
    with capture_logs() as logs:
        deliver(bare_desk)
    assert [one["recipient"] for one in logs if one["event"] == "mail"] == [EMAIL]
    assert "link=" not in str(logs)


def statements_for(new_desk: DeskFixture, email: str) -> list[str]:
    sent: list[str] = []

    def note(*given: Any) -> None:
        sent.append(given[2])

    event.listen(new_desk.desk.database.engine, "before_cursor_execute", note)
    ask(new_desk, email, "198.51.100.1")
    event.remove(new_desk.desk.database.engine, "before_cursor_execute", note)
    return sent


def test_asking_does_the_same_for_known_and_unknown_addresses(bare_desk: DeskFixture, sue: Actor) -> None:
    known = statements_for(bare_desk, EMAIL)
    assert statements_for(bare_desk, "nobody@staff.example") == known
    assert "user_account" not in " ".join(known)
    run_job(bare_desk.desk, "send_password_links")
    assert [row.recipient for row in bare_desk.rows(t.outbox)] == [EMAIL]
    assert bare_desk.rows(t.password_request) == []


def test_disabled_users_get_no_link(bare_desk: DeskFixture, sue: Actor) -> None:
    bare_desk.do(change_user, str(sue.id), ChangeUser(disabled=True))
    ask(bare_desk)
    run_job(bare_desk.desk, "send_password_links")
    assert bare_desk.rows(t.outbox) == []


def test_asking_again_sends_one_mail_in_five_minutes(bare_desk: DeskFixture, sue: Actor) -> None:
    shown(bare_desk, str(sue.id))  # by another way than by mail: it does not count
    for number in range(3):
        ask(bare_desk, address=f"192.0.2.{number}")
    run_job(bare_desk.desk, "send_password_links")
    assert len(bare_desk.rows(t.outbox)) == 1
    bare_desk.clock.move(minutes=5)
    ask(bare_desk)
    run_job(bare_desk.desk, "send_password_links")
    assert len(bare_desk.rows(t.outbox)) == 2


def test_asking_is_slowed_down_by_address(bare_desk: DeskFixture) -> None:
    for number in range(5):
        ask(bare_desk, f"user{number}@staff.example")
    with pytest.raises(TooManyAttempts):
        ask(bare_desk)
    ask(bare_desk, address="198.51.100.1")
    assert len(bare_desk.rows(t.password_request)) == 6


def test_two_schedulers_send_one_mail(bare_desk: DeskFixture, sue: Actor, database_url: str) -> None:
    ask(bare_desk)
    desks = [Desk(Database(database_url, pool_size=1), bare_desk.clock) for _ in range(2)]
    threads = [threading.Thread(target=run_job, args=(desk, "send_password_links")) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for desk in desks:
        desk.database.dispose()
    assert len(bare_desk.rows(t.outbox)) == 1

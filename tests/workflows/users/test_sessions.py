"""Login sessions: what ends them, who sees and ends which, and when they expire."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.builders import DeskFixture
from workflows.core.actors import Actor
from workflows.core.errors import InvalidInput, NotAllowed, NotFound
from workflows.core.secret_texts import new_secret
from workflows.core.session_limits import SessionLimits
from workflows.jobs.definitions import run_job
from workflows.store import tables as t
from workflows.users.accounts import ChangeUser, NewUser, change_own_password, change_user, create_user
from workflows.users.authentication import NotAuthenticated, authenticate_login, authenticate_token
from workflows.users.sessions import (
    Visit,
    end_session,
    list_sessions,
    load_session,
    open_session,
    sign_out,
    sign_out_user,
)
from workflows.users.tokens import NewToken, create_token

PASSWORD, NEW_PASSWORD = "correct horse battery", "another long password"
EMAIL = "sue@staff.example"
DESK, PHONE = Visit("192.0.2.7", "Firefox"), Visit("198.51.100.1", "Safari")


@pytest.fixture
def sue(bare_desk: DeskFixture) -> Actor:
    command = NewUser(email=EMAIL, name="Sue", role="supervisor", password=PASSWORD)
    return Actor(bare_desk.do(create_user, command), "Sue", "supervisor")


def log_in(new_desk: DeskFixture, visit: Visit = DESK, password: str = PASSWORD) -> str:
    return authenticate_login(new_desk.desk, EMAIL, password, visit).session


def is_open(new_desk: DeskFixture, secret: str, visit: Visit = DESK) -> bool:
    return load_session(new_desk.desk, secret, visit) is not None


def last_event(new_desk: DeskFixture, actor: Actor) -> Any:
    rows = new_desk.rows(t.audit_event, subject_kind="user", subject_id=str(actor.id))
    return max(rows, key=lambda row: row.id)


def statements_of(new_desk: DeskFixture, secret: str) -> int:
    """How many statements it takes to read a session."""
    sent: list[str] = []
    event.listen(new_desk.desk.database.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    assert is_open(new_desk, secret)
    return sum(text.lstrip().startswith(("SELECT", "UPDATE", "INSERT")) for text in sent)


def test_a_login_opens_a_session_of_its_user(bare_desk: DeskFixture, sue: Actor) -> None:
    found = load_session(bare_desk.desk, log_in(bare_desk), DESK)
    assert found is not None
    assert found.actor == sue
    [listed] = bare_desk.see_as(sue, list_sessions, str(sue.id))
    assert (listed.id, listed.address, listed.user_agent) == (found.id, "192.0.2.7", "Firefox")


@pytest.mark.parametrize("secret", ["", "x", "0:user", "\0", "\ud800", "x" * 10_000])
def test_an_unknown_secret_has_no_session(bare_desk: DeskFixture, secret: str) -> None:
    assert not is_open(bare_desk, secret)


def test_the_secret_is_stored_as_a_hash_only(bare_desk: DeskFixture, sue: Actor) -> None:
    found = authenticate_login(bare_desk.desk, EMAIL, PASSWORD, DESK)
    stored = str([bare_desk.rows(table) for table in t.metadata.sorted_tables])
    assert found.session not in stored
    assert found.device not in stored


def test_what_a_browser_says_of_itself_is_stored_as_plain_text(bare_desk: DeskFixture, sue: Actor) -> None:
    log_in(bare_desk, Visit("::1\0", "Fire\x1b[31mfox\n" + "x" * 10_000))
    [listed] = bare_desk.see_as(sue, list_sessions, str(sue.id))
    assert listed.address == "::1"
    assert listed.user_agent.startswith("Fire [31mfox x")
    assert len(listed.user_agent) <= 300


# What ends a session


@pytest.mark.parametrize("change", [{"password": NEW_PASSWORD}, {"role": "technician"}, {"disabled": True}])
def test_a_session_ends_with_the_password_the_role_or_the_user(
    bare_desk: DeskFixture, sue: Actor, change: dict[str, Any]
) -> None:
    one, other = log_in(bare_desk), log_in(bare_desk, PHONE)
    bare_desk.do(change_user, str(sue.id), ChangeUser.model_validate(change))
    assert not is_open(bare_desk, one)
    assert not is_open(bare_desk, other)
    assert bare_desk.see(list_sessions, str(sue.id)) == []


def test_a_login_under_way_ends_with_the_old_password(bare_desk: DeskFixture, sue: Actor) -> None:
    (row,) = bare_desk.rows(t.user_account, id=sue.id)
    bare_desk.do(change_user, str(sue.id), ChangeUser(password=NEW_PASSWORD))
    secret = new_secret()
    bare_desk.do(open_session, str(sue.id), epoch=row.session_epoch, secret=secret, visit=DESK)
    assert not is_open(bare_desk, secret)
    assert bare_desk.see(list_sessions, str(sue.id)) == []


def change_password(new_desk: DeskFixture, actor: Actor, old: str, new: str, **options: Any) -> str:
    secret = new_secret()
    new_desk.do_as(actor, change_own_password, old, new, secret=secret, visit=DESK, **options)
    return secret


def test_the_own_new_password_ends_every_other_session(bare_desk: DeskFixture, sue: Actor) -> None:
    one, other = log_in(bare_desk), log_in(bare_desk, PHONE)
    new = change_password(bare_desk, sue, PASSWORD, NEW_PASSWORD)
    assert [is_open(bare_desk, secret) for secret in (one, other, new)] == [False, False, True]
    with pytest.raises(NotAuthenticated):
        log_in(bare_desk)
    assert is_open(bare_desk, log_in(bare_desk, password=NEW_PASSWORD))


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ("wrong", NEW_PASSWORD, "/old_password"),
        (PASSWORD, "short", "/new_password"),
        (PASSWORD, "x" * 1001, "/new_password"),
        (PASSWORD, "password1234", "/new_password"),
        (PASSWORD, "sue@staff.example", "/new_password"),
    ],
)
def test_a_refused_new_password_ends_nothing(
    bare_desk: DeskFixture, sue: Actor, old: str, new: str, pointer: str
) -> None:
    secret = log_in(bare_desk)
    with pytest.raises(InvalidInput) as refusal:
        change_password(bare_desk, sue, old, new)
    assert refusal.value.values["pointer"] == pointer
    assert is_open(bare_desk, secret)


@pytest.mark.parametrize("tokens", [False, True])
def test_signing_out_ends_every_session_and_on_request_every_token(
    bare_desk: DeskFixture, sue: Actor, tokens: bool
) -> None:
    one, other = log_in(bare_desk), log_in(bare_desk, PHONE)
    made = bare_desk.do(create_token, NewToken(email=EMAIL))
    bare_desk.do_as(sue, sign_out, tokens=tokens)
    assert not is_open(bare_desk, one)
    assert not is_open(bare_desk, other)
    if tokens:
        with pytest.raises(NotAuthenticated):
            authenticate_token(bare_desk.desk, made.text)
    else:
        assert authenticate_token(bare_desk.desk, made.text).id == sue.id
    said = last_event(bare_desk, sue)
    assert said.action == "signed out"
    assert said.details == {"sessions": 2, **({"tokens": 1} if tokens else {})}
    assert is_open(bare_desk, log_in(bare_desk))


def test_a_new_password_revokes_tokens_on_request(bare_desk: DeskFixture, sue: Actor) -> None:
    made = bare_desk.do(create_token, NewToken(email=EMAIL))
    change_password(bare_desk, sue, PASSWORD, NEW_PASSWORD)
    assert authenticate_token(bare_desk.desk, made.text).id == sue.id
    change_password(bare_desk, sue, NEW_PASSWORD, PASSWORD, revoke_tokens=True)
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_desk.desk, made.text)
    made = bare_desk.do(create_token, NewToken(email=EMAIL))
    bare_desk.do(change_user, str(sue.id), ChangeUser(revoke_api_access=True))
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_desk.desk, made.text)


# Lists


def test_sessions_are_ended_one_by_one(bare_desk: DeskFixture, sue: Actor) -> None:
    here, phone = log_in(bare_desk), log_in(bare_desk, PHONE)
    listed = {one.user_agent: one.id for one in bare_desk.see_as(sue, list_sessions, str(sue.id))}
    bare_desk.do_as(sue, end_session, listed["Safari"])
    assert is_open(bare_desk, here)
    assert not is_open(bare_desk, phone)
    assert last_event(bare_desk, sue).details == {"address": PHONE.address, "user_agent": "Safari"}
    with pytest.raises(NotFound):
        bare_desk.do_as(sue, end_session, listed["Safari"])


def test_only_administrators_see_and_end_sessions_of_others(bare_desk: DeskFixture, sue: Actor) -> None:
    secret = log_in(bare_desk)
    [listed] = bare_desk.see(list_sessions, str(sue.id))
    for other in (bare_desk.technician, bare_desk.finance, bare_desk.supervisor):
        with pytest.raises(NotAllowed):
            bare_desk.see_as(other, list_sessions, str(sue.id))
        with pytest.raises(NotFound):
            bare_desk.do_as(other, end_session, listed.id)
        with pytest.raises(NotAllowed):
            bare_desk.do_as(other, sign_out_user, str(sue.id))
    assert is_open(bare_desk, secret)
    bare_desk.do(end_session, listed.id)
    assert not is_open(bare_desk, secret)
    secret = log_in(bare_desk)
    bare_desk.do(sign_out_user, str(sue.id))
    assert not is_open(bare_desk, secret)
    assert last_event(bare_desk, sue).action == "signed out by an administrator"
    for unknown in (list_sessions, sign_out_user):
        with pytest.raises(NotFound):
            bare_desk.do(unknown, "nobody")


# Expiry


def test_a_session_expires_unused_and_at_the_latest(bare_desk: DeskFixture, sue: Actor) -> None:
    bare_desk.desk.session_limits = SessionLimits(idle=timedelta(hours=2), longest=timedelta(hours=5))
    unused, used = log_in(bare_desk), log_in(bare_desk, PHONE)
    start = bare_desk.clock.at
    for minutes in (60, 119):
        bare_desk.clock.at = start + timedelta(minutes=minutes)
        assert is_open(bare_desk, used, PHONE)
    bare_desk.clock.at = start + timedelta(hours=2)
    assert not is_open(bare_desk, unused)
    assert [one.user_agent for one in bare_desk.see_as(sue, list_sessions, str(sue.id))] == ["Safari"]
    for minutes in (200, 299):
        bare_desk.clock.at = start + timedelta(minutes=minutes)
        assert is_open(bare_desk, used, PHONE)
    bare_desk.clock.at = start + timedelta(hours=5)
    assert not is_open(bare_desk, used, PHONE)
    bare_desk.clock.move(seconds=1)
    run_job(bare_desk.desk, "clean_up")
    assert bare_desk.rows(t.login_session) == []


def test_the_last_use_is_written_every_few_minutes(bare_desk: DeskFixture, sue: Actor) -> None:
    secret = log_in(bare_desk)
    start = bare_desk.clock.at
    bare_desk.clock.move(minutes=4, seconds=59)
    assert is_open(bare_desk, secret, PHONE)
    assert bare_desk.rows(t.login_session)[0].last_seen_at == start
    bare_desk.clock.move(seconds=1)
    assert is_open(bare_desk, secret, PHONE)
    [row] = bare_desk.rows(t.login_session)
    assert (row.last_seen_at, row.address) == (bare_desk.clock.at, PHONE.address)


def test_a_page_reads_its_session_by_one_statement(bare_desk: DeskFixture, sue: Actor) -> None:
    assert statements_of(bare_desk, log_in(bare_desk)) == 1


def test_a_page_is_shown_although_its_use_cannot_be_stored(
    bare_desk: DeskFixture, sue: Actor, database_url: str
) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("one database is enough")
    secret = log_in(bare_desk)
    bare_desk.clock.move(minutes=10)
    with bare_desk.desk.write() as tx:
        tx.connection.exec_driver_sql(
            "CREATE TRIGGER read_only BEFORE UPDATE ON login_session"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    assert is_open(bare_desk, secret)

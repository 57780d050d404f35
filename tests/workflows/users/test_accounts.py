"""Users, their roles and their API tokens."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.builders import DeskFixture
from workflows.core.config_version import bump_generation
from workflows.core.desk import Desk
from workflows.core.errors import Conflict, InvalidInput, NotAllowed, StateForbids
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.users.accounts import (
    ChangeUser,
    NewUser,
    change_user,
    create_user,
    get_user,
    list_users,
)
from workflows.users.authentication import NotAuthenticated, authenticate_token
from workflows.users.tokens import NewToken, create_token, list_tokens, revoke_token

PASSWORD = "correct horse battery"


def user(
    new_desk: DeskFixture, email: str = "sue@staff.example", role: str = "supervisor", **fields: Any
) -> str:
    command = NewUser.model_validate(
        {"email": email, "name": "Sue", "role": role, "password": PASSWORD, **fields}
    )
    return new_desk.do(create_user, command)


def test_passwords_and_tokens_cannot_be_read_back(bare_desk: DeskFixture) -> None:
    sue = user(bare_desk)
    made = bare_desk.do(create_token, NewToken(email="sue@staff.example"))
    assert made.text.startswith("cvd_")
    assert len(made.text) >= 40
    (row,) = bare_desk.rows(t.user_account, id=sue)
    assert row.password_hash.startswith("$argon2id$")
    (stored,) = bare_desk.rows(t.api_token)
    assert made.text not in str(stored)
    trail = str([event.details for event in bare_desk.rows(t.audit_event)])
    assert made.text not in trail
    assert PASSWORD not in trail


@pytest.mark.parametrize("password", ["", "eleven char"])
def test_short_passwords_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        NewUser(email="sue@staff.example", name="Sue", role="finance", password=password)


def test_email_addresses_of_users_are_unique(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    with pytest.raises(Conflict):
        user(bare_desk, "SUE@staff.example")


def test_a_customers_user_is_linked_by_email_address(bare_desk: DeskFixture) -> None:
    with pytest.raises(InvalidInput, match="no customer with the email address"):
        user(bare_desk, "ann@example.com", "customer")
    ann = bare_desk.customer("Ann")
    user(bare_desk, "Ann@example.com", "customer")
    (row,) = bare_desk.rows(t.user_account, email="ann@example.com")
    assert (row.role, row.customer_id) == ("customer", ann)


def test_tokens_are_valid_until_they_expire_or_are_revoked(bare_desk: DeskFixture) -> None:
    sue = user(bare_desk)
    lasting = bare_desk.do(create_token, NewToken(email="SUE@staff.example", name="script"))
    short = bare_desk.do(create_token, NewToken(email="sue@staff.example", expires_days=2))
    assert authenticate_token(bare_desk.desk, short.text).id == sue
    bare_desk.clock.at += timedelta(days=2) - timedelta(microseconds=1)
    assert authenticate_token(bare_desk.desk, short.text).id == sue
    bare_desk.clock.at += timedelta(microseconds=1)
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_desk.desk, short.text)
    assert authenticate_token(bare_desk.desk, lasting.text).id == sue
    bare_desk.do(revoke_token, lasting.id)
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_desk.desk, lasting.text)
    revoked = {view.name: view.revoked_at is not None for view in bare_desk.see(list_tokens, sue)}
    assert revoked == {"script": True, "API": False}


@pytest.mark.parametrize("text", ["", "cvd_", "cvd_x\0y", "\ud800", "x" * 100_000])
def test_an_invalid_token_is_refused(bare_desk: DeskFixture, text: str) -> None:
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_desk.desk, text)


def test_a_disabled_users_token_is_refused(bare_desk: DeskFixture) -> None:
    sue = user(bare_desk)
    made = bare_desk.do(create_token, NewToken(email="sue@staff.example"))
    bare_desk.do(change_user, sue, ChangeUser(disabled=True))
    with pytest.raises(NotAuthenticated):
        authenticate_token(bare_desk.desk, made.text)
    with pytest.raises(StateForbids):
        bare_desk.do(create_token, NewToken(email="sue@staff.example"))


def test_each_call_detects_new_settings(bare_desk: DeskFixture, database_url: str) -> None:
    user(bare_desk)
    made = bare_desk.do(create_token, NewToken(email="sue@staff.example"))
    other = Desk(Database(database_url, pool_size=1), bare_desk.clock)
    authenticate_token(other, made.text)
    with bare_desk.desk.write() as tx:
        tx.add(t.setting, key="reopen_window_days", value=3)
        bump_generation(tx)
    assert other.config.settings.reopen_window_days == 14
    authenticate_token(other, made.text)
    assert other.config.settings.reopen_window_days == 3
    other.database.dispose()


def test_the_last_administrator_cannot_be_removed(bare_desk: DeskFixture) -> None:
    first = str(bare_desk.administrator.id)
    for change in ({"disabled": True}, {"role": "finance"}):
        with pytest.raises(StateForbids, match="the only administrator"):
            bare_desk.do(change_user, first, ChangeUser.model_validate(change))
    user(bare_desk, role="administrator")
    bare_desk.do(change_user, first, ChangeUser(disabled=True))
    assert bare_desk.see(get_user, first).disabled_at is not None
    bare_desk.do(change_user, first, ChangeUser(disabled=False))
    assert bare_desk.see(get_user, first).disabled_at is None


def test_only_administrators_see_users(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    assert [view.name for view in bare_desk.see(list_users, q="sue").items] == ["Sue"]
    assert {view.role for view in bare_desk.see(list_users, role="finance").items} == {"finance"}
    for actor in (bare_desk.finance, bare_desk.supervisor, bare_desk.technician):
        with pytest.raises(NotAllowed):
            bare_desk.see_as(actor, list_users)

"""Logging in: which attempts succeed, which are slowed down, and what the audit trail has of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import DeskFixture
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.jobs.definitions import run_job
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.users.accounts import ChangeUser, NewUser, change_user, create_user
from workflows.users.authentication import Login, NotAuthenticated, authenticate_login
from workflows.users.login_delays import LONGEST_DELAY, TooManyAttempts, delay_after, network_of
from workflows.users.sessions import Visit

PASSWORD = "correct horse battery"
EMAIL = "sue@staff.example"
HOME = "192.0.2.7"


def user(new_desk: DeskFixture, email: str = EMAIL, role: str = "supervisor", **fields: Any) -> str:
    values = {"email": email, "name": "Sue", "role": role, "password": PASSWORD, **fields}
    return new_desk.do(create_user, NewUser.model_validate(values))


def log_in(
    new_desk: DeskFixture,
    email: str = EMAIL,
    password: str = PASSWORD,
    address: str = HOME,
    device: str | None = None,
) -> Login:
    return authenticate_login(new_desk.desk, email, password, Visit(address, "Firefox", device))


def fail(new_desk: DeskFixture, times: int, **where: Any) -> list[int]:
    """Fail to log in, waiting as long as it takes; returns the seconds before each attempt."""
    waited = []
    for _ in range(times):
        try:
            log_in(new_desk, password="wrong", **where)
        except NotAuthenticated:
            waited.append(0)
        except TooManyAttempts as refusal:
            seconds = int(str(refusal.values["retry_after_seconds"]))
            new_desk.clock.move(seconds=seconds - 1)
            with pytest.raises(TooManyAttempts):
                log_in(new_desk, password="wrong", **where)
            new_desk.clock.move(seconds=1)
            with pytest.raises(NotAuthenticated):
                log_in(new_desk, password="wrong", **where)
            waited.append(seconds)
    return waited


def events(new_desk: DeskFixture, user_id: str) -> list[str]:
    rows = new_desk.rows(t.audit_event, subject_kind="user", subject_id=user_id)
    return [row.action for row in sorted(rows, key=lambda row: row.id)]


def test_the_email_address_of_a_login_is_case_insensitive(bare_desk: DeskFixture) -> None:
    sue = user(bare_desk, "Sue@Staff.example")
    assert log_in(bare_desk, " SUE@staff.example ").actor == Actor(sue, "Sue", "supervisor")


def test_a_failed_login_does_not_reveal_the_reason(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    off = user(bare_desk, "off@staff.example")
    bare_desk.do(change_user, off, ChangeUser(disabled=True))
    user(bare_desk, "none@staff.example", password=None)
    wrong = [
        (EMAIL, "wrong password"),
        ("nobody@staff.example", PASSWORD),
        ("off@staff.example", PASSWORD),
        ("none@staff.example", PASSWORD),
        ("none@staff.example", ""),
        (f"{EMAIL}\0", PASSWORD),
        ("\ud800", PASSWORD),
        ("x" * 10_000, PASSWORD),
        ("", "\ud800"),
    ]
    texts = set()
    for number, (email, password) in enumerate(wrong):
        with pytest.raises(NotAuthenticated) as refusal:
            log_in(bare_desk, email, password, f"192.0.2.{number}")
        texts.add(str(refusal.value))
    assert len(texts) == 1


# Delays


def test_each_failure_doubles_the_delay_up_to_15_minutes(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    assert fail(bare_desk, 17) == [0] * 5 + [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    bare_desk.clock.at += LONGEST_DELAY
    assert log_in(bare_desk).actor.name == "Sue"
    assert fail(bare_desk, 6) == [0] * 5 + [1]


def test_delays_grow_and_end_at_the_longest() -> None:
    waits = [delay_after(failures, LONGEST_DELAY) for failures in range(2000)]
    assert waits == sorted(waits)
    assert waits[4] == timedelta(0)
    assert waits[5] == timedelta(seconds=1)
    assert waits[-1] == LONGEST_DELAY


def test_nobody_else_is_slowed_down(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    user(bare_desk, "tom@staff.example")
    fail(bare_desk, 8)
    with pytest.raises(TooManyAttempts):
        log_in(bare_desk)
    # the same user from another address, another user from the same address
    assert log_in(bare_desk, address="198.51.100.1").actor.name == "Sue"
    assert log_in(bare_desk, "tom@staff.example").actor.name == "Sue"


def test_a_known_device_is_not_slowed_down_by_others_at_its_address(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    device = log_in(bare_desk).device
    fail(bare_desk, 20)
    with pytest.raises(TooManyAttempts):
        log_in(bare_desk)
    assert log_in(bare_desk, device=device).device == device


def test_a_known_device_waits_ten_seconds_at_most(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    device = log_in(bare_desk).device
    assert fail(bare_desk, 12, device=device)[-3:] == [10, 10, 10]
    bare_desk.clock.move(seconds=10)
    assert log_in(bare_desk, device=device).actor.name == "Sue"
    # guesses on it do not slow down another device
    assert log_in(bare_desk, device=log_in(bare_desk).device).actor.name == "Sue"


@pytest.mark.parametrize("device", ["", "x", "x" * 10_000, "\0", "\ud800", "device of someone else"])
def test_an_unknown_device_counts_by_its_address(bare_desk: DeskFixture, device: str) -> None:
    user(bare_desk)
    user(bare_desk, "tom@staff.example")
    if device.startswith("device"):
        device = log_in(bare_desk, "tom@staff.example").device
    fail(bare_desk, 8)
    with pytest.raises(TooManyAttempts):
        log_in(bare_desk, device=device)


def test_a_new_password_makes_devices_unknown(bare_desk: DeskFixture) -> None:
    sue = user(bare_desk)
    device = log_in(bare_desk).device
    bare_desk.do(change_user, sue, ChangeUser(password="another long password"))
    fail(bare_desk, 8)
    with pytest.raises(TooManyAttempts):
        log_in(bare_desk, password="another long password", device=device)


def test_a_day_without_failures_makes_attempts_free_again(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    fail(bare_desk, 9)
    bare_desk.clock.move(hours=24)
    assert fail(bare_desk, 2) == [0, 32]
    bare_desk.clock.move(hours=24, seconds=1)
    assert fail(bare_desk, 5) == [0] * 5
    bare_desk.clock.move(hours=25)
    run_job(bare_desk.desk, "clean_up")
    assert bare_desk.rows(t.login_delay) == []


def test_a_clock_that_was_set_back_delays_nobody(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    bare_desk.clock.move(hours=5)
    fail(bare_desk, 12)
    bare_desk.clock.at -= timedelta(hours=5)
    assert log_in(bare_desk).actor.name == "Sue"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "unknown", False),
    ],
)
def test_addresses_of_one_client_count_together(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_concurrent_attempts_get_no_more_guesses(bare_desk: DeskFixture, database_url: str) -> None:
    user(bare_desk)
    desks = [Desk(Database(database_url, pool_size=4), bare_desk.clock) for _ in range(3)]

    def attempt(number: int) -> str:
        try:
            authenticate_login(desks[number % 3], EMAIL, "wrong", Visit(HOME))
        except (NotAuthenticated, TooManyAttempts) as refusal:
            return refusal.code
        return "in"

    with ThreadPoolExecutor(6) as threads:
        codes = list(threads.map(attempt, range(24)))
    for desk in desks:
        desk.database.dispose()
    assert codes.count("not-authenticated") == 5
    assert codes.count("too-many-attempts") == 19


def test_the_table_of_delays_does_not_have_what_was_typed(bare_desk: DeskFixture) -> None:
    with pytest.raises(NotAuthenticated):
        log_in(bare_desk, email="my secret password", password="sue")
    assert "my secret password" not in str([bare_desk.rows(table) for table in t.metadata.sorted_tables])


# The audit trail


def test_logins_failures_and_delays_are_in_the_audit_trail(bare_desk: DeskFixture) -> None:
    sue = user(bare_desk)
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            log_in(bare_desk, password="wrong")
    for _ in range(3):  # too early: not recorded
        with pytest.raises(TooManyAttempts):
            log_in(bare_desk, password="wrong")
    bare_desk.clock.move(seconds=1)
    device = log_in(bare_desk).device
    log_in(bare_desk, device=device)
    assert events(bare_desk, sue) == [
        "created",
        *["login failed"] * 5,
        "login delayed",
        "logged in",
        "logged in",
    ]
    rows = bare_desk.rows(t.audit_event, subject_kind="user", subject_id=sue)
    [delayed] = [row for row in rows if row.action == "login delayed"]
    assert delayed.details == {"address": HOME, "user_agent": "Firefox", "seconds": 1}
    known = [row.details["known_device"] for row in rows if row.action == "logged in"]
    assert known == [False, True]
    assert {row.actor for row in rows if row.action == "login failed"} == {"Nobody"}


def test_failures_of_unknown_users_are_recorded_under_the_address(bare_desk: DeskFixture) -> None:
    for email in ("nobody@staff.example", "a password?", "p@ssword"):
        with pytest.raises(NotAuthenticated):
            log_in(bare_desk, email=email)
    rows = bare_desk.rows(t.audit_event, subject_kind="login", subject_id=HOME)
    assert [row.details.get("email") for row in rows] == ["nobody@staff.example", None, None]


def test_no_password_is_in_any_table(bare_desk: DeskFixture) -> None:
    user(bare_desk)
    log_in(bare_desk)
    with pytest.raises(NotAuthenticated):
        log_in(bare_desk, password="a wrong password")
    stored = str([bare_desk.rows(table) for table in t.metadata.sorted_tables])
    assert PASSWORD not in stored
    assert "a wrong password" not in stored

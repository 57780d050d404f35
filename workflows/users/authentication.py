"""Authentication by token, login and session.

Each call reads the user and the deployment's generation in one statement, so that the process also learns
whether its settings and rules are still current.
"""

import zlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, text

from engine.errors import DeskError
from workflows.core.actors import SYSTEM, Actor
from workflows.core.clock import CLOCK_SKEW
from workflows.core.desk import Desk
from workflows.core.transaction import Runner, Transaction
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id
from workflows.users.accounts import HASHER, password_matches, token_hash

MOST_FAILURES = 10
FAILURES_COUNT_FOR = timedelta(minutes=15)
LONGEST_LOGIN = 254

user, token, failure = t.user_account, t.api_token, t.login_failure

_generation = select(t.deployment.c.generation).scalar_subquery().label("generation")
_who = (user.c.id, user.c.name, user.c.role, user.c.customer_id, _generation)
_BY_TOKEN = Prepared(
    select(*_who, token.c.expires_at)
    .join(user, user.c.id == token.c.user_id)
    .where(token.c.token_hash == bindparam("token_hash"))
    .where(token.c.revoked_at.is_(None), user.c.disabled_at.is_(None))
)
_BY_SESSION = Prepared(
    select(*_who)
    .where(user.c.id == bindparam("user_id"), user.c.session_epoch == bindparam("epoch"))
    .where(user.c.disabled_at.is_(None))
)


class NotAuthenticated(DeskError):
    """The token or login is missing or not valid."""

    code = "not-authenticated"


class TooManyAttempts(DeskError):
    """Too many failed logins; `values["retry_after_seconds"]` says how long to wait."""

    code = "too-many-attempts"


@dataclass(frozen=True, slots=True)
class Login:
    """A successful login. A session stores `user_id` and `epoch`."""

    user_id: str
    epoch: int
    actor: Actor


def authenticate_token(desk: Desk, text: str) -> Actor:
    """The user that a token belongs to. It expires by the real clock. Raises: NotAuthenticated."""
    with desk.database.autocommit() as connection:
        return _token_actor(desk, connection, text)


def become_token_owner(tx: Transaction, text: str) -> None:
    """Make the token's user the actor of a transaction that is still empty. Raises: NotAuthenticated."""
    tx.actor = _token_actor(tx.runner, tx.connection, text)
    tx.config = tx.runner.configs.current
    # reading the token may have loaded newer settings, and with them another sandbox time
    tx.now = tx.recorded_at = tx.runner.now()


def _token_actor(runner: Runner, connection: Connection, text: str) -> Actor:
    row = _BY_TOKEN.first(connection, {"token_hash": token_hash(text)})
    if row is None or (row.expires_at is not None and row.expires_at <= runner.clock.now()):
        raise NotAuthenticated(
            "This token is not valid: it is unknown, expired or revoked.",
            remedy="Ask an administrator for a new one (coverdesk token create).",
        )
    runner.configs.see_generation(row.generation)
    return Actor(row.id, row.name, row.role, row.customer_id)


def load_session(desk: Desk, user_id: str, epoch: int) -> Actor | None:
    """The user of a session; None if it was ended by a new password, a new role or disabling the user."""
    with desk.database.autocommit() as connection:
        row = _BY_SESSION.first(connection, {"user_id": user_id, "epoch": epoch})
    if row is None:
        return None
    desk.configs.see_generation(row.generation)
    return Actor(row.id, row.name, row.role, row.customer_id)


def authenticate_login(desk: Desk, email: str, password: str, client_address: str) -> Login:
    """Log in by email address and password.

    An attempt is recorded as failed before the password is checked, so that concurrent attempts in any number
    of processes stay within the limit; a successful attempt deletes its record.

    Raises:
        NotAuthenticated: the login failed; the message is the same for every reason.
        TooManyAttempts: there were 10 failures of the login or client address within 15 minutes.
    """
    login = email.strip().lower()
    fit = "\0" not in login and len(login) <= LONGEST_LOGIN
    keys = [f"login:{login if fit else '?'}", f"address:{client_address[:100]}"]
    attempt_id = desk.perform(SYSTEM, lambda tx: _record_attempt(tx, keys))
    with desk.database.autocommit() as connection:
        row = connection.execute(select(user).where(user.c.email == (login if fit else ""))).one_or_none()
    fits = password_matches(row.password_hash if row is not None else None, password)
    if row is None or not fits or row.disabled_at is not None:
        raise NotAuthenticated("The email address or password is incorrect.", remedy="Try again.")
    new_hash = HASHER.hash(password) if HASHER.check_needs_rehash(row.password_hash) else None
    desk.perform(SYSTEM, lambda tx: _record_success(tx, row.id, keys, attempt_id, new_hash), repeatable=True)
    return Login(row.id, row.session_epoch, Actor(row.id, row.name, row.role, row.customer_id))


def _record_attempt(tx: Transaction, keys: list[str]) -> str:
    """Record the attempt as failed, by login and by address. Returns the id of the address's record."""
    for key in sorted(keys):
        if not tx.is_sqlite:
            lock = text("SELECT pg_advisory_xact_lock(:space, :key)")
            tx.connection.execute(lock, {"space": 0x6C6F67, "key": zlib.crc32(key.encode()) - 2**31})
    since = tx.real_now - FAILURES_COUNT_FOR
    for key in keys:
        # one that is ahead was recorded before the system's clock was set back
        counted = (failure.c.login == key) & failure.c.failed_at.between(since, tx.real_now + CLOCK_SKEW)
        number, first = tx.connection.execute(
            select(func.count(), func.min(failure.c.failed_at)).where(counted)
        ).one()
        if number >= MOST_FAILURES:
            wait = first + FAILURES_COUNT_FOR - tx.real_now
            raise TooManyAttempts(
                "Too many failed logins.",
                remedy="Wait 15 minutes and try again.",
                retry_after_seconds=max(1, int(wait.total_seconds())),
            )
    rows = [{"id": new_id(), "login": key, "failed_at": tx.real_now} for key in keys]
    tx.add_all(failure, rows)
    return str(rows[-1]["id"])


def _record_success(
    tx: Transaction, user_id: str, keys: list[str], attempt_id: str, new_hash: str | None
) -> None:
    """Delete the failures of the login, and this attempt's record of the client address."""
    tx.connection.execute(delete(failure).where((failure.c.login == keys[0]) | (failure.c.id == attempt_id)))
    if new_hash is not None:
        tx.change(user, user_id, password_hash=new_hash)

"""Authentication by API token, and by email address and password.

Each call reads the user and the deployment's generation in one statement, so that the process also learns
whether its settings and rules are still current. Sessions are in `workflows/users/sessions.py`.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select, update

from engine.errors import DeskError
from workflows.core.actors import NOBODY, Actor
from workflows.core.desk import Desk
from workflows.core.secret_texts import new_secret, secret_hash
from workflows.core.transaction import Runner, Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.users.login_delays import (
    LONGEST_DELAY,
    LONGEST_DEVICE_DELAY,
    count_attempt,
    delay_key,
    forgive_attempts,
    network_of,
)
from workflows.users.passwords import HASHER, password_matches
from workflows.users.sessions import Visit, open_session, remember_device

LONGEST_LOGIN = 254
EMAIL = re.compile(r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$")
"""What is recorded of an unknown login: anything else may be a password, typed into the wrong field."""

user, token, device = t.user_account, t.api_token, t.known_device

_BY_TOKEN = Prepared(
    select(
        user.c.id,
        user.c.name,
        user.c.role,
        user.c.customer_id,
        select(t.deployment.c.generation).scalar_subquery().label("generation"),
        token.c.expires_at,
    )
    .join(user, user.c.id == token.c.user_id)
    .where(token.c.token_hash == bindparam("token_hash"))
    .where(token.c.revoked_at.is_(None), user.c.disabled_at.is_(None))
)


class NotAuthenticated(DeskError):
    """The token or login is missing or not valid."""

    code = "not-authenticated"


@dataclass(frozen=True, slots=True)
class Login:
    """A successful login: the secrets of the new session and of the device, for the browser's cookies."""

    actor: Actor
    session: str
    device: str


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
    row = _BY_TOKEN.first(connection, {"token_hash": secret_hash(text)})
    if row is None or (row.expires_at is not None and row.expires_at <= runner.clock.now()):
        raise NotAuthenticated(
            gettext("This token is not valid: it is unknown, expired or revoked."),
            remedy=gettext("Ask an administrator for a new one (coverdesk token create)."),
        )
    runner.configs.see_generation(row.generation)
    return Actor(row.id, row.name, row.role, row.customer_id)


def authenticate_login(desk: Desk, email: str, password: str, visit: Visit) -> Login:
    """Log in by email address and password, which opens a session.

    An attempt is counted as failed before the password is checked, so that concurrent attempts in any number
    of processes get no more guesses; a successful attempt forgives them. Logins, failures and delays are in
    the audit trail; attempts that come too early are not, so that nobody can fill it with them.

    Raises:
        NotAuthenticated: the login failed; the message is the same for every reason.
        TooManyAttempts: after failures with this login from this address or device, it comes too early.
    """
    login = email.strip().lower()
    login = login if login.isprintable() and len(login) <= LONGEST_LOGIN else ""
    row = _read_user(desk, login, visit)
    is_known = row is not None and row.is_known_device
    place = ("device", visit.device or "") if is_known else ("address", network_of(visit.address))
    key = delay_key(login, *place)
    longest = LONGEST_DEVICE_DELAY if is_known else LONGEST_DELAY
    wait = desk.perform(NOBODY, lambda tx: count_attempt(tx, key, longest=longest))
    fits = password_matches(row.password_hash if row is not None else None, password)
    if row is None or not fits or row.disabled_at is not None:
        desk.perform(NOBODY, lambda tx: _store_failure(tx, row, login, visit, wait))
        raise NotAuthenticated(
            gettext("The email address or password is incorrect."), remedy=gettext("Try again.")
        )
    new_hash = HASHER.hash(password) if HASHER.check_needs_rehash(row.password_hash) else None
    keeps_device = visit.device is not None and row.is_device
    found = Login(
        actor=Actor(row.id, row.name, row.role, row.customer_id),
        session=new_secret(),
        device=str(visit.device) if keeps_device else new_secret(),
    )

    def store(tx: Transaction) -> None:
        forgive_attempts(tx, key)
        open_session(tx, row.id, epoch=row.session_epoch, secret=found.session, visit=visit)
        remember_device(tx, row.id, found.device)
        if new_hash is not None:
            same = (user.c.id == row.id) & (user.c.password_hash == row.password_hash)
            tx.connection.execute(update(user).where(same).values(password_hash=new_hash))
        tx.audit("user", row.id, "logged in", **visit.stored, known_device=is_known)

    desk.perform(found.actor, store)
    return found


def _read_user(desk: Desk, login: str, visit: Visit) -> Row[Any] | None:
    """The user with this email address, and whether the visit's device is known: to this user, to anyone."""
    hashed = secret_hash(visit.device or "")
    is_device = exists().where(device.c.token_hash == hashed)
    with desk.database.autocommit() as connection:
        return connection.execute(
            select(
                user,
                is_device.where(device.c.user_id == user.c.id).label("is_known_device"),
                is_device.label("is_device"),
            ).where(user.c.email == login)
        ).one_or_none()


def _store_failure(tx: Transaction, row: Row[Any] | None, login: str, visit: Visit, wait: timedelta) -> None:
    """Add a failed login to the audit trail of the user, or of the address if there is no such user."""
    details: dict[str, Any] = dict(visit.stored)
    kind, subject = ("user", row.id) if row is not None else ("login", details["address"])
    if row is None and EMAIL.match(login):
        details["email"] = login
    tx.audit(kind, subject, "login failed", **details)
    if wait:
        tx.audit(kind, subject, "login delayed", **details, seconds=int(wait.total_seconds()))

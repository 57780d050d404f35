"""Login sessions: opened by a login, listed, ended one by one or all at once, and expiring by themselves.

A browser has the session's secret in its signed cookie; the table has the hash. Reading a page reads the
session and its user by one statement; that it was used is written every few minutes at most.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from workflows.core.actors import SYSTEM, Actor
from workflows.core.clock import CLOCK_SKEW
from workflows.core.desk import Desk
from workflows.core.errors import NotFound, OutcomeUnknown
from workflows.core.secret_texts import secret_hash
from workflows.core.session_limits import SessionLimits
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id
from workflows.views.users import SessionView

SEEN_EVERY = timedelta(minutes=5)
LONGEST_USER_AGENT = 300
LONGEST_ADDRESS = 100

log = structlog.get_logger()
user, session, device, token = t.user_account, t.login_session, t.known_device, t.api_token
billing = t.billing_details

_BY_SECRET = Prepared(
    select(
        user.c.id,
        user.c.name,
        user.c.role,
        user.c.customer_id,
        user.c.language,
        user.c.time_zone,
        select(billing.c.language)
        .where(billing.c.customer_id == user.c.customer_id)
        .scalar_subquery()
        .label("customer_language"),
        select(t.deployment.c.generation).scalar_subquery().label("generation"),
        session.c.id.label("session_id"),
        session.c.created_at,
        session.c.last_seen_at,
    )
    .join(user, (user.c.id == session.c.user_id) & (user.c.session_epoch == session.c.epoch))
    .where(session.c.token_hash == bindparam("token_hash", required=True), user.c.disabled_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class Visit:
    """From where someone visits the pages; `device` is the secret of the browser's device cookie."""

    address: str
    user_agent: str = ""
    device: str | None = None

    @property
    def stored(self) -> dict[str, str]:
        """The address and the browser's name as they are stored: printable and not too long."""
        return {
            "address": _printable(self.address, LONGEST_ADDRESS),
            "user_agent": _printable(self.user_agent, LONGEST_USER_AGENT),
        }


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that is in force, and its user.

    `language` is the one that the user has chosen, `customer_language` that of a customer's billing details;
    None where it is not set. `time_zone` is the user's own; None for the provider's.
    """

    id: str
    actor: Actor
    language: str | None
    customer_language: str | None
    time_zone: str | None


def load_session(desk: Desk, secret: str, visit: Visit) -> OpenSession | None:
    """The session with this secret; None if it has expired or was ended."""
    with desk.database.autocommit() as connection:
        row = _BY_SECRET.first(connection, {"token_hash": secret_hash(secret)})
    now = desk.clock.now()
    if row is None or _has_expired(row, desk.session_limits, now):
        return None
    desk.configs.see_generation(row.generation)
    # a use that is ahead was stored before the clock was set back
    if not -CLOCK_SKEW <= now - row.last_seen_at < SEEN_EVERY:
        _store_use(desk, row.session_id, visit)
    who = Actor(row.id, row.name, row.role, row.customer_id)
    return OpenSession(row.session_id, who, row.language, row.customer_language, row.time_zone)


def open_session(tx: Transaction, user_id: str, *, epoch: int, secret: str, visit: Visit) -> None:
    """Open a session for a user whose `session_epoch` was read together with the password."""
    tx.add(
        session,
        id=new_id(),
        user_id=user_id,
        token_hash=secret_hash(secret),
        epoch=epoch,
        created_at=tx.real_now,
        last_seen_at=tx.real_now,
        **visit.stored,
    )


def list_sessions(tx: Transaction, user_id: str) -> list[SessionView]:
    """The sessions of a user that are in force, last used first.

    Raises: NotAllowed for another user's unless the actor is an administrator; NotFound.
    """
    if user_id != tx.actor.id:
        tx.require("administrator")
    row = tx.connection.execute(select(user.c.session_epoch).where(user.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such user."))
    limits = tx.runner.session_limits
    rows = tx.connection.execute(
        select(session)
        .where(session.c.user_id == user_id, session.c.epoch == row.session_epoch)
        .order_by(session.c.last_seen_at.desc(), session.c.id.desc())
    )
    return [_view(row, limits) for row in rows if not _has_expired(row, limits, tx.real_now)]


def end_session(tx: Transaction, session_id: str) -> str:
    """End one session; returns its user's id.

    Raises: NotFound, also for the session of another user unless the actor is an administrator.
    """
    ended = delete(session).where(session.c.id == session_id)
    if tx.actor.role not in ("administrator", "system"):
        ended = ended.where(session.c.user_id == tx.actor.id)
    row = tx.connection.execute(ended.returning(session)).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such session."), remedy=gettext("It may have ended already."))
    details = {"address": row.address, "user_agent": row.user_agent}
    tx.audit("user", row.user_id, "session ended", **details)
    return str(row.user_id)


def sign_out(tx: Transaction, *, tokens: bool = False) -> None:
    """End every session of the actor and, if asked for, revoke every API token.

    Raises: NotFound if the actor is no user.
    """
    if tx.actor.id is None:
        raise NotFound(gettext("There is no such user."))
    _sign_out(tx, tx.actor.id, "signed out", tokens=tokens)


def sign_out_user(tx: Transaction, user_id: str, *, tokens: bool = False) -> None:
    """`sign_out` for another user. Raises: NotAllowed unless the actor is an administrator; NotFound."""
    tx.require("administrator")
    if tx.connection.execute(select(user.c.id).where(user.c.id == user_id)).one_or_none() is None:
        raise NotFound(gettext("There is no such user."))
    _sign_out(tx, user_id, "signed out by an administrator", tokens=tokens)


def end_sessions(tx: Transaction, user_id: str, *, tokens: bool) -> dict[str, int]:
    """End every session of a user, and revoke every API token if `tokens`; returns how many of each."""
    ended = _END.count(tx.connection, {"user": user_id})
    if not tokens:
        return {"sessions": ended}
    in_force = (token.c.user_id == user_id) & token.c.revoked_at.is_(None)
    revoked = tx.connection.execute(update(token).where(in_force).values(revoked_at=tx.real_now))
    return {"sessions": ended, "tokens": revoked.rowcount}


_END = Prepared(delete(session).where(session.c.user_id == bindparam("user", type_=Id, required=True)))


def remember_device(tx: Transaction, user_id: str, secret: str) -> None:
    """Store that the user has logged in with this device."""
    dialect = sqlite if tx.is_sqlite else postgresql
    row = dialect.insert(device).values(
        token_hash=secret_hash(secret), user_id=user_id, last_used_at=tx.real_now
    )
    tx.connection.execute(
        row.on_conflict_do_update(
            index_elements=["token_hash", "user_id"], set_={"last_used_at": tx.real_now}
        )
    )


def forget_devices(tx: Transaction, user_id: str) -> None:
    """Forget the user's devices: from each of them, failed attempts now count as from any other."""
    tx.connection.execute(delete(device).where(device.c.user_id == user_id))


def _sign_out(tx: Transaction, user_id: str, action: str, *, tokens: bool) -> None:
    tx.audit("user", user_id, action, **end_sessions(tx, user_id, tokens=tokens))


def _store_use(desk: Desk, session_id: str, visit: Visit) -> None:
    """Store that a session is in use; where that fails, the page is shown all the same."""
    try:
        desk.perform(SYSTEM, partial(_update_use, session_id=session_id, visit=visit), repeatable=True)
    except (DBAPIError, OutcomeUnknown) as error:
        log.warning("the use of a session was not stored", session=session_id, error=type(error).__name__)


def _update_use(tx: Transaction, *, session_id: str, visit: Visit) -> None:
    tx.connection.execute(
        update(session).where(session.c.id == session_id).values(last_seen_at=tx.real_now, **visit.stored)
    )


def _has_expired(row: Any, limits: SessionLimits, now: datetime) -> bool:
    return bool(row.last_seen_at + limits.idle <= now or row.created_at + limits.longest <= now)


def _view(row: Row[Any], limits: SessionLimits) -> SessionView:
    return SessionView(
        id=row.id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=min(row.last_seen_at + limits.idle, row.created_at + limits.longest),
        address=row.address,
        user_agent=row.user_agent,
    )


def _printable(text: str, longest: int) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:longest]).strip()

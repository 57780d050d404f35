"""Users, their passwords and API tokens. Logging in is in `workflows/users/authentication.py`.

A password is stored as an argon2 hash, a token as its SHA-256: neither can be recovered.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Annotated, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field, StringConstraints
from sqlalchemy import Row, func, select
from sqlalchemy.exc import IntegrityError

from engine.roles import UserRole
from workflows.commands.fields import PASSWORD, Command, MailAddress, Name
from workflows.core.actors import DESK
from workflows.core.errors import (
    Conflict,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    StateForbids,
    invalid,
)
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.users import CreatedToken, TokenView, UserView

Password = Annotated[
    str, StringConstraints(min_length=12, max_length=1000), Field(json_schema_extra=PASSWORD)
]

TOKEN_PREFIX = "cvd_"
TOKEN_BYTES = 32
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

user, token = t.user_account, t.api_token

ORDERS = {
    "email": Sort(user.c.email),
    "name": Sort(func.lower(user.c.name)),
    "created_at": Sort(user.c.created_at),
}


class NewUser(Command):
    """A user account. One with the role customer belongs to the customer with the same email address."""

    email: MailAddress
    name: Name | None = None
    role: UserRole
    password: Password | None = None


class ChangeUser(Command):
    name: Name = ""
    role: UserRole = "customer"
    password: Password = ""
    disabled: bool = False


class NewOwnToken(Command):
    """An API token for the actor."""

    name: Name = "API"
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class NewToken(NewOwnToken):
    """An API token for the user with this email address."""

    email: MailAddress


def create_user(tx: Transaction, command: NewUser) -> str:
    """Add a user; returns the id.

    Raises:
        NotAllowed: the actor is no administrator.
        InvalidInput: the role is customer and no customer has this email address.
        Conflict: another user has this email address.
    """
    tx.require("administrator")
    email = command.email.lower()
    user_id = new_id()
    values = {
        "id": user_id,
        "email": email,
        "name": command.name or email,
        "role": command.role,
        "customer_id": _customer_by_email(tx, email) if command.role == "customer" else None,
        "password_hash": HASHER.hash(command.password) if command.password is not None else None,
        "created_at": tx.real_now,
    }
    try:
        tx.add(user, **values)
    except IntegrityError:
        raise Conflict(f"There is another user with the email address {email!r}.", pointer="/email") from None
    tx.audit("user", user_id, "created", email=email, role=command.role)
    return user_id


def must_have_first_password(tx: Transaction, user_id: str, password: str | None) -> None:
    """Check that a user was created with this password, as far as that can be known.

    Nothing else is stored of the password, so after any change that ended the user's sessions it is not
    compared: the present one is the user's own. Raises: IdempotencyKeyReused.
    """
    row = tx.connection.execute(select(user).where(user.c.id == user_id)).one_or_none()
    if row is None or row.session_epoch > 0:
        return
    if (password is None) != (row.password_hash is None) or (
        password is not None and not password_matches(row.password_hash, password)
    ):
        raise IdempotencyKeyReused(
            "The idempotency key was used before with another password.",
            remedy="Send a new key for a new command, or the same body to get the first response again.",
        )


def change_user(tx: Transaction, user_id: str, command: ChangeUser) -> None:
    """Change the fields that were given. A new password or role, or disabling, ends the user's sessions.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such user.
        InvalidInput: the role becomes customer and no customer has this email address.
        StateForbids: no administrator would be left.
    """
    tx.require("administrator")
    row = _locked(tx, user_id)
    given = command.given()
    changes: dict[str, Any] = {}
    if "name" in given and command.name != row.name:
        changes["name"] = command.name
    if "role" in given and command.role != row.role:
        changes["role"] = command.role
        changes["customer_id"] = _customer_by_email(tx, row.email) if command.role == "customer" else None
    if "disabled" in given and command.disabled != (row.disabled_at is not None):
        changes["disabled_at"] = tx.real_now if command.disabled else None
    if "password" in given:
        changes["password_hash"] = HASHER.hash(command.password)
    if not changes:
        return
    _require_other_administrator(tx, row, changes)
    if changes.keys() & {"role", "disabled_at", "password_hash"}:
        changes["session_epoch"] = row.session_epoch + 1
    tx.change(user, user_id, **changes)
    details: dict[str, Any] = {name: changes[name] for name in ("name", "role") if name in changes}
    if "disabled_at" in changes:
        details["disabled"] = command.disabled
    tx.audit("user", user_id, "changed", **details, password="password_hash" in changes)


def change_own_password(tx: Transaction, old_password: str, new_password: str) -> int:
    """Change the actor's password and end all sessions; returns the epoch for new sessions.

    Raises:
        NotFound: the actor is no user.
        InvalidInput: the old password is wrong, or the new one is too short or too long.
    """
    if tx.actor.id is None:
        raise NotFound("There is no such user.")
    if not 12 <= len(new_password) <= 1000:
        raise invalid("/new_password", "The password must have at least 12 characters.")
    row = _locked(tx, tx.actor.id)
    if not password_matches(row.password_hash, old_password):
        raise InvalidInput("The old password is incorrect.", pointer="/old_password")
    epoch: int = row.session_epoch + 1
    tx.change(user, row.id, password_hash=HASHER.hash(new_password), session_epoch=epoch)
    tx.audit("user", row.id, "changed", password=True)
    return epoch


def get_user(tx: Transaction, user_id: str) -> UserView:
    """One user. Raises: NotAllowed; NotFound."""
    tx.require("administrator")
    row = tx.connection.execute(select(user).where(user.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such user.")
    return _view(row)


def user_by_email(tx: Transaction, email: str) -> UserView:
    """The user with this email address. Raises: NotAllowed; NotFound."""
    tx.require("administrator")
    row = tx.connection.execute(select(user).where(user.c.email == email.lower())).one_or_none()
    if row is None:
        raise NotFound(f"There is no user with the email address {email!r}.")
    return _view(row)


def list_users(
    tx: Transaction,
    *,
    q: str | None = None,
    role: UserRole | None = None,
    order: str = "email",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[UserView]:
    """A page of users; `q` searches names and email addresses. Raises: NotAllowed; InvalidInput."""
    tx.require("administrator")
    statement = select(user)
    if q is not None:
        statement = statement.where(matches(q, user.c.email, user.c.name))
    if role is not None:
        statement = statement.where(user.c.role == role)
    return read_page(
        tx,
        statement,
        _view,
        orders=ORDERS,
        by_id=user.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def list_technicians(tx: Transaction) -> list[UserView]:
    """The users to whom a service request can be assigned, by name. Raises: NotAllowed."""
    tx.require(*DESK)
    rows = tx.connection.execute(
        select(user)
        .where(user.c.role.in_(DESK), user.c.disabled_at.is_(None))
        .order_by(func.lower(user.c.name), user.c.id)
    )
    return [_view(row) for row in rows]


def create_token(tx: Transaction, command: NewToken) -> CreatedToken:
    """Create an API token for a user; its text is returned only here.

    Raises: NotAllowed; NotFound if no user has this email address; StateForbids if the user is disabled.
    """
    tx.require("administrator")
    owner = user_by_email(tx, command.email)
    if owner.disabled_at is not None:
        raise StateForbids(f"The user {owner.email} is disabled.", remedy="Enable the user first.")
    return _create_token(tx, owner.id, command)


def create_own_token(tx: Transaction, command: NewOwnToken) -> CreatedToken:
    """Create an API token for the actor, with the actor's role. Raises: NotFound if the actor is no user."""
    if tx.actor.id is None:
        raise NotFound("There is no such user.")
    return _create_token(tx, tx.actor.id, command)


def _create_token(tx: Transaction, user_id: str, command: NewOwnToken) -> CreatedToken:
    made = CreatedToken(
        id=new_id(),
        text=TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES),
        expires_at=tx.real_now + timedelta(days=command.expires_days) if command.expires_days else None,
    )
    tx.add(
        token,
        id=made.id,
        user_id=user_id,
        name=command.name,
        token_hash=token_hash(made.text),
        created_at=tx.real_now,
        expires_at=made.expires_at,
    )
    tx.audit("user", user_id, "token made", name=command.name, token=made.id)
    return made


def revoke_token(tx: Transaction, token_id: str) -> None:
    """Revoke a token, which is refused from the next call on.

    Raises: NotFound, also for the token of another user unless the actor is an administrator.
    """
    row = tx.connection.execute(select(token).where(token.c.id == token_id).with_for_update()).one_or_none()
    if row is None or (row.user_id != tx.actor.id and tx.actor.role not in ("administrator", "system")):
        raise NotFound("There is no such token.")
    if row.revoked_at is None:
        tx.change(token, token_id, revoked_at=tx.real_now)
        tx.audit("user", row.user_id, "token revoked", name=row.name, token=token_id)


def list_tokens(tx: Transaction, user_id: str) -> list[TokenView]:
    """A user's tokens, newest first.

    Raises: NotAllowed for another user's tokens unless the actor is an administrator; NotFound.
    """
    if user_id != tx.actor.id:
        tx.require("administrator")
        get_user(tx, user_id)
    rows = tx.connection.execute(
        select(token).where(token.c.user_id == user_id).order_by(token.c.created_at.desc(), token.c.id.desc())
    )
    return [TokenView(row.id, row.name, row.created_at, row.expires_at, row.revoked_at) for row in rows]


def token_hash(text: str) -> str:
    """The stored hash of a token. A token is random enough that a plain hash cannot be reversed."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the password matches the hash. It takes as long without a hash, so as not to reveal that."""
    try:
        HASHER.verify(password_hash or DUMMY_HASH, password.encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def _locked(tx: Transaction, user_id: str) -> Row[Any]:
    row = tx.connection.execute(select(user).where(user.c.id == user_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("There is no such user.")
    return row


def _customer_by_email(tx: Transaction, email: str) -> str:
    customer_id: str | None = tx.connection.execute(
        select(t.customer.c.id).where(t.customer.c.email == email)
    ).scalar_one_or_none()
    if customer_id is None:
        raise invalid(
            "/email", f"There is no customer with the email address {email!r}.", "Add the customer first."
        )
    return customer_id


def _require_other_administrator(tx: Transaction, row: Row[Any], changes: dict[str, Any]) -> None:
    if row.role != "administrator" or not (changes.get("disabled_at") or "role" in changes):
        return
    left = tx.connection.execute(
        select(user.c.id)
        .where(user.c.role == "administrator", user.c.disabled_at.is_(None))
        .order_by(user.c.id)
        .with_for_update()
    ).scalars()
    if set(left) <= {row.id}:
        raise StateForbids(
            f"{row.email} is the only administrator.", remedy="Make another user administrator first."
        )


def _view(row: Row[Any]) -> UserView:
    return UserView(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        customer=row.customer_id,
        disabled_at=row.disabled_at,
        created_at=row.created_at,
    )


DUMMY_HASH = HASHER.hash(secrets.token_urlsafe(16))

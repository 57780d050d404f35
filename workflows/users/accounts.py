"""Users, their passwords and API tokens. How they get in is in `workflows/users/authentication.py`.

A password is kept as an argon2 hash, a token as its SHA-256: neither can be read back.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Annotated, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import EmailStr, Field, StringConstraints
from sqlalchemy import Row, func, select
from sqlalchemy.exc import IntegrityError

from engine.roles import UserRole
from workflows.commands.fields import Command, Name
from workflows.core.actors import DESK
from workflows.core.errors import Conflict, InvalidInput, NotFound, StateForbids, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.users import MadeToken, TokenView, UserView

Password = Annotated[str, StringConstraints(min_length=12, max_length=1000)]

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
    """A login. One with the role customer belongs to the customer who has the same address."""

    email: EmailStr
    name: Name | None = None
    role: UserRole
    password: Password | None = None


class ChangeUser(Command):
    name: Name = ""
    role: UserRole = "customer"
    password: Password = ""
    disabled: bool = False


class NewOwnToken(Command):
    """An API token of whoever asks for it."""

    name: Name = "API"
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class NewToken(NewOwnToken):
    """An API token of the user with this address."""

    email: EmailStr


def create_user(tx: Transaction, command: NewUser) -> str:
    """Add a user; answers the id.

    Raises: InvalidInput for a customer's login where no customer has the address; Conflict for one taken.
    """
    tx.require("administrator")
    email = command.email.lower()
    user_id = new_id()
    values = {
        "id": user_id,
        "email": email,
        "name": command.name or email,
        "role": command.role,
        "customer_id": _customer_with(tx, email) if command.role == "customer" else None,
        "password_hash": HASHER.hash(command.password) if command.password is not None else None,
        "created_at": tx.real_now,
    }
    try:
        tx.add(user, **values)
    except IntegrityError:
        raise Conflict(f"There is another user with the address {email!r}.", pointer="/email") from None
    tx.audit("user", user_id, "created", email=email, role=command.role)
    return user_id


def change_user(tx: Transaction, user_id: str, command: ChangeUser) -> None:
    """Change the fields that were given. A new password, role or disabling ends the user's sessions.

    Raises: StateForbids where no administrator would be left.
    """
    tx.require("administrator")
    row = _locked(tx, user_id)
    given = command.given()
    changes: dict[str, Any] = {}
    if "name" in given and command.name != row.name:
        changes["name"] = command.name
    if "role" in given and command.role != row.role:
        changes["role"] = command.role
        changes["customer_id"] = _customer_with(tx, row.email) if command.role == "customer" else None
    if "disabled" in given and command.disabled != (row.disabled_at is not None):
        changes["disabled_at"] = tx.real_now if command.disabled else None
    if "password" in given:
        changes["password_hash"] = HASHER.hash(command.password)
    if not changes:
        return
    _require_an_administrator(tx, row, changes)
    if changes.keys() & {"role", "disabled_at", "password_hash"}:
        changes["session_epoch"] = row.session_epoch + 1
    tx.change(user, user_id, **changes)
    told: dict[str, Any] = {name: changes[name] for name in ("name", "role") if name in changes}
    if "disabled_at" in changes:
        told["disabled"] = command.disabled
    tx.audit("user", user_id, "changed", **told, password="password_hash" in changes)


def change_own_password(tx: Transaction, old_password: str, new_password: str) -> int:
    """Change the actor's password, given the old one; ends all sessions and answers the epoch of new ones.

    Raises: InvalidInput for a wrong old password or a new one that is too short.
    """
    if tx.actor.id is None:
        raise NotFound("There is no such user.")
    if not 12 <= len(new_password) <= 1000:
        raise invalid("/new_password", "A password has 12 characters or more.")
    row = _locked(tx, tx.actor.id)
    if not password_fits(row.password_hash, old_password):
        raise InvalidInput("The old password is not right.", pointer="/old_password")
    epoch: int = row.session_epoch + 1
    tx.change(user, row.id, password_hash=HASHER.hash(new_password), session_epoch=epoch)
    tx.audit("user", row.id, "changed", password=True)
    return epoch


def get_user(tx: Transaction, user_id: str) -> UserView:
    """One user. Raises: NotFound."""
    tx.require("administrator")
    row = tx.connection.execute(select(user).where(user.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such user.")
    return _view(row)


def user_by_email(tx: Transaction, email: str) -> UserView:
    """The user with the address. Raises: NotFound."""
    tx.require("administrator")
    row = tx.connection.execute(select(user).where(user.c.email == email.lower())).one_or_none()
    if row is None:
        raise NotFound(f"There is no user with the address {email!r}.")
    return _view(row)


def list_users(
    tx: Transaction,
    *,
    q: str | None = None,
    role: UserRole | None = None,
    order: str = "email",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[UserView]:
    """Users by name or address."""
    tx.require("administrator")
    statement = select(user)
    if q is not None:
        statement = statement.where(matches(q, user.c.email, user.c.name))
    if role is not None:
        statement = statement.where(user.c.role == role)
    return read_page(
        tx, statement, _view, orders=ORDERS, by_id=user.c.id, order=order, limit=limit, cursor=cursor
    )


def list_technicians(tx: Transaction) -> list[UserView]:
    """Those who may be given a service request, by name."""
    tx.require(*DESK)
    rows = tx.connection.execute(
        select(user)
        .where(user.c.role.in_(DESK), user.c.disabled_at.is_(None))
        .order_by(func.lower(user.c.name), user.c.id)
    )
    return [_view(row) for row in rows]


# ------------------------------------------------------------------ tokens


def create_token(tx: Transaction, command: NewToken) -> MadeToken:
    """Make an API token for a user. Its text is answered here and never again."""
    tx.require("administrator")
    owner = user_by_email(tx, command.email)
    if owner.disabled_at is not None:
        raise StateForbids(f"The user {owner.email} is disabled.", remedy="Enable the user first.")
    return _make_token(tx, owner.id, command)


def create_own_token(tx: Transaction, command: NewOwnToken) -> MadeToken:
    """Make an API token for the actor, with the actor's role."""
    if tx.actor.id is None:
        raise NotFound("There is no such user.")
    return _make_token(tx, tx.actor.id, command)


def _make_token(tx: Transaction, user_id: str, command: NewOwnToken) -> MadeToken:
    made = MadeToken(
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
    """A revoked token opens nothing from the next call on. Raises: NotFound, also for another's token."""
    row = tx.connection.execute(select(token).where(token.c.id == token_id).with_for_update()).one_or_none()
    if row is None or (row.user_id != tx.actor.id and tx.actor.role not in ("administrator", "system")):
        raise NotFound("There is no such token.")
    if row.revoked_at is None:
        tx.change(token, token_id, revoked_at=tx.real_now)
        tx.audit("user", row.user_id, "token revoked", name=row.name, token=token_id)


def list_tokens(tx: Transaction, user_id: str) -> list[TokenView]:
    """A user's tokens, newest first; another's for administrators alone. Raises: NotFound."""
    if user_id != tx.actor.id:
        tx.require("administrator")
        get_user(tx, user_id)
    rows = tx.connection.execute(
        select(token).where(token.c.user_id == user_id).order_by(token.c.created_at.desc(), token.c.id.desc())
    )
    return [TokenView(row.id, row.name, row.created_at, row.expires_at, row.revoked_at) for row in rows]


def token_hash(text: str) -> str:
    """What is stored of a token. It is random enough that a plain hash cannot be turned round."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def password_fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed. Takes as long where there is no hash."""
    try:
        HASHER.verify(password_hash or NOBODYS_HASH, password.encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


# ------------------------------------------------------------------ helpers


def _locked(tx: Transaction, user_id: str) -> Row[Any]:
    row = tx.connection.execute(select(user).where(user.c.id == user_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("There is no such user.")
    return row


def _customer_with(tx: Transaction, email: str) -> str:
    customer_id: str | None = tx.connection.execute(
        select(t.customer.c.id).where(t.customer.c.email == email)
    ).scalar_one_or_none()
    if customer_id is None:
        raise invalid(
            "/email", f"There is no customer with the address {email!r}.", "Add the customer first."
        )
    return customer_id


def _require_an_administrator(tx: Transaction, row: Row[Any], changes: dict[str, Any]) -> None:
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


NOBODYS_HASH = HASHER.hash(secrets.token_urlsafe(16))

"""Users and their roles. Logging in is in `workflows/users/authentication.py`.

A password is stored as an argon2 hash, which cannot be reversed.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.exc import IntegrityError

from engine.roles import UserRole
from workflows.commands.fields import Command, MailAddress, Name
from workflows.core.actors import DESK, STAFF
from workflows.core.config_version import bump_generation
from workflows.core.erased import require_not_erased
from workflows.core.errors import (
    Conflict,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    StateForbids,
    invalid,
)
from workflows.core.paging import Sort, matches, read_page
from workflows.core.settings import TimeZoneName, is_time_zone
from workflows.core.transaction import Transaction
from workflows.languages.texts import Language, gettext
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.store.erasure_triggers import is_address_of_erased
from workflows.store.ids import new_id
from workflows.users.password_links import invite, withdraw_links
from workflows.users.passwords import Password, new_password_hash, password_matches
from workflows.users.sessions import (
    Visit,
    end_sessions,
    forget_devices,
    open_session,
    remember_device,
)
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.users import UserView

user = t.user_account

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
    language: Language | None = None
    """In which the pages are read; that of the customer or the browser unless given."""
    time_zone: TimeZoneName | None = None
    """In which instants are read on the pages; the provider's unless given."""
    invite: bool = True
    """Whether to send an invitation by mail, if no password is given."""


class ChangeUser(Command):
    name: Name = ""
    role: UserRole = "customer"
    password: Password = ""
    disabled: bool = False
    language: Language | None = None
    time_zone: TimeZoneName | None = None
    revoke_api_access: bool = False
    """Revoke every API token of the user as well."""


def create_user(tx: Transaction, command: NewUser) -> str:
    """Add a user; returns the id. Without a password, an invitation is sent unless `invite` is false.

    Raises:
        NotAllowed: the actor is no administrator.
        InvalidInput: the role is customer and no customer has this email address; the password is easy to
            guess.
        Conflict: another user has this email address.
    """
    tx.require("administrator")
    email = command.email.lower()
    name, password = command.name or email, command.password
    user_id = new_id()
    values = {
        "id": user_id,
        "email": email,
        "name": name,
        "role": command.role,
        "customer_id": _customer_by_email(tx, email) if command.role == "customer" else None,
        "password_hash": new_password_hash(password, "/password", email, name) if password else None,
        "language": command.language,
        "time_zone": command.time_zone,
        "created_at": tx.real_now,
    }
    try:
        tx.add(user, **values)
    except IntegrityError:
        raise Conflict(
            gettext("There is another user with the email address %(email)s.", email=repr(email)),
            pointer="/email",
        ) from None
    tx.audit("user", user_id, "created", email=email, role=command.role)
    if password is None and command.invite:
        invite(tx, _locked(tx, user_id))
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


def change_user(
    tx: Transaction,
    user_id: str,
    command: ChangeUser,
    *,
    once_locked: Callable[[], object] | None = None,
) -> None:
    """Change the fields that were given. A new password or role, or disabling, ends the user's sessions.

    `once_locked` is called once no other call can change the user: a user has no version to compare.

    Raises:
        VersionChanged, or whatever `once_locked` raises.
        NotAllowed: the actor is no administrator.
        NotFound: there is no such user.
        CustomerErased: it is that of a customer who was erased.
        InvalidInput: the role becomes customer and no customer has this email address; the password is easy
            to guess.
        StateForbids: no administrator would be left.
    """
    tx.require("administrator")
    row = _locked(tx, user_id)
    if once_locked is not None:
        once_locked()
    if is_address_of_erased(row.email):
        require_not_erased(tx, row.customer_id)
    given = command.given()
    changes: dict[str, Any] = {}
    if "name" in given and command.name != row.name:
        changes["name"] = command.name
    if "role" in given and command.role != row.role:
        changes["role"] = command.role
        changes["customer_id"] = _customer_by_email(tx, row.email) if command.role == "customer" else None
    if "disabled" in given and command.disabled != (row.disabled_at is not None):
        changes["disabled_at"] = tx.real_now if command.disabled else None
    if "language" in given and command.language != row.language:
        changes["language"] = command.language
    if "time_zone" in given and command.time_zone != row.time_zone:
        changes["time_zone"] = command.time_zone
    if "password" in given:
        names = (row.email, changes.get("name", row.name))
        changes["password_hash"] = new_password_hash(command.password, "/password", *names)
    if not changes and not command.revoke_api_access:
        return
    _require_other_administrator(tx, row, changes)
    details: dict[str, Any] = {
        name: changes[name] for name in ("name", "role", "language", "time_zone") if name in changes
    }
    if "disabled_at" in changes:
        details["disabled"] = command.disabled
    if changes.keys() & {"role", "disabled_at", "password_hash"}:
        changes["session_epoch"] = row.session_epoch + 1
    if "session_epoch" in changes or command.revoke_api_access:
        details |= end_sessions(tx, user_id, tokens=command.revoke_api_access)
    if "password_hash" in changes:
        _end_what_the_old_password_allowed(tx, user_id)
    if changes:
        tx.change(user, user_id, **changes)
    if "role" in changes:
        tx.add(t.user_role_change, id=new_id(), user_id=user_id, old_role=row.role, changed_at=tx.now)
        bump_generation(tx)
    tx.audit("user", user_id, "changed", **details, password="password_hash" in changes)


def change_own_language(tx: Transaction, language: Language | None) -> None:
    """Read the pages in a language from now on; None is that of the customer or the browser."""
    row = _locked(tx, str(tx.actor.id))
    if row.language != language:
        tx.change(user, row.id, language=language)
        tx.audit("user", row.id, "changed", language=language)


def change_own_time_zone(tx: Transaction, time_zone: str | None) -> None:
    """Read instants on the pages in a time zone from now on; None is the provider's.

    Raises: InvalidInput for an unknown time zone.
    """
    if time_zone is not None and not is_time_zone(time_zone):
        raise invalid(
            "/time_zone", gettext("It is not an IANA time zone."), gettext("Write for example Europe/Berlin.")
        )
    row = _locked(tx, str(tx.actor.id))
    if row.time_zone != time_zone:
        tx.change(user, row.id, time_zone=time_zone)
        tx.audit("user", row.id, "changed", time_zone=time_zone)


def change_own_password(
    tx: Transaction,
    old_password: str,
    new_password: str,
    *,
    secret: str,
    visit: Visit,
    revoke_tokens: bool = False,
) -> None:
    """Change the actor's password and end all sessions; the one with this secret takes their place.

    Raises:
        NotFound: the actor is no user.
        InvalidInput: the old password is wrong, or the new one is too short, too long or easy to guess.
    """
    if tx.actor.id is None:
        raise NotFound(gettext("There is no such user."))
    row = _locked(tx, tx.actor.id)
    if not password_matches(row.password_hash, old_password):
        raise InvalidInput(gettext("The current password is incorrect."), pointer="/old_password")
    hashed = new_password_hash(new_password, "/new_password", row.email, row.name)
    epoch: int = row.session_epoch + 1
    tx.change(user, row.id, password_hash=hashed, session_epoch=epoch)
    ended = end_sessions(tx, row.id, tokens=revoke_tokens)
    _end_what_the_old_password_allowed(tx, row.id)
    open_session(tx, row.id, epoch=epoch, secret=secret, visit=visit)
    if visit.device is not None:
        remember_device(tx, row.id, visit.device)
    tx.audit("user", row.id, "changed", password=True, **ended)


def get_user(tx: Transaction, user_id: str) -> UserView:
    """One user. Raises: NotAllowed; NotFound."""
    tx.require("administrator")
    row = tx.connection.execute(select(user).where(user.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such user."))
    return _view(row)


def user_by_email(tx: Transaction, email: str) -> UserView:
    """The user with this email address. Raises: NotAllowed; NotFound."""
    tx.require("administrator")
    row = tx.connection.execute(select(user).where(user.c.email == email.lower())).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no user with the email address %(email)s.", email=repr(email)))
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


def list_customer_users(tx: Transaction, *, q: str, limit: int = DEFAULT_LIMIT) -> Page[UserView]:
    """A page of customers' users by name; `q` searches names and email addresses. Raises: NotAllowed."""
    tx.require(*STAFF)
    return read_page(
        tx,
        select(user).where(user.c.role == "customer", matches(q, user.c.email, user.c.name)),
        _view,
        orders=ORDERS,
        by_id=user.c.id,
        order="name",
        limit=limit,
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


def _end_what_the_old_password_allowed(tx: Transaction, user_id: str) -> None:
    """Withdraw links that would set yet another password, and devices that were known by the old one."""
    withdraw_links(tx, user_id)
    forget_devices(tx, user_id)


def _locked(tx: Transaction, user_id: str) -> Row[Any]:
    row: Row[Any] | None = _LOCKED.first(tx.connection, {"id": user_id})
    if row is None:
        raise NotFound(gettext("There is no such user."))
    return row


_LOCKED = Prepared(
    select(user).where(user.c.id == bindparam("id", type_=Id, required=True)).with_for_update()
)


def _customer_by_email(tx: Transaction, email: str) -> str:
    customer_id: str | None = tx.connection.execute(
        select(t.customer.c.id).where(t.customer.c.email == email)
    ).scalar_one_or_none()
    if customer_id is None:
        raise invalid(
            "/email",
            gettext("There is no customer with the email address %(email)s.", email=repr(email)),
            gettext("Add the customer first."),
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
            gettext("%(email)s is the only administrator.", email=row.email),
            remedy=gettext("Make another user an administrator first."),
        )


def _view(row: Row[Any]) -> UserView:
    return UserView(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        customer=row.customer_id,
        language=row.language,
        time_zone=row.time_zone,
        disabled_at=row.disabled_at,
        created_at=row.created_at,
        can_log_in=row.password_hash is not None and row.disabled_at is None,
    )

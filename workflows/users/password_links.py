"""Links to set a password: an invitation, or a reset that the user asks for. Each works once and expires.

Asking never reveals whether an address has an account: the call stores the address, whatever it is, and a job
sends the mail.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, select

from engine.errors import DeskError
from workflows.core.clock import CLOCK_SKEW
from workflows.core.errors import NotFound, StateForbids
from workflows.core.secret_texts import secret_hash
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.notifications.mail_links import EVENT, PLACEHOLDER, link_url, make_link_secret
from workflows.notifications.messages import send
from workflows.notifications.recipients import language_of
from workflows.notifications.templates import mail_text
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.users.login_delays import LONGEST_DELAY, count_attempt, delay_key, network_of
from workflows.users.passwords import new_password_hash
from workflows.users.sessions import Visit, end_sessions, forget_devices, remember_device
from workflows.views.users import CreatedLink

ONE_MAIL_IN = timedelta(minutes=5)
"""How often a mail is sent to the same user, however often it is asked for."""

user, link, request = t.user_account, t.password_link, t.password_request


class LinkNotValid(DeskError):
    """The link to set a password has been used or has expired."""

    code = "link-not-valid"


@dataclass(frozen=True, slots=True)
class LinkOwner:
    """The user who can set a password by a link; `is_new` if it is the first one."""

    email: str
    name: str
    is_new: bool


def send_link(tx: Transaction, user_id: str) -> None:
    """Send a user a link to set a password: an invitation if there is none yet, otherwise a reset.

    Raises: NotAllowed unless the actor is an administrator; NotFound; StateForbids if the user is disabled.
    """
    tx.require("administrator")
    _send(tx, _enabled_user(tx, user_id))


def show_link(tx: Transaction, user_id: str, base_url: str | None) -> CreatedLink:
    """`send_link` without a mail: returns the link, to be passed on in another way.

    Raises: as `send_link`.
    """
    tx.require("administrator")
    row = _enabled_user(tx, user_id)
    secret = make_link_secret(tx, _add_link(tx, row, by_mail=False))
    tx.audit("user", row.id, "password link shown")
    return CreatedLink(link_url(base_url, secret), secret.expires_at)


def invite(tx: Transaction, row: Row[Any]) -> None:
    """Send an invitation to a user who was just created."""
    _send(tx, row)


def ask_for_link(tx: Transaction, email: str, address: str) -> None:
    """Ask for a link by mail, as anyone may. It does the same whether or not the address has an account.

    Raises: TooManyAttempts for one client address that asks again and again.
    """
    key = delay_key("password link", network_of(address))
    count_attempt(tx, key, longest=LONGEST_DELAY)
    tx.add(request, id=new_id(), email=email.strip().lower(), address=address[:100], asked_at=tx.real_now)


def answer_request(tx: Transaction, request_id: str) -> bool:
    """Send the link that was asked for, if the address has an account; returns whether a mail was sent."""
    asked = tx.connection.execute(
        delete(request).where(request.c.id == request_id).returning(request)
    ).one_or_none()
    if asked is None:
        return False
    row = tx.connection.execute(
        select(user).where(user.c.email == asked.email, user.c.disabled_at.is_(None)).with_for_update()
    ).one_or_none()
    if row is None or _was_just_sent(tx, row.id):
        return False
    _send(tx, row, address=asked.address)
    return True


def find_link_owner(tx: Transaction, secret: str) -> LinkOwner:
    """The user of a link, which can still be used afterwards. Raises: LinkNotValid."""
    row = tx.connection.execute(
        select(user.c.email, user.c.name, user.c.password_hash)
        .join(link, link.c.user_id == user.c.id)
        .where(link.c.token_hash == secret_hash(secret), link.c.expires_at > tx.real_now)
        .where(user.c.disabled_at.is_(None))
    ).one_or_none()
    if row is None:
        raise _not_valid()
    return LinkOwner(row.email, row.name, row.password_hash is None)


def set_password_by_link(tx: Transaction, secret: str, new_password: str, visit: Visit) -> None:
    """Set the password of a link's user. Uses the link up, and ends every session of the user.

    The visit's device becomes the only one that is known, since its user reads the user's mail.
    Raises: LinkNotValid; InvalidInput for the password, and the link can still be used.
    """
    used = tx.connection.execute(
        # of two at once, one deletes the row: the other finds none
        delete(link).where(link.c.token_hash == secret_hash(secret)).returning(link)
    ).one_or_none()
    if used is None or used.expires_at <= tx.real_now:
        raise _not_valid()
    row = tx.connection.execute(
        select(user).where(user.c.id == used.user_id, user.c.disabled_at.is_(None)).with_for_update()
    ).one_or_none()
    if row is None:
        raise _not_valid()
    hashed = new_password_hash(new_password, "/new_password", row.email, row.name)
    tx.change(user, row.id, password_hash=hashed, session_epoch=row.session_epoch + 1)
    withdraw_links(tx, row.id)
    forget_devices(tx, row.id)
    if visit.device is not None:
        remember_device(tx, row.id, visit.device)
    ended = end_sessions(tx, row.id, tokens=False)
    details = {"purpose": used.purpose, **visit.stored, **ended}
    tx.audit("user", row.id, "password set by link", **details)


def withdraw_links(tx: Transaction, user_id: str) -> None:
    """Delete the user's links: those that were sent stop working, those still to be sent are not sent."""
    tx.connection.execute(delete(link).where(link.c.user_id == user_id))


def _enabled_user(tx: Transaction, user_id: str) -> Row[Any]:
    row = tx.connection.execute(select(user).where(user.c.id == user_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such user."))
    if row.disabled_at is not None:
        raise StateForbids(
            gettext("The user %(email)s is disabled.", email=row.email),
            remedy=gettext("Enable the user first."),
        )
    return row


def _was_just_sent(tx: Transaction, user_id: str) -> bool:
    since, latest = tx.real_now - ONE_MAIL_IN, tx.real_now + CLOCK_SKEW
    recent = select(link.c.id).where(
        link.c.user_id == user_id, link.c.by_mail, link.c.created_at > since, link.c.created_at <= latest
    )
    return tx.connection.execute(recent.limit(1)).one_or_none() is not None


def _add_link(tx: Transaction, row: Row[Any], *, by_mail: bool) -> str:
    """Add a link. Earlier ones still work, or anyone could make a user's mail useless by asking again."""
    link_id = new_id()
    purpose = "invitation" if row.password_hash is None else "reset"
    tx.add(link, id=link_id, user_id=row.id, purpose=purpose, by_mail=by_mail, created_at=tx.real_now)
    return link_id


def _send(tx: Transaction, row: Row[Any], **details: str) -> None:
    link_id = _add_link(tx, row, by_mail=True)
    purpose = "invitation" if row.password_hash is None else "reset"
    values = {"name": row.name, "email": row.email, "link": PLACEHOLDER}
    subject, body = mail_text(tx, f"password_{purpose}", values, language_of(tx, row.email))
    send(
        tx,
        EVENT,
        recipient=row.email,
        subject=subject,
        body=body,
        about=("user", row.id),
        payload={"link": link_id},
    )
    tx.audit("user", row.id, f"{purpose} sent", **details)


def _not_valid() -> LinkNotValid:
    return LinkNotValid(
        gettext("This link is no longer valid: it has been used, or it has expired."),
        remedy=gettext("Ask for a new one."),
    )

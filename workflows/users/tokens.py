"""API tokens of users. A token is stored as its SHA-256, and its text is shown only when it is created."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy import select

from workflows.commands.fields import Command, MailAddress, Name
from workflows.core.errors import NotFound, StateForbids
from workflows.core.secret_texts import new_secret, secret_hash
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.users.accounts import get_user, user_by_email
from workflows.views.users import CreatedToken, TokenView

TOKEN_PREFIX = "cvd_"

token = t.api_token


class NewOwnToken(Command):
    """An API token for the actor."""

    name: Name = "API"
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class NewToken(NewOwnToken):
    """An API token for the user with this email address."""

    email: MailAddress


def create_token(tx: Transaction, command: NewToken) -> CreatedToken:
    """Create an API token for a user; its text is returned only here.

    Raises: NotAllowed; NotFound if no user has this email address; StateForbids if the user is disabled.
    """
    tx.require("administrator")
    owner = user_by_email(tx, command.email)
    if owner.disabled_at is not None:
        raise StateForbids(
            gettext("The user %(email)s is disabled.", email=owner.email),
            remedy=gettext("Enable the user first."),
        )
    return _create_token(tx, owner.id, command)


def create_own_token(tx: Transaction, command: NewOwnToken) -> CreatedToken:
    """Create an API token for the actor, with the actor's role. Raises: NotFound if the actor is no user."""
    if tx.actor.id is None:
        raise NotFound(gettext("There is no such user."))
    return _create_token(tx, tx.actor.id, command)


def _create_token(tx: Transaction, user_id: str, command: NewOwnToken) -> CreatedToken:
    made = CreatedToken(
        id=new_id(),
        text=new_secret(TOKEN_PREFIX),
        expires_at=tx.real_now + timedelta(days=command.expires_days) if command.expires_days else None,
    )
    tx.add(
        token,
        id=made.id,
        user_id=user_id,
        name=command.name,
        token_hash=secret_hash(made.text),
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
        raise NotFound(gettext("There is no such token."))
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

"""API routes of users and their tokens.

Tokens are created on the command line or on a page: a response here would be stored with its idempotency key.
"""

from collections.abc import Callable
from typing import Any, Literal

from engine.roles import UserRole
from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
from workflows.commands.fields import Command
from workflows.core.transaction import Transaction
from workflows.operations import audit_trail
from workflows.operations.audit_trail import AuditEventView
from workflows.users import accounts, password_links, sessions, tokens
from workflows.users.accounts import ChangeUser, NewUser
from workflows.views import Page
from workflows.views.users import SessionView, TokenView, UserView

users = RouteGroup("Users")


class UserQuery(ListQuery):
    """Filters of users. `q` searches email and name."""

    q: Text | None = None
    role: UserRole | None = None


class AuditQuery(ListQuery):
    """Filters of the audit trail. `view=logins` has users and logins; `q` searches actions and actors."""

    view: Literal["logins"] | None = None
    subject_kind: Text | None = None
    subject_id: Text | None = None
    q: Text | None = None


class SignOut(Command):
    """`revoke_api_access` revokes every API token of the user as well."""

    revoke_api_access: bool = False


def _same_password(tx: Transaction, command: NewUser, first: dict[str, Any]) -> None:
    accounts.must_have_first_password(tx, str(first["id"]), command.password)


@users.post("/users", status=201, compare_secrets=_same_password)
def create_user(tx: Transaction, command: NewUser) -> UserView:
    """Create a user. A user with the role customer is linked to the customer with the same email."""
    return accounts.get_user(tx, accounts.create_user(tx, command))


@users.get("/users")
def list_users(tx: Transaction, query: UserQuery) -> Page[UserView]:
    """List all users. For administrators."""
    return accounts.list_users(tx, **query.given())


@users.get("/users/{user_id}")
def read_user(tx: Transaction, user_id: str) -> UserView:
    """Return one user."""
    return accounts.get_user(tx, user_id)


@users.patch("/users/{user_id}")
def change_user(
    tx: Transaction, user_id: str, command: ChangeUser, once_locked: Callable[[], object] | None
) -> UserView:
    """Change a user. A new role, a new password or disabling ends the user's sessions."""
    accounts.change_user(tx, user_id, command, once_locked=once_locked)
    return accounts.get_user(tx, user_id)


@users.get("/users/{user_id}/tokens")
def list_tokens(tx: Transaction, user_id: str) -> Page[TokenView]:
    """List a user's API tokens, newest first. The token texts are not stored."""
    return Page(tokens.list_tokens(tx, user_id), None)


@users.get("/users/{user_id}/sessions")
def list_sessions(tx: Transaction, user_id: str) -> Page[SessionView]:
    """List where a user is signed in to the pages, last used first."""
    return Page(sessions.list_sessions(tx, user_id), None)


@users.post("/users/{user_id}/sign-out")
def sign_out_user(tx: Transaction, user_id: str, command: SignOut) -> UserView:
    """End every session of a user and, if asked for, revoke every API token. For administrators."""
    sessions.sign_out_user(tx, user_id, tokens=command.revoke_api_access)
    return accounts.get_user(tx, user_id)


@users.post("/users/{user_id}/password-link")
def send_password_link(tx: Transaction, user_id: str) -> UserView:
    """Send a user a link to set a password by mail: an invitation, or a reset. For administrators."""
    password_links.send_link(tx, user_id)
    return accounts.get_user(tx, user_id)


@users.delete("/sessions/{session_id}")
def end_session(tx: Transaction, session_id: str) -> None:
    """End one session, effective with the next page."""
    sessions.end_session(tx, session_id)


@users.get("/audit-events")
def list_audit_events(tx: Transaction, query: AuditQuery) -> Page[AuditEventView]:
    """List the audit trail, the last recorded event first.

    Users may read the events of their own account; everything else is for administrators.
    """
    return audit_trail.list_audit_events(tx, **query.given())


@users.delete("/tokens/{token_id}")
def revoke_token(tx: Transaction, token_id: str) -> None:
    """Revoke a token, effective with the next call."""
    tokens.revoke_token(tx, token_id)

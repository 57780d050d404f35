"""API routes of users and their tokens.

Tokens are created on the command line or on a page: a response here would be stored with its idempotency key.
"""

from typing import Any

from engine.roles import UserRole
from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
from workflows.core.transaction import Transaction
from workflows.users import accounts
from workflows.users.accounts import ChangeUser, NewUser
from workflows.views import Page
from workflows.views.users import TokenView, UserView

users = RouteGroup("Users")


class UserQuery(ListQuery):
    """Filters of users. `q` searches email and name."""

    q: Text | None = None
    role: UserRole | None = None


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
def change_user(tx: Transaction, user_id: str, command: ChangeUser) -> UserView:
    """Change a user. A new role, a new password or disabling ends the user's sessions."""
    accounts.change_user(tx, user_id, command)
    return accounts.get_user(tx, user_id)


@users.get("/users/{user_id}/tokens")
def list_tokens(tx: Transaction, user_id: str) -> Page[TokenView]:
    """List a user's API tokens, newest first. The token texts are not stored."""
    return Page(accounts.list_tokens(tx, user_id), None)


@users.delete("/tokens/{token_id}")
def revoke_token(tx: Transaction, token_id: str) -> None:
    """Revoke a token, effective with the next call."""
    accounts.revoke_token(tx, token_id)

"""Users over HTTP. Tokens are made on the command line: their text must not be kept with an answer."""

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
    """`q` searches address and name."""

    q: Text | None = None
    role: UserRole | None = None


@users.post("/users", status=201)
def create_user(tx: Transaction, command: NewUser) -> UserView:
    """Add a login. One with the role customer belongs to the customer who has the address."""
    return accounts.get_user(tx, accounts.create_user(tx, command))


@users.get("/users")
def list_users(tx: Transaction, query: UserQuery) -> Page[UserView]:
    """All users. For administrators."""
    return accounts.list_users(tx, **query.given())


@users.get("/users/{user_id}")
def read_user(tx: Transaction, user_id: str) -> UserView:
    """One user."""
    return accounts.get_user(tx, user_id)


@users.patch("/users/{user_id}")
def change_user(tx: Transaction, user_id: str, command: ChangeUser) -> UserView:
    """Change a user; a new role or password, or disabling, ends the user's sessions."""
    accounts.change_user(tx, user_id, command)
    return accounts.get_user(tx, user_id)


@users.get("/users/{user_id}/tokens")
def list_tokens(tx: Transaction, user_id: str) -> Page[TokenView]:
    """A user's API tokens, the newest first; their texts are not kept."""
    return Page(accounts.list_tokens(tx, user_id), None)


@users.delete("/tokens/{token_id}")
def revoke_token(tx: Transaction, token_id: str) -> None:
    """Revoke a token: from the next call on it opens nothing."""
    accounts.revoke_token(tx, token_id)

"""Users and their tokens as they are shown."""

from datetime import datetime

from workflows.views.base import View, view


@view
class UserView(View):
    """A user account. `customer` is the id of the customer record of a user with that role.
    `language` is the one that the user has chosen; None if it is that of the customer or the browser.
    `time_zone` is the one in which the user reads instants on the pages; None if it is the provider's.

    `can_log_in` is whether the user has a password and is not disabled; without one, a link sets it.
    """

    id: str
    email: str
    name: str
    role: str
    customer: str | None
    language: str | None
    time_zone: str | None
    disabled_at: datetime | None
    created_at: datetime
    can_log_in: bool


@view
class CreatedToken(View):
    """A token that was just created: `text` is shown only this once."""

    id: str
    text: str
    expires_at: datetime | None


@view
class TokenView(View):
    """A token in a list, without its text."""

    id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@view
class SessionView(View):
    """A login session in a browser. `expires_at` is when it ends if it is not used again."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


@view
class CreatedLink(View):
    """A link to set a password that was just created: `url` is shown only this once."""

    url: str
    expires_at: datetime

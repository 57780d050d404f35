"""Users and their tokens as they are shown."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class UserView:
    """A user account. `customer` is the id of the customer record of a user with that role."""

    id: str
    email: str
    name: str
    role: str
    customer: str | None
    disabled_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """A token that was just created: `text` is shown only this once."""

    id: str
    text: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token in a list, without its text."""

    id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

"""Users and their tokens as they are shown."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class UserView:
    """Someone who may log in. `customer` is the customer record of a customer's login."""

    id: str
    email: str
    name: str
    role: str
    customer: str | None
    disabled_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token just made: the only time that its text is known."""

    id: str
    text: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as it is listed."""

    id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

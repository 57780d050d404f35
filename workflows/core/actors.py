"""The roles, and the actor of a transaction."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["administrator", "finance", "supervisor", "technician", "customer", "system"]


STAFF: tuple[Role, ...] = ("administrator", "finance", "supervisor", "technician", "system")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `id` is None for the system; `customer` is the customer's id for a customer's login."""

    id: str | None
    name: str
    role: Role
    customer: str | None = None

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF


SYSTEM = Actor(None, "Coverdesk", "system")


NOBODY = Actor(None, "Nobody", "customer")
"""The actor of a call that is not authenticated yet."""

"""The roles, and the actor of a transaction."""

from dataclasses import dataclass
from typing import Literal

from engine.roles import UserRole

Role = Literal[UserRole, "system"]

STAFF: tuple[Role, ...] = ("administrator", "finance", "supervisor", "technician")
DESK: tuple[Role, ...] = ("administrator", "supervisor", "technician")
"""They log and work on service requests, and keep the register."""
OFFICE: tuple[Role, ...] = ("administrator", "finance", "supervisor")
"""They sell contracts, and read what is charged."""
PRICE_ROLES: tuple[Role, ...] = (*OFFICE, "customer", "system")
"""They see prices; a customer sees those of their own contracts and work.

Technicians see balances, and no prices (product.md section 2). What a contract in money pays for work is the
price of the work; so of money they see what a contract or a grant has in sum, and no single movement.
"""
SUPERVISORS: tuple[Role, ...] = ("administrator", "supervisor")
"""They decide about other people's service requests."""


def sees_movements(role: Role, unit: str) -> bool:
    """Whether a role sees what single movements of a unit (minutes, incidents or money) come to."""
    return unit != "money" or role in PRICE_ROLES


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `id` is None for the system; `customer` is the customer's id for a customer's login."""

    id: str | None
    name: str
    role: Role
    customer: str | None = None

    @property
    def is_staff(self) -> bool:
        return self.role != "customer"


SYSTEM = Actor(None, "Coverdesk", "system")


NOBODY = Actor(None, "Nobody", "customer")
"""The actor of a call that is not authenticated yet."""

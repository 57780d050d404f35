"""What a change of business hours or service levels moves, as it is shown; instants are aware UTC."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MovedTarget:
    """An open target of a service request, before and after; None where it has or had none."""

    service_request: str
    number: str
    target: str
    from_due_at: datetime | None
    to_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class MovedTargets:
    """How many open targets move, and the first of them; targets that were met or missed never move."""

    count: int
    targets: list[MovedTarget]

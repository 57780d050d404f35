"""What a change of business hours or service levels moves, as it is shown; instants are aware UTC."""

from datetime import datetime

from workflows.views.base import View, view


@view
class MovedTarget(View):
    """An open target of a service request, before and after; None where it has or had none."""

    service_request: str
    number: str
    target: str
    from_due_at: datetime | None
    to_due_at: datetime | None


@view
class MovedTargets(View):
    """How many open targets move, and the first of them; targets that were met or missed never move."""

    count: int
    targets: list[MovedTarget]

"""What a change of hours, service levels or calendar data moves, as it is shown; instants are aware UTC."""

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


@view
class TargetOfOtherData(View):
    """An open target that the data in use would put at another instant than the data that gave it.

    `data` names the versions that gave it; None where they are not known.
    """

    service_request: str
    number: str
    target: str
    data: str | None
    due_at: datetime
    would_be_due_at: datetime


@view
class CalendarDataView(View):
    """The versions of time zone and holiday data in use, and the open targets that they would move.

    `other_data` open targets were computed with other data, or with data that is not known; `differ` of them
    would be due at another instant, and the first of these are in `targets`.
    """

    data: str
    other_data: int
    differ: int
    targets: list[TargetOfOtherData]

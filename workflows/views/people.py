"""Output values about what is held on customers."""

from datetime import datetime

from workflows.views.base import View, view


@view
class HeldRecords(View):
    """How many records of a subject are held on a customer: a key of `people.registry.GROUPS`."""

    group: str
    records: int


@view
class RetentionView(View):
    """What would be removed of one kind of records: those made before an instant, the oldest and the newest.

    `months` are those that its `setting` has, or that are tried; without them nothing is due.
    """

    kind: str
    setting: str
    months: int | None
    before: datetime | None
    records: int
    oldest_at: datetime | None
    newest_at: datetime | None


@view
class RetentionPreview(View):
    """What would be removed, by kind."""

    items: list[RetentionView]

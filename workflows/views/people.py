"""Output values about what is held on customers."""

from workflows.views.base import View, view


@view
class HeldRecords(View):
    """How many records of a subject are held on a customer: a key of `people.registry.GROUPS`."""

    group: str
    records: int

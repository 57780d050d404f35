"""Output values about customers who are or will be erased, and legal holds."""

from datetime import date, datetime

from workflows.views.base import View, view


@view
class ErasedRecords(View):
    """How many rows of a subject have something replaced: a key of `people.registry.GROUPS`."""

    group: str
    records: int


@view
class ErasureStop(View):
    """What stops an erasure, and what to do first.

    `kind` is a code; `possible_on` the first day on which it no longer stops it, null where somebody has to
    do something; `records` are the numbers of what it is about, as far as they have one.
    """

    kind: str
    detail: str
    remedy: str
    possible_on: date | None
    records: list[str]


@view
class ErasureView(View):
    """The proof that a customer was erased; `rows` counts the rows that were changed, by table.

    It says nothing of the person. `number` is the one in what stands for their name.
    """

    number: int
    customer: str
    erased_at: datetime
    recorded_at: datetime
    erased_by: str
    reason: str
    rows: dict[str, int]


@view
class ErasurePreview(View):
    """What an erasure would replace, and what stops it; `erasure` is the proof where it has been done."""

    customer: str
    records: list[ErasedRecords]
    stops: list[ErasureStop]
    possible_on: date | None
    erasure: ErasureView | None


@view
class LegalHoldView(View):
    """Why what is held on a customer must stay; in force while `lifted_at` is null."""

    id: str
    customer: str
    reason: str
    set_at: datetime
    set_by: str
    lifted_at: datetime | None
    lifted_by: str | None

"""Commands on work entries."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from engine.quantities import MAX_MINUTES
from workflows.commands.fields import Code, Command, FieldError, Id, Instant, LongText, no_control_characters
from workflows.languages.texts import gettext

StatedReason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
    AfterValidator(no_control_characters),
]


WorkedMinutes = Annotated[int, Field(ge=1, le=MAX_MINUTES)]
"""What one entry may have at most is decided where it is known what it had before."""


class WorkGiven(Command):
    """Time worked: a start and an end, or minutes and the instant at which they count.

    `not_billable_reason` is given only with `billable` false. `beyond_approval` says why it could not wait
    until the customer approves it, where that is required.
    """

    started_at: Instant | None = None
    ended_at: Instant | None = None
    minutes: WorkedMinutes | None = None
    worked_at: Instant | None = None
    work_type: Code | None = None
    note: LongText | None = None
    billable: bool = True
    not_billable_reason: StatedReason | None = None
    beyond_approval: StatedReason | None = None

    @model_validator(mode="after")
    def _span_or_minutes(self) -> Self:
        span = self.started_at is not None or self.ended_at is not None
        amount = self.minutes is not None or self.worked_at is not None
        if span and amount:
            raise ValueError(gettext("Give started_at and ended_at, or minutes and worked_at, not both."))
        if span and (self.started_at is None or self.ended_at is None):
            missing = "started_at" if self.started_at is None else "ended_at"
            raise FieldError(missing, gettext("started_at and ended_at must both be given."))
        if not span and (self.minutes is None or self.worked_at is None):
            raise ValueError(gettext("Give started_at and ended_at, or minutes and worked_at."))
        if self.started_at is not None and self.ended_at is not None and self.ended_at <= self.started_at:
            raise FieldError("ended_at", gettext("The end must be after the start."))
        return self

    @model_validator(mode="after")
    def _reason_of_not_billable(self) -> Self:
        if self.billable and self.not_billable_reason is not None:
            raise FieldError(
                "not_billable_reason",
                gettext("The work is billable. Leave the reason out, or make the work not billable."),
            )
        return self


class WorkAndResolution(WorkGiven):
    """Time worked, and the resolution of its service request, which the customer reads."""

    resolution: Annotated[
        str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(no_control_characters)
    ]


MOST_DECIDED_AT_ONCE = 200


class RecalculateWork(Command):
    """Charge the work of a service request again by what holds today, with the reason."""

    reason: StatedReason


class DecideEntry(Command):
    """Approve or reject one work entry; the technician reads the reason."""

    reason: StatedReason | None = None


class DecideEntries(DecideEntry):
    """Approve or reject several work entries: all of them or none."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_DECIDED_AT_ONCE)]


class ChangeWork(Command):
    """New values of an entry; `service_request` is the id of the one that it moves to.

    `recalculate` charges it by what holds today instead of the terms stored with it. `reason` is required for
    one that has been approved.
    """

    started_at: Instant | None = None
    ended_at: Instant | None = None
    minutes: WorkedMinutes | None = None
    worked_at: Instant | None = None
    work_type: Code | None = None
    note: LongText | None = None
    billable: bool = True
    not_billable_reason: StatedReason | None = None
    beyond_approval: StatedReason | None = None
    service_request: Id = ""
    recalculate: bool = False
    reason: StatedReason | None = None

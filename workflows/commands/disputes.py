"""Commands on disputes, and the acceptance of a statement."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from engine.quantities import MAX_MINUTES
from workflows.commands.fields import Command, Id, Instant, MoneyGranted, OneLine
from workflows.commands.work import StatedReason
from workflows.languages.texts import gettext

LineId = Annotated[str, StringConstraints(min_length=1, max_length=255), OneLine]


class OpenDispute(Command):
    """Object to a work entry, a line of a contract's statement (its `transaction`) or an invoice line."""

    work_entry: Id | None = None
    statement_line: LineId | None = None
    invoice_line: Id | None = None
    reason: StatedReason

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        given = [one for one in (self.work_entry, self.statement_line, self.invoice_line) if one is not None]
        if len(given) != 1:
            raise ValueError(gettext("Give one of work_entry, statement_line and invoice_line."))
        return self


class AcceptDispute(Command):
    """Accept a dispute; the customer reads the reason.

    Of work, `minutes` stay, none unless given. Of an invoice line, `amount` is credited, net, all that is
    left unless given.
    """

    reason: StatedReason | None = None
    minutes: Annotated[int, Field(ge=0, le=MAX_MINUTES)] | None = None
    amount: MoneyGranted | None = None


class DeclineDispute(Command):
    """Decline a dispute; the customer reads the reason."""

    reason: StatedReason


class AcceptStatement(Command):
    """Accept a contract's statement up to an instant, now unless given."""

    up_to: Instant | None = None

"""Commands on exports for the accounting program."""

from typing import Self

from pydantic import model_validator

from engine.ledger import ExportFormat
from workflows.commands.fields import Command, Day, FieldError
from workflows.languages.texts import gettext


class NewAccountingExport(Command):
    """Export what is not exported yet of the days up to `to_on`, from `from_on` on if it is given."""

    format: ExportFormat
    to_on: Day
    from_on: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_on is not None and self.from_on > self.to_on:
            raise FieldError("to_on", gettext("The last day is before the first one."))
        return self

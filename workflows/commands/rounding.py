"""How worked time is rounded, as a setting or a term of a contract gives it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from engine.quantities import Rounding, RoundingScope
from workflows.commands.fields import Command, FieldError
from workflows.languages.texts import gettext


class RoundingTerms(Command):
    """How worked time becomes chargeable time; whole minutes. What is left out changes nothing."""

    increment_minutes: Annotated[int, Field(ge=1, le=480)] = 1
    minimum_minutes: Annotated[int, Field(ge=0, le=480)] = 0
    grace_minutes: Annotated[int, Field(ge=0, le=479)] = 0
    scope: RoundingScope = "entry"

    @model_validator(mode="after")
    def _grace_below_increment(self) -> Self:
        if self.grace_minutes >= self.increment_minutes and self.grace_minutes:
            raise FieldError(
                "grace_minutes",
                gettext(
                    "grace_minutes must be smaller than increment_minutes, or nothing would ever be charged."
                ),
            )
        return self

    @property
    def value(self) -> Rounding:
        """The engine's value."""
        return Rounding(**self.model_dump())

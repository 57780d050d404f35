"""Commands on cost rates."""

from typing import Self

from pydantic import model_validator

from engine.roles import UserRole
from workflows.commands.fields import Command, Day, Id, RateGiven, Reason
from workflows.languages.texts import gettext


class NewCostRate(Command):
    """What an hour of one technician costs, or of everyone with a role, from a day on.

    From a day before today, the work since then is priced again, which `changes_past` asks for.
    """

    technician: Id | None = None
    role: UserRole | None = None
    per_hour: RateGiven
    from_on: Day
    changes_past: bool = False
    reason: Reason | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.technician is None) == (self.role is None):
            raise ValueError(gettext("Give either a technician or a role."))
        return self

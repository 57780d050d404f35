"""Commands on approvals of time beyond what contracts pay."""

from typing import Self

from pydantic import model_validator

from workflows.commands.fields import Command, Minutes, MoneyGranted, Name, Reason
from workflows.commands.work import StatedReason
from workflows.languages.texts import gettext


class AskApproval(Command):
    """Ask the customer of a service request to approve so many minutes, or so much money, and why."""

    minutes: Minutes | None = None
    amount: MoneyGranted | None = None
    reason: StatedReason

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.minutes is None) == (self.amount is None):
            raise ValueError(gettext("Give minutes or amount."))
        return self


class AnswerApproval(Command):
    """Approve or decline what was asked.

    `minutes` or `amount` approve less than that. `name` is who said so, where staff record an answer.
    """

    minutes: Minutes | None = None
    amount: MoneyGranted | None = None
    comment: Reason | None = None
    name: Name | None = None

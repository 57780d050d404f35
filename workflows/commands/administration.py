"""Commands of administrators: activation, assignment of items."""

from typing import Annotated, Literal

from pydantic import Field

from workflows.commands.fields import Command, Id
from workflows.commands.register import OwnerGiven


class AssignItems(Command):
    """Give global items an owner in bulk: those listed, or all that are left."""

    owner: OwnerGiven
    items: Annotated[list[Id], Field(max_length=10_000)] | None = None


class ActivateBilling(Command):
    """Switch contracts on; the settings that the checklist asks for may come along."""

    time_expired_contract: Literal["rollover", "ignore", "bill"] | None = None
    contract_validation: bool | None = None
    currency: str | None = None
    time_zone: str | None = None

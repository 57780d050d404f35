"""Commands of administrators: activation, assignment of items."""

from typing import Annotated

from pydantic import Field

from engine.contracts import TimeExpired
from workflows.commands.fields import Command, Id
from workflows.commands.register import OwnerGiven


class AssignItems(Command):
    """Give global items an owner in bulk: those listed, or all that are left."""

    owner: OwnerGiven
    items: Annotated[list[Id], Field(max_length=10_000)] | None = None


class ActivateBilling(Command):
    """Switch contracts on; the settings that the checklist asks for may come along."""

    time_expired_contract: TimeExpired | None = None
    contract_validation: bool | None = None
    currency: str | None = None
    time_zone: str | None = None

"""Commands of administrators: activation, assignment of items."""

from typing import Annotated

from pydantic import Field

from engine.contracts import TimeExpired
from workflows.commands.fields import Command, Id
from workflows.commands.register import OwnerGiven


class AssignItems(Command):
    """Assign an owner to global items in bulk: those listed, or all of them."""

    owner: OwnerGiven
    items: Annotated[list[Id], Field(max_length=10_000)] | None = None


class ActivateBilling(Command):
    """Switch contracts on; settings that the checklist requires may be given in the same command."""

    time_expired_contract: TimeExpired | None = None
    contract_validation: bool | None = None
    currency: str | None = None
    time_zone: str | None = None

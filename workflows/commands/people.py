"""Commands about what is held on customers."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from workflows.commands.fields import Command, no_control_characters
from workflows.commands.work import StatedReason

TypedName = Annotated[str, StringConstraints(max_length=255), AfterValidator(no_control_characters)]


class EraseCustomer(Command):
    """Erase a customer for good. `name` is theirs, to confirm it; `reason` is stored, without a name."""

    name: TypedName
    reason: StatedReason


class SetLegalHold(Command):
    """Keep what is held on a customer until the hold is lifted."""

    reason: StatedReason

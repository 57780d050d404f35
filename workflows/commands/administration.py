"""Commands of administrators: activation, assignment of items, the logo."""

from base64 import b64decode
from binascii import Error as BinasciiError
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from engine.contracts import TimeExpired
from workflows.commands.fields import Command, Id
from workflows.commands.register import OwnerGiven
from workflows.languages.texts import gettext


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


def _base64(text: str) -> str:
    try:
        b64decode(text, validate=True)
    except (BinasciiError, ValueError):
        raise ValueError(gettext("It is not base64.")) from None
    return text


class NewLogo(Command):
    """A picture, PNG or JPEG, in base64."""

    content: Annotated[
        str, StringConstraints(min_length=1, max_length=2 * 1024 * 1024), AfterValidator(_base64)
    ]

    @property
    def picture(self) -> bytes:
        return b64decode(self.content)

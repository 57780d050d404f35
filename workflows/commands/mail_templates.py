"""Commands of mail templates."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from workflows.commands.fields import Command, no_control_characters
from workflows.languages.texts import gettext

Subject = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(no_control_characters),
]


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError(gettext("It must not be empty."))
    return value


Body = Annotated[
    str,
    StringConstraints(max_length=20_000),
    AfterValidator(no_control_characters),
    AfterValidator(_not_blank),
]


class ChangeMailTemplate(Command):
    """A subject, a body, or both, with {names} in place of values; what is left out stays as it is."""

    subject: Subject | None = None
    body: Body | None = None

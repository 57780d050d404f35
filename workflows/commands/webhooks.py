"""Commands of webhooks."""

from typing import Annotated

from pydantic import Field, StringConstraints

from workflows.commands.fields import Command, OneLine

Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
    OneLine,
]
Description = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), OneLine]
Events = Annotated[
    list[Annotated[str, StringConstraints(max_length=60), OneLine]], Field(min_length=1, max_length=100)
]


class NewWebhook(Command):
    """An endpoint at `url`; `events` are the types that it gets, all if left out or null."""

    url: Url
    description: Description = ""
    events: Events | None = None


class ChangeWebhook(Command):
    """Change an endpoint; one that is disabled gets no events, what was waiting goes on waiting."""

    url: Url | None = None
    description: Description | None = None
    events: Events | None = None
    enabled: bool | None = None


class RotateSecret(Command):
    """A new secret; for `overlap_hours` the ones before it sign as well. 0 ends these at once."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24

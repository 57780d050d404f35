"""Query parameters, validated as strictly as bodies: an unknown one is refused, not ignored."""

import re
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from workflows.commands.fields import Day, FieldError, Instant
from workflows.languages.texts import gettext
from workflows.views import DEFAULT_LIMIT, MOST_LIMIT

LOST_PLUS = re.compile(r" (\d\d:\d\d)$", re.ASCII)


def _plain(value: str) -> str:
    if any(ord(char) < 32 or 0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise ValueError("It contains control characters; send plain text.")
    return value


def _with_plus(value: Any) -> Any:
    """Restore the plus sign of an offset: unescaped in a URL, it arrives as a space."""
    return LOST_PLUS.sub(r"+\1", value) if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_plain)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_plain)]
At = Annotated[Instant, BeforeValidator(_with_plus)]
On = Day
Limit = Annotated[int, Field(ge=1, le=MOST_LIMIT)]
Cursor = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_plain)]


class Query(BaseModel):
    """Base class of query parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def given(self) -> dict[str, Any]:
        """Return the parameters that were sent, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class DaysQuery(Query):
    """The first and the last day, both inclusive; each may be left out."""

    from_: Annotated[On | None, Field(alias="from")] = None
    to: On | None = None

    @model_validator(mode="after")
    def _not_reversed(self) -> Self:
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise FieldError("to", gettext("The last day is before the first one."))
        return self


class PageQuery(Query):
    """One page of a list."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


class ListQuery(PageQuery):
    """One page of a list. `order` is a field's name; a leading - sorts in descending order."""

    order: Annotated[str, StringConstraints(pattern=r"^-?[a-z_]{1,40}$")] | None = None

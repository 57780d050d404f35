"""The field types that commands share, and the base class of all commands."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    Strict,
    StringConstraints,
    model_validator,
)

from workflows.languages.texts import gettext

FIRST_YEAR, LAST_YEAR = 1970, 2199
MOST_MINUTES = 10_000_000
MOST_MINOR = 10**12

INSTANT_TEXT = re.compile(
    r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$", re.ASCII
)
CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""Control characters except line ends and tabs, and lone surrogates, which no database can store."""
NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Line ends, all other control characters, and those that turn the direction of what follows around."""
ENCODED_WORD = re.compile(r"=\?.*?\?=")
"""What mail programs decode in a header (RFC 2047)."""
DAY_TEXT = re.compile(r"^\d{4}-\d\d-\d\d$", re.ASCII)


PASSWORD = {"format": "password", "writeOnly": True}
"""What the schema of a field says whose value is stored nowhere but as a password's own hash."""


class FieldError(ValueError):
    """What is wrong between several fields of a command; `field` is the one to correct."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def no_control_characters(value: str) -> str:
    if CONTROL_CHARACTER.search(value):
        raise ValueError(gettext("It contains control characters; send plain text."))
    return value


def one_line(value: str) -> str:
    """Refuse what makes two lines, or another text, of a name, a subject or a reference."""
    if NOT_IN_A_LINE.search(value):
        raise ValueError(gettext("It contains control characters; write it as one line of plain text."))
    if ENCODED_WORD.search(value):
        raise ValueError(gettext("It must not contain '=?', which mail programs would decode."))
    return value


def as_one_line(text: str) -> str:
    """A text from elsewhere as `one_line` takes it: spaces for what it refuses, and in encoded words."""
    if text.isprintable() and "=?" not in text:
        return text
    plain = NOT_IN_A_LINE.sub(" ", text).strip()
    return plain.replace("=?", "= ?") if ENCODED_WORD.search(plain) else plain


def no_encoded_words(address: str) -> str:
    """Refuse an address that mail libraries would decode (RFC 2047), and so take for another one."""
    if "=?" in address:
        raise ValueError(gettext("It must not contain '=?', which mail programs would decode."))
    return address


def _as_instant_text(value: Any) -> Any:
    """Accept RFC 3339 text with an offset only: pydantic reads a number, or digits alone, as seconds."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not INSTANT_TEXT.match(value):
        raise ValueError(gettext("Write it as RFC 3339 with an offset, for example 2026-03-31T09:00:00Z."))
    return value


def _as_day_text(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not DAY_TEXT.match(value):
        raise ValueError(gettext("Write it as YYYY-MM-DD, for example 2026-03-31."))
    return value


def _in_years(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(
            gettext(
                "The year must be between %(first_year)s and %(last_year)s.",
                first_year=FIRST_YEAR,
                last_year=LAST_YEAR,
            )
        )
    return value


def _instant(value: datetime) -> datetime:
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(
            gettext(
                "The year must be between %(first_year)s and %(last_year)s.",
                first_year=FIRST_YEAR,
                last_year=LAST_YEAR,
            )
        ) from None
    _in_years(instant)
    return instant


OneLine = AfterValidator(one_line)
Id = Annotated[str, StringConstraints(min_length=1, max_length=64), OneLine]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), OneLine]
Code = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True), OneLine]
MailAddress = Annotated[EmailStr, OneLine, AfterValidator(no_encoded_words)]
LongText = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(no_control_characters)]
Instant = Annotated[AwareDatetime, Strict(False), BeforeValidator(_as_instant_text), AfterValidator(_instant)]
Day = Annotated[date, Strict(False), BeforeValidator(_as_day_text), AfterValidator(_in_years)]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]
Incidents = Annotated[int, Field(ge=1, le=1_000_000)]


def _percent_in_range(text: str) -> str:
    whole, _, decimals = text.partition(".")
    if int(whole + decimals) > 1000 * 10 ** len(decimals):
        raise ValueError(gettext("A percentage must be between 0 and 1000."))
    return text


Percent = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$"), AfterValidator(_percent_in_range)
]
"""A percentage from 0 to 1000 as decimal text with up to four decimals: "3.5"."""


def _more_than_nothing(text: str) -> str:
    if Decimal(text) <= 0:
        raise ValueError(gettext("It must be more than 0."))
    return text


PositiveDecimal = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$"), AfterValidator(_more_than_nothing)
]
"""A quantity as decimal text with up to six decimals: "1.25"."""
Description = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, strip_whitespace=True),
    AfterValidator(no_control_characters),
]
Reason = Annotated[
    str,
    StringConstraints(max_length=2000, strip_whitespace=True),
    AfterValidator(no_control_characters),
]


class Command(BaseModel):
    """The base class of all commands: frozen, strict, unknown fields are errors."""

    # built at the first use: building all would be a tenth of the program's start
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    def given(self) -> dict[str, Any]:
        """The fields that were sent, by name: those that a PATCH changes."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def _above_zero(amount_minor: int) -> int:
    # "at least 1" would name a minor unit, which no page shows
    if amount_minor <= 0:
        raise ValueError(gettext("It must be more than 0."))
    return amount_minor


AboveZero = AfterValidator(_above_zero)


class MoneyGiven(Command):
    """An amount in the currency's minor unit; the currency defaults to that of the settings."""

    amount_minor: Annotated[int, Field(ge=0, le=MOST_MINOR)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None


class MoneyGranted(MoneyGiven):
    """An amount of money to grant: one minor unit or more."""

    amount_minor: Annotated[int, AboveZero, Field(le=MOST_MINOR, json_schema_extra={"minimum": 1})]


class RateGiven(MoneyGiven):
    """The price of an hour: one minor unit or more. Work that costs nothing is recorded as not billable."""

    amount_minor: Annotated[int, AboveZero, Field(le=MOST_MINOR, json_schema_extra={"minimum": 1})]


class OneOf(Command):
    """Fields of which exactly one must be given: a reference to a record of that kind."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                gettext(
                    "Name exactly one of %(model_fields)s.", model_fields=", ".join(type(self).model_fields)
                )
            )
        return self

    @property
    def kind(self) -> str:
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def id(self) -> str:
        return str(getattr(self, self.kind))


def one_of_minutes_and_amount(minutes: int | None, amount: object) -> None:
    """Check that a limit is in minutes or in money. Raises: ValueError."""
    if (minutes is None) == (amount is None):
        raise ValueError(gettext("Give minutes or amount."))


@cache
def secret_fields(command: type[BaseModel]) -> frozenset[str]:
    """The names of a command's fields that hold a password (see `PASSWORD`)."""
    fields = command.model_json_schema().get("properties", {})
    return frozenset(
        name
        for name, schema in fields.items()
        if any(choice.get("writeOnly") for choice in (schema, *schema.get("anyOf", ())))
    )


def without_secrets(command: BaseModel) -> bytes:
    """A command as JSON without its passwords, to compare it with another one."""
    return command.model_dump_json(exclude=set(secret_fields(type(command)))).encode()

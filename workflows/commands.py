"""What can be asked of the desk: one frozen value per command, checked where it is built.

The API parses bodies straight into these and the pages build them from forms, so that every door takes the
same fields and gives the same words. Names are those of the HTTP API. Whole minutes; money in minor units.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

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

FIRST_YEAR, LAST_YEAR = 1970, 2199
MOST_MINUTES = 10_000_000
MOST_MINOR = 10**12

INSTANT_TEXT = re.compile(
    r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$", re.ASCII
)
CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""All but line ends and tabs; and halves of surrogate pairs, which no database takes."""
DAY_TEXT = re.compile(r"^\d{4}-\d\d-\d\d$", re.ASCII)

Priority = Literal["low", "normal", "high", "critical"]
Trigger = Literal["start", "hold", "resume", "resolve", "close", "reopen", "cancel"]


def _no_control_characters(value: str) -> str:
    if CONTROL_CHARACTER.search(value):
        raise ValueError("It has control characters; send plain text.")
    return value


def _as_instant_text(value: Any) -> Any:
    """Instants come as RFC 3339 text with an offset: a number, or digits alone, would be read as seconds."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not INSTANT_TEXT.match(value):
        raise ValueError("Write it as RFC 3339 with an offset, for example 2026-03-31T09:00:00Z.")
    return value


def _as_day_text(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not DAY_TEXT.match(value):
        raise ValueError("Write it as YYYY-MM-DD, for example 2026-03-31.")
    return value


def _in_years(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"The year must lie between {FIRST_YEAR} and {LAST_YEAR}.")
    return value


def _instant(value: datetime) -> datetime:
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"The year must lie between {FIRST_YEAR} and {LAST_YEAR}.") from None
    _in_years(moment)
    return moment


Id = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_no_control_characters)]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_no_control_characters),
]
Code = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60, strip_whitespace=True),
    AfterValidator(_no_control_characters),
]
LongText = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_no_control_characters)]
Instant = Annotated[AwareDatetime, Strict(False), BeforeValidator(_as_instant_text), AfterValidator(_instant)]
Day = Annotated[date, Strict(False), BeforeValidator(_as_day_text), AfterValidator(_in_years)]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]
Incidents = Annotated[int, Field(ge=1, le=1_000_000)]


class Command(BaseModel):
    """The base of all commands: frozen, strict, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """The fields that were sent, by name: what a PATCH changes."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class MoneyGiven(Command):
    """An amount in the currency's minor unit; the currency is the desk's where it is left out."""

    amount_minor: Annotated[int, Field(ge=0, le=MOST_MINOR)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None


class _OneOf(Command):
    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"Name exactly one of {', '.join(type(self).model_fields)}.")
        return self

    @property
    def kind(self) -> str:
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def id(self) -> str:
        return str(getattr(self, self.kind))


class OwnerGiven(_OneOf):
    """Whose an item is."""

    customer: Id | None = None
    org_unit: Id | None = None


class HolderGiven(_OneOf):
    """Whom a contract covers."""

    item: Id | None = None
    customer: Id | None = None
    org_unit: Id | None = None
    service_request: Id | None = None


# ------------------------------------------------------------------ register


class NewOrgUnit(Command):
    code: Code
    name: Name
    parent: Id | None = None


class ChangeOrgUnit(Command):
    code: Code = ""
    name: Name = ""
    parent: Id | None = None


class NewCustomer(Command):
    email: EmailStr
    name: Name
    org_unit: Id | None = None
    org_units: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)


class ChangeCustomer(Command):
    email: EmailStr = ""
    name: Name = ""
    org_unit: Id | None = None
    org_units: Annotated[list[Id], Field(max_length=50)] = Field(default_factory=list)


class NewItem(Command):
    number: Code
    name: Name
    item_type: Code
    owner: OwnerGiven | None


class ChangeItem(Command):
    number: Code = ""
    name: Name = ""
    item_type: Code = ""
    owner: OwnerGiven | None = None


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


# ------------------------------------------------------------------ contracts


class GrantGiven(Command):
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    effective_at: Instant | None = None
    expires_at: Instant | None = None


class Exclusions(Command):
    """What a contract does not cover."""

    work_types: list[Code] = Field(default_factory=list)
    roles: list[Code] = Field(default_factory=list)
    priorities: list[Priority] = Field(default_factory=list)
    item_types: list[Code] = Field(default_factory=list)


class NewContract(Command):
    type: Code
    holder: HolderGiven
    starts_on: Day | None = None
    starts_at: Instant | None = None
    ends_on: Day | None = None
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    grants: Annotated[list[GrantGiven], Field(max_length=400)] | None = None
    price: MoneyGiven | None = None
    overage_rate: MoneyGiven | None = None
    sla: Code | None = None
    time_expired: Literal["rollover", "ignore", "bill"] | None = None
    exclusions: Exclusions | None = None
    service_request: Id | None = None
    enable: bool | None = None


class TopUp(Command):
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    effective_at: Instant | None = None
    expires_at: Instant | None = None
    price: MoneyGiven | None = None


class Adjust(Command):
    """A grant (above zero) or a withdrawal (below zero), with its reason."""

    minutes: Annotated[int, Field(ge=-MOST_MINUTES, le=MOST_MINUTES)] | None = None
    incidents: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    effective_at: Instant | None = None
    expires_at: Instant | None = None
    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
        AfterValidator(_no_control_characters),
    ]


class Renew(Command):
    """A successor that starts where the contract ends and carries its terms; what is given here differs."""

    ends_on: Day | None = None
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    price: MoneyGiven | None = None
    enable: bool | None = None


class CancelContract(Command):
    reason: LongText | None = None


# ------------------------------------------------------------------ service requests


class CoverageQuestion(Command):
    customer: Id
    item: Id | None = None
    org_unit: Id | None = None
    work_type: Code | None = None
    priority: Priority = "normal"
    channel: Code | None = None
    at: Instant | None = None


class NewServiceRequest(Command):
    subject: Name
    description: LongText | None = None
    customer: Id
    item: Id | None = None
    org_unit: Id | None = None
    priority: Priority = "normal"
    work_type: Code | None = None
    channel: Code | None = None


class ChangeServiceRequest(Command):
    subject: Name = ""
    description: LongText | None = None
    customer: Id = ""
    item: Id | None = None
    org_unit: Id | None = None
    priority: Priority = "normal"
    work_type: Code | None = None
    technician: Id | None = None


class FireTrigger(Command):
    trigger: Trigger
    note: LongText | None = None
    reason: LongText | None = None


class WorkGiven(Command):
    """Time worked: a start and an end, or minutes and the instant they count at."""

    started_at: Instant | None = None
    ended_at: Instant | None = None
    minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    worked_at: Instant | None = None
    work_type: Code | None = None
    note: LongText | None = None
    billable: bool = True

    @model_validator(mode="after")
    def _one_way_to_tell_time(self) -> Self:
        span = self.started_at is not None or self.ended_at is not None
        amount = self.minutes is not None or self.worked_at is not None
        if span and amount:
            raise ValueError("Give started_at and ended_at, or minutes and worked_at, not both.")
        if span and (self.started_at is None or self.ended_at is None):
            raise ValueError("started_at and ended_at belong together.")
        if not span and (self.minutes is None or self.worked_at is None):
            raise ValueError("Give started_at and ended_at, or minutes and worked_at.")
        if self.started_at is not None and self.ended_at is not None and self.ended_at <= self.started_at:
            raise ValueError("ended_at must be later than started_at.")
        return self


class ChangeWork(Command):
    started_at: Instant | None = None
    ended_at: Instant | None = None
    minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    worked_at: Instant | None = None
    work_type: Code | None = None
    note: LongText | None = None
    billable: bool = True


class SearchCoverage(Command):
    """Search again, or assign the contract named (a supervisor's, with a reason)."""

    contract: Id | None = None
    reason: LongText | None = None


class AddNote(Command):
    body: Annotated[
        str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_no_control_characters)
    ]
    public: bool = True


class TakeContract(Command):
    """Take a contract through a service request that waits for one: per incident, or one for its holder."""

    type: Code
    holder: HolderGiven | None = None

"""Commands on contracts."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from engine.contracts import TimeExpired
from engine.service_requests import Priority
from workflows.commands.fields import (
    MOST_MINUTES,
    Code,
    Command,
    Day,
    Id,
    Incidents,
    Instant,
    LongText,
    Minutes,
    MoneyGiven,
    OneOf,
    no_control_characters,
)
from workflows.commands.rounding import RoundingTerms


class HolderGiven(OneOf):
    """Whom a contract covers."""

    item: Id | None = None
    customer: Id | None = None
    org_unit: Id | None = None
    service_request: Id | None = None


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
    rate_card: Code | None = None
    sla: Code | None = None
    time_expired: TimeExpired | None = None
    exclusions: Exclusions | None = None
    rounding: RoundingTerms | None = None
    service_request: Id | None = None
    enable: bool | None = None


class TopUp(Command):
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    effective_at: Instant | None = None
    expires_at: Instant | None = None
    price: MoneyGiven | None = None


class Adjust(Command):
    """A grant (above zero) or a withdrawal (below zero) of minutes or incidents, with its reason."""

    minutes: Annotated[int, Field(ge=-MOST_MINUTES, le=MOST_MINUTES)] | None = None
    incidents: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    effective_at: Instant | None = None
    expires_at: Instant | None = None
    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
        AfterValidator(no_control_characters),
    ]


class Renew(Command):
    """A successor that starts when the contract ends, with its terms and grants except for those given here.

    `minutes` or `incidents` take the place of all grants that were sold with the contract.
    """

    ends_on: Day | None = None
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    price: MoneyGiven | None = None
    enable: bool | None = None


class CancelContract(Command):
    reason: LongText | None = None


class TakeContract(Command):
    """Order a contract for a service request that waits for one: per incident, or one for its holder."""

    type: Code
    holder: HolderGiven | None = None

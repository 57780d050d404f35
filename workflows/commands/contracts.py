"""Commands on contracts."""

from typing import Annotated

from pydantic import Field, StringConstraints

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
    Minutes,
    MoneyGiven,
    OneOf,
    Percent,
    Reason,
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


class ContractAction(Command):
    """Any action on a contract: when it takes effect, and why.

    `effective_at` is an instant, `effective_on` a day in the contract's time zone; without either it is now.
    """

    effective_at: Instant | None = None
    effective_on: Day | None = None
    reason: Reason | None = None


class EnableContract(ContractAction):
    """Make a pending contract active; a later start is moved to that instant."""


class TopUp(ContractAction):
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    expires_at: Instant | None = None
    price: MoneyGiven | None = None


class Adjust(ContractAction):
    """A grant (above zero) or a withdrawal (below zero) of minutes or incidents, with its reason."""

    minutes: Annotated[int, Field(ge=-MOST_MINUTES, le=MOST_MINUTES)] | None = None
    incidents: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    expires_at: Instant | None = None
    reason: Annotated[Reason, StringConstraints(min_length=1)]


class UpliftGiven(OneOf):
    """By how much a renewal raises the price: a percentage as decimal text, or an amount."""

    percent: Percent | None = None
    amount: MoneyGiven | None = None


class Renew(Command):
    """A successor that starts when the contract ends, with its terms and grants except for those given here.

    `minutes` or `incidents` take the place of all grants that were sold with the contract. `uplift` raises
    the price; `co_terminate_with` is the id of a contract with which the successor ends, for a price pro rata
    by days.
    """

    ends_on: Day | None = None
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    price: MoneyGiven | None = None
    uplift: UpliftGiven | None = None
    co_terminate_with: Id | None = None
    enable: bool | None = None
    reason: Reason | None = None


class CancelContract(ContractAction):
    """End a contract; the coverage of its unfinished requests is searched again."""


class AmendContract(ContractAction):
    """New terms from an instant on; a field that is left out stays, null clears it."""

    ends_on: Day | None = None
    price: MoneyGiven | None = None
    overage_rate: MoneyGiven | None = None
    sla: Code | None = None
    time_expired: TimeExpired | None = None
    exclusions: Exclusions | None = None
    reason: Annotated[Reason, StringConstraints(min_length=1)]


class TransferContract(ContractAction):
    """Another holder from an instant on. Carried minutes stay with the holder who carried them."""

    holder: HolderGiven
    reason: Annotated[Reason, StringConstraints(min_length=1)]


class TakeContract(Command):
    """Order a contract for a service request that waits for one: per incident, or one for its holder."""

    type: Code
    holder: HolderGiven | None = None

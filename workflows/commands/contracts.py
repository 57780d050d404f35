"""Commands on contracts."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from engine.approvals import LimitPer, OveragePolicy
from engine.auto_top_up import AutoTopUpMode
from engine.contracts import DEFAULT_PRIORITY, TimeExpired
from engine.service_requests import Priority
from workflows.commands.fields import (
    MOST_MINOR,
    MOST_MINUTES,
    Code,
    Command,
    Day,
    Id,
    Incidents,
    Instant,
    Minutes,
    MoneyGiven,
    MoneyGranted,
    OneOf,
    Percent,
    RateGiven,
    Reason,
    one_of_minutes_and_amount,
)
from workflows.commands.rounding import RoundingTerms
from workflows.commands.selling import SoldItemsGiven
from workflows.languages.texts import gettext

MOST_PRIORITY = 1_000_000
BurnPriority = Annotated[int, Field(ge=0, le=MOST_PRIORITY)]
"""The lowest number is drawn first."""


def _is_condition(scope: dict[str, Any]) -> dict[str, Any]:
    if not scope.keys() & {"all", "any", "name"}:
        raise ValueError(
            gettext("Write conditions as in the rules: all or any of some, or one with its name.")
        )
    return scope


Scope = Annotated[dict[str, Any], AfterValidator(_is_condition)]
"""Conditions on the facts of work; the use case checks them against the registry of variables."""


class HolderGiven(OneOf):
    """Whom a contract covers."""

    item: Id | None = None
    customer: Id | None = None
    org_unit: Id | None = None
    service_request: Id | None = None


class GrantGiven(Command):
    """A grant with its span: minutes, incidents or money, as the contract's type says.

    `scope` has conditions on work, in the JSON form of the rules; without any, it pays for all.
    """

    minutes: Minutes | None = None
    incidents: Incidents | None = None
    money: MoneyGranted | None = None
    effective_at: Instant | None = None
    expires_at: Instant | None = None
    priority: BurnPriority = DEFAULT_PRIORITY
    scope: Scope | None = None


class Exclusions(Command):
    """What a contract does not cover."""

    work_types: list[Code] = Field(default_factory=list)
    roles: list[Code] = Field(default_factory=list)
    priorities: list[Priority] = Field(default_factory=list)
    item_types: list[Code] = Field(default_factory=list)


MOST_CARRY_OVER_MONTHS = 120
Share = Annotated[int, Field(ge=1, le=100)]
"""Percent of a month's allocation."""


class CarryOverTerms(Command):
    """For how many further months a month's rest is retained, and up to which cap; all of it without one."""

    months: Annotated[int, Field(ge=1, le=MOST_CARRY_OVER_MONTHS)]
    cap_minutes: Minutes | None = None
    cap_percent: Share | None = None

    @model_validator(mode="after")
    def _one_cap_at_most(self) -> Self:
        if self.cap_minutes is not None and self.cap_percent is not None:
            raise ValueError(gettext("Give the cap in minutes or in percent, not both."))
        return self


class BorrowTerms(OneOf):
    """How much of the next month's allocation a month that is used up may draw ahead."""

    cap_minutes: Minutes | None = None
    cap_percent: Share | None = None


class AutoTopUpGiven(Command):
    """What happens when no more than `below` is left of a contract; amounts are in its unit.

    `below` is in whole minutes, incidents or minor units of money. Only with `mode` "warn" the amount to add
    may be left out.
    """

    mode: AutoTopUpMode
    below: Annotated[int, Field(ge=0, le=MOST_MINOR)]
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    money: MoneyGranted | None = None
    price: MoneyGiven | None = None
    most_per_month: Annotated[int, Field(ge=1, le=31)] = 1


class NotToExceedGiven(Command):
    """How much work there may be without asking, or without a notice: chargeable minutes, or money.

    `per` says over what it is counted: the whole contract, a month of work, or each service request.
    """

    per: LimitPer
    minutes: Minutes | None = None
    amount: MoneyGranted | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        one_of_minutes_and_amount(self.minutes, self.amount)
        return self


class NewContract(Command):
    """A contract to sell. `carry_over` and `borrow` default to the type's; null is none.

    Without `price` it is sold at the price of the price list that is valid on its first day, else at the
    default price of its type. `discount_percent` is taken off the price, wherever that comes from.
    `sold_items` is what is sold once with it. `overage` says whether to ask the customer before work
    goes past what it pays, or past `not_to_exceed`; left out, the settings say.
    """

    type: Code
    holder: HolderGiven
    starts_on: Day | None = None
    starts_at: Instant | None = None
    ends_on: Day | None = None
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    money: MoneyGranted | None = None
    grants: Annotated[list[GrantGiven], Field(max_length=400)] | None = None
    price: MoneyGiven | None = None
    discount_percent: Percent | None = None
    overage_rate: RateGiven | None = None
    rate_card: Code | None = None
    sla: Code | None = None
    time_expired: TimeExpired | None = None
    exclusions: Exclusions | None = None
    rounding: RoundingTerms | None = None
    carry_over: CarryOverTerms | None = None
    borrow: BorrowTerms | None = None
    auto_top_up: AutoTopUpGiven | None = None
    overage: OveragePolicy | None = None
    not_to_exceed: NotToExceedGiven | None = None
    service_request: Id | None = None
    enable: bool | None = None
    sold_items: SoldItemsGiven = Field(default_factory=list)


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
    """Another grant, of what the contract is measured in."""

    minutes: Minutes | None = None
    incidents: Incidents | None = None
    money: MoneyGranted | None = None
    expires_at: Instant | None = None
    price: MoneyGiven | None = None
    priority: BurnPriority = DEFAULT_PRIORITY
    scope: Scope | None = None


class MoneyAdjusted(MoneyGiven):
    """An amount of money to grant (above zero) or to withdraw (below zero)."""

    amount_minor: Annotated[int, Field(ge=-MOST_MINOR, le=MOST_MINOR)]


class SetAutoTopUp(Command):
    """New terms of the automatic top-up from now on; null switches it off."""

    auto_top_up: AutoTopUpGiven | None
    reason: Reason | None = None


class DecideTopUp(Command):
    """Confirm or decline a top-up that was prepared, with the reason."""

    reason: Reason | None = None


class Adjust(ContractAction):
    """A grant (above zero) or a withdrawal (below zero) of minutes, incidents or money, with its reason.

    A withdrawal takes what is left, or from the one `grant` (an id) that is given: there also what work has
    drawn, which is drawn again without it.
    """

    minutes: Annotated[int, Field(ge=-MOST_MINUTES, le=MOST_MINUTES)] | None = None
    incidents: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    money: MoneyAdjusted | None = None
    expires_at: Instant | None = None
    grant: Id | None = None
    reason: Annotated[Reason, StringConstraints(min_length=1)]


class UpliftGiven(OneOf):
    """By how much a renewal raises the price: a percentage as decimal text, or an amount."""

    percent: Percent | None = None
    amount: MoneyGiven | None = None


class Renew(Command):
    """A successor that starts when the contract ends, with its terms and grants except for those given here.

    `minutes`, `incidents` or `money` take the place of all grants that were sold with the contract. `uplift`
    raises the price; `co_terminate_with` is the id of a contract with which the successor ends, for a price
    pro rata by days.
    """

    ends_on: Day | None = None
    minutes: Minutes | None = None
    incidents: Incidents | None = None
    money: MoneyGranted | None = None
    price: MoneyGiven | None = None
    uplift: UpliftGiven | None = None
    co_terminate_with: Id | None = None
    enable: bool | None = None
    reason: Reason | None = None


class CancelContract(ContractAction):
    """End a contract; the coverage of its unfinished requests is searched again."""


class CancelAndCredit(CancelContract):
    """End a contract, and credit what is unused of it if `credit_unused` is true."""

    credit_unused: bool = False


class AmendContract(ContractAction):
    """New terms from an instant on; a field that is left out stays, null clears it."""

    ends_on: Day | None = None
    price: MoneyGiven | None = None
    overage_rate: RateGiven | None = None
    sla: Code | None = None
    time_expired: TimeExpired | None = None
    exclusions: Exclusions | None = None
    overage: OveragePolicy | None = None
    not_to_exceed: NotToExceedGiven | None = None
    reason: Annotated[Reason, StringConstraints(min_length=1)]


class TransferContract(ContractAction):
    """Another holder from an instant on. Carried minutes stay with the holder who carried them."""

    holder: HolderGiven
    reason: Annotated[Reason, StringConstraints(min_length=1)]


class TakeContract(Command):
    """Order a contract for a service request that waits for one: per incident, or one for its holder."""

    type: Code
    holder: HolderGiven | None = None

"""Asking before more is spent: limits, a customer's approvals, and what work uses of them.

    G1 has 30 min; overage "ask"
    work 50m              -> 20 past what the contract pays: refused
    approval A1 of 60m    -> work 50m uses 20 of A1, 40 are left until it lapses

Source: product.md section 7 (Asking before more is spent).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from engine.charging import MINUTES_AN_HOUR, price_minor

OveragePolicy = Literal["go_on", "notify", "ask"]
OVERAGE_POLICIES: tuple[OveragePolicy, ...] = get_args(OveragePolicy)
LimitPer = Literal["contract", "month", "service_request"]
LIMITS_PER: tuple[LimitPer, ...] = get_args(LimitPer)
ApprovalState = Literal["asked", "approved", "declined", "lapsed"]
APPROVAL_STATES: tuple[ApprovalState, ...] = get_args(ApprovalState)
ApprovalAnswer = Literal["approved", "declined"]
APPROVAL_ANSWERS: tuple[ApprovalAnswer, ...] = get_args(ApprovalAnswer)


@dataclass(frozen=True, slots=True)
class NotToExceed:
    """How much work a contract may pay or charge, in all, in a month of work, or for a service request.

    Either `minutes`, whole chargeable ones, or `amount_minor`: what grants of money pay and what time to be
    billed costs, in minor units of the contract's currency.
    """

    per: LimitPer
    minutes: int | None = None
    amount_minor: int | None = None

    @classmethod
    def of(cls, stored: Mapping[str, object] | None) -> "NotToExceed | None":
        """The limit with these stored fields; None without any."""
        return cls(**stored) if stored else None  # type: ignore[arg-type]

    def past(self, before: int, after: int) -> int:
        """By how much more the sum is past the limit after some work than before it; below zero: by less.

        Both sums are in the limit's unit.
        """
        limit = self.minutes if self.minutes is not None else self.amount_minor or 0
        return max(0, after - limit) - max(0, before - limit)


@dataclass(frozen=True, slots=True)
class OverageTerms:
    """What a contract says of work past what it pays; `limit` counts unless the policy is "go_on".

    `rate_minor` is the price of an hour of it, in minor units of `currency`; None if nothing says so.
    """

    policy: OveragePolicy
    limit: NotToExceed | None
    number: str
    rate_minor: int | None
    currency: str


class ApprovedRest(NamedTuple):
    """What is left of an approval: whole minutes, or minor units of money."""

    approval: str
    minutes: int | None
    amount_minor: int | None


class ApprovalUse(NamedTuple):
    """What work takes of an approval; below zero, what it gives back.

    `minutes` are whole; `amount_minor` is None where the approval is in minutes.
    """

    approval: str
    minutes: int
    amount_minor: int | None = None


def approval_state(
    answer: ApprovalAnswer | None, lapses_at: datetime, *, has_rest: bool, at: datetime
) -> ApprovalState:
    """The state of an approval at an instant (aware UTC); `lapses_at` is exclusive.

    One that was used up before it lapses stays approved.
    """
    if answer == "declined":
        return "declined"
    if at >= lapses_at and (answer is None or has_rest):
        return "lapsed"
    return answer or "asked"


def use_approvals(
    rests: Iterable[ApprovedRest], minutes: int, rate_minor: int | None
) -> tuple[list[ApprovalUse], int]:
    """What so many minutes take of approvals, in their order, and the minutes that no approval has.

    `rate_minor` is the price of an hour, by which approvals in money count down; without it, these approve
    nothing. An amount is never used beyond what is left of it.
    """
    uses: list[ApprovalUse] = []
    for rest in rests:
        if minutes <= 0:
            break
        if rest.minutes is not None:
            taken = min(minutes, rest.minutes)
            amount = None
        elif rest.amount_minor is not None and rate_minor:
            affordable = rest.amount_minor * MINUTES_AN_HOUR // rate_minor
            fits = price_minor(minutes, rate_minor) <= rest.amount_minor
            taken = minutes if fits else min(minutes, affordable)
            amount = price_minor(taken, rate_minor)
        else:
            continue
        if taken > 0:
            uses.append(ApprovalUse(rest.approval, taken, amount))
            minutes -= taken
    return uses, max(0, minutes)


def give_back(used: Sequence[ApprovalUse], minutes: int) -> list[ApprovalUse]:
    """What returns to approvals where so many minutes are no longer needed: the last use first.

    `used` are the sums that an entry uses, by approval. Money returns in proportion, all of it with the last
    minute.
    """
    back: list[ApprovalUse] = []
    for use in reversed(used):
        taken = min(minutes, use.minutes)
        if taken <= 0:
            continue
        amount = None if use.amount_minor is None else -(use.amount_minor * taken // use.minutes)
        back.append(ApprovalUse(use.approval, -taken, amount))
        minutes -= taken
    return back


def minutes_for(amount_minor: int, rate_minor: int) -> int:
    """The whole minutes that an amount pays at a price of an hour above zero, begun ones too."""
    return -(-amount_minor * MINUTES_AN_HOUR // rate_minor)

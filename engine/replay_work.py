"""What work would have drawn from other contracts than it did.

Reassigned work is paid from what its new contract has left today plus what expired unused, as if it were
assigned and drawn down now; everything that reassigned work no longer draws is returned first. The work of
requests whose contract does not change is not touched. Source: product.md sections 7 and 14.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from engine.charging import price_minor
from engine.contracts import TimeExpired
from engine.drawdown import plan_entry
from engine.payers import EntryToPay, Payer, SegmentToPay, Slice

NOT_WORKED = "not_worked"
"""Time on a request that would have been waiting: the work could not have been done."""
COVERED = "covered"
GRANT = "grant"
OVERAGE = "overage"


class Allocated(NamedTuple):
    """Where whole minutes of a work entry went: kind, contract and grant as in a draw-down's slice.

    `amount_minor` is what a grant of money paid for them.
    """

    kind: str
    contract: str | None
    grant: str | None
    minutes: int
    amount_minor: int | None = None

    @property
    def drawn(self) -> int:
        """What it took from its grant, in the grant's unit."""
        return self.minutes if self.amount_minor is None else self.amount_minor


@dataclass(frozen=True, slots=True)
class Worked:
    """A work entry with what it drew. `charged_minutes` are what the other rules would charge.

    `segments` are the parts in which they would charge them; without any, the entry is one part.
    `is_charged_alike`: the other rules charge it as it was charged. The prices are by rate cards, in the
    minor unit of `currency`; 0 without a rate. Units: whole minutes; instants aware UTC.
    """

    id: str
    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    chargeable_minutes: int
    charged_minutes: int
    allocated: Sequence[Allocated]
    segments: tuple[SegmentToPay, ...] = ()
    is_charged_alike: bool = True
    price_before_minor: int = 0
    price_after_minor: int = 0
    currency: str | None = None
    facts: Any = None
    """What the scopes of grants are about (`engine.rulebook.ChargingFacts`)."""
    time_expired: TimeExpired = "ignore"
    cascade: bool = False
    overage_rate_minor: int = 0
    """What the desk had of these when it was worked: where a contract has none of its own."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Who would pay: the payers in order, and the first one's own policy for the remainder, if it has one.

    Without cascade, the payers after the first pay only for what rules exclude from it.

    If `is_worked` is false, the request would have been waiting. `is_covered` needs no payer: a contract that
    a rule would have created and enabled at once covers all of the work.
    """

    payers: tuple[Payer, ...] = ()
    time_expired: TimeExpired | None = None
    is_worked: bool = True
    is_covered: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """Whole minutes by kind, and the price of overage in the minor unit, before and after."""

    minutes_before: Mapping[str, int]
    minutes_after: Mapping[str, int]
    overage_before_minor: int
    overage_after_minor: int


class SimulatedBalances:
    """What contracts have left for reassigned work. Call `give_back` for all of it before `pay` for any."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def give_back(self, work: Iterable[Worked]) -> None:
        """Return what the work drew from grants, so that other work can draw it."""
        for entry in work:
            for one in entry.allocated:
                if one.grant is not None:
                    self._taken[one.grant] -= one.drawn

    def pay(self, work: Iterable[Worked], payment: Payment, rates_minor: Mapping[str, int]) -> Effect:
        """Draw the work of a request, already given back, from other payers.

        `rates_minor` has the price of an overage hour, in the minor unit, of each contract with its own.
        """
        before: Counter[str] = Counter()
        after: Counter[str] = Counter()
        overage_before = overage_after = 0
        for entry in sorted(work, key=lambda one: (one.started_at, one.id)):
            for one in entry.allocated:
                before[one.kind] += one.minutes
                if one.kind == OVERAGE:
                    overage_before += overage_minor(one.minutes, _rate(entry, one.contract, rates_minor))
            for piece in self._plan_entry(entry, payment):
                after[piece.kind] += piece.minutes
                if piece.kind == OVERAGE:
                    overage_after += overage_minor(piece.minutes, _rate(entry, piece.contract, rates_minor))
        return Effect(dict(before), dict(after), overage_before, overage_after)

    def _plan_entry(self, entry: Worked, payment: Payment) -> Sequence[Allocated | Slice]:
        minutes = entry.charged_minutes
        if not payment.is_worked:
            return [Allocated(NOT_WORKED, None, None, minutes)] if minutes else []
        if payment.is_covered:
            return [Allocated(COVERED, None, None, minutes)] if minutes else []
        payers = {payer.contract: self._with_remaining(payer) for payer in payment.payers}
        to_pay = EntryToPay(
            entry.id,
            entry.started_at,
            entry.ended_at,
            minutes,
            entry.started_at,
            tuple(payers),
            payment.time_expired or entry.time_expired,
            segments=entry.segments,
            cascade=entry.cascade,
            facts=entry.facts,
        )
        slices = plan_entry(to_pay, payers)
        for piece in slices:
            if piece.kind == GRANT and piece.grant is not None:
                self._taken[piece.grant] += piece.drawn
        return slices

    def _with_remaining(self, payer: Payer) -> Payer:
        grants = tuple(
            replace(grant, available=max(0, grant.available - self._taken[grant.id]))
            if self._taken.get(grant.id)
            else grant
            for grant in payer.grants
        )
        return replace(payer, grants=grants)


def overage_minor(minutes: int, rate_minor: int) -> int:
    """The price of overage in the minor unit: whole minutes at the price of an hour, rounded half up once."""
    return price_minor(minutes, rate_minor)


def _rate(entry: Worked, contract: str | None, rates_minor: Mapping[str, int]) -> int:
    return rates_minor.get(contract or "", entry.overage_rate_minor)

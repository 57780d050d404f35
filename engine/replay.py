"""What other rules would have decided: kept decisions made again, in the order in which they were made.

Each is made from the facts and candidates that were kept with it. What earlier ones of the same replay would
have changed is laid over them: a service request that would be covered already waits for nothing, a contract
that would not have been created is not there, and an incident or a minute that another would have taken is
taken. Pure: no clock, no database. Source: product.md section 14.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, NamedTuple

from engine.contracts import Limits
from engine.coverage import ASSIGNED_BY_HAND, CandidateContract, find_match
from engine.facts import RequestFacts
from engine.rulebook import OUTCOME_OF_ACTION, RuleSet
from engine.service_requests import WAITING_OUTCOMES

LOGGED = "log"
ONLY_WHILE_WAITING = frozenset({"open_waiting", "bulk"})
OF_A_CONTRACT = "contract:"


class Result(NamedTuple):
    """What was decided. `contract` is None where a rule makes one; `type` is then the type it makes."""

    outcome: str
    contract: str | None
    number: str | None
    type: str | None
    rule: str
    params: Mapping[str, Any]
    was_logged: bool = True

    @property
    def covers(self) -> bool:
        """Whether work may begin at once and is paid by a contract."""
        return self.outcome == "covered" or (self.outcome == "created" and self.params.get("enable") is True)

    def decides_as(self, other: "Result") -> bool:
        """Whether it comes to the same, by whatever rule."""
        return (self.outcome, self.contract, self.params) == (other.outcome, other.contract, other.params)


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision as it was kept. `cause` is why it was searched; `is_cancelled` is its request's end."""

    id: str
    service_request: str | None
    cause: str
    facts: RequestFacts
    held: Sequence[CandidateContract]
    result: Result
    is_cancelled: bool = False


class Drawn(NamedTuple):
    """Minutes that a contract's grants gave, or would give, for work at an instant. Negative: given back."""

    at: datetime
    contract: str
    minutes: int


class Replay:
    """Other rules, and what differs so far. Give it the decisions in the order in which they were made."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._now: dict[str, Result] = {}
        """How requests stand that would stand otherwise than they did."""
        self._booked: dict[str, tuple[str | None, str | None]] = {}
        """For each such request the pack it held an incident of, and the one it would hold one of."""
        self._incidents: Counter[str] = Counter()
        self._minutes: Counter[str] = Counter()
        """More, or less, that is left of a contract than was."""
        self._later: list[Drawn] = []

    def decide(self, kept: Kept, made_by_rules: AbstractSet[str] = frozenset()) -> Result:
        """How the request would stand after this decision. `made_by_rules`: contracts that rules created."""
        while self._later and self._later[0].at <= kept.facts.at:
            drawn = heappop(self._later)
            self._minutes[drawn.contract] -= drawn.minutes
        request = kept.service_request
        before = self._now.get(request) if request is not None else None
        result = self._result(kept, before, made_by_rules)
        if request is not None:
            if result.decides_as(kept.result):
                self._now.pop(request, None)
            else:
                self._now[request] = result
            self._book_incident(request, kept, result)
        return result

    def book_work(self, drawn: Iterable[Drawn]) -> None:
        """Take note of what work after a decision would draw more, or less, than it did."""
        for one in drawn:
            if one.minutes:
                heappush(self._later, one)

    def draws(self, result: Result, kept: Kept) -> str:
        """What the contract of a result draws: nothing, minutes or incidents."""
        type_key = result.type
        if result.contract is not None:
            type_key = next(
                (one.contract.type for one in kept.held if one.contract.id == result.contract), type_key
            )
        known = self._rules.contract_types.get(type_key or "")
        return known.draws if known is not None else "nothing"

    # -------------------------------------------------------------- deciding

    def _result(self, kept: Kept, before: Result | None, made_by_rules: AbstractSet[str]) -> Result:
        if before is not None and not before.was_logged:
            return before
        if kept.result.rule == ASSIGNED_BY_HAND:
            return kept.result
        if before is None:
            return self._made_again(kept, self._left(kept.held))
        if not _happens(kept, before):
            return before
        result = self._made_again(kept, self._left(_as_it_would_be(kept, before, made_by_rules)))
        only_opens = kept.cause.startswith(OF_A_CONTRACT) or kept.cause in ONLY_WHILE_WAITING
        if only_opens and before.outcome in WAITING_OUTCOMES and result.outcome in WAITING_OUTCOMES:
            return before
        return result

    def _made_again(self, kept: Kept, held: Iterable[CandidateContract]) -> Result:
        _, match = find_match(kept.facts, held, self._rules)
        outcome = OUTCOME_OF_ACTION[match.action]
        params = dict(match.params)
        taken = match.candidate
        return Result(
            outcome=outcome,
            contract=taken.contract if taken is not None else None,
            number=taken.number if taken is not None else None,
            type=taken.type if taken is not None else params.get("type"),
            rule=match.rule_id,
            params=params,
            was_logged=outcome != "refused" or kept.cause != LOGGED,
        )

    def _left(self, held: Iterable[CandidateContract]) -> Iterable[CandidateContract]:
        """The candidates with what would be left of them."""
        for one in held:
            minutes = self._minutes.get(one.contract.id, 0)
            incidents = self._incidents.get(one.contract.id, 0)
            if not minutes and not incidents:
                yield one
                continue
            left = one.limits
            yield one._replace(
                limits=Limits(
                    max(0, left.minutes_available + minutes),
                    max(0, left.incidents_available + incidents),
                    max(0, left.incidents_held - incidents),
                )
            )

    def _book_incident(self, request: str, kept: Kept, result: Result) -> None:
        """Move the incident of a request that would be covered otherwise, or back again."""
        was, would = self._pack(kept.result, kept), self._pack(result, kept)
        if was == would or kept.is_cancelled:
            was = would = None
        old_was, old_would = self._booked.pop(request, (None, None))
        for contract, change in ((old_was, -1), (old_would, 1), (was, 1), (would, -1)):
            if contract is not None:
                self._incidents[contract] += change
        if was is not None or would is not None:
            self._booked[request] = (was, would)

    def _pack(self, result: Result, kept: Kept) -> str | None:
        holds = result.outcome == "covered" and self.draws(result, kept) == "incidents"
        return result.contract if holds else None


def _happens(kept: Kept, before: Result) -> bool:
    """Whether a request that stands otherwise would have been searched at all then."""
    if kept.cause.startswith(OF_A_CONTRACT):
        # it waited for the contract, or the contract that covered it was cancelled
        return before.outcome in WAITING_OUTCOMES or before.contract == kept.cause.removeprefix(OF_A_CONTRACT)
    return kept.cause not in ONLY_WHILE_WAITING or before.outcome in WAITING_OUTCOMES


def _as_it_would_be(
    kept: Kept, before: Result, made_by_rules: AbstractSet[str]
) -> Iterable[CandidateContract]:
    """The candidates without those that would not have been made, and with the incident it would hold."""
    for one in kept.held:
        is_own = one.contract.holder.kind == "service_request"
        if is_own and one.contract.id in made_by_rules and before.outcome != "created":
            continue
        holds = before.outcome == "covered" and before.contract == one.contract.id
        yield one if one.own_incident_held == holds else one._replace(own_incident_held=holds)

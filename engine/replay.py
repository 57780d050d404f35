"""What other rules would have decided: recorded decisions are repeated in their original order.

Each decision is repeated from the facts and candidates recorded with it, adjusted by what earlier decisions
of the same replay would have changed: a service request that would already be covered is no longer waiting, a
contract that would not have been created is left out, and incidents or minutes that another request would
have taken are deducted. Pure: no clock, no database. Source: product.md section 14.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, NamedTuple

from engine.contracts import Limits
from engine.coverage import ASSIGNED_MANUALLY, CandidateContract, find_match
from engine.facts import RequestFacts
from engine.rulebook import OUTCOME_OF_ACTION, RuleSet
from engine.service_requests import WAITING_OUTCOMES

LOGGED = "log"
CAUSES_WHILE_WAITING = frozenset({"open_waiting", "bulk"})
CONTRACT_CAUSE = "contract:"


class Result(NamedTuple):
    """What was decided. `contract` is None if a rule creates one; `type` is then the type it creates.

    `was_logged` is false for a new request that was refused and so was never logged.
    """

    outcome: str
    contract: str | None
    number: str | None
    type: str | None
    rule: str
    params: Mapping[str, Any]
    was_logged: bool = True

    @property
    def covers(self) -> bool:
        """Whether work may start at once and is paid for by a contract."""
        return self.outcome == "covered" or (self.outcome == "created" and self.params.get("enable") is True)

    def same_decision_as(self, other: "Result") -> bool:
        """Whether outcome, contract and parameters are the same, regardless of the rule."""
        return (self.outcome, self.contract, self.params) == (other.outcome, other.contract, other.params)


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision as recorded.

    `cause` is why the search ran; `is_cancelled` is true if the request was cancelled in the end.
    """

    id: str
    service_request: str | None
    cause: str
    facts: RequestFacts
    candidates: Sequence[CandidateContract]
    result: Result
    is_cancelled: bool = False


class Drawn(NamedTuple):
    """What is drawn from a contract's grants at an instant (aware UTC); negative if returned.

    Whole minutes, and minor units of money for a contract in money.
    """

    at: datetime
    contract: str
    minutes: int
    money: int = 0


class Replay:
    """Repeats decisions under other rules and tracks what differs so far.

    Pass the decisions in the order in which they were made.
    Source: product.md section 14.
    """

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._changed: dict[str, Result] = {}
        """The current result of each request whose result would differ from the recorded one."""
        self._booked_incidents: dict[str, tuple[str | None, str | None]] = {}
        """For each such request: the pack it held an incident of, and the pack it would hold one of."""
        self._incidents: Counter[str] = Counter()
        self._minutes: Counter[str] = Counter()
        self._money: Counter[str] = Counter()
        """By contract, how much more (or less) would be left than was, in incidents, minutes and money."""
        self._pending_draws: list[Drawn] = []

    def decide(self, recorded: RecordedDecision, made_by_rules: AbstractSet[str] = frozenset()) -> Result:
        """The request's result after this decision under the other rules.

        `made_by_rules` are the ids of contracts that rules created. Raises: UnknownTimeZone if a rule about
        dates is evaluated and the request's time zone is unknown.
        """
        while self._pending_draws and self._pending_draws[0].at <= recorded.facts.at:
            drawn = heappop(self._pending_draws)
            self._minutes[drawn.contract] -= drawn.minutes
            self._money[drawn.contract] -= drawn.money
        request = recorded.service_request
        before = self._changed.get(request) if request is not None else None
        result = self._result(recorded, before, made_by_rules)
        if request is not None:
            if result.same_decision_as(recorded.result):
                self._changed.pop(request, None)
            else:
                self._changed[request] = result
            self._book_incident(request, recorded, result)
        return result

    def book_work(self, drawn: Iterable[Drawn]) -> None:
        """Record how much more or less later work would draw than it did."""
        for one in drawn:
            if one.minutes or one.money:
                heappush(self._pending_draws, one)

    def draws(self, result: Result, recorded: RecordedDecision) -> str:
        """What the contract of a result draws: nothing, minutes, incidents or money."""
        # A contract that a rule would create is not among the candidates: its type is in the result.
        type_key = result.type
        if result.contract is not None:
            type_key = next(
                (one.contract.type for one in recorded.candidates if one.contract.id == result.contract),
                type_key,
            )
        known = self._rules.contract_types.get(type_key or "")
        return known.draws if known is not None else "nothing"

    # -------------------------------------------------------------- deciding

    def _result(
        self, recorded: RecordedDecision, before: Result | None, made_by_rules: AbstractSet[str]
    ) -> Result:
        if before is not None and not before.was_logged:
            return before
        if recorded.result.rule == ASSIGNED_MANUALLY:
            return recorded.result
        if before is None:
            return self._decide_again(recorded, self._with_remaining_limits(recorded.candidates))
        if not _would_be_searched(recorded, before):
            return before
        candidates = _hypothetical_candidates(recorded, before, made_by_rules)
        result = self._decide_again(recorded, self._with_remaining_limits(candidates))
        only_opens = recorded.cause.startswith(CONTRACT_CAUSE) or recorded.cause in CAUSES_WHILE_WAITING
        if only_opens and before.outcome in WAITING_OUTCOMES and result.outcome in WAITING_OUTCOMES:
            return before
        return result

    def _decide_again(self, recorded: RecordedDecision, candidates: Iterable[CandidateContract]) -> Result:
        _, match = find_match(recorded.facts, candidates, self._rules)
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
            was_logged=outcome != "refused" or recorded.cause != LOGGED,
        )

    def _with_remaining_limits(self, candidates: Iterable[CandidateContract]) -> Iterable[CandidateContract]:
        """The candidates with the limits that would remain."""
        for one in candidates:
            minutes = self._minutes.get(one.contract.id, 0)
            money = self._money.get(one.contract.id, 0)
            incidents = self._incidents.get(one.contract.id, 0)
            if not minutes and not incidents and not money:
                yield one
                continue
            left = one.limits
            yield one._replace(
                limits=Limits(
                    max(0, left.minutes_available + minutes),
                    max(0, left.incidents_available + incidents),
                    max(0, left.incidents_held - incidents),
                    max(0, left.money_available + money),
                )
            )

    def _book_incident(self, request: str, recorded: RecordedDecision, result: Result) -> None:
        """Move the request's incident to the pack that would hold it, undoing an earlier move."""
        was, would = self._pack(recorded.result, recorded), self._pack(result, recorded)
        if was == would or recorded.is_cancelled:
            was = would = None
        old_was, old_would = self._booked_incidents.pop(request, (None, None))
        for contract, change in ((old_was, -1), (old_would, 1), (was, 1), (would, -1)):
            if contract is not None:
                self._incidents[contract] += change
        if was is not None or would is not None:
            self._booked_incidents[request] = (was, would)

    def _pack(self, result: Result, recorded: RecordedDecision) -> str | None:
        holds = result.outcome == "covered" and self.draws(result, recorded) == "incidents"
        return result.contract if holds else None


def _would_be_searched(recorded: RecordedDecision, before: Result) -> bool:
    """Whether the search would have run at all for a request whose result differs so far."""
    if recorded.cause.startswith(CONTRACT_CAUSE):
        # The request waited for the contract, or the contract that covered it was cancelled.
        contract = recorded.cause.removeprefix(CONTRACT_CAUSE)
        return before.outcome in WAITING_OUTCOMES or before.contract == contract
    return recorded.cause not in CAUSES_WHILE_WAITING or before.outcome in WAITING_OUTCOMES


def _hypothetical_candidates(
    recorded: RecordedDecision, before: Result, made_by_rules: AbstractSet[str]
) -> Iterable[CandidateContract]:
    """The candidates without contracts that would not exist, and with the incident the request would hold."""
    for one in recorded.candidates:
        is_own = one.contract.holder.kind == "service_request"
        if is_own and one.contract.id in made_by_rules and before.outcome != "created":
            continue
        holds = before.outcome == "covered" and before.contract == one.contract.id
        yield one if one.own_incident_held == holds else one._replace(own_incident_held=holds)

"""Which contract covers a service request, or why none does.

Source: product.md section 6. Pure: facts in, a decision with its reasons out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from engine.contracts import (
    EXHAUSTED,
    Contract,
    Limits,
    StateAt,
    dated_state,
)
from engine.facts import Candidate, RequestFacts, RuledOut, Standing
from engine.rulebook import OUTCOME_OF_ACTION, ContractFacts, Match, RuleSet, TypeRules

OWN_CONTRACT_RULE = "own-contract"
NO_RULE = "no-rule"
ASSIGNED_BY_HAND = "assigned-by-hand"


class CandidateContract(NamedTuple):
    """A contract found for a service request, with what is left of it at the instant decided for.

    `distance` as in `Candidate`; `own_incident_held` when an incident is held for this very request; `draws`
    is what it was sold to draw from, None where that is not known.
    """

    contract: Contract
    distance: int
    limits: Limits
    own_incident_held: bool = False
    draws: str | None = None


class Verdict(NamedTuple):
    """One candidate and why it was not taken; `ruled_out` is None for the one that was.

    `held` is what it was judged from: with it the decision can be made again, by these rules or by others.
    """

    candidate: Candidate
    ruled_out: RuledOut | None
    held: CandidateContract


@dataclass(frozen=True, slots=True)
class CoverageDecision:
    """What was decided, from which facts, by which rule. Kept for good and never changed."""

    outcome: str
    contract: str | None
    rule: str
    why: str
    as_of: datetime
    rule_set: str
    facts: RequestFacts
    candidates: tuple[Verdict, ...]
    params: dict[str, Any]


def find_coverage(
    request: RequestFacts, held: Iterable[CandidateContract], rules: RuleSet
) -> CoverageDecision:
    """Search the contracts in the rules' order; the first rule that a candidate meets decides.

    A valid contract of the service request itself comes before the rules; a pending one is waited for
    where the rules find none. What no rule catches is refused with validation on, else left uncovered.
    Source: product.md section 6.
    """
    found = {one.contract.id: one for one in held}
    candidates, match = find_match(request, found.values(), rules)
    return CoverageDecision(
        outcome=OUTCOME_OF_ACTION[match.action],
        contract=match.candidate.contract if match.candidate else None,
        rule=match.rule_id,
        why=match.why,
        as_of=request.at,
        rule_set=rules.version,
        facts=request,
        candidates=tuple(
            Verdict(one, _ruled_out(one, match, request, rules), found[one.contract])
            for one in rules.coverage.rank(candidates)
        ),
        params=dict(match.params),
    )


def find_match(
    request: RequestFacts, held: Iterable[CandidateContract], rules: RuleSet
) -> tuple[list[Candidate], Match]:
    """The candidates, judged, and what decides among them: `find_coverage` without rank and reasons."""
    book = rules.coverage
    candidates = [judge(one, request, rules) for one in held]
    own: Sequence[Candidate] = [one for one in candidates if one.holder_kind == "service_request"]
    others = candidates
    if own:
        own = book.rank(own)
        others = [one for one in candidates if one.holder_kind != "service_request"]
    match = _own_valid(own) or book.first_match(request, others)
    if match is None or match.action in ("create_contract", "offer_contracts", "refuse"):
        match = _own_pending(own) or match or _nothing_matched(request)
    return candidates, match


def assign_by_hand(searched: CoverageDecision, contract: str) -> CoverageDecision:
    """The decision of a supervisor for one of the candidates of a search, whatever the rules say.

    Raises: KeyError for a contract that is not among them.
    """
    number = {one.candidate.contract: one.candidate.number for one in searched.candidates}[contract]
    return replace(
        searched,
        outcome="covered",
        contract=contract,
        rule=ASSIGNED_BY_HAND,
        why="A supervisor assigned this contract.",
        candidates=tuple(_assigned(one, contract, number) for one in searched.candidates),
        params={},
    )


def judge(held: CandidateContract, request: RequestFacts, rules: RuleSet) -> Candidate:
    """Give a contract its standing for one request: valid, pending, ended or excluded, and why."""
    contract, limits = held.contract, held.limits
    of_type = rules.type_rules.get(contract.type)
    state, facts = _state_and_facts(contract, limits, request.at, of_type)
    standing, ruled_out = _standing(held, state, facts, request, of_type)
    # In the order of the fields: by their names it would take a third longer, for every contract found.
    return Candidate(
        contract.id,
        contract.number,
        contract.type,
        *contract.holder,
        held.distance,
        *state,
        contract.created_at,
        contract.starts_at,
        contract.expires_at,
        standing,
        ruled_out,
        *limits,
        held.own_incident_held,
    )


def contract_state(contract: Contract, limits: Limits, at: datetime, rules: RuleSet) -> StateAt:
    """The state at `at`, from the dates and from the type's `expires_when` over what is left."""
    return _state_and_facts(contract, limits, at, rules.type_rules.get(contract.type))[0]


def contract_facts(contract: Contract, limits: Limits, at: datetime) -> ContractFacts:
    """The values that a contract type's conditions may read, at `at`, of no service request in particular."""
    over = contract.expires_at is not None and contract.expires_at <= at
    is_closed = contract.ended_at is not None and contract.ended_at <= at
    no_incident_of_its_own = False
    return ContractFacts(
        contract.starts_at <= at and not over, over, *limits, no_incident_of_its_own, is_closed
    )


def _state_and_facts(
    contract: Contract, limits: Limits, at: datetime, of_type: TypeRules | None
) -> tuple[StateAt, ContractFacts | None]:
    """The state, and the facts where it depends on them: of an active contract whose type is in force."""
    state = dated_state(contract, at)
    if state.state != "active" or of_type is None:
        return state, None
    facts = contract_facts(contract, limits, at)
    return (EXHAUSTED if of_type.has_ended(facts) else state), facts


def _standing(
    held: CandidateContract,
    state: StateAt,
    facts: ContractFacts | None,
    request: RequestFacts,
    of_type: TypeRules | None,
) -> tuple[Standing, RuledOut | None]:
    contract = held.contract
    if of_type is None:
        return "excluded", RuledOut("type_not_in_force", value=contract.type)
    if state.state == "pending":
        return "pending", RuledOut(state.pending_reason or "pending", at=contract.starts_at)
    if state.state == "cancelled":
        return "ended", RuledOut("cancelled", at=contract.cancelled_at)
    if state.state == "expired":
        return "ended", RuledOut("expired", at=contract.window.until)
    excluded = _exclusion(contract, request)
    if excluded is not None:
        return "excluded", excluded
    assert facts is not None, "an active contract of a type in force has facts"
    failed = of_type.is_valid(facts._replace(own_incident_held=True) if held.own_incident_held else facts)
    if failed is None and state.state == "active":
        return "valid", None
    return "ended", failed or RuledOut("exhausted")


def _exclusion(contract: Contract, request: RequestFacts) -> RuledOut | None:
    if not contract.exclusions:
        return None
    compared = (
        ("work_types", "excluded_work_type", request.work_type),
        ("priorities", "excluded_priority", request.priority),
        ("item_types", "excluded_item_type", request.item_type),
    )
    for key, code, value in compared:
        if value is not None and value in contract.exclusions.get(key, ()):
            return RuledOut(code, value=value)
    return None


def _assigned(verdict: Verdict, contract: str, number: str) -> Verdict:
    if verdict.candidate.contract == contract:
        return verdict._replace(ruled_out=None)
    if verdict.ruled_out is not None:
        return verdict
    return verdict._replace(ruled_out=RuledOut("not_assigned", value=number))


def _own_valid(own: Sequence[Candidate]) -> Match | None:
    for candidate in own:
        if candidate.standing == "valid":
            why = "This service request has a contract of its own."
            return Match(OWN_CONTRACT_RULE, why, "cover_with", {}, candidate)
    return None


def _own_pending(own: Sequence[Candidate]) -> Match | None:
    for candidate in own:
        if candidate.standing == "pending":
            why = "The contract made for this service request is not active yet."
            return Match(OWN_CONTRACT_RULE, why, "wait_for", {}, candidate)
    return None


def _nothing_matched(request: RequestFacts) -> Match:
    if request.contract_validation:
        why = "No rule applies, and without a valid contract no service request may proceed."
        return Match(NO_RULE, why, "refuse", {"message": why}, None)
    why = "No rule applies, and contract validation is off."
    return Match(NO_RULE, why, "leave_uncovered", {}, None)


def _ruled_out(candidate: Candidate, match: Match, request: RequestFacts, rules: RuleSet) -> RuledOut | None:
    chosen = match.candidate
    if chosen is not None and chosen.contract == candidate.contract:
        return None
    if candidate.ruled_out is not None and candidate.standing != "pending":
        return candidate.ruled_out
    if chosen is not None and chosen.standing == "valid" and candidate.standing == "pending":
        return candidate.ruled_out
    if candidate.holder_kind != "service_request" and candidate.ruled_out is None:
        failing = rules.coverage.first_failing(request, candidate)
        if failing is not None:
            rule_id, condition = failing
            return RuledOut("rule_condition", value=f"{rule_id}: {condition}")
    if chosen is not None:
        return RuledOut("came_after", value=chosen.number)
    return candidate.ruled_out or RuledOut("decided_before", value=match.rule_id)

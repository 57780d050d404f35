"""Which contract covers a service request, or why none does.

Source: product.md section 6. Pure: facts in, a decision with reasons out.
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
ASSIGNED_MANUALLY = "assigned-by-hand"


class CandidateContract(NamedTuple):
    """A contract found for a service request, with its remaining limits at the instant of the decision.

    `distance` as in `Candidate`; `own_incident_held` is true if an incident is held for this request; `draws`
    is what it was sold to draw from, None if unknown; `ordered_for_it` is true if it was ordered for this
    request while that waited.
    """

    contract: Contract
    distance: int
    limits: Limits
    own_incident_held: bool = False
    draws: str | None = None
    ordered_for_it: bool = False


class Verdict(NamedTuple):
    """One candidate and why it was not chosen; `ruled_out` is None for the chosen one.

    `source` is the input it was judged from; with it the decision can be repeated by these or other rules.
    """

    candidate: Candidate
    ruled_out: RuledOut | None
    source: CandidateContract


@dataclass(frozen=True, slots=True)
class CoverageDecision:
    """What was decided, from which facts, by which rule. Stored permanently and never changed.

    `as_of` is the instant the decision is made for (aware UTC); `rule_set` is the version of the rules;
    `candidates` are in rank order.
    """

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
    request: RequestFacts, found: Iterable[CandidateContract], rules: RuleSet
) -> CoverageDecision:
    """Decide which of the contracts found covers the request: the first rule that a candidate meets decides.

    A valid contract of the service request itself takes precedence over the rules; the request waits for a
    pending one if the rules find no contract. A rule that offers or creates a contract is met by a valid one
    that was ordered for the request; one that offers contracts also waits for it. If no rule matches, the
    request is refused with contract validation on, and left uncovered with it off. The order of `found` does
    not matter.
    Raises: UnknownTimeZone if a rule about dates is evaluated and the request's time zone is unknown.
    Source: product.md section 6.
    """
    by_id = {one.contract.id: one for one in found}
    candidates, match = find_match(request, by_id.values(), rules)
    return CoverageDecision(
        outcome=OUTCOME_OF_ACTION[match.action],
        contract=match.candidate.contract if match.candidate else None,
        rule=match.rule_id,
        why=match.why,
        as_of=request.at,
        rule_set=rules.version,
        facts=request,
        candidates=tuple(
            Verdict(one, _ruled_out(one, match, request, rules), by_id[one.contract])
            for one in rules.coverage.rank(candidates)
        ),
        params=dict(match.params),
    )


def find_match(
    request: RequestFacts, found: Iterable[CandidateContract], rules: RuleSet
) -> tuple[list[Candidate], Match]:
    """The judged candidates and the rule that decides: `find_coverage` without ranking and reasons.

    Raises: UnknownTimeZone if a rule about dates is evaluated and the request's time zone is unknown.
    """
    book, found = rules.coverage, list(found)
    candidates = [judge(one, request, rules) for one in found]
    own: Sequence[Candidate] = [one for one in candidates if one.holder_kind == "service_request"]
    others = candidates
    if own:
        own = book.rank(own)
        others = [one for one in candidates if one.holder_kind != "service_request"]
    match = _own_valid(own) or book.first_match(request, others)
    if match is None or match.action in ("create_contract", "offer_contracts", "refuse"):
        ordered = {one.contract.id for one in found if one.ordered_for_it}
        met = (
            _ordered(match, book.rank(one for one in others if one.contract in ordered)) if ordered else None
        )
        match = met or _own_pending(own) or match or _nothing_matched(request)
    return candidates, match


def assign_manually(searched: CoverageDecision, contract: str) -> CoverageDecision:
    """A supervisor's choice of one candidate of a search, regardless of the rules.

    Raises: KeyError if the contract is not among the candidates.
    """
    number = {one.candidate.contract: one.candidate.number for one in searched.candidates}[contract]
    return replace(
        searched,
        outcome="covered",
        contract=contract,
        rule=ASSIGNED_MANUALLY,
        why="A supervisor assigned this contract.",
        candidates=tuple(_assigned(one, contract, number) for one in searched.candidates),
        params={},
    )


def judge(found: CandidateContract, request: RequestFacts, rules: RuleSet) -> Candidate:
    """Determine a contract's standing for one request (valid, pending, ended or excluded) and the reason.

    The standing is as of the request's `at`.
    """
    contract, limits = found.contract, found.limits
    type_rules = rules.type_rules.get(contract.type)
    state, facts = _state_and_facts(contract, limits, request.at, type_rules)
    standing, ruled_out = _judge_standing(found, state, facts, request, type_rules)
    # Positional arguments: keyword arguments take a third longer, and this runs for every contract found.
    return Candidate(
        contract.id,
        contract.number,
        contract.type,
        *contract.holder,
        found.distance,
        *state,
        contract.created_at,
        contract.starts_at,
        contract.expires_at,
        standing,
        ruled_out,
        *limits,
        found.own_incident_held,
    )


def contract_state(contract: Contract, limits: Limits, at: datetime, rules: RuleSet) -> StateAt:
    """The state at `at` (aware UTC), from the dates and the type's `expires_when` applied to `limits`."""
    return _state_and_facts(contract, limits, at, rules.type_rules.get(contract.type))[0]


def contract_facts(contract: Contract, limits: Limits, at: datetime) -> ContractFacts:
    """The values that a contract type's conditions may read, at `at` (aware UTC), for no specific request."""
    over = contract.expires_at is not None and contract.expires_at <= at
    is_closed = contract.ended_at is not None and contract.ended_at <= at
    own_incident_held = False
    return ContractFacts(contract.starts_at <= at and not over, over, *limits, own_incident_held, is_closed)


def _state_and_facts(
    contract: Contract, limits: Limits, at: datetime, type_rules: TypeRules | None
) -> tuple[StateAt, ContractFacts | None]:
    """The state, and the facts if it depends on them: for an active contract whose type is in force."""
    state = dated_state(contract, at)
    if state.state != "active" or type_rules is None:
        return state, None
    facts = contract_facts(contract, limits, at)
    return (EXHAUSTED if type_rules.has_ended(facts) else state), facts


def _judge_standing(
    found: CandidateContract,
    state: StateAt,
    facts: ContractFacts | None,
    request: RequestFacts,
    type_rules: TypeRules | None,
) -> tuple[Standing, RuledOut | None]:
    contract = found.contract
    if type_rules is None:
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
    failed = type_rules.is_valid(facts._replace(own_incident_held=True) if found.own_incident_held else facts)
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
            why = "This service request has a valid contract of its own."
            return Match(OWN_CONTRACT_RULE, why, "cover_with", {}, candidate)
    return None


def _own_pending(own: Sequence[Candidate]) -> Match | None:
    for candidate in own:
        if candidate.standing == "pending":
            why = "The contract of this service request is pending. Work starts as soon as it is valid."
            return Match(OWN_CONTRACT_RULE, why, "wait_for", {}, candidate)
    return None


def _ordered(match: Match | None, ordered: Sequence[Candidate]) -> Match | None:
    """The rule that made or offered a contract, met by one that was ordered for the request."""
    if match is None or match.action == "refuse":
        return None
    for candidate in ordered:
        if candidate.standing == "valid":
            why = "The contract that was ordered for this service request is valid."
            return Match(match.rule_id, why, "cover_with", {}, candidate)
    for candidate in ordered:
        if candidate.standing == "pending" and match.action == "offer_contracts":
            why = "The contract that was ordered for this service request is pending."
            return Match(match.rule_id, why, "wait_for", {}, candidate)
    return None


def _nothing_matched(request: RequestFacts) -> Match:
    if request.contract_validation:
        why = "No rule applies, and contract validation is on: without a valid contract no request is opened."
        return Match(NO_RULE, why, "refuse", {"message": why}, None)
    why = "No rule applies. Contract validation is off, so the request opens without a contract."
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

"""The shipped rules written directly in Python: one pass, no rule files, not configurable."""

from collections.abc import Iterable
from datetime import UTC, datetime

from engine.contracts import Contract, Limits
from engine.coverage import CandidateContract, CoverageDecision, Verdict
from engine.facts import Candidate, RequestFacts, RuledOut

NO_END = datetime.max.replace(tzinfo=UTC)
VALID = {"item": 0, "customer": 1, "org_unit": 2}
PENDING = {"item": 4, "customer": 5, "org_unit": 6}
NONE = 9
RULES = {
    0: ("item-valid", "covered"),
    1: ("customer-valid", "covered"),
    2: ("org-unit-valid", "covered"),
    3: ("validation-off", "uncovered"),
    4: ("item-pending", "waiting"),
    5: ("customer-pending", "waiting"),
    6: ("org-unit-pending", "waiting"),
    7: ("create-per-request", "created"),
}
DRAWN_BY_MINUTES = ("support_hours", "time_limited_subscription")


def decide(request: RequestFacts, contracts: Iterable[Candidate]) -> tuple[int, Candidate | None]:
    """Return the number of the matching rule and the contract taken; `contracts` may be in any order."""
    best, taken = NONE, None
    for one in contracts:
        standing = one.standing
        if standing == "valid":
            step = VALID[one.holder_kind]
        elif standing == "pending":
            step = PENDING[one.holder_kind]
        else:
            continue
        if step < best or (step == best and taken is not None and order(one) < order(taken)):
            best, taken = step, one
    if best < 3:
        return best, taken
    if not request.contract_validation:
        return 3, None
    return (best, taken) if taken is not None else (7, None)


def order(one: Candidate) -> tuple[object, ...]:
    """Return the sort key of the rank order."""
    return (one.distance, one.expires_at or NO_END, one.starts_at, one.created_at, one.contract)


def find_coverage(
    request: RequestFacts, held: Iterable[CandidateContract], texts: dict[str, str]
) -> CoverageDecision:
    """Return the whole decision, candidates in rank order with reasons.

    `texts` has the `why` of each rule.
    """
    found = {one.contract.id: one for one in held}
    candidates = [judge(one, request) for one in found.values()]
    step, taken = decide(request, candidates)
    rule, outcome = RULES[step]
    return CoverageDecision(
        outcome=outcome,
        contract=taken.contract if taken else None,
        rule=rule,
        why=texts[rule],
        as_of=request.at,
        rule_set=texts["version"],
        facts=request,
        candidates=tuple(
            Verdict(one, ruled_out(one, taken, rule), found[one.contract])
            for one in sorted(candidates, key=order)
        ),
        params={"type": "per_request"} if step == 7 else {},
    )


def ruled_out(one: Candidate, taken: Candidate | None, rule: str) -> RuledOut | None:
    """Return why a contract was not taken, or None for the one that was."""
    if taken is not None and one.contract == taken.contract:
        return None
    if one.ruled_out is not None and one.standing != "pending":
        return one.ruled_out
    if taken is not None and taken.standing == "valid" and one.standing == "pending":
        return one.ruled_out
    if taken is not None:
        return RuledOut("came_after", value=taken.number)
    return one.ruled_out or RuledOut("decided_before", value=rule)


def judge(held: CandidateContract, request: RequestFacts) -> Candidate:
    """Return a contract with its standing."""
    contract, limits, at = held.contract, held.limits, request.at
    state, pending, standing, reason = "active", None, "valid", None
    if contract.cancelled_at is not None and contract.cancelled_at <= at:
        state, standing, reason = "cancelled", "ended", RuledOut("cancelled", at=contract.cancelled_at)
    elif contract.expires_at is not None and contract.expires_at <= at:
        state, standing, reason = "expired", "ended", RuledOut("expired", at=contract.window.until)
    elif contract.payment_due and (contract.paid_at is None or contract.paid_at > at):
        state, pending = "pending", "awaiting_payment"
    elif contract.enabled_at is None or contract.enabled_at > at:
        state, pending = "pending", "awaiting_enable"
    elif contract.starts_at > at:
        state, pending = "pending", "awaiting_start"
    elif contract.exclusions and request.priority in contract.exclusions.get("priorities", ()):
        state = "exhausted" if is_used_up(contract, limits) else "active"
        standing, reason = "excluded", RuledOut("excluded_priority", value=request.priority)
    elif is_used_up(contract, limits):
        code = "no_minutes_left" if contract.type in DRAWN_BY_MINUTES else "no_incidents_left"
        state, standing, reason = "exhausted", "ended", RuledOut(code)
    if pending is not None:
        standing, reason = "pending", RuledOut(pending, at=contract.starts_at)
    return Candidate(
        contract=contract.id,
        number=contract.number,
        type=contract.type,
        holder_kind=contract.holder.kind,
        holder_id=contract.holder.id,
        distance=held.distance,
        state=state,  # type: ignore[arg-type]  # one of the literals above, as are the others
        pending_reason=pending,  # type: ignore[arg-type]
        created_at=contract.created_at,
        starts_at=contract.starts_at,
        expires_at=contract.expires_at,
        standing=standing,  # type: ignore[arg-type]
        ruled_out=reason,
        minutes_available=limits.minutes_available,
        incidents_available=limits.incidents_available,
        incidents_held=limits.incidents_held,
        own_incident_held=held.own_incident_held,
    )


def is_used_up(contract: Contract, limits: Limits) -> bool:
    """Return whether nothing is left of what the contract's type draws."""
    if contract.type in DRAWN_BY_MINUTES:
        return limits.minutes_available <= 0
    return contract.type == "incident_pack" and limits.incidents_available <= 0

"""The contract that covered a service request when it was worked on, by its decisions.

Coverage is effective-dated: each decision holds from an instant on.
Source: product.md section 7 (Which contract covered it then).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select

from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared


@dataclass(frozen=True, slots=True)
class CoverageAt:
    """The id of the contract that covered a request at an instant; whether a search had been made by then."""

    searched: bool
    contract: str | None = None


NOT_SEARCHED = CoverageAt(searched=False)
_DECISIONS = Prepared(
    select(
        t.coverage_decision.c.id,
        t.coverage_decision.c.decided_at,
        t.coverage_decision.c.holds_from,
        t.coverage_decision.c.outcome,
        t.coverage_decision.c.contract_id,
        t.coverage_decision.c.params,
    )
    .where(t.coverage_decision.c.service_request_id == bindparam("request", type_=Id, required=True))
    .order_by(t.coverage_decision.c.sequence, t.coverage_decision.c.decided_at, t.coverage_decision.c.id)
)


def coverage_at(tx: Transaction, request: Row[Any], at: datetime) -> CoverageAt:
    """The contract that covered a service request at an instant (aware UTC), by its decisions.

    A decision holds from when it was made, or from the earlier instant that it gives; of two that hold, the
    one made later counts. Work that was done before the request was logged is covered as at the logging,
    unless that was before contracts. A request that waited for its first contract is locked meanwhile, so
    work from that time is covered by that contract.
    Source: product.md section 7 (Which contract covered it then).
    """
    return coverages_at(tx, request, [at])[0]


def coverages_at(tx: Transaction, request: Row[Any], instants: Sequence[datetime]) -> list[CoverageAt]:
    """`coverage_at` for each of some instants, by one statement."""
    if request.decision_id is None or not instants:
        return [NOT_SEARCHED for _ in instants]
    decisions = _DECISIONS.all(tx.connection, {"request": request.id})
    return [_coverage_by(request, decisions, at) for at in instants]


def _coverage_by(request: Row[Any], decisions: list[Any], at: datetime) -> CoverageAt:
    at = max(at, request.opened_at) if not request.before_contracts else at
    earlier = [one for one in decisions if (one.holds_from or one.decided_at) <= at]
    if not earlier and request.before_contracts:
        return NOT_SEARCHED
    in_force = earlier[-1] if earlier else decisions[0]
    contract = _covering(request, in_force)
    if contract is None and in_force.outcome != "uncovered":
        was_covered = any(_covering(request, one) for one in earlier)
        later = [one for one in decisions if one not in earlier] if not was_covered else []
        contract = next((found for one in later if (found := _covering(request, one))), None)
    return CoverageAt(searched=True, contract=contract)


def _covering(request: Row[Any], decision: Any) -> str | None:
    """The id of the contract by which a decision covered the request when it was made."""
    if decision.id == request.decision_id:
        found: str | None = request.contract_id
        return found
    created = decision.outcome == "created" and bool((decision.params or {}).get("enable"))
    return str(decision.contract_id) if decision.outcome == "covered" or created else None

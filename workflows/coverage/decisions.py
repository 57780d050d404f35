"""Coverage decisions: storing and reading them.

They are written once, with the facts and every candidate, and never change. Source: product.md section 6.
"""

from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select

from engine.coverage import CoverageDecision
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.reasons import reason_text
from workflows.coverage.snapshot import facts_json, verdict_json
from workflows.lifecycle.service_requests.access import visible_requests
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views.decisions import CandidateView, DecisionView


def store_decision(
    tx: Transaction,
    decision: CoverageDecision,
    *,
    service_request_id: str | None,
    cause: str,
    contract_id: str | None,
    reason: str | None = None,
    decision_id: str | None = None,
) -> str:
    """Store a decision; `contract_id` is its contract, or the one created for it. Returns its id."""
    decision_id = decision_id or new_id()
    tx.add(
        t.coverage_decision,
        id=decision_id,
        service_request_id=service_request_id,
        decided_at=tx.now,
        as_of=decision.as_of,
        rule_set=decision.rule_set,
        outcome=decision.outcome,
        rule=decision.rule,
        why=decision.why,
        contract_id=contract_id,
        facts=facts_json(decision.facts),
        candidates=[verdict_json(verdict) for verdict in decision.candidates],
        params=decision.params,
        cause=cause,
        actor=tx.actor.name,
        reason=reason,
    )
    return decision_id


def read_decision(tx: Transaction, decision_id: str) -> DecisionView:
    """One decision. Raises: NotFound, also if the actor may not see its service request."""
    table = t.coverage_decision
    wanted = select(table).where(table.c.id == decision_id)
    if not tx.actor.is_staff:
        request = t.service_request
        wanted = wanted.join(request, request.c.id == table.c.service_request_id).where(visible_requests(tx))
    row = tx.connection.execute(wanted).one_or_none()
    if row is None:
        raise NotFound("There is no such decision.")
    return decision_view(row, tx)


def decisions_of(tx: Transaction, service_request_id: str) -> list[DecisionView]:
    """All decisions of a service request, newest first. The caller must check that the actor may see it."""
    table = t.coverage_decision
    rows = tx.connection.execute(
        select(table)
        .where(table.c.service_request_id == service_request_id)
        .order_by(table.c.decided_at.desc(), table.c.id.desc())
    )
    return [decision_view(row, tx) for row in rows]


def decision_view(row: Row[Any], tx: Transaction) -> DecisionView:
    """The view of a stored decision, without what the actor may not see."""
    candidates = [_candidate_view(one, tx.settings.zone) for one in row.candidates]
    return DecisionView(
        id=row.id,
        service_request=row.service_request_id,
        decided_at=row.decided_at,
        as_of=row.as_of,
        rule_set=row.rule_set,
        facts=row.facts,
        candidates=_seen_by(tx, candidates, row.facts["customer"], row.contract_id),
        rule=row.rule,
        why=row.why,
        outcome=row.outcome,
        contract=row.contract_id,
        params=row.params,
        cause=row.cause,
        actor=row.actor if tx.actor.is_staff else "",
        reason=row.reason if tx.actor.is_staff else None,
    )


def preview_view(tx: Transaction, decision: CoverageDecision) -> DecisionView:
    """The view of a decision that is not stored."""
    zone = tx.settings.zone
    candidates = [_candidate_view(verdict_json(verdict), zone) for verdict in decision.candidates]
    return DecisionView(
        id=None,
        service_request=None,
        decided_at=tx.now,
        as_of=decision.as_of,
        rule_set=decision.rule_set,
        facts=facts_json(decision.facts),
        candidates=_seen_by(tx, candidates, decision.facts.customer, decision.contract),
        rule=decision.rule,
        why=decision.why,
        outcome=decision.outcome,
        contract=decision.contract,
        params=decision.params,
        cause="preview",
        actor=tx.actor.name,
        reason=None,
    )


def _seen_by(
    tx: Transaction, candidates: list[CandidateView], customer: str, taken: str | None
) -> list[CandidateView]:
    """The candidates that the actor may see.

    Staff see all. Customers see the chosen one and, for their own requests, those not held by an org unit.
    """
    if tx.actor.is_staff:
        return candidates
    own = customer == tx.actor.customer
    return [one for one in candidates if one.contract == taken or (own and one.holder_kind != "org_unit")]


def _candidate_view(stored: dict[str, Any], zone: ZoneInfo) -> CandidateView:
    reason = stored["ruled_out"]
    return CandidateView(
        contract=stored["contract"],
        number=stored["number"],
        type=stored["type"],
        holder_kind=stored["holder_kind"],
        holder=stored["holder_id"],
        standing=stored["standing"],
        standing_why=reason_text(stored["own_ruled_out"], zone),
        ruled_out_by=reason_text(reason, zone),
        code=reason["code"] if reason else None,
    )

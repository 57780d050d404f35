"""Coverage decisions: storing and reading them.

They are written once, with the facts and every candidate, and never change; customers read them without what
may not be named to them, such as an earlier customer of the service request. Source: product.md section 6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, select

from engine.contracts import HOLDER_KINDS
from engine.coverage import CoverageDecision
from workflows.core.actors import PRICE_ROLES
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.reasons import reason_text, why_text
from workflows.coverage.snapshot import facts_json, verdict_json
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import Nameable, Named, visible_requests
from workflows.notifications.events import rfc_3339
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views.decisions import CandidateView, DecisionView

INSTANTS = ("at", "logged_at")
"""The facts that are instants."""


def store_decision(
    tx: Transaction,
    decision: CoverageDecision,
    *,
    service_request_id: str | None,
    cause: str,
    contract_id: str | None,
    reason: str | None = None,
    decision_id: str | None = None,
    holds_from: datetime | None = None,
    sequence: int = 1,
) -> str:
    """Store a decision; `contract_id` is its contract, or the one created for it. Returns its id.

    It holds from `holds_from` on (aware UTC), if that is before now. `sequence` is its place among those of
    its service request (`next_sequence`).
    """
    decision_id = decision_id or new_id()
    more: dict[str, Any] = {}
    if holds_from is not None and holds_from < tx.now:
        more["holds_from"] = holds_from
    if sequence > 1:
        more["sequence"] = sequence
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
        candidates=[verdict_json(verdict, decision.facts.time_zone) for verdict in decision.candidates],
        params=decision.params,
        cause=cause,
        actor=tx.actor.name,
        reason=reason,
        **more,
    )
    return decision_id


def next_sequence(tx: Transaction, service_request_id: str) -> int:
    """The place of the next decision of a service request, which is locked."""
    d = t.coverage_decision.c
    last = select(func.max(d.sequence)).where(d.service_request_id == service_request_id)
    return int(tx.connection.execute(last).scalar() or 0) + 1


def read_decision(tx: Transaction, decision_id: str) -> DecisionView:
    """One decision. Raises: NotFound, also if the actor may not see its service request."""
    table = t.coverage_decision
    wanted = select(table).where(table.c.id == decision_id)
    if not tx.actor.is_staff:
        request = t.service_request
        wanted = wanted.join(request, request.c.id == table.c.service_request_id).where(visible_requests(tx))
    row = tx.connection.execute(wanted).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such decision."))
    return decision_view(row, tx)


def decisions_of(tx: Transaction, service_request_id: str) -> list[DecisionView]:
    """All decisions of a service request, newest first. The caller must check that the actor may see it."""
    table = t.coverage_decision
    rows = tx.connection.execute(
        select(table)
        .where(table.c.service_request_id == service_request_id)
        .order_by(table.c.sequence.desc(), table.c.decided_at.desc(), table.c.id.desc())
    )
    found = rows.all()
    nameable = _nameable(tx, [row.facts for row in found], [_contracts_of(row) for row in found])
    return [_decision_view(row, tx, nameable) for row in found]


def decision_view(row: Row[Any], tx: Transaction) -> DecisionView:
    """The view of a stored decision, without what may not be named to the actor."""
    return _decision_view(row, tx, _nameable(tx, [row.facts], [_contracts_of(row)]))


def _decision_view(row: Row[Any], tx: Transaction, nameable: Nameable) -> DecisionView:
    candidates = [_candidate_view(one, row.facts) for one in row.candidates]
    contract_id = nameable.id("contract", row.contract_id)
    return DecisionView(
        id=row.id,
        service_request=row.service_request_id,
        decided_at=row.decided_at,
        as_of=row.as_of,
        rule_set=row.rule_set,
        facts=_facts_seen(row.facts, nameable),
        candidates=_seen_by(tx, candidates, row.facts["customer"], contract_id, nameable),
        rule=row.rule,
        why=why_text(row.why),
        outcome=row.outcome,
        contract=contract_id,
        params=_params_seen(tx, row.params),
        cause=_cause_seen(row.cause, nameable),
        actor=row.actor if tx.actor.is_staff else "",
        reason=row.reason if tx.actor.is_staff else None,
        holds_from=row.holds_from,
    )


def preview_view(tx: Transaction, decision: CoverageDecision) -> DecisionView:
    """The view of a decision that is not stored."""
    facts = facts_json(decision.facts)
    stored = [verdict_json(verdict, decision.facts.time_zone) for verdict in decision.candidates]
    candidates = [_candidate_view(one, facts) for one in stored]
    nameable = _nameable(tx, [facts], [{decision.contract, *(one.contract for one in candidates)}])
    contract_id = nameable.id("contract", decision.contract)
    return DecisionView(
        id=None,
        service_request=None,
        decided_at=tx.now,
        as_of=decision.as_of,
        rule_set=decision.rule_set,
        facts=_facts_seen(facts, nameable),
        candidates=_seen_by(tx, candidates, decision.facts.customer, contract_id, nameable),
        rule=decision.rule,
        why=why_text(decision.why),
        outcome=decision.outcome,
        contract=contract_id,
        params=_params_seen(tx, decision.params),
        cause="preview",
        actor=tx.actor.name,
        reason=None,
    )


def _params_seen(tx: Transaction, params: Mapping[str, Any]) -> dict[str, Any]:
    """What an action was given, without its prices and rates for those who see none."""
    if tx.actor.role in PRICE_ROLES:
        return dict(params)
    return {name: value for name, value in params.items() if not name.endswith("_minor")}


CONTRACT_CAUSE = "contract:"


def _contracts_of(row: Row[Any]) -> set[str | None]:
    """The contracts that a stored decision names."""
    cause = row.cause.removeprefix(CONTRACT_CAUSE) if row.cause.startswith(CONTRACT_CAUSE) else None
    return {row.contract_id, cause, *(one["contract"] for one in row.candidates)}


def _nameable(
    tx: Transaction, facts: Sequence[Mapping[str, Any]], contracts: Sequence[set[str | None]]
) -> Nameable:
    """What the facts and contracts of some decisions may name to the actor."""
    parties: dict[Named, set[str | None]] = {kind: {one.get(kind) for one in facts} for kind in HOLDER_KINDS}
    return Nameable(tx, {**parties, "contract": {one for group in contracts for one in group}})


def _facts_seen(facts: Mapping[str, Any], nameable: Nameable) -> dict[str, Any]:
    """The facts; the id of a record that may not be named is None, and so is the type of such an item.

    Their instants are in UTC as the API writes them, with Z.
    """
    hidden = {kind for kind in HOLDER_KINDS if not nameable.may(kind, facts.get(kind))}
    without = {*hidden, "item_type"} if "item" in hidden else hidden
    instants = {name: rfc_3339(datetime.fromisoformat(facts[name])) for name in INSTANTS if facts.get(name)}
    return {name: None if name in without else value for name, value in {**facts, **instants}.items()}


def _cause_seen(cause: str, nameable: Nameable) -> str:
    contract_id = cause.removeprefix(CONTRACT_CAUSE)
    return cause if contract_id == cause or nameable.may("contract", contract_id) else "contract"


def _seen_by(
    tx: Transaction, candidates: list[CandidateView], customer: str, taken: str | None, nameable: Nameable
) -> list[CandidateView]:
    """The candidates that the actor may see.

    Staff see all. Customers see the chosen one and, for their own requests, those not held by an org unit; of
    these only what may be named to them.
    """
    if tx.actor.is_staff:
        return candidates
    own = customer == tx.actor.customer
    hidden = {one.number for one in candidates if not nameable.may("contract", one.contract)}
    return [
        replace(one, ruled_out_by=_without_numbers(one.ruled_out_by, hidden))
        for one in candidates
        if one.number not in hidden and (one.contract == taken or (own and one.holder_kind != "org_unit"))
    ]


def _without_numbers(reason: str | None, numbers: set[str]) -> str | None:
    """A reason that begins with the number of a contract, without it if it is among `numbers`."""
    number, _, rest = (reason or "").partition(" ")
    return gettext("another holder’s contract %(predicate)s", predicate=rest) if number in numbers else reason


def _candidate_view(stored: dict[str, Any], facts: Mapping[str, Any]) -> CandidateView:
    reason = stored["ruled_out"]
    zone = ZoneInfo(stored.get("time_zone") or facts.get("time_zone", "UTC"))
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

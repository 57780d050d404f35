"""Searching for the contract of a service request, and applying the decision.

Every search makes a new decision; earlier ones are never changed. Source: product.md section 6.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, or_, select

from engine.coverage import CoverageDecision, assign_manually, find_coverage
from engine.facts import RequestFacts
from engine.service_requests import OPENING_OUTCOMES, UNFINISHED_STATES, WAITING_OUTCOMES
from workflows.commands.service_requests import CoverageQuestion
from workflows.core.actors import SYSTEM
from workflows.core.errors import StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import Candidates, find_candidates, with_months_to_come
from workflows.coverage.decisions import next_sequence, preview_view, store_decision
from workflows.coverage.reservation import Reservation, chosen_of, lock_reservation, verify_on_write
from workflows.coverage.waiting_list import lock_covered, rests_on, waiting_requests
from workflows.coverage.work_coverage import move_work
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.amendments import amendments_of, apply_amendments
from workflows.lifecycle.contracts.connected_work import Change, changed_since
from workflows.lifecycle.contracts.creation import make_for_request
from workflows.lifecycle.contracts.grants import expire_grants
from workflows.lifecycle.contracts.incident_holds import hold_incident, lock_free_incident, release_incidents
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts, load_contract
from workflows.lifecycle.contracts.redraw import redraw
from workflows.lifecycle.contracts.redraw_reading import entries_covered
from workflows.lifecycle.contracts.rows import level_of, lock_contract
from workflows.lifecycle.contracts.settlement import end_by_cancelling, sync_contract_state, sync_loaded
from workflows.lifecycle.contracts.sold_items import waive_sale
from workflows.lifecycle.service_requests.facts import facts_of, request_facts
from workflows.lifecycle.service_requests.parties import check_parties
from workflows.lifecycle.service_requests.sla import level_columns
from workflows.lifecycle.service_requests.transitions import lock_request, move_request
from workflows.notifications.messages import notify_request_event
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared, next_version
from workflows.views.decisions import DecisionView

ATTEMPTS = 10
MOST_DUE = 1000
"""The most due changes of one contract that a late run catches up with; a contract of 40 years has fewer."""


# ------------------------------------------------------------------ deciding


def decide(tx: Transaction, facts: RequestFacts) -> CoverageDecision:
    """Search without writing anything. Raises: NoRuleSet."""
    return find_coverage(facts, _candidates(tx, facts).held, tx.rules)


def find(tx: Transaction, facts: RequestFacts) -> Reservation:
    """Search and lock what the decision depends on; search again where that has changed in between.

    Raises: StateForbids after 10 attempts; NoRuleSet.
    """
    for _ in range(ATTEMPTS):
        candidates = _candidates(tx, facts).held
        decision = find_coverage(facts, candidates, tx.rules)
        found = lock_reservation(tx, decision, candidates)
        if found is not None:
            return found
    raise StateForbids(
        gettext("The contracts of this customer are changing too fast to decide."),
        remedy=gettext("Try again in a moment."),
    )


def find_unlocked(tx: Transaction, facts: RequestFacts) -> Reservation:
    """Search before the transaction begins to write, then begin and check what the decision depends on.

    SQLite has one writer: a search while writing would make all other writers wait for it. What is not
    covered, or was decided by older settings, is searched again, since nothing shows whether the decision
    would still be the same. Where one statement can both check and write, the transaction does not begin to
    write here. Raises: ForbiddenMove in a transaction that may not write; otherwise as `find`.
    """
    found = _candidates(tx, facts)
    candidates, config = found.held, tx.config
    decision = find_coverage(facts, candidates, tx.rules)
    if decision.outcome == "covered" and tx.can_write_single_statement():
        chosen = chosen_of(decision, candidates)
        reservation = verify_on_write(tx, decision, chosen, found.incidents.get(chosen.contract.id))
        if reservation is not None:
            return reservation
    tx.start_writing()
    reservation = None
    if decision.outcome == "covered" and tx.config is config:
        reservation = lock_reservation(
            tx, decision, candidates, read_unlocked=True, verifies_on_write=not tx.is_sqlite
        )
    return reservation or find(tx, facts)


def preview_coverage(tx: Transaction, question: CoverageQuestion) -> DecisionView:
    """The decision that a search would make now; nothing is saved. Raises: as `decide_question`."""
    return preview_view(tx, decide_question(tx, question))


def decide_question(tx: Transaction, question: CoverageQuestion) -> CoverageDecision:
    """The decision for a service request that is not logged.

    Raises: StateForbids while contracts are off; InvalidInput for unknown parties.
    """
    if not tx.settings.contracts:
        raise StateForbids(
            gettext("Contracts are off, so no service request is searched."),
            remedy=gettext("Activate billing first."),
        )
    parties = check_parties(tx, customer=question.customer, item=question.item, org_unit=question.org_unit)
    facts = request_facts(
        tx,
        customer=parties.customer,
        item=question.item,
        org_unit=parties.org_unit,
        priority=question.priority,
        work_type=question.work_type,
        channel=question.channel,
        at=question.at,
        item_type=parties.item_type,
    )
    return decide(tx, facts)


# ------------------------------------------------------------------ applying


def search_again(
    tx: Transaction,
    request: Row[Any],
    *,
    cause: str,
    reason: str | None = None,
    holds_from: datetime | None = None,
) -> str:
    """Search for a service request whose row is locked, and apply the decision. Returns the decision's id."""
    found = find(tx, facts_of(tx, request))
    return follow(tx, request, found, cause=cause, reason=reason, holds_from=holds_from)


def assign_contract(
    tx: Transaction,
    request: Row[Any],
    contract_id: str,
    reason: str,
    *,
    holds_from: datetime | None = None,
) -> str:
    """Cover a service request by a contract that a supervisor picked. Returns the decision's id.

    It holds from now on, or from an earlier instant `holds_from` (aware UTC). An ended contract pays for work
    inside its dates.
    Raises: InvalidInput where the contract's holder does not fit the service request; StateForbids where the
    contract has no incident left.
    """
    facts = facts_of(tx, request)
    candidates = _candidates(tx, facts).held
    chosen = next((one for one in candidates if one.contract.id == contract_id), None)
    if chosen is None:
        raise invalid(
            "/contract",
            gettext("The contract is not held by this request's item, customer or org units."),
            gettext("Pick one of the candidates of its coverage decision."),
        )
    decision = assign_manually(find_coverage(facts, candidates, tx.rules), contract_id)
    grant_id = None
    terms = tx.rules.contract_types.get(chosen.contract.type)
    if terms is not None and terms.draws == "incidents" and not chosen.own_incident_held:
        lock_contract(tx, contract_id)
        grant_id = lock_free_incident(tx, contract_id)
        if grant_id is None:
            raise StateForbids(
                gettext("%(number)s has no incident left.", number=chosen.contract.number),
                remedy=gettext("Top it up, or assign another contract."),
            )
    found = Reservation(decision, grant_id, chosen)
    return follow(tx, request, found, cause="assigned", reason=reason, holds_from=holds_from)


def follow(
    tx: Transaction,
    request: Row[Any],
    found: Reservation,
    *,
    cause: str,
    reason: str | None = None,
    holds_from: datetime | None = None,
) -> str:
    """Store a decision for a logged service request and apply it. Returns the decision's id.

    It holds from now on, or from an earlier instant `holds_from` (aware UTC), the logging at the earliest;
    then work since that instant is drawn again.
    """
    # the search may have applied due changes of contracts, which cover requests
    request = lock_request(tx, request.id)
    decision = found.decision
    contract_id = decision.contract
    if decision.outcome == "created":
        contract_id = made_contract(tx, request.id, decision)
    covering = contract_id if _covers(tx, decision, contract_id) else None
    decision_id = store_decision(
        tx,
        decision,
        service_request_id=request.id,
        cause=cause,
        contract_id=contract_id,
        reason=reason,
        holds_from=max(holds_from, request.opened_at) if holds_from is not None else None,
        sequence=next_sequence(tx, request.id),
    )
    released = release_incidents(tx, request.id, keep=covering)
    if found.grant_id is not None and covering is not None:
        hold_incident(tx, grant_id=found.grant_id, contract_id=covering, service_request_id=request.id)
        sync_contract_state(tx, covering)
    changes: dict[str, Any] = {
        "decision_id": decision_id,
        "outcome": decision.outcome,
        "contract_id": covering,
        "version": next_version(t.service_request),
    }
    changes |= level_columns(tx, request, _service_level(tx, found, covering))
    tx.change(t.service_request, request.id, **changes)
    if request.state == "pending_no_contract" and (covering or decision.outcome == "uncovered"):
        move_request(tx, lock_request(tx, request.id), "cover", note=decision.why)
        notify_request_event(tx, request, "opened")
    if covering is not None:
        cancel_untaken(tx, request.id, keep=covering)
    if holds_from is not None and request.worked_minutes:
        moved = move_work(tx, lock_request(tx, request.id), holds_from)
        if moved is not None:
            redraw_and_cover(tx, moved)
    for released_id in sorted(set(released)):
        settle_and_cover(tx, released_id, skip=request.id)
    return decision_id


def notify_if_waiting(tx: Transaction, service_request_id: str, why: str) -> None:
    """Write to the customer why a request that has just moved waits for a contract, if it does."""
    request = lock_request(tx, service_request_id)
    if request.state == "pending_no_contract":
        notify_request_event(tx, request, "no_contract", why=why)


def made_contract(tx: Transaction, service_request_id: str, decision: CoverageDecision) -> str:
    """The id of the contract that a rule makes for a service request; it is made once."""
    return own_contract(tx, service_request_id) or make_for_request(tx, service_request_id, decision.params)


def own_contract(tx: Transaction, service_request_id: str) -> str | None:
    """The id of the contract held by the service request itself, unless it was cancelled or has ended."""
    made = _OWN_CONTRACT.first(tx.connection, {"holder": service_request_id})
    return str(made.id) if made is not None else None


NOT_TAKEN_UP = "Not taken up"


def cancel_untaken(tx: Transaction, service_request_id: str, *, keep: str | None) -> None:
    """Cancel contracts that a rule made for a service request and that were never enabled, except `keep`."""
    for untaken in _UNTAKEN.all(tx.connection, {"holder": service_request_id}):
        if untaken.id != keep:
            end_by_cancelling(tx, lock_contract(tx, untaken.id), NOT_TAKEN_UP)
            waive_sale(tx, untaken.id, NOT_TAKEN_UP)


def is_untaken(service_request_id: Any) -> ColumnElement[bool]:
    """SQL: a contract was made by a rule for a service request, and was never enabled."""
    return and_(
        t.contract.c.holder_kind == "service_request",
        t.contract.c.holder_id == service_request_id,
        t.contract.c.made_by_rule,
        t.contract.c.state == "pending",
    )


_OF_REQUEST = select(t.contract.c.id).where(
    t.contract.c.holder_kind == "service_request",
    t.contract.c.holder_id == bindparam("holder", type_=Id, required=True),
)
_OWN_CONTRACT = Prepared(
    _OF_REQUEST.where(t.contract.c.cancelled_at.is_(None), t.contract.c.ended_at.is_(None))
)
_UNTAKEN = Prepared(select(t.contract.c.id).where(is_untaken(bindparam("holder", type_=Id, required=True))))


# ------------------------------------------------------------------ contracts that become valid


def settle_and_cover(tx: Transaction, contract_id: str, *, skip: str | None = None) -> None:
    """Bring a contract's state up to now and cover the service requests that wait for it, except `skip`.

    Raises: NotFound.
    """
    settle_loaded_and_cover(tx, load_contract(tx, contract_id), skip=skip)


def settle_loaded_and_cover(tx: Transaction, loaded: LoadedContract, *, skip: str | None = None) -> bool:
    """The same for a contract that is locked. Returns whether requests were searched for, or terms changed.

    A search may change any contract: after one, whatever is loaded has to be read again.
    """
    amends = loaded.amends_at is not None and loaded.amends_at <= tx.now
    while loaded.amends_at is not None and loaded.amends_at <= tx.now:
        loaded = _apply_amendments(tx, loaded.id, loaded.amends_at, skip=skip)
    sync_loaded(tx, loaded)
    return (tx.settings.contracts and _cover_waiting(tx, loaded, skip=skip)) or amends


def redraw_and_cover(tx: Transaction, change: Change) -> None:
    """Draw again what a stored change touches, and settle and cover for every contract that it moves.

    A change that lies in the future touches nothing yet.
    """
    if change.since > tx.now:
        return
    for contract_id in sorted(redraw(tx, change, LoadedContracts(tx))):
        settle_and_cover(tx, contract_id)


def settle_due(tx: Transaction, contract_id: str, *, skip: str | None = None) -> None:
    """Apply the due changes of a contract in order, each as of its own instant, as the jobs do.

    `skip` is a service request that is being searched for already. Raises: NotFound.
    """
    if tx.writes:
        _lock_requests_first(tx, contract_id)
    settle_loaded_due(tx, load_contract(tx, contract_id), skip=skip)


def _lock_requests_first(tx: Transaction, contract_id: str) -> None:
    """Lock the covered requests of a contract that is to be transferred or cancelled, before the contract."""
    c = t.contract.c
    searched = or_(c.amends_at <= tx.now, and_(c.cancelled_at <= tx.now, c.state != "cancelled"))
    found = tx.connection.execute(select(c.id).where(c.id == contract_id, searched)).scalar()
    if found is not None:
        lock_covered(tx, contract_id)


def settle_loaded_due(tx: Transaction, loaded: LoadedContract, *, skip: str | None = None) -> bool:
    """The same for a contract that is locked. Returns whether anything was due.

    After that, whatever is loaded has to be read again.
    """
    for number in range(MOST_DUE):
        due_at = loaded.next_due_at
        if due_at is None or due_at > tx.now:
            return number > 0
        if loaded.amends_at is not None and loaded.amends_at <= due_at:
            loaded = _apply_amendments(tx, loaded.id, due_at, skip=skip)
        sync_loaded(tx, loaded, due_at)
        if loaded.state == "cancelled":
            search_covered_again(tx, loaded.id, skip=skip, holds_from=due_at)
            redraw_and_cover(tx, changed_since(loaded.id, due_at))
            expire_grants(tx, loaded.id, tx.now)
            return True
        if tx.settings.contracts and _cover_waiting(tx, loaded, since=due_at, skip=skip):
            loaded = load_contract(tx, loaded.id)
    return True


def _apply_amendments(tx: Transaction, contract_id: str, at: datetime, *, skip: str | None) -> LoadedContract:
    """Apply the amendments of a locked contract that take effect by `at`, with what follows for requests.

    After a transfer the requests that the contract covers, or that wait for it, are searched again, except
    `skip`; another service level holds for those that it covers. Work since then is drawn again. Returns the
    contract, read again.
    """
    changes = apply_amendments(tx, contract_id, at)
    if {"holder_kind", "holder_id"} & changes.keys():
        search_covered_again(tx, contract_id, skip=skip, holds_from=at)
    if "sla" in changes:
        _change_level(tx, contract_id, changes["sla"])
    # work that was excluded has no slice of the contract; a later amendment may leave the row as it is
    excludes = any("exclusions" in one.after for one in amendments_of(tx, [contract_id])[contract_id])
    covered = entries_covered(tx, contract_id, at) if excludes else frozenset()
    redraw_and_cover(tx, changed_since(contract_id, at, entries=covered))
    return load_contract(tx, contract_id)


def _change_level(tx: Transaction, contract_id: str, sla: str | None) -> None:
    """Give the unfinished requests that a contract covers another service level: open targets move."""
    r = t.service_request
    covered = select(r.c.id).where(r.c.contract_id == contract_id, r.c.state.in_(UNFINISHED_STATES))
    for request_id in tx.connection.execute(covered.order_by(r.c.opened_at, r.c.id)).scalars().all():
        request = lock_request(tx, request_id)
        changes = level_columns(tx, request, sla)
        tx.change(r, request_id, **changes, version=next_version(r))
        tx.audit("service_request", request_id, "service level changed", sla=[request.sla, sla])


def _cover_waiting(
    tx: Transaction, loaded: LoadedContract, *, since: datetime | None = None, skip: str | None = None
) -> bool:
    """Search again for the waiting service requests of an active contract's holder, oldest first.

    The contract is valid since that instant, or since now. Returns whether there was any.
    """
    if loaded.state != "active":
        return False
    holder, searched = loaded.contract.holder, False
    for request_id in waiting_requests(tx, holder.kind, holder.id):
        if request_id == skip:
            continue
        if loaded.draws == "incidents" and lock_free_incident(tx, loaded.id) is None:
            break
        cover_one(tx, request_id, cause=f"contract:{loaded.id}", since=since)
        searched = True
    return searched


def cover_one(tx: Transaction, request_id: str, *, cause: str, since: datetime | None = None) -> bool:
    """Search for one waiting service request; the decision is stored only if it is covered now.

    One that is locked opens as of `since`, if it waited then. A decision that is replaced at the very instant
    at which it was made held for no time: what it was made for, the time since a transfer, passes to the new
    one. Returns whether it was covered.
    """
    request = lock_request(tx, request_id)
    if request.outcome not in WAITING_OUTCOMES or request.state not in UNFINISHED_STATES:
        return False
    d = t.coverage_decision
    followed = tx.connection.execute(
        select(d.c.decided_at, d.c.holds_from).where(d.c.id == request.decision_id)
    ).one()
    holds_from = (followed.holds_from or tx.now) if followed.decided_at == tx.now else None
    if since is not None and since < tx.now and request.state == "pending_no_contract":
        tx = replace(tx, now=max(since, request.paused_at, followed.decided_at))
    found = find(tx, facts_of(tx, request))
    if found.decision.outcome not in OPENING_OUTCOMES:
        return False
    follow(tx, request, found, cause=cause, holds_from=holds_from)
    return True


def search_covered_again(
    tx: Transaction, contract_id: str, *, skip: str | None = None, holds_from: datetime | None = None
) -> None:
    """Search again for the unfinished requests, except `skip`, that a contract covers or that await it.

    It ended, or was transferred, at `holds_from` (aware UTC, default: now): the new decisions hold from then
    or the logging, whichever is later, and cover the work since.
    """
    r = t.service_request
    requests = tx.connection.execute(
        select(r.c.id).where(rests_on(contract_id)).order_by(r.c.opened_at, r.c.id)
    ).scalars()
    for request_id in requests.all():
        if request_id == skip:
            continue
        request = lock_request(tx, request_id)
        search_again(tx, request, cause=f"contract:{contract_id}", holds_from=holds_from or tx.now)


# ------------------------------------------------------------------ helpers


def _candidates(tx: Transaction, facts: RequestFacts) -> Candidates:
    """The candidates, after their due changes have been applied: a late job changes no decision."""
    found = _query(tx, facts)
    if not found.due or facts.at < tx.now:
        return found
    for contract_id in found.due:
        if tx.writes:
            settle_due(tx, contract_id, skip=facts.service_request)
        else:
            tx.runner.perform(SYSTEM, partial(settle_due, contract_id=contract_id), repeatable=True)
    if tx.writes:
        return _query(tx, facts)
    with tx.runner.read(tx.actor) as fresh:
        return _query(fresh, facts)


def _query(tx: Transaction, facts: RequestFacts) -> Candidates:
    found = find_candidates(
        tx,
        customer=facts.customer,
        item=facts.item,
        org_unit=facts.org_unit,
        service_request=facts.service_request,
        at=facts.at,
    )
    return with_months_to_come(tx, found, facts.at) if facts.at > tx.now else found


def _service_level(tx: Transaction, found: Reservation, covering: str | None) -> str | None:
    """The service level of the covering contract, which may have been created by the decision."""
    if covering is None:
        return None
    if found.contract is not None and found.contract.id == covering:
        return found.contract.sla
    return level_of(tx, covering)


def _covers(tx: Transaction, decision: CoverageDecision, contract_id: str | None) -> bool:
    """Whether the decision's contract covers now: it was found valid, or was created and enabled at once."""
    if decision.outcome == "covered":
        return True
    if decision.outcome != "created" or contract_id is None:
        return False
    state = select(t.contract.c.state).where(t.contract.c.id == contract_id)
    return bool(tx.connection.execute(state).scalar_one() == "active")

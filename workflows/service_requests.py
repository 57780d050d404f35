"""Use cases of service requests: log, change, move, note, search again.

Each is one transaction. Source: product.md sections 6 and 9.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Row, select, true

from engine.contracts import Limits
from engine.coverage import contract_state
from workflows.commands import AddNote, ChangeServiceRequest, FireTrigger, NewServiceRequest, SearchCoverage
from workflows.contract_life import settle_contract
from workflows.coverage import (
    assign_contract,
    cancel_untaken,
    facts_of,
    find,
    find_unlocked,
    follow,
    lock_request,
    made_contract,
    request_facts,
    search_again,
    settle_and_cover,
)
from workflows.covering import Found
from workflows.decisions import keep_decision
from workflows.errors import NotAllowed, StateForbids, VersionChanged, invalid
from workflows.incidents import hold_again, hold_incident, release_incidents
from workflows.notifications import tell_request_event
from workflows.request_access import require_visible
from workflows.request_endings import end_coverage, end_own_contract, lock_current, revive_own_contract
from workflows.request_moves import move_request, write_history
from workflows.request_parties import Parties, check_parties
from workflows.request_views import view_of_logged
from workflows.service_levels import sla_columns
from workflows.service_request import HOLD_REASONS, UNFINISHED_STATES, allowed_triggers, forbidden
from workflows.store import tables as t
from workflows.store.candidates import contract_value
from workflows.store.ids import new_id
from workflows.store.numbers import insert_numbered
from workflows.transaction import NoLongerStands, Transaction
from workflows.views.service_requests import ServiceRequestView

SEARCHED_COLUMNS = frozenset({"customer_id", "item_id", "org_unit_id", "priority", "work_type"})
DECISIVE_COLUMNS = frozenset({"customer_id", "item_id", "work_type"})
"""A change of these decides anew; one of the others keeps a covering contract that is used up."""
WAITS = ("waiting", "created", "offered")


@dataclass(frozen=True, slots=True)
class Logged:
    """What became of a logging: the service request, or the decision that refused it.

    `view` is the service request as reading it would show it, where that is known without reading.
    """

    service_request: str | None
    decision: str | None
    refused: str | None = None
    view: ServiceRequestView | None = None


class _Subject(NamedTuple):
    """The columns of a new service request that its service level is computed from."""

    priority: str
    sla_clock_at: None = None


def log_service_request(tx: Transaction, command: NewServiceRequest, *, number: str | None = None) -> Logged:
    """Log a service request and search its contract.

    A refusal writes the decision alone. `number` is for imports, which keep the number of the other desk.
    """
    tx.require("administrator", "supervisor", "technician", "customer")
    parties = check_parties(tx, customer=command.customer, item=command.item, org_unit=command.org_unit)
    service_request_id = new_id()
    if not tx.settings.contracts:
        tx.start_writing()
        _insert(tx, service_request_id, command, parties, state="open", number=number)
        write_history(tx, service_request_id, "log", None, "open")
        return Logged(service_request_id, None)
    facts = request_facts(
        tx,
        customer=command.customer,
        item=command.item,
        org_unit=parties.org_unit,
        priority=command.priority,
        work_type=command.work_type,
        channel=command.channel,
        item_type=parties.item_type or "",
    )
    found = find(tx, facts) if tx.writes else find_unlocked(tx, facts)
    decision = found.decision
    if decision.outcome == "refused":
        kept = keep_decision(tx, decision, service_request_id=None, cause="log", contract_id=None)
        return Logged(None, kept, refused=str(decision.params.get("message") or decision.why))
    try:
        return _insert_decided(tx, service_request_id, command, parties, found, number)
    except NoLongerStands:
        # searched again, under a lock
        tx.start_writing()
        return _insert_decided(tx, service_request_id, command, parties, find(tx, facts), number)


def _insert_decided(
    tx: Transaction,
    service_request_id: str,
    command: NewServiceRequest,
    parties: Parties,
    found: Found,
    number: str | None,
) -> Logged:
    """Write a new service request in the state that its decision gives. Raises: NoLongerStands."""
    decision = found.decision
    covering = decision.contract if decision.outcome == "covered" else None
    state = "pending_no_contract" if decision.outcome in WAITS else "open"
    decision_id = new_id()
    with tx.together(t.service_request.c.number, found.standing, at_once=found.at_once):
        values = _insert(
            tx,
            service_request_id,
            command,
            parties,
            state=state,
            number=number,
            outcome=decision.outcome,
            contract_id=covering,
            decision_id=decision_id,
            **sla_columns(tx, found.contract, _Subject(command.priority)),
        )
        write_history(tx, service_request_id, "log", None, state)
        contract_id = decision.contract
        if decision.outcome == "created":
            contract_id = made_contract(tx, service_request_id, decision)
        keep_decision(
            tx,
            decision,
            service_request_id=service_request_id,
            cause="log",
            contract_id=contract_id,
            decision_id=decision_id,
        )
        if found.lot_id is not None and covering is not None:
            hold_incident(
                tx, lot_id=found.lot_id, contract_id=covering, service_request_id=service_request_id
            )
    if found.lot_id is not None and covering is not None and not found.at_once and _is_used_up(tx, found):
        settle_contract(tx, covering)
    elif found.chosen is not None:
        values["number"] = values["number"] or tx.answered
        return Logged(service_request_id, decision_id, view=_view_of(tx, values, parties, found))
    if decision.outcome == "created":
        _open_if_enabled(tx, service_request_id, str(contract_id), found)
    elif state == "pending_no_contract":
        tell_request_event(tx, lock_request(tx, service_request_id), "no_contract", why=decision.why)
    return Logged(service_request_id, decision_id)


def _view_of(
    tx: Transaction, values: dict[str, Any], parties: Parties, found: Found
) -> ServiceRequestView | None:
    """A covered service request that was just written, as it would be read."""
    chosen = found.chosen
    if chosen is None or chosen.draws is None:
        return None
    left = chosen.limits if chosen.draws != "nothing" else None
    if found.lot_id is not None:
        left = Limits(incidents_available=found.left, incidents_held=chosen.limits.incidents_held + 1)
    return view_of_logged(tx, values, parties, found.decision, chosen, left)


def _is_used_up(tx: Transaction, found: Found) -> bool:
    """Whether holding one more incident may end a pack: its balance under the lock tells, nothing is read."""
    if found.contract is None or found.left <= 0:
        return True
    limits = Limits(incidents_available=found.left, incidents_held=1)
    return contract_state(found.contract, limits, tx.now, tx.rules).state != "active"


def change_service_request(
    tx: Transaction,
    service_request_id: str,
    command: ChangeServiceRequest,
    *,
    expected_version: int | None = None,
) -> str:
    """Change what a service request says of itself; a change of what is covered is searched again."""
    tx.require("administrator", "supervisor", "technician")
    request = lock_current(tx, require_visible(tx, service_request_id).id)
    _check_version(request, expected_version)
    given = command.given()
    for name in ("subject", "customer", "priority"):
        if name in given and not given[name]:
            raise invalid(f"/{name}", "It cannot be empty.", "Leave it out to keep it.")
    if request.state in ("closed", "cancelled") and set(given) - {"subject", "description"}:
        raise StateForbids(
            f"{request.number} is {request.state}: only its subject and description can change.",
            remedy="Reopen it first.",
            state=request.state,
        )
    changes = _changed_columns(tx, request, given)
    if changes:
        tx.change(t.service_request, request.id, **changes, version=t.service_request.c.version + 1)
        tx.audit(
            "service_request", request.id, "changed", **{key: str(value) for key, value in changes.items()}
        )
    is_other = any(changes[name] != getattr(request, name) for name in SEARCHED_COLUMNS & changes.keys())
    if is_other and tx.settings.contracts and request.state in UNFINISHED_STATES:
        _search_changed(tx, lock_request(tx, request.id), changes.keys())
    return service_request_id


def fire_trigger(
    tx: Transaction,
    service_request_id: str,
    command: FireTrigger,
    *,
    expected_version: int | None = None,
    inferred: bool = False,
) -> str:
    """Move a service request, if its state and the actor's role allow it.

    `inferred` marks a move that an import adds because the export skipped it.
    Raises: StateForbids with `allowed_triggers`; InvalidInput where a note or reason is missing.
    """
    request = lock_current(tx, require_visible(tx, service_request_id).id)
    _check_version(request, expected_version)
    trigger = command.trigger
    if trigger not in allowed_triggers(request.state, tx.actor.role):
        if trigger not in allowed_triggers(request.state, "system"):
            raise forbidden(request.state, trigger, tx.actor.role)
        raise NotAllowed(
            f"The role {tx.actor.role} may not {trigger} a service request.", remedy="Ask the desk."
        )
    _check_words(trigger, command)
    if trigger == "reopen":
        return _reopen(tx, request, command, inferred=inferred)
    move_request(tx, request, trigger, note=command.note, reason=command.reason, inferred=inferred)
    if trigger == "resolve":
        tell_request_event(tx, request, "resolved", note=command.note or "")
    if trigger == "close":
        end_coverage(tx, request.id)
    if trigger == "cancel":
        _cancel(tx, request, command.reason or "")
    return service_request_id


def add_note(tx: Transaction, service_request_id: str, command: AddNote) -> str:
    """Write a comment; a customer's is always public. Answers the note's id."""
    request = require_visible(tx, service_request_id)
    note_id = new_id()
    tx.add(
        t.service_request_note,
        id=note_id,
        service_request_id=request.id,
        body=command.body,
        public=command.public or not tx.actor.is_staff,
        author=tx.actor.name,
        written_at=tx.now,
    )
    return note_id


def search_or_assign(tx: Transaction, service_request_id: str, command: SearchCoverage) -> str:
    """Search again, or cover by the contract a supervisor names; answers the new decision's id."""
    tx.require("administrator", "supervisor", "technician")
    request = lock_current(tx, require_visible(tx, service_request_id).id)
    if not tx.settings.contracts:
        raise StateForbids("Contracts are off, so nothing is searched.", remedy="Activate billing first.")
    if request.state in ("closed", "cancelled"):
        raise StateForbids(
            f"{request.number} is {request.state}: its coverage stays as it is.",
            remedy="Reopen it first.",
            state=request.state,
        )
    if command.contract is None:
        return search_again(tx, request, cause="asked", reason=command.reason)
    tx.require("administrator", "supervisor")
    if not command.reason or not command.reason.strip():
        raise invalid("/reason", "An assignment by hand needs its reason.", "Say why this contract pays.")
    return assign_contract(tx, request, command.contract, command.reason)


def _search_changed(tx: Transaction, request: Row[Any], changed: AbstractSet[str]) -> None:
    """Search again for what was changed.

    A new priority or org unit finds a better contract, but takes none away that is used up: its rest goes on.
    """
    found = find(tx, facts_of(tx, request))
    keeps = not changed & DECISIVE_COLUMNS and request.contract_id is not None
    taken = {one.candidate.contract: one.candidate for one in found.decision.candidates}
    current = taken.get(request.contract_id)
    if keeps and current is not None and current.standing == "ended" and found.contract is None:
        row = tx.connection.execute(select(t.contract).where(t.contract.c.id == request.contract_id)).one()
        tx.change(t.service_request, request.id, **sla_columns(tx, contract_value(row), request))
        return
    follow(tx, request, found, cause="changed")


# ------------------------------------------------------------------ moves


def _reopen(tx: Transaction, request: Row[Any], command: FireTrigger, *, inferred: bool) -> str:
    """Within the window the coverage is kept; past it, the request is searched anew."""
    ended_at = request.closed_at or request.resolved_at
    within = tx.now < ended_at + timedelta(days=tx.settings.reopen_window_days)
    tell = partial(move_request, tx, request, note=command.note, reason=command.reason, inferred=inferred)
    if request.decision_id is None or not tx.settings.contracts:
        tell("reopen")
        return str(request.id)
    if within:
        tell("reopen")
        for contract_id in hold_again(tx, request.id, request.contract_id):
            settle_and_cover(tx, contract_id, skip=request.id)
        revive_own_contract(tx, request)
        return str(request.id)
    # the old coverage ended for good; what is found now decides how it reopens
    tx.change(t.service_request, request.id, contract_id=None)
    found = find(tx, facts_of(tx, request))
    if found.decision.outcome in ("covered", "uncovered"):
        tell("reopen")
    else:
        tell("reopen_uncovered", told_as="reopen")
    follow(tx, lock_request(tx, request.id), found, cause="reopened past the window")
    return str(request.id)


def _cancel(tx: Transaction, request: Row[Any], reason: str) -> None:
    for contract_id in release_incidents(tx, request.id):
        settle_and_cover(tx, contract_id)
    cancel_untaken(tx, request.id, keep=None)
    end_own_contract(tx, request.id)
    tell_request_event(tx, request, "cancelled", note=reason)


def _open_if_enabled(tx: Transaction, service_request_id: str, contract_id: str, found: Found) -> None:
    """A contract that its rule made and enabled at once covers the request from the start."""
    made = tx.connection.execute(select(t.contract).where(t.contract.c.id == contract_id)).one()
    request = lock_request(tx, service_request_id)
    if made.state != "active":
        tell_request_event(tx, request, "no_contract", why=found.decision.why)
        return
    if request.state == "pending_no_contract":
        move_request(tx, request, "cover", note=found.decision.why)
    tx.change(
        t.service_request,
        service_request_id,
        contract_id=contract_id,
        **sla_columns(tx, contract_value(made), request),
    )


def _check_words(trigger: str, command: FireTrigger) -> None:
    if trigger == "hold" and command.reason not in HOLD_REASONS:
        raise invalid("/reason", "A hold needs its reason.", f"Use one of {', '.join(HOLD_REASONS)}.")
    if trigger == "resolve" and not (command.note or "").strip():
        raise invalid("/note", "A resolution needs a note.", "Say what solved it.")
    if trigger == "cancel" and not (command.reason or "").strip():
        raise invalid("/reason", "A cancellation needs its reason.", "Say why it is cancelled.")


def _check_version(request: Row[Any], expected_version: int | None) -> None:
    if expected_version is not None and request.version != expected_version:
        raise VersionChanged(
            f"{request.number} has changed since you read it.", remedy="Read it again first."
        )


# ------------------------------------------------------------------ rows


def _insert(
    tx: Transaction,
    service_request_id: str,
    command: NewServiceRequest,
    parties: Parties,
    *,
    state: str,
    number: str | None,
    **columns: Any,
) -> dict[str, Any]:
    """Insert the row and answer its columns; the number is None where the database gives it."""
    values = {
        "id": service_request_id,
        "subject": command.subject,
        "description": command.description,
        "customer_id": command.customer,
        "item_id": command.item,
        "org_unit_id": parties.org_unit,
        "priority": command.priority,
        "work_type": command.work_type,
        "channel": command.channel,
        "state": state,
        "opened_at": tx.now,
        "created_by": tx.actor.name,
        **columns,
    }
    return {**values, "number": insert_numbered(tx, values, number)}


def _changed_columns(tx: Transaction, request: Row[Any], given: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        key: given[key] for key in ("subject", "description", "priority", "work_type") if key in given
    }
    if "technician" in given:
        columns["technician_id"] = _technician(tx, given["technician"])
    if {"customer", "item", "org_unit"} & set(given):
        customer = given.get("customer", request.customer_id)
        moved = customer != request.customer_id
        item = given.get("item", None if moved else request.item_id)
        org_unit = given.get("org_unit", None if moved else request.org_unit_id)
        parties = check_parties(tx, customer=customer, item=item, org_unit=org_unit)
        columns |= {"customer_id": customer, "item_id": item, "org_unit_id": parties.org_unit}
    return columns


def _technician(tx: Transaction, technician: str | None) -> str | None:
    if technician is None:
        return None
    user = t.user_account
    # history may name someone who has left since; only an import tells it as the system
    present = true() if tx.actor.role == "system" else user.c.disabled_at.is_(None)
    found = tx.connection.execute(
        select(user.c.id).where(user.c.id == technician, user.c.role != "customer", present)
    ).scalar()
    if found is None:
        raise invalid("/technician", "There is no such technician.", "Give the id of a member of staff.")
    return technician

"""Logging a service request: a search for its contract, then the request is written with its decision.

Source: product.md sections 6 and 9.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select

from engine.contracts import Limits
from engine.coverage import contract_state
from engine.service_requests import WAITING_OUTCOMES
from workflows.commands.service_requests import NewServiceRequest
from workflows.core.actors import DESK
from workflows.core.numbering import insert_numbered
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import store_decision
from workflows.coverage.reservation import Reservation
from workflows.coverage.search import find, find_unlocked, made_contract
from workflows.lifecycle.contracts.incident_holds import hold_incident
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.lifecycle.service_requests.facts import request_facts
from workflows.lifecycle.service_requests.parties import Parties, check_parties
from workflows.lifecycle.service_requests.sla import level_columns, logged_columns
from workflows.lifecycle.service_requests.transitions import lock_request, move_request, write_history
from workflows.notifications.events import is_wanted, publish
from workflows.notifications.messages import notify_request_event, write_receipt
from workflows.service_requests.queries import view_of_logged
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.store.multi_table_insert import PreconditionFailed
from workflows.store.search_words import request_words
from workflows.views.service_requests import ServiceRequestView

MOVED = "service_request_moved"


@dataclass(frozen=True, slots=True)
class Logged:
    """The result of logging: the ids of the service request and its decision, or the refusal.

    `view` is the service request as a read would return it, where that is known without reading.
    """

    service_request: str | None
    decision: str | None
    refused: str | None = None
    view: ServiceRequestView | None = None


def log_service_request(tx: Transaction, command: NewServiceRequest, *, number: str | None = None) -> Logged:
    """Log a service request and search for its contract.

    A refusal by the rules stores only the decision. `number` is for imports, which take the other desk's.
    Raises: NotAllowed; InvalidInput for unknown parties; NoRuleSet while contracts are on and no rules are in
    force; StateForbids where the contracts change too fast to decide. Source: product.md section 6.
    """
    tx.require(*DESK, "customer")
    parties = check_parties(tx, customer=command.customer, item=command.item, org_unit=command.org_unit)
    service_request_id = new_id()
    if not tx.settings.contracts:
        tx.start_writing()
        _insert(tx, service_request_id, command, parties, state="open", number=number)
        write_history(tx, service_request_id, "log", None, "open")
        _publish_logged(tx, service_request_id)
        if tx.settings.request_receipts and number is None:
            notify_request_event(tx, lock_request(tx, service_request_id), "logged")
        return Logged(service_request_id, None)
    if is_wanted(tx, MOVED):
        # the event names the request by its number, which a single statement that is all of the transaction
        # gives it only when it is committed
        tx.start_writing()
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
    try:
        return _write_decided(tx, service_request_id, command, parties, found, number)
    except PreconditionFailed:
        # what the decision depends on has changed: search again, under a lock
        tx.start_writing()
        return _write_decided(tx, service_request_id, command, parties, find(tx, facts), number)


def _write_decided(
    tx: Transaction,
    service_request_id: str,
    command: NewServiceRequest,
    parties: Parties,
    found: Reservation,
    number: str | None,
) -> Logged:
    """Write a new request in the state that its decision gives, or the refusal.

    Raises: PreconditionFailed.
    """
    decision = found.decision
    if decision.outcome == "refused":
        refusal = store_decision(tx, decision, service_request_id=None, cause="log", contract_id=None)
        return Logged(None, refusal, refused=str(decision.params.get("message") or decision.why))
    covering = decision.contract if decision.outcome == "covered" else None
    state = "pending_no_contract" if decision.outcome in WAITING_OUTCOMES else "open"
    decision_id = new_id()
    store = partial(
        store_decision,
        tx,
        decision,
        service_request_id=service_request_id,
        cause="log",
        decision_id=decision_id,
    )
    batch_of = tx.single_statement if found.single_statement else tx.batch
    with batch_of(t.service_request.c.number, found.precondition) as batch:
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
            **logged_columns(
                tx,
                found.contract if covering is not None else None,
                command.priority,
                waits=state == "pending_no_contract",
            ),
        )
        if tx.settings.request_receipts and state == "open" and number is None:
            # of a request that waits, the customer reads that it was received and waits
            write_receipt(
                tx,
                service_request_id,
                command.subject,
                recipient=parties.customer_email,
                language=parties.customer_language,
            )
        write_history(tx, service_request_id, "log", None, state)
        if decision.outcome != "created":
            store(contract_id=decision.contract)
        if found.grant_id is not None and covering is not None:
            hold_incident(
                tx, grant_id=found.grant_id, contract_id=covering, service_request_id=service_request_id
            )
    _publish_logged(tx, service_request_id)
    if decision.outcome == "created":
        contract_id = made_contract(tx, service_request_id, decision)
        store(contract_id=contract_id)
        _open_if_enabled(tx, service_request_id, contract_id, found)
    elif state == "pending_no_contract":
        notify_request_event(tx, lock_request(tx, service_request_id), "no_contract", why=decision.why)
    elif covering is not None and not found.single_statement and _is_used_up(tx, found):
        sync_contract_state(tx, covering)
    else:
        values["number"] = values["number"] or batch.returned
        return Logged(service_request_id, decision_id, view=_view_of(tx, values, parties, found))
    return Logged(service_request_id, decision_id)


def _publish_logged(tx: Transaction, service_request_id: str) -> None:
    """Publish that a request was logged, as its first move, where an endpoint gets these events."""
    if is_wanted(tx, MOVED):
        request = lock_request(tx, service_request_id)
        moved = {"trigger": "log", "from_state": None, "to_state": request.state}
        publish(tx, MOVED, {"service_request": request.id, "number": request.number, **moved})


def _view_of(
    tx: Transaction, values: dict[str, Any], parties: Parties, found: Reservation
) -> ServiceRequestView | None:
    """A covered service request that was just written, as a read would return it."""
    chosen = found.chosen
    # the currency of a contract in money is not among the facts of the search
    if chosen is None or chosen.draws in (None, "money"):
        return None
    left = chosen.limits if chosen.draws != "nothing" else None
    if found.grant_id is not None:
        left = Limits(incidents_available=found.left, incidents_held=chosen.limits.incidents_held + 1)
    return view_of_logged(tx, values, parties, found.decision, chosen, left)


def _is_used_up(tx: Transaction, found: Reservation) -> bool:
    """Whether holding this incident may exhaust the pack, by its balance under the lock: nothing is read."""
    if found.grant_id is None:
        return False
    if found.contract is None or found.left <= 0:
        return True
    limits = Limits(incidents_available=found.left, incidents_held=1)
    return contract_state(found.contract, limits, tx.now, tx.rules).state != "active"


def _open_if_enabled(tx: Transaction, service_request_id: str, contract_id: str, found: Reservation) -> None:
    """Cover the request from the start by a contract that its rule made and enabled at once."""
    made = tx.connection.execute(select(t.contract).where(t.contract.c.id == contract_id)).one()
    request = lock_request(tx, service_request_id)
    if made.state != "active":
        notify_request_event(tx, request, "no_contract", why=found.decision.why)
        return
    if request.state == "pending_no_contract":
        move_request(tx, request, "cover", note=found.decision.why)
        if tx.settings.request_receipts:
            notify_request_event(tx, request, "logged")
    tx.change(
        t.service_request,
        service_request_id,
        contract_id=contract_id,
        **level_columns(tx, lock_request(tx, service_request_id), made.sla),
    )


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
    """Insert the row. Returns its columns; the number is None where the database assigns it."""
    values = request_values(tx, service_request_id, command, parties, state=state, number=number, **columns)
    return {**values, "number": insert_numbered(tx, values, number)}


def request_values(
    tx: Transaction,
    service_request_id: str,
    command: NewServiceRequest,
    parties: Parties,
    *,
    state: str,
    number: str | None,
    **columns: Any,
) -> dict[str, Any]:
    """The columns of a new row, its number aside."""
    return {
        "id": service_request_id,
        "subject": command.subject,
        "search_words": request_words(number, command.subject, parties.customer_name),
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

"""Use cases of service requests: change, fire a trigger, add a note, search again or assign.

Each is one transaction. Source: product.md sections 6 and 9.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select

from engine.service_requests import ENDED_STATES, HOLD_REASONS, OPENING_OUTCOMES
from workflows.commands.service_requests import AddNote, ChangeServiceRequest, FireTrigger, SearchCoverage
from workflows.core.actors import DESK, SUPERVISORS
from workflows.core.erased import require_not_erased
from workflows.core.errors import NotAllowed, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import (
    assign_contract,
    cancel_untaken,
    find,
    follow,
    notify_if_waiting,
    search_again,
    settle_and_cover,
)
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.incident_holds import hold_again, release_incidents
from workflows.lifecycle.contracts.rows import level_of
from workflows.lifecycle.contracts.sold_once import follow_request
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.facts import facts_of, with_earlier
from workflows.lifecycle.service_requests.merged import merged_numbers
from workflows.lifecycle.service_requests.parties import check_parties
from workflows.lifecycle.service_requests.sla import level_columns, responded_columns
from workflows.lifecycle.service_requests.states import allowed_triggers, forbidden
from workflows.lifecycle.service_requests.transitions import lock_request, move_request
from workflows.notifications.messages import (
    notify_moved,
    notify_public_note,
    notify_reopened,
    notify_request_event,
)
from workflows.service_requests.closing import (
    end_coverage,
    end_own_contract,
    lock_current,
    revive_own_contract,
)
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared, next_version
from workflows.store.ids import new_id
from workflows.store.search_words import request_words

SEARCHED_COLUMNS = frozenset({"customer_id", "item_id", "org_unit_id", "priority", "work_type"})
DECISIVE_COLUMNS = frozenset({"customer_id", "item_id", "work_type"})
"""A change of these always changes the decision; after others a used-up contract keeps covering."""


def change_service_request(
    tx: Transaction,
    service_request_id: str,
    command: ChangeServiceRequest,
    *,
    expected_version: int | None = None,
) -> str:
    """Change fields of a service request; coverage is searched again if they matter for it. Returns its id.

    A resolved request is searched again, too, because work can still be logged on it: it cannot wait for a
    contract, so the change is refused unless the new search lets it go on.

    Raises:
        NotAllowed: the actor is a customer or finance.
        NotFound: there is no such service request.
        VersionChanged: it does not have the expected version.
        InvalidInput: a value is empty, does not exist or does not fit.
        StateForbids: it is closed or cancelled, and more than subject and description would change; or it is
            resolved, and no valid contract would cover it after the change.

    Source: product.md sections 6 and 9.
    """
    tx.require(*DESK)
    request = lock_current(tx, require_visible(tx, service_request_id))
    _check_version(request, expected_version)
    changes = plan_change(tx, request, command)
    if changes:
        words = changed_words(tx, request, changes)
        follow_request(tx, request.id, changes)
        columns = with_earlier(tx, request, changes)
        tx.change(t.service_request, request.id, **columns, **words, version=next_version(t.service_request))
        tx.audit("service_request", request.id, "changed", **changed_details(changes))
    others = {name for name in SEARCHED_COLUMNS & changes.keys() if changes[name] != getattr(request, name)}
    if others and tx.settings.contracts:
        _search_changed(tx, lock_request(tx, request.id), changes.keys())
    elif "priority" in others:
        changed = lock_request(tx, request.id)
        tx.change(t.service_request, request.id, **level_columns(tx, changed, changed.sla))
    return service_request_id


def plan_change(tx: Transaction, request: Any, command: ChangeServiceRequest) -> dict[str, Any]:
    """The columns that a command changes, by name; `request` has the columns of a row.

    Raises: InvalidInput; StateForbids where more than subject and description of an ended request change.
    """
    given = command.given()
    for name in ("subject", "customer", "priority"):
        if name in given and not given[name]:
            raise invalid(
                f"/{name}", gettext("It cannot be empty."), gettext("Leave it out to keep the old value.")
            )
    if request.state in ENDED_STATES and set(given) - {"subject", "description"}:
        raise StateForbids(
            gettext(
                "%(number)s is %(state)s: only its subject and description can be changed.",
                number=request.number,
                state=word(request.state),
            ),
            remedy=gettext("Reopen it first."),
            state=request.state,
        )
    changes = _changed_columns(tx, request, given)
    _check_merged(tx, request, changes)
    return changes


def changed_words(tx: Transaction, request: Any, changes: Mapping[str, Any]) -> dict[str, str]:
    """The words of a service request whose subject or customer changes; empty if neither does."""
    if not {"subject", "customer_id"} & changes.keys():
        return {}
    customer_id = changes.get("customer_id", request.customer_id)
    name = _CUSTOMER_NAME.one(tx.connection, {"id": customer_id}).name
    return {"search_words": request_words(request.number, changes.get("subject", request.subject), name)}


def changed_details(changes: Mapping[str, Any]) -> dict[str, str | None]:
    """What the audit trail says of a change."""
    return {name: None if value is None else str(value) for name, value in changes.items()}


def fire_trigger(
    tx: Transaction,
    service_request_id: str,
    command: FireTrigger,
    *,
    expected_version: int | None = None,
    inferred: bool = False,
) -> str:
    """Fire a trigger on a service request; returns its id.

    `inferred` marks a state change that an import adds because the export skips it.

    Raises:
        NotFound: there is no such service request, or the actor may not see it.
        VersionChanged: it does not have the expected version.
        StateForbids: the trigger is not possible in this state; it carries `allowed_triggers`.
        NotAllowed: the actor's role may not fire it; it carries `allowed_triggers`.
        InvalidInput: a required note or reason is missing.

    Source: product.md section 9.
    """
    request = lock_current(tx, require_visible(tx, service_request_id))
    _check_version(request, expected_version)
    check_trigger(tx, request, command)
    trigger = command.trigger
    if trigger == "reopen":
        return _reopen(tx, request, command, inferred=inferred)
    state = move_request(tx, request, trigger, note=command.note, reason=command.reason, inferred=inferred)
    notify_moved(tx, request, state, reason=command.reason)
    if trigger == "resolve":
        notify_request_event(tx, request, "resolved", note=command.note or "")
    if trigger == "close":
        end_coverage(tx, request.id)
    if trigger == "cancel":
        _cancel(tx, request, command.reason or "")
    return service_request_id


def check_trigger(tx: Transaction, request: Any, command: FireTrigger) -> None:
    """Check that the actor may fire a trigger; `request` has the columns of a row.

    Raises: as `fire_trigger`.
    """
    trigger = command.trigger
    if trigger not in allowed_triggers(request.state, tx.actor.role):
        if trigger not in allowed_triggers(request.state, "system"):
            raise forbidden(request.state, trigger, tx.actor.role)
        own = allowed_triggers(request.state, tx.actor.role)
        raise NotAllowed(
            gettext(
                "The role %(role)s may not %(trigger)s a service request.",
                role=tx.actor.role,
                trigger=trigger,
            ),
            remedy=gettext("Allowed now: %(own)s.", own=", ".join(own))
            if own
            else gettext("Ask a technician."),
            allowed_triggers=own,
        )
    _require_texts(trigger, command)


def add_note(tx: Transaction, service_request_id: str, command: AddNote) -> str:
    """Add a comment, a public one if `public` is not given. Returns the note's id.

    A public one is also sent by mail: to the customer if staff wrote it, else to the desk. The first public
    one by staff is the response, unless work started before.
    Raises: NotFound; CustomerErased; InvalidInput for a note of a customer that is not to be public.
    Source: product.md section 9.
    """
    request = require_visible(tx, service_request_id)
    require_not_erased(tx, request.customer_id)
    if not (command.public or tx.actor.is_staff):
        raise invalid(
            "/public",
            gettext("Only staff write internal notes."),
            gettext("Leave it out: the note is public."),
        )
    note_id = new_id()
    tx.add(
        t.service_request_note,
        id=note_id,
        service_request_id=request.id,
        body=command.body,
        public=command.public,
        author=tx.actor.name,
        written_at=tx.now,
    )
    if command.public:
        notify_public_note(tx, request, note_id, command.body)
    if tx.actor.is_staff and command.public and request.responded_at is None:
        _respond(tx, request)
    return note_id


def search_or_assign(tx: Transaction, service_request_id: str, command: SearchCoverage) -> str:
    """Search coverage again, or assign the contract that a supervisor gives; returns the decision's id.

    Raises:
        NotAllowed: the actor is a customer or finance, or a technician assigns a contract.
        NotFound: there is no such service request.
        StateForbids: contracts are off, the request has ended, or the contract cannot cover it.
        InvalidInput: an assignment has no reason, there is no such contract, or the instant from which it is
            to hold is before the logging or in the future.

    Source: product.md section 6.
    """
    tx.require(*DESK)
    request = lock_current(tx, require_visible(tx, service_request_id))
    if not tx.settings.contracts:
        raise StateForbids(
            gettext("Coverage cannot be searched while contracts are off."),
            remedy=gettext("Activate billing first."),
        )
    if request.state in ENDED_STATES:
        raise StateForbids(
            gettext(
                "The coverage of %(number)s cannot be changed: it is %(state)s.",
                number=request.number,
                state=word(request.state),
            ),
            remedy=gettext("Reopen it first."),
            state=request.state,
        )
    if command.contract is None:
        if command.from_ is not None:
            raise invalid(
                "/from",
                gettext("Only an assignment can hold from an earlier instant."),
                gettext("Name the contract to assign."),
            )
        return search_again(tx, request, cause="asked", reason=command.reason)
    tx.require(*SUPERVISORS)
    if not command.reason or not command.reason.strip():
        raise invalid(
            "/reason",
            gettext("An assignment needs a reason."),
            gettext("Say why this contract covers the request."),
        )
    if command.from_ is not None:
        _check_from(tx, request, command.from_)
    return assign_contract(tx, request, command.contract, command.reason, holds_from=command.from_)


def _check_merged(tx: Transaction, request: Any, changes: Mapping[str, Any]) -> None:
    """Check that a request with merged ones keeps its customer, who has them all. Raises: StateForbids."""
    if changes.get("customer_id", request.customer_id) == request.customer_id:
        return
    merged = merged_numbers(tx, request.id)
    if merged:
        numbers = ", ".join(sorted(merged.values()))
        raise StateForbids(
            gettext(
                "%(number)s has merged requests of its customer: %(numbers)s.",
                number=request.number,
                numbers=numbers,
            ),
            remedy=gettext("Split them first."),
            state=request.state,
        )


def _check_from(tx: Transaction, request: Row[Any], at: datetime) -> None:
    """Check that coverage can change as of an instant: not before the logging. Raises: InvalidInput."""
    if at < request.opened_at:
        raise invalid(
            "/from",
            gettext("%(number)s was logged after that.", number=request.number),
            gettext("Give a later instant."),
        )
    if at > tx.now:
        raise invalid(
            "/from",
            gettext("An assignment cannot begin in the future."),
            gettext("Leave it out to begin now."),
        )


def _respond(tx: Transaction, seen: Row[Any]) -> None:
    """Record the response to a request, unless there was one, or it has ended without one."""
    request = lock_current(tx, seen)
    changes = responded_columns(tx, request) if request.state not in ENDED_STATES else {}
    if changes:
        tx.change(t.service_request, request.id, **changes, version=next_version(t.service_request))


def _search_changed(tx: Transaction, request: Row[Any], changed: AbstractSet[str]) -> None:
    """Search again after a change.

    A new priority or org unit may find a better contract, but does not remove one that is used up.
    """
    found = find(tx, facts_of(tx, request))
    keeps = not changed & DECISIVE_COLUMNS and request.contract_id is not None
    taken = {one.candidate.contract: one.candidate for one in found.decision.candidates}
    current = taken.get(request.contract_id)
    if keeps and current is not None and current.standing == "ended" and found.contract is None:
        tx.change(
            t.service_request, request.id, **level_columns(tx, request, level_of(tx, request.contract_id))
        )
        return
    if request.state == "resolved" and found.decision.outcome not in OPENING_OUTCOMES:
        raise StateForbids(
            gettext(
                "%(number)s is resolved, and no valid contract would cover it after this change.",
                number=request.number,
            ),
            remedy=gettext("Reopen it first: then it can wait for a contract."),
            state=request.state,
        )
    follow(tx, request, found, cause="changed")


def _reopen(tx: Transaction, request: Row[Any], command: FireTrigger, *, inferred: bool) -> str:
    """Reopen: within the window the coverage continues, after it coverage is searched again."""
    ended_at = request.closed_at or request.resolved_at
    within = tx.now < ended_at + timedelta(days=tx.settings.reopen_window_days)

    def move(trigger: str, history_trigger: str | None = None) -> None:
        state = move_request(
            tx,
            request,
            trigger,
            note=command.note,
            reason=command.reason,
            inferred=inferred,
            history_trigger=history_trigger,
        )
        notify_moved(tx, request, state)
        notify_reopened(tx, request, command.note)

    if request.decision_id is None or not tx.settings.contracts:
        move("reopen")
        return str(request.id)
    if within:
        move("reopen")
        for contract_id in hold_again(tx, request.id, request.contract_id):
            settle_and_cover(tx, contract_id, skip=request.id)
        revive_own_contract(tx, request)
        return str(request.id)
    # the old coverage has ended for good: the new search decides in which state the request reopens
    tx.change(t.service_request, request.id, contract_id=None)
    found = find(tx, facts_of(tx, request))
    if found.decision.outcome in OPENING_OUTCOMES:
        move("reopen")
    else:
        move("reopen_uncovered", history_trigger="reopen")
    follow(tx, lock_request(tx, request.id), found, cause="reopened past the window")
    notify_if_waiting(tx, request.id, found.decision.why)
    return str(request.id)


def _cancel(tx: Transaction, request: Row[Any], reason: str) -> None:
    for contract_id in release_incidents(tx, request.id):
        settle_and_cover(tx, contract_id)
    cancel_untaken(tx, request.id, keep=None)
    end_own_contract(tx, request.id)
    notify_request_event(tx, request, "cancelled", note=reason)


def _require_texts(trigger: str, command: FireTrigger) -> None:
    if trigger == "hold" and command.reason not in HOLD_REASONS:
        raise invalid(
            "/reason",
            gettext("A hold needs a reason."),
            gettext("Use one of %(hold_reasons)s.", hold_reasons=", ".join(HOLD_REASONS)),
        )
    if trigger == "resolve" and not (command.note or "").strip():
        raise invalid("/note", gettext("Resolving needs a note."), gettext("Describe the resolution."))
    if trigger == "cancel" and not (command.reason or "").strip():
        raise invalid(
            "/reason", gettext("A cancellation needs a reason."), gettext("Say why it is cancelled.")
        )


def _check_version(request: Row[Any], expected_version: int | None) -> None:
    if expected_version is not None and request.version != expected_version:
        raise VersionChanged(
            gettext("%(number)s has been changed since you read it.", number=request.number),
            remedy=gettext("Read it again and repeat the change."),
        )


def _changed_columns(tx: Transaction, request: Any, given: dict[str, Any]) -> dict[str, Any]:
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
    found = _TECHNICIAN.first(tx.connection, {"id": technician})
    # history may name someone who has left since; only an import acts as the system here
    if found is None or (found.disabled_at is not None and tx.actor.role != "system"):
        raise invalid(
            "/technician",
            gettext("There is no such technician."),
            gettext("Give the id of a member of staff."),
        )
    return technician


_CUSTOMER_NAME = Prepared(
    select(t.customer.c.name).where(t.customer.c.id == bindparam("id", type_=Id, required=True))
)
_TECHNICIAN = Prepared(
    select(t.user_account.c.disabled_at).where(
        t.user_account.c.id == bindparam("id", type_=Id, required=True), t.user_account.c.role != "customer"
    )
)

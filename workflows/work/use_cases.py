"""Use cases of work entries: preview, log, change, delete.

The engine plans the split of an entry from what the grants have left, under a lock on its payers. A change is
a reversal and a new entry in the ledger, never an update. Source: product.md section 7.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, select

from engine.service_requests import WORK_STATES
from workflows.charging.charges import (
    ChargedAgain,
    audit_values,
    charge_again,
    charge_changed,
    count_minutes,
    store_charge,
    store_charged_again,
    worked_at,
    worked_span,
)
from workflows.charging.rounding import round_with_others
from workflows.charging.terms import ChargingTerms, moved_terms, new_terms, terms_of
from workflows.commands.service_requests import FireTrigger
from workflows.commands.work import ChangeWork, WorkAndResolution, WorkGiven
from workflows.core.actors import DESK
from workflows.core.errors import NotFound, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.payers import is_excluded
from workflows.lifecycle.contracts.redraw import Change, redraw
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.states import STATE_LABELS
from workflows.service_requests.closing import lock_current, state_now, up_to_date_request
from workflows.service_requests.use_cases import fire_trigger
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id
from workflows.work.drawing_again import draw_again, settle, settle_payers
from workflows.work.planning import Planned, load_payers, plan_work
from workflows.work.posting import post_new_entry, preview_changed_entry, preview_new_entry

WORKERS = DESK


def preview_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> Planned:
    """The split that saving would make now, and the other entries that it would move; nothing is saved.

    Raises: NotAllowed; NotFound; StateForbids where work cannot be logged on the request; InvalidInput for
    time in the future.
    """
    tx.require(*WORKERS)
    seen = require_visible(tx, service_request_id)
    with up_to_date_request(tx, seen) as fresh:
        request = seen if fresh is tx else require_visible(fresh, service_request_id)
        _check_state(fresh, request)
        terms = new_terms(fresh, request, worked_at(command), fresh.actor.role)
        contracts = LoadedContracts(fresh)
        payers = load_payers(fresh, request, terms, worked_at(command), contracts)
        planned = plan_work(fresh, request, command, terms, payers)
        return preview_new_entry(fresh, request, planned, payers, contracts)


def log_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> str:
    """Save time worked on a service request and draw it from its payers. Returns the entry's id.

    Raises: NotAllowed; NotFound; StateForbids where work cannot be logged on the request; InvalidInput for
    time in the future.
    """
    tx.require(*WORKERS)
    request = lock_current(tx, require_visible(tx, service_request_id))
    _check_state(tx, request)
    contracts = LoadedContracts(tx)
    terms = new_terms(tx, request, worked_at(command), tx.actor.role)
    payers = _settled_payers(tx, request, terms, worked_at(command), contracts)
    planned = plan_work(tx, request, command, terms, payers)
    entry_id, worked = new_id(), planned.worked
    tx.add(
        t.work_entry,
        id=entry_id,
        service_request_id=request.id,
        technician_id=_worker(tx),
        started_at=worked.started_at,
        ended_at=worked.ended_at,
        worked_minutes=worked.worked_minutes,
        chargeable_minutes=worked.chargeable_minutes,
        charge_why=worked.charge_why,
        charged_by=planned.entry.charged_by,
        segments=planned.entry.segments,
        billable=command.billable,
        work_type=command.work_type or request.work_type,
        note=command.note,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    _round_together(tx, request, planned.terms, planned.others)
    touched = post_new_entry(tx, request, entry_id, planned, payers, contracts)
    count_minutes(tx, request.id, worked.worked_minutes, worked.chargeable_minutes)
    settle(tx, request.id, touched, contracts)
    return entry_id


def log_work_and_resolve(tx: Transaction, service_request_id: str, command: WorkAndResolution) -> str:
    """Save time worked on a service request and resolve it: both or neither. Returns the entry's id.

    Raises: NotAllowed; NotFound; StateForbids where work cannot be logged on the request or it cannot be
    resolved; InvalidInput for time in the future or a resolution without text.
    """
    entry_id = log_work(tx, service_request_id, command)
    fire_trigger(tx, service_request_id, FireTrigger(trigger="resolve", note=command.resolution))
    return entry_id


def change_work(
    tx: Transaction, entry_id: str, command: ChangeWork, *, expected_version: int | None = None
) -> str:
    """Correct an entry. Returns its id.

    If its time or its charge changes, what it drew is reversed and the corrected time is drawn, by the terms
    stored with it. Otherwise the ledger stays as it is; without any change, the entry does too.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids for another technician's entry or a cancelled
    request; InvalidInput for time in the future; RuleSetRefused.
    Source: product.md section 7 (Which contract covered it then).
    """
    tx.require(*WORKERS)
    entry, request = _locked_entry(tx, entry_id, expected_version)
    wanted = _merged(entry, command)
    changed = _changed_fields(entry, wanted)
    if not changed:
        return entry_id
    described = {"billable": wanted.billable, "work_type": wanted.work_type, "note": wanted.note}
    tx.change(t.work_entry, entry_id, **described, version=next_version(t.work_entry))
    tx.audit("work_entry", entry_id, "changed", before=audit_values(entry))
    if changed != {"note"}:
        _charge_again(tx, entry, request, wanted)
    return entry_id


def preview_change(tx: Transaction, entry_id: str, command: ChangeWork) -> Planned:
    """The split that a correction of an entry would make now, and the other entries that it would move.

    Raises: as `change_work`.
    """
    tx.require(*WORKERS)
    seen = _read_entry(tx, entry_id)
    with up_to_date_request(tx, require_visible(tx, seen.service_request_id)) as fresh:
        request = require_visible(fresh, seen.service_request_id)
        _check_correctable(fresh, seen, request)
        own, others = _charged_by_its_terms(fresh, seen, request, _merged(seen, command))
        return preview_changed_entry(fresh, request, own, others, LoadedContracts(fresh))


def _charge_again(tx: Transaction, entry: Row[Any], request: Row[Any], wanted: WorkGiven) -> None:
    """Charge a changed entry by its terms, and draw it again where it takes other minutes than before.

    With it, the entries that are rounded with it are charged again, and everything is drawn again that comes
    after the earliest instant that changes.
    """
    own, others = _charged_by_its_terms(tx, entry, request, wanted)
    store_charge(tx, own)
    _round_together(tx, request, own.terms, others)
    contracts = LoadedContracts(tx)
    changed = [one for one in others if not one.takes_alike]
    if not _draws_alike(tx, own, wanted, contracts):
        changed.append(own)
    draw_again(tx, request, changed, contracts, cause=f"work_entry:{entry.id}")


def _charged_by_its_terms(
    tx: Transaction, entry: Row[Any], request: Row[Any], wanted: WorkGiven
) -> tuple[ChargedAgain, list[ChargedAgain]]:
    """An entry as it is wanted, charged by the terms stored with it, and those that are rounded with it."""
    terms = terms_of(tx, entry, request)
    if worked_at(wanted) != entry.started_at:
        terms = moved_terms(tx, request, terms, worked_at(wanted))
    started_at, _, minutes = worked_span(tx, wanted)
    minutes_counted = minutes if wanted.billable else None
    terms, moved = round_with_others(
        tx, request, terms, started_at=started_at, worked_minutes=minutes_counted, entry=entry
    )
    own = charge_changed(tx, request, entry, wanted, terms)
    return own, [charge_again(tx, row, of_row) for row, of_row in moved]


def _round_together(
    tx: Transaction, request: Row[Any], terms: ChargingTerms, others: Sequence[ChargedAgain]
) -> None:
    """Store the entries that an entry with these terms charges again, and that some are rounded together."""
    if terms.rounding.scope != "entry" and not request.rounds_together:
        tx.change(t.service_request, request.id, rounds_together=True)
    store_charged_again(tx, others)


def _changed_fields(entry: Row[Any], wanted: WorkGiven) -> set[str]:
    """The fields in which an entry would change."""
    before = _merged(entry, ChangeWork()).model_dump()
    return {name for name, value in wanted.model_dump().items() if value != before[name]}


def _draws_alike(tx: Transaction, own: ChargedAgain, wanted: WorkGiven, contracts: LoadedContracts) -> bool:
    """Whether a changed entry takes the minutes that it took before, from the same contracts."""
    terms = own.terms
    if not own.takes_alike:
        return False
    if not terms.draws or terms.contract is None:
        return True
    covering = contracts[terms.contract].terms_at(tx, own.entry.started_at)
    excluded = is_excluded(covering, terms.role, wanted.work_type)
    return excluded == is_excluded(covering, terms.role, own.entry.work_type)


def delete_work(tx: Transaction, entry_id: str, *, expected_version: int | None = None) -> None:
    """Delete an entry: what it drew is reversed, and its row is marked as deleted.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids for another technician's entry or a cancelled
    request.
    """
    tx.require(*WORKERS)
    entry, request = _locked_entry(tx, entry_id, expected_version)
    contracts = LoadedContracts(tx)
    tx.change(t.work_entry, entry_id, deleted_at=tx.now, version=next_version(t.work_entry))
    count_minutes(tx, request.id, -entry.worked_minutes, -entry.chargeable_minutes)
    tx.audit("work_entry", entry_id, "deleted", before=audit_values(entry))
    terms = terms_of(tx, entry, request)
    _, moved = round_with_others(
        tx, request, terms, started_at=entry.started_at, worked_minutes=None, entry=entry
    )
    others = [charge_again(tx, row, of_row) for row, of_row in moved]
    _round_together(tx, request, terms, others)
    changed = [entry, *(one.entry for one in others if not one.takes_alike)]
    change = Change(
        min(one.started_at for one in changed),
        f"work_entry:{entry_id}",
        entries=frozenset(one.id for one in changed),
    )
    settle(tx, request.id, redraw(tx, change, contracts), contracts)


# ------------------------------------------------------------------ helpers


def _settled_payers(
    tx: Transaction, request: Row[Any], terms: ChargingTerms, at: datetime, contracts: LoadedContracts
) -> list[LoadedContract]:
    """The payers of work at `at`, after their due changes."""
    payers = load_payers(tx, request, terms, at, contracts)
    if settle_payers(tx, payers, contracts):
        payers = load_payers(tx, request, terms, at, contracts)
    return payers


def _check_state(tx: Transaction, request: Row[Any]) -> None:
    state = state_now(tx, request)
    if state in WORK_STATES:
        return
    remedy = {
        "pending_no_contract": "Enable or assign one first.",
        "closed": "Reopen it first.",
    }.get(state, "Log a new service request.")
    words = STATE_LABELS.get(state, state)
    raise StateForbids(
        f"Work cannot be logged on {request.number}: it is {words}.", remedy=remedy, state=state
    )


def _worker(tx: Transaction) -> str:
    if tx.actor.id is None:
        raise invalid("", "Work needs a technician with a login.", "Log it as a member of staff.")
    return tx.actor.id


def _locked_entry(tx: Transaction, entry_id: str, expected_version: int | None) -> tuple[Row[Any], Row[Any]]:
    """A work entry and its service request, both locked: the request first, which has other entries."""
    seen = _read_entry(tx, entry_id)
    request = lock_current(tx, require_visible(tx, seen.service_request_id))
    entry = _read_entry(tx, entry_id, locked=True)
    if expected_version is not None and entry.version != expected_version:
        raise VersionChanged("The work entry has changed since you read it.", remedy="Read it again first.")
    _check_correctable(tx, entry, request)
    return entry, request


def _read_entry(tx: Transaction, entry_id: str, *, locked: bool = False) -> Row[Any]:
    """The row of a work entry. Raises: NotFound."""
    e = t.work_entry
    wanted = select(e).where(e.c.id == entry_id, e.c.deleted_at.is_(None))
    if locked:
        wanted = wanted.with_for_update(key_share=True)
    entry = tx.connection.execute(wanted).one_or_none()
    if entry is None:
        raise NotFound("There is no such work entry.", remedy="Look at the service request's list of work.")
    return entry


def _check_correctable(tx: Transaction, entry: Row[Any], request: Row[Any]) -> None:
    """Raises: StateForbids for another technician's entry or a cancelled request."""
    if tx.actor.role == "technician" and entry.technician_id != tx.actor.id:
        raise StateForbids("It is another technician's entry.", remedy="Ask a supervisor to correct it.")
    if request.state == "cancelled":
        raise StateForbids(
            f"{request.number} is cancelled: what it drew stays.", remedy="", state=request.state
        )


def _merged(entry: Row[Any], command: ChangeWork) -> WorkGiven:
    """The entry with the fields that were sent; minutes and worked_at replace a span, and the reverse.

    Raises: InvalidInput where it would have both, or a part of one.
    """
    given = command.given()
    fields: dict[str, Any] = {"work_type": entry.work_type, "note": entry.note, "billable": entry.billable}
    if entry.ended_at is not None:
        time = {"started_at": entry.started_at, "ended_at": entry.ended_at}
        other = {"minutes", "worked_at"}
    else:
        time = {"minutes": entry.worked_minutes, "worked_at": entry.started_at}
        other = {"started_at", "ended_at"}
    if not other & set(given):
        fields |= time
    try:
        return WorkGiven.model_validate(fields | given)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise invalid("", message, "Change the time in the form that the entry has.") from error

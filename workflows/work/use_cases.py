"""Use cases of work entries: preview, log, change, delete.

The engine plans the split of an entry from what the grants have left, under a lock on its payers. A change is
a reversal and a new entry in the ledger, never an update. Source: product.md section 7.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from engine.work_approval import first_state
from workflows.charging.charges import (
    ChargedAgain,
    audit_values,
    count_minutes,
    counted,
    worked_at,
)
from workflows.charging.terms import ChargingTerms, new_terms
from workflows.commands.service_requests import FireTrigger
from workflows.commands.work import ChangeWork, WorkAndResolution, WorkGiven
from workflows.core.actors import DESK, SUPERVISORS
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.connected_work import Change
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.redraw import redraw
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.facts import charged_facts_at
from workflows.service_requests.closing import lock_current, up_to_date_request
from workflows.service_requests.use_cases import fire_trigger
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id
from workflows.store.multi_table_insert import NewRow
from workflows.work.beyond_contracts import required_approval, settle_beyond
from workflows.work.correction import (
    Places,
    changed_fields,
    check_correctable,
    check_takes_work,
    corrected,
    leave_out,
    lock_entry,
    merged,
    round_together,
    seen_places,
    store_corrected,
)
from workflows.work.drawing_again import draw_again, settle, settle_payers
from workflows.work.entries import read_entry_row, reason_of, require_changeable
from workflows.work.planning import Planned, load_payers, plan_work
from workflows.work.posting import as_changed, post_new_entry, preview_changed_entry, preview_new_entry

WORKERS = DESK
DESCRIBED = {"billable", "not_billable_reason", "work_type", "note"}
MOVES_NOTHING = {"not_billable_reason", "note"}
"""The fields of an entry that alone change no charge."""


def preview_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> Planned:
    """The split that saving would make now, and the other entries that it would move; nothing is saved.

    Raises: NotAllowed; NotFound; StateForbids where work cannot be logged on the request; InvalidInput for
    time in the future.
    """
    tx.require(*WORKERS)
    seen = require_visible(tx, service_request_id)
    with up_to_date_request(tx, seen) as fresh:
        request = seen if fresh is tx else require_visible(fresh, service_request_id)
        check_takes_work(fresh, request)
        command = _of_work_type(fresh, request, command)
        terms = new_terms(fresh, request, worked_at(command))
        contracts = LoadedContracts(fresh)
        payers = load_payers(fresh, request, terms, worked_at(command), command.work_type, contracts)
        planned = plan_work(fresh, request, command, terms, payers)
        found = preview_new_entry(fresh, request, planned, payers, contracts)
        required = required_approval(fresh, request, contracts, emergency=command.beyond_approval)
        return replace(found, required=required)


def log_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> str:
    """Save time worked on a service request and draw it from its payers. Returns the entry's id.

    Raises: NotAllowed; NotFound; StateForbids where work cannot be logged on the request; InvalidInput for
    time in the future; ApprovalRequired where the customer is asked first.
    """
    tx.require(*WORKERS)
    request = lock_current(tx, require_visible(tx, service_request_id))
    check_takes_work(tx, request)
    command = _of_work_type(tx, request, command)
    contracts = LoadedContracts(tx)
    terms = new_terms(tx, request, worked_at(command))
    payers = _settled_payers(tx, request, terms, command, contracts)
    planned = plan_work(tx, request, command, terms, payers)
    entry_id, worked = new_id(), planned.worked
    row = {
        "id": entry_id,
        "service_request_id": request.id,
        "technician_id": _worker(tx),
        "started_at": worked.started_at,
        "ended_at": worked.ended_at,
        "worked_minutes": worked.worked_minutes,
        "chargeable_minutes": worked.chargeable_minutes,
        "charge_why": worked.charge_why,
        "charged_by": planned.entry.charged_by,
        "segments": planned.entry.segments,
        "billable": command.billable,
        "not_billable_reason": command.not_billable_reason,
        "work_type": command.work_type,
        "note": command.note,
        "state": first_state(needs_approval=tx.settings.work_approval),
        "created_at": tx.now,
        "created_by": tx.actor.name,
    }
    counts = counted(request.id, worked.worked_minutes, worked.chargeable_minutes)
    round_together(tx, request, planned.terms, planned.others)
    rows: list[NewRow] = [(t.work_entry, row), counts]
    posted = post_new_entry(tx, request, rows, entry_id, planned, payers, contracts)
    settle_beyond(
        tx, request, contracts, entry_id=entry_id, emergency=command.beyond_approval, planned=planned
    )
    settle(tx, request.id, posted.contracts, contracts, gave_back=posted.gave_back)
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
    """Correct an entry, or move it to another service request. Returns its id.

    If its time, its charge or its request changes, what it drew is reversed and the corrected time is drawn,
    by the terms stored with it. Otherwise the ledger stays as it is; without any change, the entry does too.
    A rejected entry is submitted again, changed or not, and drawn as one that is logged now. Whoever may
    recalculate the work of a request may have the entry charged by what holds today; if nothing else changes,
    the customer is not asked for more.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids for another technician's entry, one that only a
    supervisor may change, a cancelled request, one on which no work can be logged, or another customer's if
    the actor is a technician; InvalidInput for time in the future, an unknown request or a reason that is
    missing; RuleSetRefused.
    Source: product.md section 7 (Which contract covered it then).
    """
    tx.require(*(SUPERVISORS if command.recalculate else WORKERS))
    entry, places = lock_entry(tx, entry_id, command, expected_version)
    require_changeable(tx, entry, command.reason)
    return _change(tx, entry, places, command)


def correct_work(tx: Transaction, entry_id: str, command: ChangeWork) -> str:
    """The same, whatever the actor's role, for a decision that another use case has allowed.

    Raises: as `change_work`, but NotAllowed.
    """
    entry, places = lock_entry(tx, entry_id, command, None)
    return _change(tx, entry, places, command)


def _change(tx: Transaction, entry: Row[Any], places: Places, command: ChangeWork) -> str:
    """Change a locked entry. Returns its id."""
    entry_id = entry.id
    wanted = merged(entry, command)
    changed = changed_fields(entry, wanted)
    was_rejected = entry.state == "rejected"
    is_as_before = not changed and not places.moves and not was_rejected
    if is_as_before and not _charged_otherwise_today(tx, entry, places, wanted, command):
        return str(entry_id)
    described = wanted.model_dump(include=DESCRIBED)
    tx.change(
        t.work_entry,
        entry_id,
        service_request_id=places.target.id,
        **({"merged_from_id": None} if places.moves else {}),
        **(_submitted_again(tx) if was_rejected else {}),
        **described,
        version=next_version(t.work_entry),
    )
    if was_rejected:
        tx.audit("work_entry", entry_id, "submitted again", before=audit_values(entry))
        count_minutes(tx, places.source.id, entry.worked_minutes, entry.chargeable_minutes)
    elif changed or command.recalculate:
        action = "charged again" if command.recalculate else "changed"
        tx.audit("work_entry", entry_id, action, before=audit_values(entry), **reason_of(command.reason))
    if was_rejected or places.moves or command.recalculate or not changed <= MOVES_NOTHING:
        _charge_again(tx, entry, places, wanted, command, asks=not is_as_before)
    return str(entry_id)


def _charged_otherwise_today(
    tx: Transaction, entry: Row[Any], places: Places, wanted: WorkGiven, command: ChangeWork
) -> bool:
    """Whether a recalculation is wanted, and changes what an entry is charged that stays as it is."""
    if not command.recalculate:
        return False
    return not corrected(tx, entry, places, wanted, recalculate=True).own.is_charged_so


def _submitted_again(tx: Transaction) -> dict[str, Any]:
    """The columns of a rejected entry that is logged again."""
    state = first_state(needs_approval=tx.settings.work_approval)
    return {"state": state, "decided_at": None, "decided_by": None, "decision_reason": None}


def preview_change(tx: Transaction, entry_id: str, command: ChangeWork) -> Planned:
    """The split that a correction of an entry would make now, and the other entries that it would move.

    Raises: as `change_work`.
    """
    tx.require(*(SUPERVISORS if command.recalculate else WORKERS))
    seen = read_entry_row(tx, entry_id)
    places = seen_places(tx, seen, command)
    with (
        up_to_date_request(tx, places.source) as first,
        up_to_date_request(first, places.target) as fresh,
    ):
        places = seen_places(fresh, seen, command)
        check_correctable(fresh, seen, places)
        wanted = merged(seen, command)
        found = corrected(fresh, seen, places, wanted, recalculate=command.recalculate)
        state = seen.state
        if state == "rejected":
            state = first_state(needs_approval=fresh.settings.work_approval)
        contracts, held = LoadedContracts(fresh), state == "submitted"
        planned = preview_changed_entry(fresh, places, found, wanted.work_type, contracts, held=held)
        if command.recalculate and not places.moves and not changed_fields(seen, wanted):
            return planned
        required = required_approval(
            fresh,
            places.target,
            contracts,
            entry_id=entry_id,
            emergency=command.beyond_approval,
            moves=places.moves,
        )
        return replace(planned, required=required)


def _charge_again(
    tx: Transaction,
    before: Row[Any],
    places: Places,
    wanted: WorkGiven,
    command: ChangeWork,
    *,
    asks: bool,
) -> None:
    """Charge a changed entry by its terms, and draw it again where it takes other minutes than before.

    `asks`: what it takes more than before needs an approval, where the customer is asked first.
    With it, the entries that are rounded with it are charged again, and everything is drawn again that comes
    after the earliest instant that changes.
    """
    entry = read_entry_row(tx, before.id) if places.moves else before
    found = corrected(tx, entry, places, wanted, recalculate=command.recalculate)
    store_corrected(tx, before, places, found, command.reason)
    contracts = LoadedContracts(tx)
    changed = found.moved(places)
    draws_anew = places.moves or before.state == "rejected" or command.recalculate
    if draws_anew or not _draws_alike(found.own, wanted, before.work_type):
        changed.append((places.target, found.own))
    draw_again(tx, changed, contracts, cause=f"work_entry:{entry.id}")
    if not asks:
        return
    settle_beyond(
        tx,
        places.target,
        contracts,
        entry_id=entry.id,
        emergency=command.beyond_approval,
        planned=as_changed(places.target, found.own, wanted.work_type) if contracts.guarded else None,
        moves=places.moves,
    )


def _draws_alike(own: ChargedAgain, wanted: WorkGiven, work_type: str | None) -> bool:
    """Whether a changed entry, which was of this work type, takes the same minutes from the same grants.

    The work type may decide which contracts and which of their grants pay.
    """
    if not own.takes_alike:
        return False
    return wanted.work_type == work_type or not own.terms.draws or own.terms.contract is None


def delete_work(
    tx: Transaction, entry_id: str, *, expected_version: int | None = None, reason: str | None = None
) -> None:
    """Delete an entry: what it drew is reversed, and its row is marked as deleted.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids for another technician's entry, one that only a
    supervisor may delete, or a cancelled request; InvalidInput for a reason that is missing.
    """
    tx.require(*WORKERS)
    entry, places = lock_entry(tx, entry_id, ChangeWork(), expected_version)
    require_changeable(tx, entry, reason)
    request = places.source
    tx.change(t.work_entry, entry_id, deleted_at=tx.now, version=next_version(t.work_entry))
    tx.audit("work_entry", entry_id, "deleted", before=audit_values(entry), **reason_of(reason))
    if entry.state == "rejected":
        return
    changed = leave_out(tx, request, entry)
    contracts = LoadedContracts(tx)
    change = Change(
        min(one.started_at for one in changed),
        f"work_entry:{entry_id}",
        entries=frozenset(one.id for one in changed),
    )
    touched = redraw(tx, change, contracts)
    settle_beyond(tx, request, contracts, entry_id=entry_id)
    settle(tx, request.id, touched, contracts)


# ------------------------------------------------------------------ helpers


def _of_work_type(tx: Transaction, request: Row[Any], command: WorkGiven) -> WorkGiven:
    """The command with the work type that the service request had at the instant worked, if it names none."""
    if command.work_type is not None:
        return command
    work_type = charged_facts_at(tx, request, worked_at(command)).work_type
    return command.model_copy(update={"work_type": work_type}) if work_type is not None else command


def _settled_payers(
    tx: Transaction, request: Row[Any], terms: ChargingTerms, command: WorkGiven, contracts: LoadedContracts
) -> list[LoadedContract]:
    """The payers of the work, after their due changes."""
    at, work_type = worked_at(command), command.work_type
    payers = load_payers(tx, request, terms, at, work_type, contracts)
    if settle_payers(tx, payers, contracts):
        payers = load_payers(tx, request, terms, at, work_type, contracts)
    return payers


def _worker(tx: Transaction) -> str:
    if tx.actor.id is None:
        raise invalid(
            "", gettext("Work needs a technician with a login."), gettext("Log it as a member of staff.")
        )
    return tx.actor.id

"""Use cases of work entries: preview, log, change, delete.

The split of an entry is planned by the engine from what the grants have left, under a lock on its payers.
A change is a reversal and a new entry in the ledger, never an update. Source: product.md section 7.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, literal, select

from engine.drawdown import Payer
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.actors import Role
from workflows.core.errors import NotFound, StateForbids, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_and_cover, settle_due
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.states import STATE_LABELS, WORK_STATES
from workflows.service_requests.closing import lock_current, state_now, up_to_date_request
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.store.ids import new_id
from workflows.work.planning import Planned, plan_work
from workflows.work.posting import draw_planned, take_again, undraw

WORKERS: tuple[Role, ...] = ("administrator", "supervisor", "technician")


def preview_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> Planned:
    """The split that saving would make now, with nothing saved."""
    tx.require(*WORKERS)
    seen = require_visible(tx, service_request_id)
    with up_to_date_request(tx, seen) as fresh:
        request = seen if fresh is tx else require_visible(fresh, service_request_id)
        _check_state(fresh, request)
        return plan_work(fresh, request, command)


def log_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> str:
    """Save time worked on a service request and draw it; answers the entry's id.

    Raises: StateForbids where the request takes no work; InvalidInput for time in the future.
    """
    tx.require(*WORKERS)
    request = lock_current(tx, require_visible(tx, service_request_id))
    _check_state(tx, request)
    if request.contract_id is not None:
        settle_due(tx, request.contract_id)
    planned = plan_work(tx, request, command)
    entry_id = new_id()
    tx.add(
        t.work_entry,
        id=entry_id,
        service_request_id=request.id,
        technician_id=_worker(tx),
        started_at=planned.started_at,
        ended_at=planned.ended_at,
        worked_minutes=planned.worked_minutes,
        chargeable_minutes=planned.chargeable_minutes,
        charge_why=planned.charge_why,
        billable=command.billable,
        work_type=command.work_type or request.work_type,
        note=command.note,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    later = draw_planned(tx, request, entry_id, planned)
    _count(tx, request.id, planned.worked_minutes, planned.chargeable_minutes)
    _settle(tx, planned.payers, request.id, later)
    return entry_id


def change_work(
    tx: Transaction, entry_id: str, command: ChangeWork, *, expected_version: int | None = None
) -> str:
    """Correct an entry: what it drew is reversed, and the corrected time is drawn anew."""
    tx.require(*WORKERS)
    entry, request = _entry(tx, entry_id, expected_version)
    wanted = _merged(entry, command)
    payers = undraw(tx, request, entry)
    planned = plan_work(tx, request, wanted, leaving_out=entry_id)
    tx.change(
        t.work_entry,
        entry_id,
        started_at=planned.started_at,
        ended_at=planned.ended_at,
        worked_minutes=planned.worked_minutes,
        chargeable_minutes=planned.chargeable_minutes,
        charge_why=planned.charge_why,
        billable=wanted.billable,
        work_type=wanted.work_type,
        note=wanted.note,
        version=t.work_entry.c.version + 1,
    )
    payers += draw_planned(tx, request, entry_id, planned)
    payers += take_again(tx, payers, entry)
    _count(
        tx,
        request.id,
        planned.worked_minutes - entry.worked_minutes,
        planned.chargeable_minutes - entry.chargeable_minutes,
    )
    tx.audit("work_entry", entry_id, "changed", before=_trail(entry))
    _settle(tx, planned.payers, request.id, payers)
    return entry_id


def delete_work(tx: Transaction, entry_id: str, *, expected_version: int | None = None) -> None:
    """Take an entry back: what it drew is reversed; the entry stays, marked as deleted."""
    tx.require(*WORKERS)
    entry, request = _entry(tx, entry_id, expected_version)
    payers = undraw(tx, request, entry)
    payers += take_again(tx, payers, entry)
    tx.change(t.work_entry, entry_id, deleted_at=tx.now, version=t.work_entry.c.version + 1)
    _count(tx, request.id, -entry.worked_minutes, -entry.chargeable_minutes)
    tx.audit("work_entry", entry_id, "deleted", before=_trail(entry))
    _settle(tx, (), request.id, payers)


# ------------------------------------------------------------------ helpers


def _settle(tx: Transaction, payers: Sequence[Payer], request_id: str, also: Sequence[str] = ()) -> None:
    for contract_id in sorted({payer.contract for payer in payers} | set(also)):
        settle_and_cover(tx, contract_id, skip=request_id)


def _count(tx: Transaction, request_id: str, worked_minutes: int, charged_minutes: int) -> None:
    r = t.service_request
    tx.change(
        r,
        request_id,
        worked_minutes=r.c.worked_minutes + worked_minutes,
        chargeable_minutes=r.c.chargeable_minutes + charged_minutes,
        responded_at=func.coalesce(r.c.responded_at, literal(tx.now, Instant)),
    )


def _check_state(tx: Transaction, request: Row[Any]) -> None:
    state = state_now(tx, request)
    if state in WORK_STATES:
        return
    remedy = {
        "pending_no_contract": "Enable or assign one first.",
        "closed": "Reopen it first.",
    }.get(state, "Log a new service request.")
    words = STATE_LABELS.get(state, state)
    raise StateForbids(f"{request.number} is {words} and takes no work.", remedy=remedy, state=state)


def _worker(tx: Transaction) -> str:
    if tx.actor.id is None:
        raise invalid("", "Work needs a technician with a login.", "Log it as a member of staff.")
    return tx.actor.id


def _entry(tx: Transaction, entry_id: str, expected_version: int | None) -> tuple[Row[Any], Row[Any]]:
    e = t.work_entry
    entry = tx.connection.execute(
        select(e).where(e.c.id == entry_id, e.c.deleted_at.is_(None)).with_for_update()
    ).one_or_none()
    if entry is None:
        raise NotFound("There is no such work entry.", remedy="Look at the service request's list of work.")
    if expected_version is not None and entry.version != expected_version:
        raise VersionChanged("The work entry has changed since you read it.", remedy="Read it again first.")
    if tx.actor.role == "technician" and entry.technician_id != tx.actor.id:
        raise StateForbids("It is another technician's entry.", remedy="Ask a supervisor to correct it.")
    request = lock_current(tx, require_visible(tx, entry.service_request_id))
    if request.state == "cancelled":
        raise StateForbids(
            f"{request.number} is cancelled: what it drew stays.", remedy="", state=request.state
        )
    return entry, request


def _merged(entry: Row[Any], command: ChangeWork) -> WorkGiven:
    """The entry with what was sent laid over it; another way to tell the time replaces the old one."""
    given = command.given()
    kept: dict[str, Any] = {"work_type": entry.work_type, "note": entry.note, "billable": entry.billable}
    if entry.ended_at is not None:
        time = {"started_at": entry.started_at, "ended_at": entry.ended_at}
        other = {"minutes", "worked_at"}
    else:
        time = {"minutes": entry.worked_minutes, "worked_at": entry.started_at}
        other = {"started_at", "ended_at"}
    if not other & set(given):
        kept |= time
    return WorkGiven.model_validate(kept | given)


def _trail(entry: Row[Any]) -> dict[str, Any]:
    return {
        "started_at": entry.started_at.isoformat(),
        "ended_at": entry.ended_at.isoformat() if entry.ended_at else None,
        "worked_minutes": entry.worked_minutes,
        "chargeable_minutes": entry.chargeable_minutes,
        "billable": entry.billable,
    }

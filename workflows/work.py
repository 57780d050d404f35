"""Use cases of work entries: preview, log, change, delete.

The split of an entry is planned by the engine from what the lots have left, under a lock on its payers.
A change is a reversal and a new entry in the ledger, never an update. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, literal, select

from engine.charging import chargeable_minutes
from engine.contracts import Holder, TimeExpired, Window
from engine.coverage import find_coverage
from engine.drawdown import AllocationKind, Payer, Slice, TimeWorked, plan_draw_down
from engine.facts import local_clock
from engine.ledger import Account, Kind, LedgerTransaction, Posting, move
from engine.quantities import Rounding, hours_text, whole_minutes
from engine.rulebook import ChargingFacts
from workflows.carried import give_back_carried, take_into_later
from workflows.commands import ChangeWork, WorkGiven
from workflows.contract_life import Lot, lock_contract, read_lots, sweep_lots
from workflows.coverage import facts_of, settle_and_cover, settle_due
from workflows.desk import Role, Transaction
from workflows.errors import NotFound, StateForbids, VersionChanged, invalid
from workflows.request_access import require_visible
from workflows.request_endings import lock_current, state_now
from workflows.service_request import WORK_STATES
from workflows.store import tables as t
from workflows.store.candidates import contract_value, find_candidates
from workflows.store.columns import Instant
from workflows.store.ids import new_id
from workflows.store.ledger import record, reverse

CASCADE_DEPTH = 20
WORKERS: tuple[Role, ...] = ("administrator", "supervisor", "technician")
REST_ACCOUNTS: dict[AllocationKind, tuple[Kind, Account, str]] = {
    "carried": ("carry", "carried", "kept for the holder's next contract"),
    "ignored": ("ignore", "ignored", "recorded as uncovered"),
    "overage": ("overage", "overage", "to be billed at the overage rate"),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A work entry as it would be saved, with the split of its chargeable minutes."""

    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    chargeable_minutes: int
    charge_why: str | None
    slices: tuple[Slice, ...]
    payers: tuple[Payer, ...]


def preview_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> Planned:
    """The split that saving would make now, with nothing saved."""
    tx.require(*WORKERS)
    request = require_visible(tx, service_request_id)
    _check_state(tx, request)
    return _plan(tx, request, command)


def log_work(tx: Transaction, service_request_id: str, command: WorkGiven) -> str:
    """Save time worked on a service request and draw it; answers the entry's id.

    Raises: StateForbids where the request takes no work; InvalidInput for time in the future.
    """
    tx.require(*WORKERS)
    request = lock_current(tx, require_visible(tx, service_request_id).id)
    _check_state(tx, request)
    if request.contract_id is not None:
        settle_due(tx, request.contract_id)
    planned = _plan(tx, request, command)
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
    later = _draw(tx, request, entry_id, planned)
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
    payers = _undraw(tx, request, entry)
    planned = _plan(tx, request, wanted, leaving_out=entry_id)
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
    payers += _draw(tx, request, entry_id, planned)
    payers += _take_again(tx, payers, entry)
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
    payers = _undraw(tx, request, entry)
    payers += _take_again(tx, payers, entry)
    tx.change(t.work_entry, entry_id, deleted_at=tx.now, version=t.work_entry.c.version + 1)
    _count(tx, request.id, -entry.worked_minutes, -entry.chargeable_minutes)
    tx.audit("work_entry", entry_id, "deleted", before=_trail(entry))
    _settle(tx, (), request.id, payers)


# ------------------------------------------------------------------ planning


def _plan(tx: Transaction, request: Row[Any], command: WorkGiven, leaving_out: str | None = None) -> Planned:
    started_at, ended_at, worked = _span(tx, command)
    weekday, hour = local_clock(started_at, tx.settings.time_zone)
    charge = tx.rules.charging.charge(
        ChargingFacts(
            work_type=command.work_type or request.work_type,
            priority=request.priority,
            role=tx.actor.role,
            channel=request.channel,
            worked_weekday=weekday,
            worked_hour=hour,
        )
    )
    charged = 0
    if command.billable:
        rounding = Rounding(**tx.settings.rounding.model_dump())
        before = 0
        if rounding.scope == "service_request_day":
            before = _worked_that_day(tx, request.id, started_at, leaving_out)
        charged = chargeable_minutes(worked, rounding, percent=charge.percent, before_minutes=before)
    payers: tuple[Payer, ...] = ()
    slices: tuple[Slice, ...] = ()
    if tx.settings.contracts and request.decision_id is not None:
        payers, policy = _payers(tx, request, command.work_type or request.work_type)
        slices = tuple(plan_draw_down(TimeWorked(started_at, ended_at, charged), payers, policy))
    why = charge.why if command.billable else "Not billable"
    return Planned(started_at, ended_at, worked, charged, why, slices, payers)


def _span(tx: Transaction, command: WorkGiven) -> tuple[datetime, datetime | None, int]:
    if command.started_at is not None and command.ended_at is not None:
        if command.ended_at > tx.now:
            raise invalid("/ended_at", "Work cannot end in the future.", "Give the time worked so far.")
        seconds = -((command.started_at - command.ended_at) // timedelta(seconds=1))
        worked = whole_minutes(seconds)
        if worked > 100_000:
            raise invalid("/ended_at", "The entry is longer than 100,000 minutes.", "Split it into days.")
        return command.started_at, command.ended_at, worked
    if command.worked_at is None or command.minutes is None:
        raise invalid("/minutes", "Give minutes and worked_at, or started_at and ended_at.")
    if command.worked_at > tx.now:
        raise invalid("/worked_at", "Work cannot lie in the future.", "Give an instant that has passed.")
    return command.worked_at, None, command.minutes


def _payers(
    tx: Transaction, request: Row[Any], work_type: str | None
) -> tuple[tuple[Payer, ...], TimeExpired]:
    """The covering contract, then with cascade on what the search would take next; and the policy.

    Work that the contract excludes, by its type or the role of who did it, no contract pays.
    """
    if request.contract_id is None:
        return (), "ignore"
    row = _locked_row(tx, request.contract_id)
    exclusions = row.exclusions or {}
    if tx.actor.role in exclusions.get("roles", ()) or work_type in exclusions.get("work_types", ()):
        return (), "ignore"
    payers = [_payer(tx, row)]
    if tx.settings.cascade:
        payers += _cascade(tx, request)
    policy = row.time_expired or tx.settings.time_expired_contract or "ignore"
    return tuple(payers), policy


def _cascade(tx: Transaction, request: Row[Any]) -> list[Payer]:
    """The contracts that the search would take, one after the other, if those before were not there.

    Packs are left out: an incident is for a whole service request, not for the rest of one.
    """
    facts = facts_of(tx, request)
    held = find_candidates(
        tx,
        customer=facts.customer,
        item=facts.item,
        org_unit=facts.org_unit,
        service_request=facts.service_request,
    ).held
    held = [one for one in held if one.contract.id != request.contract_id]
    payers: list[Payer] = []
    while held and len(payers) < CASCADE_DEPTH:
        decision = find_coverage(facts, held, tx.rules)
        if decision.outcome != "covered":
            break
        row = _locked_row(tx, str(decision.contract))
        if row.draws != "incidents":
            payers.append(_payer(tx, row))
        held = [one for one in held if one.contract.id != decision.contract]
    return payers


def _locked_row(tx: Transaction, contract_id: str) -> Row[Any]:
    if tx.writes:
        return lock_contract(tx, contract_id)
    return tx.connection.execute(select(t.contract).where(t.contract.c.id == contract_id)).one()


def _payer(tx: Transaction, row: Row[Any]) -> Payer:
    return payer_value(row, read_lots(tx, row.id) if row.draws == "minutes" else ())


def payer_value(row: Row[Any], lots: Sequence[Lot]) -> Payer:
    """A contract as a payer. What expired unused can still pay for work from before its end."""
    contract = contract_value(row)
    window = contract.window
    if contract.holder.kind == "service_request":
        window = Window(datetime.min.replace(tzinfo=UTC), window.until)
    grants = []
    if row.draws == "minutes":
        for lot in lots:
            left = lot.grant.available + (lot.expired if lot.swept else 0)
            grants.append(replace(lot.grant, available=left))
    return Payer(contract.id, contract.holder, window, row.draws, tuple(grants))


def _worked_that_day(
    tx: Transaction, service_request_id: str, started_at: datetime, leaving_out: str | None
) -> int:
    """Billable minutes worked on the request on the same local day."""
    e = t.work_entry
    zone = tx.settings.zone
    day = started_at.astimezone(zone).date()
    rows = tx.connection.execute(
        select(e.c.id, e.c.started_at, e.c.worked_minutes).where(
            e.c.service_request_id == service_request_id, e.c.deleted_at.is_(None), e.c.billable
        )
    )
    same_day = [
        row for row in rows if row.started_at.astimezone(zone).date() == day and row.id != leaving_out
    ]
    return sum(row.worked_minutes for row in same_day)


# ------------------------------------------------------------------ drawing


def _draw(tx: Transaction, request: Row[Any], entry_id: str, planned: Planned) -> list[str]:
    """Post each slice and remember its ledger transaction; answers later contracts that were drawn from."""
    rows = []
    carried_for: dict[Holder, datetime] = {}
    for piece in planned.slices:
        transaction_id = _post(tx, request, entry_id, piece, planned.payers)
        if piece.kind == "carried":
            carried_for[_carrier(piece, planned.payers, request)] = piece.effective_at
        rows.append(
            {
                "id": new_id(),
                "work_entry_id": entry_id,
                "kind": piece.kind,
                "contract_id": piece.contract,
                "lot_id": piece.grant,
                "minutes": piece.minutes,
                "effective_at": piece.effective_at,
                "transaction_id": transaction_id,
            }
        )
    tx.add_all(t.work_allocation, rows)
    touched = []
    for holder, worked_at in carried_for.items():
        touched += take_into_later(tx, holder, worked_at)
    return touched


def _post(
    tx: Transaction, request: Row[Any], entry_id: str, piece: Slice, payers: Sequence[Payer]
) -> str | None:
    """One slice as a ledger transaction; covered time moves nothing."""
    if piece.kind == "covered":
        return None
    cause = f"work_entry:{entry_id}"
    if piece.kind == "grant":
        _restore(tx, str(piece.contract), str(piece.grant), piece.minutes, cause)
        postings: tuple[Posting, ...] = move(
            "minutes", piece.minutes, (str(piece.grant), "available"), (str(piece.grant), "consumed")
        )
        kind: Kind = "draw"
        why = f"Work on {request.number}"
    else:
        kind, account, fate = REST_ACCOUNTS[piece.kind]
        # It moves nothing of the contract's own, so that the amount stands in the words.
        why = f"{hours_text(piece.minutes)} {fate}"
        owner = f"contract:{piece.contract}" if piece.contract else f"service_request:{request.id}"
        if piece.kind == "carried":
            owner = _carrier(piece, payers, request).key
        worked = f"service_request:{request.id}"
        postings = move("minutes", piece.minutes, (worked, "worked"), (owner, account))
    return record(
        tx,
        LedgerTransaction(kind, piece.effective_at, postings, cause=cause, why=why),
        contract_id=piece.contract,
        service_request_id=request.id,
    )


def _carrier(piece: Slice, payers: Sequence[Payer], request: Row[Any]) -> Holder:
    """Whose carried minutes they are: the holder's of the contract that ran out.

    A per-request contract has no next one; its customer carries them.
    """
    holder = payers[0].holder
    return Holder("customer", request.customer_id) if holder.kind == "service_request" else holder


def _restore(tx: Transaction, contract_id: str, lot_id: str, minutes: int, cause: str) -> None:
    """Bring minutes back that were swept as expired, for work from before the lot's end."""
    lot = next(one for one in read_lots(tx, contract_id) if one.grant.id == lot_id)
    missing = minutes - lot.grant.available
    if missing <= 0 or lot.closes_at is None:
        return
    record(
        tx,
        LedgerTransaction(
            "restore",
            lot.closes_at,
            move("minutes", missing, (lot_id, "expired"), (lot_id, "available")),
            cause=cause,
            why="Worked before its time was over, told afterwards",
        ),
        contract_id=contract_id,
    )


def _undraw(tx: Transaction, request: Row[Any], entry: Row[Any]) -> list[str]:
    """Reverse what an entry drew; answers the contracts touched."""
    a = t.work_allocation
    rows = tx.connection.execute(
        select(a).where(a.c.work_entry_id == entry.id, a.c.reversed_at.is_(None)).order_by(a.c.id.desc())
    ).all()
    touched = []
    for row in rows:
        if row.contract_id is not None:
            lock_contract(tx, row.contract_id)
            touched.append(row.contract_id)
        if row.kind == "carried":
            touched += give_back_carried(tx, row.transaction_id, row.minutes)
        if row.transaction_id is not None:
            reverse(tx, row.transaction_id, cause=f"work_entry:{entry.id}", why="The entry was corrected")
        tx.change(a, row.id, reversed_at=tx.now)
    for contract_id in sorted(set(touched)):
        sweep_lots(tx, contract_id, tx.now)
    return touched


def _take_again(tx: Transaction, contract_ids: Sequence[str], entry: Row[Any]) -> list[str]:
    """Let the contracts touched by a correction take what is still carried for their holders."""
    c = t.contract
    holders = tx.connection.execute(
        select(c.c.holder_kind, c.c.holder_id).where(c.c.id.in_(sorted(set(contract_ids)))).distinct()
    )
    touched: list[str] = []
    for kind, holder_id in sorted(tuple(row) for row in holders):
        touched += take_into_later(tx, Holder(kind, holder_id), entry.started_at)
    return touched


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
        "pending_no_contract": "It waits for a contract; enable or assign one first.",
        "closed": "Reopen it first.",
    }.get(state, "Log a new service request.")
    raise StateForbids(f"{request.number} is {state} and takes no work.", remedy=remedy, state=state)


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
    request = lock_current(tx, require_visible(tx, entry.service_request_id).id)
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

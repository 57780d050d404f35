"""What a work entry will be: its length, what of it is charged, and which contracts pay it.

The split is planned by the engine from what the grants have left; nothing is written here. A writing
transaction locks the payers, so that the plan still stands when it is drawn. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from engine.charging import chargeable_minutes
from engine.contracts import TimeExpired, Window
from engine.coverage import find_coverage
from engine.drawdown import Payer, Slice, TimeWorked, plan_draw_down
from engine.facts import local_clock
from engine.quantities import Rounding, whole_minutes
from engine.rulebook import ChargingFacts
from workflows.commands.work import WorkGiven
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import find_candidates
from workflows.coverage.facts import facts_of
from workflows.lifecycle.contracts.grants import StoredGrant, read_grants
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.store import tables as t

CASCADE_DEPTH = 20
"""How many contracts one entry may go through."""


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


def plan_work(
    tx: Transaction, request: Row[Any], command: WorkGiven, leaving_out: str | None = None
) -> Planned:
    """The entry that a command makes of a service request. `leaving_out` is an entry that it replaces.

    Raises: InvalidInput for time in the future.
    """
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
    return payer_value(row, read_grants(tx, row.id) if row.draws == "minutes" else ())


def payer_value(row: Row[Any], grants: Sequence[StoredGrant]) -> Payer:
    """A contract as a payer. What expired unused can still pay for work from before its end."""
    contract = contract_value(row)
    window = contract.window
    if contract.holder.kind == "service_request":
        window = Window(datetime.min.replace(tzinfo=UTC), window.until)
    drawable = []
    if row.draws == "minutes":
        for one in grants:
            left = one.grant.available + (one.expired if one.expiry_posted else 0)
            drawable.append(replace(one.grant, available=left))
    return Payer(contract.id, contract.holder, window, row.draws, tuple(drawable))


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

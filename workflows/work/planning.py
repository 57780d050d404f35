"""What a work entry will be: its length, its chargeable minutes, and which contracts pay for them.

The engine plans the split from what the grants have left; nothing is written here. A writing transaction
locks the payers, so that the plan still holds when it is posted. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select

from engine.charging import chargeable_minutes
from engine.contracts import Contract, Draws, TimeExpired, Window
from engine.coverage import find_coverage
from engine.drawdown import Payer, Slice, TimeWorked, plan_draw_down
from engine.facts import local_clock
from engine.periods import first_instant_of
from engine.quantities import Rounding, whole_minutes
from engine.rulebook import ChargingFacts
from workflows.commands.work import WorkGiven
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import find_candidates
from workflows.coverage.facts import facts_of
from workflows.coverage.reservation import chosen_of
from workflows.lifecycle.contracts.grants import StoredGrant
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
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
    tx: Transaction,
    request: Row[Any],
    command: WorkGiven,
    contracts: Sequence[LoadedContract],
    *,
    replaces: str | None = None,
) -> Planned:
    """The entry that a command makes of a service request, paid by `contracts` (`load_payers`).

    `replaces` is the id of an entry that it takes the place of. Units: whole minutes; instants aware UTC.
    Raises: InvalidInput for time in the future or an entry that is too long; NoRuleSet.
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
            before = _worked_that_day(tx, request.id, started_at, replaces)
        charged = chargeable_minutes(worked, rounding, percent=charge.percent, before_minutes=before)
    payers: tuple[Payer, ...] = ()
    slices: tuple[Slice, ...] = ()
    if tx.settings.contracts and request.decision_id is not None:
        for one in contracts[:1]:
            one.group.read_drawable_grants(started_at, ended_at, charged)
        payers, policy = _payers(tx, contracts, command.work_type or request.work_type)
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


def load_payers(tx: Transaction, request: Row[Any], contracts: LoadedContracts) -> list[LoadedContract]:
    """The covering contract; then, with cascade on, what the search would take next. Locked by a writer."""
    if request.contract_id is None:
        return []
    following = _cascade(tx, request) if tx.settings.cascade else []
    return contracts.load([request.contract_id, *following])


def _cascade(tx: Transaction, request: Row[Any]) -> list[str]:
    """The contracts that the search would take, one after the other, if those before were not there.

    Packs are left out: an incident is for a whole service request, not for the rest of one.
    """
    facts = facts_of(tx, request)
    found = find_candidates(
        tx,
        customer=facts.customer,
        item=facts.item,
        org_unit=facts.org_unit,
        service_request=facts.service_request,
    ).held
    candidates = [one for one in found if one.contract.id != request.contract_id]
    following: list[str] = []
    while candidates and len(following) < CASCADE_DEPTH:
        decision = find_coverage(facts, candidates, tx.rules)
        if decision.outcome != "covered":
            break
        chosen = chosen_of(decision, candidates)
        if chosen.draws != "incidents":
            following.append(chosen.contract.id)
        candidates.remove(chosen)
    return following


def _payers(
    tx: Transaction, contracts: Sequence[LoadedContract], work_type: str | None
) -> tuple[tuple[Payer, ...], TimeExpired]:
    """The contracts as payers, and what happens to time past their end.

    No contract pays for work that the covering one excludes, by its type or the role of who did it.
    """
    if not contracts:
        return (), "ignore"
    covering = contracts[0].contract
    exclusions = covering.exclusions
    if tx.actor.role in exclusions.get("roles", ()) or work_type in exclusions.get("work_types", ()):
        return (), "ignore"
    payers = tuple(payer_value(one.contract, one.draws, one.drawable_grants) for one in contracts)
    return payers, covering.time_expired or tx.settings.time_expired_contract or "ignore"


def payer_value(contract: Contract, draws: Draws, grants: Sequence[StoredGrant]) -> Payer:
    """A contract as a payer. What expired unused can still pay for work from before its end."""
    window = contract.window
    if contract.holder.kind == "service_request":
        window = Window(datetime.min.replace(tzinfo=UTC), window.until)
    drawable = []
    if draws == "minutes":
        for one in grants:
            left = one.grant.available + (one.expired if one.expiry_posted else 0)
            drawable.append(replace(one.grant, available=left))
    return Payer(contract.id, contract.holder, window, draws, tuple(drawable))


def _worked_that_day(
    tx: Transaction, service_request_id: str, started_at: datetime, replaces: str | None
) -> int:
    """Billable minutes worked on the request on the same local day, without those of the entry `replaces`."""
    e = t.work_entry
    zone = tx.settings.zone
    day = started_at.astimezone(zone).date()
    total = select(func.coalesce(func.sum(e.c.worked_minutes), 0)).where(
        e.c.service_request_id == service_request_id,
        e.c.started_at >= first_instant_of(day, zone),
        e.c.started_at < first_instant_of(day + timedelta(days=1), zone),
        e.c.deleted_at.is_(None),
        e.c.billable,
    )
    if replaces is not None:
        total = total.where(e.c.id != replaces)
    return int(tx.connection.execute(total).scalar_one())

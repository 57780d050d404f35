"""What a work entry will be: its length, its chargeable minutes, and which contracts pay for them.

The engine plans the split from what the grants have left; nothing is written here. A writing transaction
locks the payers, so that the plan still holds when it is posted. Source: product.md section 7.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

from engine.charging import Segment, total_minutes
from engine.contracts import Contract, Draws, TimeExpired, Window
from engine.coverage import find_coverage
from engine.drawdown import Payer, Slice, TimeWorked, plan_draw_down
from engine.quantities import whole_minutes
from workflows.commands.work import WorkGiven
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import find_candidates
from workflows.coverage.facts import facts_of
from workflows.coverage.reservation import chosen_of
from workflows.lifecycle.contracts.grants import StoredGrant
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.work.charging_terms import ChargingTerms, contract_terms, rules_of
from workflows.work.rounding import rounded_with_others
from workflows.work.segments import charge_segments

NOT_BILLABLE = "Not billable"
CASCADE_DEPTH = 20
"""How many contracts one entry may go through."""


@dataclass(frozen=True, slots=True)
class Worked:
    """A work entry with its chargeable minutes; those who pay for them are not known yet."""

    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    segments: tuple[Segment, ...]

    @property
    def chargeable_minutes(self) -> int:
        """The sum of its segments."""
        return total_minutes(self.segments)

    @property
    def charge_why(self) -> str | None:
        """Why it is charged so: the reasons of its segments, each once."""
        reasons = dict.fromkeys(one.why for one in self.segments if one.why)
        return "; ".join(reasons) or (None if self.segments else NOT_BILLABLE)


@dataclass(frozen=True, slots=True)
class Planned:
    """A work entry as it would be saved, with the terms and the split of its chargeable minutes."""

    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    chargeable_minutes: int
    charge_why: str | None
    segments: tuple[Segment, ...]
    terms: ChargingTerms
    slices: tuple[Slice, ...]
    payers: tuple[Payer, ...]


def plan_work(
    tx: Transaction,
    request: Row[Any],
    command: WorkGiven,
    terms: ChargingTerms,
    contracts: Sequence[LoadedContract],
) -> Planned:
    """The entry that a command makes of a service request, charged by `terms` and paid by `contracts`.

    The contracts are those of `load_payers`; the first may have a rounding and a rate card of its own.
    Units: whole minutes; instants aware UTC.
    Raises: InvalidInput for time in the future or an entry that is too long; NoRuleSet.
    """
    terms = contract_terms(terms, contracts[0] if contracts else None)
    terms = rounded_with_others(tx, request.id, terms, worked_at(command))
    return plan_split(request, command, charge_work(tx, request, command, terms), terms, contracts)


def charge_work(tx: Transaction, request: Row[Any], command: WorkGiven, terms: ChargingTerms) -> Worked:
    """The length and the segments of the entry that a command makes.

    Raises: as `plan_work`; NoHolidayData.
    """
    started_at, ended_at, worked = worked_span(tx, command)
    if not command.billable:
        return Worked(started_at, ended_at, worked, ())
    segments = charge_segments(
        started_at,
        ended_at,
        worked,
        work_type=command.work_type or request.work_type,
        terms=terms,
        rules=rules_of(tx, terms),
    )
    return Worked(started_at, ended_at, worked, segments)


def plan_split(
    request: Row[Any],
    command: WorkGiven,
    worked: Worked,
    terms: ChargingTerms,
    contracts: Sequence[LoadedContract],
) -> Planned:
    """The split of an entry that has been charged: see `plan_work`."""
    payers: tuple[Payer, ...] = ()
    slices: tuple[Slice, ...] = ()
    if terms.draws:
        for one in contracts[:1]:
            one.group.read_drawable_grants(worked.started_at, worked.ended_at, worked.chargeable_minutes)
        payers, policy = _payers(contracts, terms, command.work_type or request.work_type)
        slices = _draw_segments(worked.segments, payers, policy)
    return Planned(
        worked.started_at,
        worked.ended_at,
        worked.worked_minutes,
        worked.chargeable_minutes,
        worked.charge_why,
        worked.segments,
        terms,
        slices,
        payers,
    )


def _draw_segments(
    segments: Sequence[Segment], payers: Sequence[Payer], policy: TimeExpired
) -> tuple[Slice, ...]:
    """The split of each segment in order, from what those before it leave."""
    slices: list[Slice] = []
    for one in segments:
        left = [_after(slices, payer) for payer in payers] if slices else payers
        slices += plan_draw_down(TimeWorked(one.start, one.end, one.chargeable_minutes), left, policy)
    return tuple(slices)


def _after(slices: Sequence[Slice], payer: Payer) -> Payer:
    """A payer with what its grants have left after these slices."""
    taken: Counter[str] = Counter()
    for piece in slices:
        if piece.grant is not None:
            taken[piece.grant] += piece.minutes
    grants = tuple(replace(one, available=one.available - taken[one.id]) for one in payer.grants)
    return replace(payer, grants=grants)


def worked_at(command: WorkGiven) -> datetime:
    """The instant at which the work began, or at which its minutes count (aware UTC)."""
    at = command.started_at or command.worked_at
    if at is None:
        raise invalid("/minutes", "Give minutes and worked_at, or started_at and ended_at.")
    return at


def worked_span(tx: Transaction, command: WorkGiven) -> tuple[datetime, datetime | None, int]:
    """Start, end (None for minutes at one instant) and whole minutes worked.

    Raises: InvalidInput for time in the future or more than 100,000 minutes.
    """
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


def load_payers(
    tx: Transaction,
    request: Row[Any],
    terms: ChargingTerms,
    at: datetime,
    contracts: LoadedContracts,
) -> list[LoadedContract]:
    """The contract that covered the request at `at` (aware UTC); with cascade, also those that follow.

    Locked where the transaction writes.
    """
    if terms.contract is None:
        return []
    following = _cascade(tx, request, terms, at) if terms.cascade else []
    return contracts.load([terms.contract, *following])


def _cascade(tx: Transaction, request: Row[Any], terms: ChargingTerms, at: datetime) -> list[str]:
    """The contracts that a search at `at` would have taken, one after the other, after the covering one.

    Packs are left out: an incident is for a whole service request, not for the rest of one.
    """
    facts = replace(facts_of(tx, request), at=at)
    rules = rules_of(tx, terms)
    found = find_candidates(
        tx,
        customer=facts.customer,
        item=facts.item,
        org_unit=facts.org_unit,
        service_request=facts.service_request,
        at=at,
    ).held
    candidates = [one for one in found if one.contract.id != terms.contract]
    following: list[str] = []
    while candidates and len(following) < CASCADE_DEPTH:
        decision = find_coverage(facts, candidates, rules)
        if decision.outcome != "covered":
            break
        chosen = chosen_of(decision, candidates)
        if chosen.draws != "incidents":
            following.append(chosen.contract.id)
        candidates.remove(chosen)
    return following


def _payers(
    contracts: Sequence[LoadedContract], terms: ChargingTerms, work_type: str | None
) -> tuple[tuple[Payer, ...], TimeExpired]:
    """The contracts as payers, and what happens to time past their end.

    No contract pays for work that the covering one excludes.
    """
    if not contracts or is_excluded(contracts[0].contract, terms.role, work_type):
        return (), "ignore"
    payers = tuple(payer_value(one.contract, one.draws, one.drawable_grants) for one in contracts)
    return payers, contracts[0].contract.time_expired or terms.time_expired


def is_excluded(contract: Contract, role: str, work_type: str | None) -> bool:
    """Whether a covering contract excludes work by its type or by the role of who did it."""
    exclusions = contract.exclusions
    return role in exclusions.get("roles", ()) or work_type in exclusions.get("work_types", ())


def payer_value(contract: Contract, draws: Draws, grants: Sequence[StoredGrant]) -> Payer:
    """A contract as a payer. What expired unused can still pay for work from before its end."""
    window = contract.window
    if contract.holder.kind == "service_request":
        window = Window(datetime.min.replace(tzinfo=UTC), window.until)
    drawable = tuple(one.drawable for one in grants) if draws == "minutes" else ()
    return Payer(contract.id, contract.holder, window, draws, drawable)

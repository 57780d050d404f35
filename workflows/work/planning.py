"""What a work entry will be: its length, its chargeable minutes, and which contracts pay for them.

The engine plans the split from what the grants have left; nothing is written here. A writing transaction
locks the payers, so that the plan still holds when it is posted. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from engine.charging import chargeable_minutes
from engine.contracts import TimeExpired
from engine.drawdown import Payer, Slice, TimeWorked, plan_draw_down
from engine.facts import local_clock
from engine.quantities import whole_minutes
from engine.rulebook import ChargingFacts
from workflows.commands.work import WorkGiven
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.payers import CascadeSearch, is_excluded, payer_value
from workflows.work.charging_terms import ChargingTerms, rules_of


@dataclass(frozen=True, slots=True)
class Worked:
    """A work entry with its chargeable minutes; those who pay for them are not known yet."""

    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    chargeable_minutes: int
    charge_why: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A work entry as it would be saved, with the terms and the split of its chargeable minutes."""

    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    chargeable_minutes: int
    charge_why: str | None
    terms: ChargingTerms
    slices: tuple[Slice, ...]
    payers: tuple[Payer, ...]
    moved: tuple["MovedWork", ...] = ()


@dataclass(frozen=True, slots=True)
class MovedWork:
    """Another entry that a plan draws from elsewhere, with its slices before and after."""

    entry: str
    service_request: str
    service_request_number: str
    started_at: datetime
    before: tuple[Slice, ...]
    after: tuple[Slice, ...]


def plan_work(
    tx: Transaction,
    request: Row[Any],
    command: WorkGiven,
    terms: ChargingTerms,
    contracts: Sequence[LoadedContract],
) -> Planned:
    """The entry that a command makes of a service request, charged by `terms` and paid by `contracts`.

    The contracts are those of `load_payers`. Units: whole minutes; instants aware UTC.
    Raises: InvalidInput for time in the future or an entry that is too long; NoRuleSet.
    """
    return plan_split(tx, request, command, charge_work(tx, request, command, terms), terms, contracts)


def charge_work(tx: Transaction, request: Row[Any], command: WorkGiven, terms: ChargingTerms) -> Worked:
    """The length and the chargeable minutes of the entry that a command makes. Raises: as `plan_work`."""
    started_at, ended_at, worked = worked_span(tx, command)
    if not command.billable:
        return Worked(started_at, ended_at, worked, 0, "Not billable")
    weekday, hour = local_clock(started_at, terms.time_zone)
    charge = rules_of(tx, terms).charging.charge(
        ChargingFacts(
            work_type=command.work_type or request.work_type,
            priority=terms.priority,
            role=terms.role,
            channel=terms.channel,
            worked_weekday=weekday,
            worked_hour=hour,
        )
    )
    charged = chargeable_minutes(
        worked, terms.rounding, percent=charge.percent, before_minutes=terms.before_minutes
    )
    return Worked(started_at, ended_at, worked, charged, charge.why)


def plan_split(
    tx: Transaction,
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
        payers, policy = _payers(
            tx, contracts, terms, command.work_type or request.work_type, worked.started_at
        )
        time = TimeWorked(worked.started_at, worked.ended_at, worked.chargeable_minutes)
        slices = tuple(plan_draw_down(time, payers, policy))
    return Planned(
        worked.started_at,
        worked.ended_at,
        worked.worked_minutes,
        worked.chargeable_minutes,
        worked.charge_why,
        terms,
        slices,
        payers,
    )


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
    following: list[str] = []
    if terms.cascade:
        following = CascadeSearch(tx).following(request, terms.contract, terms.rule_set, at)
    return contracts.load([terms.contract, *following])


def _payers(
    tx: Transaction,
    contracts: Sequence[LoadedContract],
    terms: ChargingTerms,
    work_type: str | None,
    at: datetime,
) -> tuple[tuple[Payer, ...], TimeExpired]:
    """The contracts as payers, and what happens to time past their end by the terms at `at`.

    No contract pays for work that the covering one excludes.
    """
    then = [one.terms_at(tx, at) for one in contracts]
    if not then or is_excluded(then[0], terms.role, work_type):
        return (), "ignore"
    payers = tuple(payer_value(one.contract, one.draws, one.drawable_grants) for one in contracts)
    return payers, then[0].time_expired or terms.time_expired

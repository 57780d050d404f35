"""What a work entry will be: its length, its chargeable minutes, and which contracts pay for them.

The engine plans the split from what the grants have left; nothing is written here. A writing transaction
locks the payers, so that the plan still holds when it is posted. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.drawdown import plan_entry
from engine.payers import Payer, Slice
from workflows.charging.charges import (
    ChargedAgain,
    Worked,
    after_charge,
    charge_again,
    charge_work,
    charged_entry,
    worked_span,
)
from workflows.charging.rounding import round_with_others
from workflows.charging.terms import ChargingTerms, contract_terms, item_type_of
from workflows.commands.work import WorkGiven
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.charged_entry import ChargedEntry, entry_to_pay
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.month_rules import read_posted_months, with_months
from workflows.lifecycle.contracts.payers import CascadeSearch, WorkSearched, payer_value
from workflows.views.service_requests import RequiredApproval


@dataclass(frozen=True, slots=True)
class Planned:
    """A work entry as it would be saved, with the split of its chargeable minutes.

    `others` are entries of the same service request that it charges again; `moved` are all other entries that
    the plan draws from elsewhere. `before` are the slices that a stored entry has now. `required` is what the
    customer would have to approve first.
    """

    entry: ChargedEntry
    worked: Worked
    terms: ChargingTerms
    slices: tuple[Slice, ...]
    payers: tuple[Payer, ...]
    others: tuple[ChargedAgain, ...] = ()
    moved: tuple["MovedWork", ...] = ()
    before: tuple[Slice, ...] = ()
    required: RequiredApproval | None = None

    @property
    def moving(self) -> list[ChargedAgain]:
        """The entries charged again that take other minutes than before."""
        return [one for one in self.others if one.terms.draws and not one.takes_alike]


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

    The contracts are those of `load_payers`; the first may have a rounding and a rate card of its own.
    Units: whole minutes; instants aware UTC.
    Raises: InvalidInput for time in the future or an entry that is too long; NoRuleSet.
    """
    terms = contract_terms(terms, contracts[0] if contracts else None)
    started_at, _, minutes = worked_span(tx, command)
    terms, moved = round_with_others(
        tx, request, terms, started_at=started_at, worked_minutes=minutes if command.billable else None
    )
    worked = charge_work(tx, request, command, terms)
    terms = after_charge(terms, worked)
    entry = charged_entry(
        request,
        worked,
        terms,
        recorded_at=tx.now,
        work_type=command.work_type,
        held=tx.settings.work_approval,
    )
    usable = contracts if terms.cascade or terms.passes_on else contracts[:1]
    payers, slices = _plan_split(tx, entry, usable) if terms.draws else ((), ())
    others = tuple(charge_again(tx, row, of_row) for row, of_row in moved)
    return Planned(entry, worked, terms, slices, payers, others)


def _plan_split(
    tx: Transaction, entry: ChargedEntry, contracts: Sequence[LoadedContract]
) -> tuple[tuple[Payer, ...], tuple[Slice, ...]]:
    """Those of the contracts that may pay for an entry, and its slices, if nothing comes after it."""
    for one in contracts[:1]:
        one.group.read_drawable_grants(entry.worked_from, entry.worked_until, entry.chargeable_minutes)
    covering = contracts[0].terms_at(tx, entry.worked_from) if contracts else None
    scopes = [grant.scope for one in contracts for grant in one.drawable_grants if grant.scope is not None]
    if scopes and entry.item_type is None:
        entry = replace(entry, item_type=item_type_of(tx, entry.item_id))
    chain = tuple(one.id for one in contracts)
    to_pay = entry_to_pay(entry, chain, "", covering, with_facts=bool(scopes))
    usable = contracts if to_pay.payers else ()
    posted = read_posted_months(tx, usable)
    payers = {
        one.id: with_months(payer_value(one.contract, one.draws, one.drawable_grants), one, posted)
        for one in usable
    }
    return tuple(payers.values()), tuple(plan_entry(to_pay, payers))


def load_payers(
    tx: Transaction,
    request: Row[Any],
    terms: ChargingTerms,
    at: datetime,
    work_type: str | None,
    contracts: LoadedContracts,
) -> list[LoadedContract]:
    """The contract that covered the request at `at` (aware UTC), and those that follow if these may pay, too.

    `work_type` is that of the work. Locked where the transaction writes.
    """
    if terms.contract is None:
        return []
    following: list[str] = []
    if terms.cascade or terms.passes_on:
        work = WorkSearched(terms.role, work_type, terms.priority, terms.channel, terms.parties)
        following = CascadeSearch(tx).following(request, terms.contract, terms.rule_set, at, work)
    return contracts.load([terms.contract, *following])

"""What a change of work, grants or dates touches: the work entries and contracts that it connects.

Entries connect the contracts that may pay them: the covering one, those that cascade finds, and with carried
minutes all of their holders. Source: product.md sections 7 and 8.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from engine.contracts import Holder
from engine.payers import NEVER
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.amendments import is_held_since
from workflows.lifecycle.contracts.charged_entry import ChargedEntry
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.payers import CascadeSearch, WorkSearched
from workflows.lifecycle.contracts.redraw_reading import (
    allocations_of,
    entries_by_id,
    entries_drawn,
    entries_that_cascade,
    first_entry_over,
)
from workflows.store import tables as t

c = t.contract


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a grant is to lose, in its unit (above zero), for all of its time; posted as of an instant."""

    contract: str
    grant: str
    quantity: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """What has changed: work entries and contracts by id, and the earliest instant touched (aware UTC).

    `moves_boundaries`: a contract or grant begins or ends elsewhere than before, so that work over that
    instant is divided anew. `cause` names the record that changed, as in the ledger. `previewed` are entries
    as they would be, in place of those stored under their ids. `rejected` are those of `entries` that draw
    nothing because they were rejected: the ledger says so. `withdrawal` is posted with what differs: before
    work gives back what it has drawn of the grant, there may be too little.
    """

    since: datetime
    cause: str
    contracts: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    moves_boundaries: bool = False
    previewed: tuple[ChargedEntry, ...] = ()
    rejected: frozenset[str] = frozenset()
    withdrawal: Withdrawal | None = None

    @property
    def entry_ids(self) -> set[str]:
        """The entries that have changed or would change."""
        return {*self.entries, *(one.entry_id for one in self.previewed)}


def changed_since(contract_id: str, at: datetime, *, entries: frozenset[str] = frozenset()) -> Change:
    """The change of a contract that has other terms, dates or grants than before from `at` (aware UTC) on."""
    cause = f"contract:{contract_id}"
    return Change(at, cause, frozenset({contract_id}), entries=entries, moves_boundaries=True)


@dataclass(slots=True)
class Connected:
    """The contracts and entries that a change connects, from an instant on."""

    since: datetime
    contracts: set[str]
    entries: dict[str, Any] = field(default_factory=dict)
    payers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    carriers: set[Holder] = field(default_factory=set)
    with_carried: bool = False


def lock_connected(
    tx: Transaction, change: Change, contracts: LoadedContracts, *, with_carried: bool = False
) -> Connected:
    """What a change connects; a writing transaction locks the contracts.

    What connects them is read again under the locks, until it no longer grows.
    """
    since = change.since
    found = _connect(tx, change, contracts, since, with_carried=with_carried)
    while True:
        touched_since = _months_touched(tx, change, contracts.load(sorted(found.contracts)))
        if touched_since < found.since:
            since = touched_since
            found = _connect(tx, change, contracts, since, with_carried=with_carried)
            continue
        if not tx.writes:
            return found
        again = _connect(tx, change, contracts, since, with_carried=with_carried)
        if again.contracts <= found.contracts:
            return again
        found = again


def _connect(
    tx: Transaction,
    change: Change,
    contracts: LoadedContracts,
    since: datetime,
    *,
    with_carried: bool = False,
) -> Connected:
    """The entries since the change's instant, or an earlier one, and the contracts that they connect."""
    found = Connected(since, set(change.contracts), with_carried=with_carried)
    search = CascadeSearch(tx)
    if change.moves_boundaries and found.contracts:
        found.since = min(found.since, first_entry_over(tx, found.contracts, change.since) or found.since)
    if change.moves_boundaries and with_carried:
        found.since = min(found.since, *_months_that_minutes_await(contracts.load(sorted(change.contracts))))
    _add(found, change.previewed, search)
    _add(found, entries_by_id(tx, sorted(change.entries)), search)
    for one in allocations_of(tx, sorted(change.entry_ids)):
        if one.posted.slice.contract is not None:
            found.contracts.add(one.posted.slice.contract)
        if one.carrier is not None:
            found.carriers.add(Holder.of_key(one.carrier))
    known = None
    while known != (found.contracts, found.since):
        known = set(found.contracts), found.since
        if with_carried:
            _add_holders(tx, found, contracts)
        _add(found, entries_drawn(tx, found.contracts, found.since), search)
        _add_cascading(tx, found, search, contracts)
    return found


def _months_that_minutes_await(loaded: Iterable[LoadedContract]) -> list[datetime]:
    """The starts of contracts by the month: whether minutes wait for later months depends on their end."""
    starts = [one.contract.window.start for one in loaded if one.monthly_minutes is not None]
    return starts or [NEVER]


def _months_touched(tx: Transaction, change: Change, loaded: Iterable[LoadedContract]) -> datetime:
    """From when on months keep or lend otherwise than is posted.

    A rest that is due may not be retained yet. Whether a month lends depends on the contract's end.
    """
    found = NEVER
    for one in loaded:
        due_at = one.next_due_at
        if one.carry_over is not None and due_at is not None and due_at <= tx.now:
            found = min(found, due_at)
        if one.borrow is not None and change.moves_boundaries and one.id in change.contracts:
            found = min(found, one.contract.window.start)
    return found


def _add(found: Connected, rows: Iterable[Any], search: CascadeSearch) -> None:
    """Add entries with everyone who may pay them."""
    entries, all_payers, contracts = found.entries, found.payers, found.contracts
    for row in rows:
        entry, terms = row.entry_id, row.charged_by
        # entries of older programs have no terms stored with them: what they drew stays
        if entry not in entries and terms and terms["draws"]:
            entries[entry] = row
            all_payers[entry] = payers = _payers_of(row, search)
            contracts.update(payers)


def _add_cascading(
    tx: Transaction, found: Connected, search: CascadeSearch, contracts: LoadedContracts
) -> None:
    """Add the entries that cascade may take to the contracts, even where these had nothing left for them."""
    cascades = any(
        row.charged_by["cascade"] or row.charged_by.get("passes_on") for row in found.entries.values()
    )
    if not cascades and not tx.settings.cascade and not tx.rules.charging.passes_on:
        return
    holders = holders_of(tx, contracts.load(sorted(found.contracts)), found.since)
    for row in entries_that_cascade(tx, holders, found.since):
        payers = found.payers.get(row.entry_id) or _payers_of(row, search)
        if found.contracts.intersection(payers):
            _add(found, [row], search)


def _payers_of(row: Any, search: CascadeSearch) -> tuple[str, ...]:
    """The ids of the contracts that may pay an entry, by the terms stored with it, in order."""
    terms = row.charged_by
    if terms["contract"] is None:
        return ()
    covering = terms["contract"]
    if not terms["cascade"] and not terms.get("passes_on"):
        return (covering,)
    parties = terms.get("parties")
    work = WorkSearched(terms["role"], row.worked_type, terms["priority"], terms["channel"], parties)
    return (covering, *search.following(row, covering, terms["rule_set"], row.worked_from, work))


def _add_holders(tx: Transaction, found: Connected, contracts: LoadedContracts) -> None:
    """Add all contracts that the holders have or had since then, unless they had ended, and were settled."""
    loaded = contracts.load(sorted(found.contracts))
    holders = {one for one in holders_of(tx, loaded, found.since) if one.kind != "service_request"}
    customers = {
        row.customer_id
        for row in found.entries.values()
        if _is_held_by_request(contracts, row.charged_by["contract"])
    }
    holders |= {Holder("customer", customer) for customer in customers} | found.carriers
    if not holders:
        return
    theirs = is_held_since(holders, found.since)
    ends = (c.c.expires_at, c.c.cancelled_at, c.c.ended_at)
    in_force = and_(*(or_(end.is_(None), end > found.since) for end in ends))
    is_due = c.c.next_due_at <= tx.now
    for row in tx.connection.execute(select(c.c.id, c.c.next_due_at).where(theirs, or_(in_force, is_due))):
        found.contracts.add(row.id)
        # what is due of them and has not been done yet may draw carried minutes, too
        if row.next_due_at is not None and row.next_due_at <= tx.now:
            found.since = min(found.since, row.next_due_at)


def holders_of(tx: Transaction, loaded: Iterable[LoadedContract], since: datetime) -> set[Holder]:
    """The holders of contracts, those included who held them after an instant."""
    return {holder for one in loaded for holder in one.holders_since(tx, since)}


def _is_held_by_request(contracts: LoadedContracts, contract_id: str | None) -> bool:
    return contract_id is not None and contracts[contract_id].contract.holder.kind == "service_request"

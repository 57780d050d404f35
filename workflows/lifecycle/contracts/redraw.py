"""Drawing again what a change touches: the plan of all connected work, and its difference to what is posted.

A change is stored first: a work entry, a grant, a contract's dates. Then `redraw` reads the work entries from
the earliest instant that the change touches, over all contracts that these connect by cascade or carried
minutes, locks those contracts in the order of their ids, plans them with the engine, and posts what differs.
The result is the same in whatever order the changes arrive. Source: product.md sections 7 and 8.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from engine.contracts import Holder
from engine.drawdown import (
    BEGINNING,
    NEVER,
    Carried,
    CarriedDraw,
    Difference,
    DrawDownPlan,
    EntryToPay,
    Payer,
    difference,
    plan_entries,
)
from workflows.core.transaction import Transaction
from workflows.ledger.journal import carried_by_holder
from workflows.lifecycle.contracts.allocations import (
    SliceToPost,
    carrier_of,
    post_carried_draw,
    post_slices,
    restore_expired,
    reverse_posted,
)
from workflows.lifecycle.contracts.amendments import is_held_since
from workflows.lifecycle.contracts.charged_entry import ChargedEntry, entry_to_pay
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.monthly_grants import allocate_months
from workflows.lifecycle.contracts.payers import CascadeSearch, payer_value, valid_from
from workflows.lifecycle.contracts.redraw_reading import (
    PostedAllocation,
    PostedDraw,
    allocations_of,
    carried_amounts,
    carried_draws_of,
    carried_draws_of_holders,
    entries_by_id,
    entries_drawn,
    entries_that_cascade,
    first_entry_over,
    has_carried_since,
)
from workflows.store import tables as t

c = t.contract


@dataclass(frozen=True, slots=True)
class Change:
    """What has changed: work entries and contracts by id, and the earliest instant touched (aware UTC).

    `moves_boundaries`: a contract or grant begins or ends elsewhere than before, so that work over that
    instant is divided anew. `cause` names the record that changed, as in the ledger. `previewed` are entries
    as they would be, in place of those stored under their ids.
    """

    since: datetime
    cause: str
    contracts: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    moves_boundaries: bool = False
    previewed: tuple[ChargedEntry, ...] = ()

    @property
    def entry_ids(self) -> set[str]:
        """The entries that have changed or would change."""
        return {*self.entries, *(one.entry_id for one in self.previewed)}


def changed_since(contract_id: str, at: datetime, *, entries: frozenset[str] = frozenset()) -> Change:
    """The change of a contract that has other terms, dates or grants than before from `at` (aware UTC) on."""
    cause = f"contract:{contract_id}"
    return Change(at, cause, frozenset({contract_id}), entries=entries, moves_boundaries=True)


@dataclass(slots=True)
class _Connected:
    """The contracts and entries that a change connects, from an instant on."""

    since: datetime
    contracts: set[str]
    entries: dict[str, Any] = field(default_factory=dict)
    payers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    with_carried: bool = False


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A plan of connected work with what is posted for it, and the difference between the two."""

    entries: dict[str, Any]
    carriers: dict[str, str]
    plan: DrawDownPlan
    slices: Difference
    allocations: list[PostedAllocation]
    draws_to_reverse: list[PostedDraw]
    draws_to_post: list[CarriedDraw]

    @property
    def is_posted(self) -> bool:
        """Whether everything is posted as it is planned."""
        changes = (self.slices.to_reverse, self.slices.to_post, self.draws_to_reverse, self.draws_to_post)
        return not any(changes)


def redraw(tx: Transaction, change: Change, contracts: LoadedContracts) -> set[str]:
    """Plan what a change touches and post the difference. Returns the ids of contracts with other balances.

    Their states are the caller's to bring up to date. Source: product.md section 7.
    """
    redrawn = plan_redraw(tx, change, contracts)
    if redrawn.is_posted:
        return set()
    by_id = {one.posted.id: one for one in redrawn.allocations}
    to_reverse = [by_id[one.id] for one in redrawn.slices.to_reverse]
    to_post = [
        SliceToPost(entry, redrawn.entries[entry], redrawn.carriers[entry], piece)
        for entry, piece in redrawn.slices.to_post
    ]
    _post_in_order(tx, to_reverse, to_post, redrawn, contracts, cause=change.cause)
    touched = _touched(redrawn)
    for contract_id in sorted(touched):
        contracts[contract_id].expire(tx, tx.now)
    return touched


def _post_in_order(
    tx: Transaction,
    to_reverse: Sequence[PostedAllocation],
    to_post: Sequence[SliceToPost],
    redrawn: Redrawn,
    contracts: LoadedContracts,
    *,
    cause: str,
) -> None:
    """Post a difference so that no stored balance is below zero in between.

    What grants get back comes before what they give, and new carried minutes before the old ones go: a draw
    of carried minutes that stays needs one or the other.
    """
    from_grants = [one for one in to_reverse if one.posted.slice.kind == "grant"]
    others = [one for one in to_reverse if one.posted.slice.kind != "grant"]
    carried = [one for one in to_post if one.slice.kind == "carried"]
    drawn = [one for one in to_post if one.slice.kind != "carried"]
    reverse_posted(tx, from_grants, redrawn.draws_to_reverse, contracts, cause=cause)
    post_slices(tx, carried, contracts)
    reverse_posted(tx, others, (), contracts, cause=cause)
    restore_expired(tx, (one.slice for one in drawn), redrawn.draws_to_post, contracts, cause=cause)
    post_slices(tx, drawn, contracts)
    for draw in redrawn.draws_to_post:
        post_carried_draw(tx, draw, contracts)


def plan_redraw(tx: Transaction, change: Change, contracts: LoadedContracts) -> Redrawn:
    """The plan of what a change touches, and its difference to what is posted; dry where not writing."""
    connected = _locked(tx, change, contracts)
    redrawn = _plan(tx, connected, change, contracts)
    if connected.with_carried or not _carries(tx, redrawn, connected, contracts):
        return redrawn
    # what is carried goes to any contract of the holder
    return plan_redraw_with_carried(tx, change, contracts)


def plan_redraw_with_carried(tx: Transaction, change: Change, contracts: LoadedContracts) -> Redrawn:
    """The same over all contracts of the holders, who draw what these carry."""
    return _plan(tx, _locked(tx, change, contracts, with_carried=True), change, contracts)


# ------------------------------------------------------------------ what is connected


def _locked(
    tx: Transaction, change: Change, contracts: LoadedContracts, *, with_carried: bool = False
) -> _Connected:
    """What a change connects; a writing transaction locks the contracts.

    What connects them is read again under the locks, until it no longer grows.
    """
    found = _connect(tx, change, contracts, with_carried=with_carried)
    while True:
        contracts.load(sorted(found.contracts))
        if not tx.writes:
            return found
        again = _connect(tx, change, contracts, with_carried=with_carried)
        if again.contracts <= found.contracts:
            return again
        found = again


def _connect(
    tx: Transaction, change: Change, contracts: LoadedContracts, *, with_carried: bool = False
) -> _Connected:
    """The entries since the change's instant, and the contracts that they connect."""
    found = _Connected(change.since, set(change.contracts), with_carried=with_carried)
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


def _add(found: _Connected, rows: Iterable[Any], search: CascadeSearch) -> None:
    """Add entries with everyone who may pay them."""
    for row in rows:
        # entries of older programs have no terms stored with them: what they drew stays
        if row.entry_id not in found.entries and row.charged_by and row.charged_by["draws"]:
            found.entries[row.entry_id] = row
            found.payers[row.entry_id] = _payers_of(row, search)
            found.contracts.update(found.payers[row.entry_id])


def _add_cascading(
    tx: Transaction, found: _Connected, search: CascadeSearch, contracts: LoadedContracts
) -> None:
    """Add the entries that cascade may take to the contracts, even where these had nothing left for them."""
    cascades = any(
        row.charged_by["cascade"] or row.charged_by.get("passes_on") for row in found.entries.values()
    )
    if not cascades and not tx.settings.cascade and not tx.rules.charging.passes_on:
        return
    holders = _holders_of(tx, contracts.load(sorted(found.contracts)), found.since)
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
    return (covering, *search.following(row, covering, terms["rule_set"], row.worked_from))


def _add_holders(tx: Transaction, found: _Connected, contracts: LoadedContracts) -> None:
    """Add all contracts that the holders have or had since then, unless they had ended, and were settled."""
    loaded = contracts.load(sorted(found.contracts))
    holders = {one for one in _holders_of(tx, loaded, found.since) if one.kind != "service_request"}
    customers = {
        row.customer_id
        for row in found.entries.values()
        if _is_held_by_request(contracts, row.charged_by["contract"])
    }
    holders |= {Holder("customer", customer) for customer in customers}
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


def _holders_of(tx: Transaction, loaded: Iterable[LoadedContract], since: datetime) -> set[Holder]:
    """The holders of contracts, those included who held them after an instant."""
    return {holder for one in loaded for holder in one.holders_since(tx, since)}


def _is_held_by_request(contracts: LoadedContracts, contract_id: str | None) -> bool:
    return contract_id is not None and contracts[contract_id].contract.holder.kind == "service_request"


# ------------------------------------------------------------------ the plan


def _plan(tx: Transaction, found: _Connected, change: Change, contracts: LoadedContracts) -> Redrawn:
    loaded = contracts.load(sorted(found.contracts))
    if found.with_carried and tx.writes:
        _grant_months_due(tx, loaded)
    posted = allocations_of(tx, sorted({*found.entries, *change.entry_ids}))
    draws = carried_draws_of(tx, found.contracts, found.since)
    given_back = _minutes_by_grant(posted, draws)
    payers = {one.id: _payer(tx, one, given_back) for one in loaded}
    carriers = {
        entry: _carrier(tx, found.entries[entry], chain, contracts) if chain else ""
        for entry, chain in found.payers.items()
    }
    carried, drawn = _carried_before(tx, found, posted, draws, payers)
    plan = plan_entries(
        [
            _entry_to_pay(tx, row, found.payers[entry], carriers[entry], contracts)
            for entry, row in found.entries.items()
        ],
        payers,
        since=found.since,
        until=tx.now,
        carried=carried,
        drawn=drawn,
    )
    planned_draws = {_as_set(one): one for one in plan.carried_draws}
    posted_draws = {_as_set(one.draw): one for one in draws}
    return Redrawn(
        found.entries,
        carriers,
        plan,
        _difference(plan, posted, carriers),
        posted,
        [one for key, one in posted_draws.items() if key not in planned_draws],
        [one for key, one in planned_draws.items() if key not in posted_draws],
    )


def _difference(
    plan: DrawDownPlan, posted: Sequence[PostedAllocation], carriers: Mapping[str, str]
) -> Difference:
    """What differs in the slices; carried minutes of another holder than planned differ, too."""
    moves = [one.posted for one in posted if one.carrier not in (None, carriers.get(one.posted.entry))]
    ids = {one.id for one in moves}
    found = difference(plan.slices, [one.posted for one in posted if one.posted.id not in ids])
    return Difference([*found.to_reverse, *moves], found.to_post)


def _grant_months_due(tx: Transaction, loaded: Iterable[LoadedContract]) -> None:
    """Grant the months of contracts that have begun, where no job has made them active yet."""
    for one in loaded:
        began_at = valid_from(one.contract)
        if one.activated_at is None and began_at is not None and began_at <= tx.now:
            allocate_months(tx, one)
            one.change(tx, activated_at=began_at)


def _payer(tx: Transaction, loaded: LoadedContract, given_back: dict[str, int]) -> Payer:
    """A contract as it was before the entries to plan: with what is posted for them given back."""
    payer = payer_value(
        loaded.contract,
        loaded.draws,
        loaded.grants,
        by_month=loaded.monthly_minutes is not None,
        past_holders=loaded.past_holders(tx),
    )
    grants = tuple(
        replace(grant, available=grant.available + given_back.get(grant.id, 0)) for grant in payer.grants
    )
    return replace(payer, grants=grants)


def _carrier(tx: Transaction, row: Any, chain: tuple[str, ...], contracts: LoadedContracts) -> str:
    """The key of the holder who carries what an entry's payers lack, as of the instant worked."""
    return carrier_of(contracts[chain[0]].terms_at(tx, row.worked_from), row.customer_id)


def _entry_to_pay(
    tx: Transaction, row: Any, chain: tuple[str, ...], carrier: str, contracts: LoadedContracts
) -> EntryToPay:
    """An entry with its payers, by the terms of the covering contract as of the instant worked."""
    covering = contracts[chain[0]].terms_at(tx, row.worked_from) if chain else None
    return entry_to_pay(row, chain, carrier, covering)


def _minutes_by_grant(posted: Iterable[PostedAllocation], draws: Iterable[PostedDraw]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in posted:
        if one.posted.slice.grant is not None:
            grant_id = one.posted.slice.grant
            sums[grant_id] = sums.get(grant_id, 0) + one.posted.slice.minutes
    for draw in draws:
        for grant_id, minutes in draw.draw.grants:
            sums[grant_id] = sums.get(grant_id, 0) + minutes
    return sums


# ------------------------------------------------------------------ carried minutes


def _carries(tx: Transaction, redrawn: Redrawn, found: _Connected, contracts: LoadedContracts) -> bool:
    """Whether minutes are, were or would be carried by anyone whom the change concerns."""
    if any(one.carrier is not None for one in redrawn.allocations) or redrawn.draws_to_reverse:
        return True
    if any(piece.kind == "carried" for slices in redrawn.plan.slices.values() for piece in slices):
        return True
    held = _holders_of(tx, (contracts[one] for one in found.contracts), found.since)
    holders = {one.key for one in held} | set(redrawn.carriers.values())
    if any(carried_by_holder(tx, holders - {""}).values()):
        return True
    # what another contract has drawn since then, this one may have to draw before it
    return has_carried_since(tx, holders, found.since)


def _carried_before(
    tx: Transaction,
    found: _Connected,
    posted: Sequence[PostedAllocation],
    draws: Sequence[PostedDraw],
    payers: dict[str, Payer],
) -> tuple[list[Carried], list[CarriedDraw]]:
    """What is carried by other entries than those to plan, and what was drawn of it before.

    It matters which contract ran out only where one by the month is among the holders'; for others the sum
    of what was left at `since` is enough.
    """
    if not found.with_carried:
        return [], []
    holders = {one.holder.key for one in payers.values()}
    holders |= {past.key for one in payers.values() for _, past in one.past_holders}
    holders |= {one.carrier for one in posted if one.carrier is not None}
    ids = {one.posted.entry for one in posted}
    if any(one.by_month for one in payers.values()):
        amounts = carried_amounts(tx, holders, without=ids, since=None)
        return amounts, [one.draw for one in carried_draws_of_holders(tx, holders, found.since)]
    amounts = carried_amounts(tx, holders, without=ids, since=found.since)
    sums = carried_by_holder(tx, holders)
    for draw in draws:
        sums[draw.draw.holder] = sums.get(draw.draw.holder, 0) + draw.draw.minutes
    for one in posted:
        if one.carrier is not None:
            sums[one.carrier] = sums.get(one.carrier, 0) - one.posted.slice.minutes
    for amount in amounts:
        sums[amount.holder] -= amount.minutes
    before = [Carried(holder, None, minutes, BEGINNING) for holder, minutes in sums.items() if minutes > 0]
    return [*before, *amounts], []


# ------------------------------------------------------------------ helpers


def _as_set(draw: CarriedDraw) -> tuple[Any, ...]:
    """A draw of carried minutes, whatever the order of its grants."""
    return (*draw[:4], frozenset(draw.grants))


def _touched(redrawn: Redrawn) -> set[str]:
    slices = [one.slice for one in redrawn.slices.to_reverse] + [piece for _, piece in redrawn.slices.to_post]
    draws = [one.draw for one in redrawn.draws_to_reverse] + redrawn.draws_to_post
    return {one.contract for one in slices if one.contract is not None} | {one.contract for one in draws}

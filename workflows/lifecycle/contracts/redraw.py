"""Drawing again what a change touches: the plan of all connected work, and its difference to what is posted.

A change is stored first: a work entry, a grant, a contract's dates. Then `redraw` reads the work entries from
the earliest instant that the change touches, over all contracts that these connect by cascade or carried
minutes, locks those contracts in the order of their ids, plans them with the engine, and posts what differs.
The result is the same in whatever order the changes arrive. Source: product.md sections 7 and 8.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.draw_down_difference import Difference, difference
from engine.drawdown import plan_entries
from engine.payers import BEGINNING, Carried, CarriedDraw, DrawDownPlan, EntryToPay, Payer, Slice
from workflows.core.errors import Conflict
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.ledger.journal import carried_by_holder
from workflows.lifecycle.contracts.allocations import (
    SliceToPost,
    carrier_of,
    post_carried_draw,
    post_slices,
    post_withdrawal,
    restore_expired,
    reverse_posted,
    settle_held,
)
from workflows.lifecycle.contracts.charged_entry import entry_to_pay
from workflows.lifecycle.contracts.connected_work import Change, Connected, holders_of, lock_connected
from workflows.lifecycle.contracts.loaded import DrawnEntry, LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.month_rules import (
    PostedMonths,
    RestChange,
    ends_of_posted_months,
    post_rest_changes,
    read_posted_months,
    rest_changes,
    with_months,
)
from workflows.lifecycle.contracts.monthly_grants import allocate_months
from workflows.lifecycle.contracts.payers import payer_value, valid_from
from workflows.lifecycle.contracts.redraw_reading import (
    PostedAllocation,
    PostedDraw,
    allocations_of,
    carried_amounts,
    carried_draws_of,
    carried_draws_of_holders,
    has_carried_since,
    has_held_carried,
)


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
    rests: list[RestChange]

    @property
    def is_posted(self) -> bool:
        """Whether everything is posted as it is planned."""
        slices = self.slices
        changes = (slices.to_reverse, slices.to_post, slices.to_settle, self.rests)
        return not any((*changes, self.draws_to_reverse, self.draws_to_post))


def redraw(tx: Transaction, change: Change, contracts: LoadedContracts) -> set[str]:
    """Plan what a change touches and post the difference. Returns the ids of contracts with other balances.

    Their states are the caller's to bring up to date. Source: product.md section 7.
    """
    redrawn = plan_redraw(tx, change, contracts)
    if contracts.guarded:
        contracts.drawn += drawn_entries(redrawn, change)
    if redrawn.is_posted and change.withdrawal is None:
        return set()
    by_id = {one.posted.id: one for one in redrawn.allocations}
    to_reverse = [by_id[one.id] for one in redrawn.slices.to_reverse]
    to_post = [
        SliceToPost(entry, redrawn.entries[entry], redrawn.carriers[entry], piece)
        for entry, piece in redrawn.slices.to_post
    ]
    settle_held(tx, [by_id[one.id] for one in redrawn.slices.to_settle], contracts)
    _post_in_order(tx, to_reverse, to_post, redrawn, contracts, change)
    touched = _touched(redrawn)
    if change.withdrawal is not None:
        touched.add(change.withdrawal.contract)
    for contract_id in sorted(touched):
        contracts[contract_id].expire(tx, tx.now)
    return touched


def drawn_entries(redrawn: Redrawn, change: Change) -> list[DrawnEntry]:
    """The entries that a change is about, and others whose slices differ from what is posted."""
    before: dict[str, list[Slice]] = {}
    for one in redrawn.allocations:
        before.setdefault(one.posted.entry, []).append(one.posted.slice)
    slices = redrawn.slices
    changed = {one.entry for one in slices.to_reverse} | {entry for entry, _ in slices.to_post}
    changed |= set(change.entry_ids)
    return [
        DrawnEntry(one, redrawn.entries.get(one), before.get(one, ()), list(redrawn.plan.slices.get(one, ())))
        for one in sorted(changed)
    ]


def _post_in_order(
    tx: Transaction,
    to_reverse: Sequence[PostedAllocation],
    to_post: Sequence[SliceToPost],
    redrawn: Redrawn,
    contracts: LoadedContracts,
    change: Change,
) -> None:
    """Post a difference so that no stored balance is below zero in between.

    What grants get back comes before what they lose and give, and new carried minutes before the old ones
    go: a draw of carried minutes that stays needs one or the other.
    """
    from_grants = [one for one in to_reverse if one.posted.slice.kind == "grant"]
    others = [one for one in to_reverse if one.posted.slice.kind != "grant"]
    carried = [one for one in to_post if one.slice.kind == "carried"]
    drawn = [one for one in to_post if one.slice.kind != "carried"]
    cause, rejected = change.cause, change.rejected
    reverse_posted(tx, from_grants, redrawn.draws_to_reverse, contracts, cause=cause, rejected=rejected)
    post_rest_changes(tx, redrawn.rests, contracts, cause=cause)
    if change.withdrawal is not None:
        post_withdrawal(tx, change.withdrawal, contracts, cause=cause)
    post_slices(tx, carried, contracts)
    reverse_posted(tx, others, (), contracts, cause=cause, rejected=rejected)
    restore_expired(tx, (one.slice for one in drawn), redrawn.draws_to_post, contracts, cause=cause)
    post_slices(tx, drawn, contracts)
    for draw in redrawn.draws_to_post:
        post_carried_draw(tx, draw, contracts)


def plan_redraw(tx: Transaction, change: Change, contracts: LoadedContracts) -> Redrawn:
    """The plan of what a change touches, and its difference to what is posted; dry where not writing."""
    connected = lock_connected(tx, change, contracts)
    redrawn = _plan(tx, connected, change, contracts)
    if connected.with_carried or not _carries(tx, redrawn, connected, contracts):
        return redrawn
    # what is carried goes to any contract of the holder
    return plan_redraw_with_carried(tx, change, contracts)


def plan_redraw_with_carried(tx: Transaction, change: Change, contracts: LoadedContracts) -> Redrawn:
    """The same over all contracts of the holders, who draw what these carry."""
    return _plan(tx, lock_connected(tx, change, contracts, with_carried=True), change, contracts)


# ------------------------------------------------------------------ the plan


def _plan(tx: Transaction, found: Connected, change: Change, contracts: LoadedContracts) -> Redrawn:
    loaded = contracts.load(sorted(found.contracts))
    if found.with_carried and tx.writes:
        _grant_months_due(tx, loaded)
    posted = allocations_of(tx, sorted({*found.entries, *change.entry_ids}))
    draws = carried_draws_of(tx, found.contracts, found.since)
    given_back = _drawn_by_grant(posted, draws)
    if change.withdrawal is not None:
        taken = change.withdrawal
        given_back[taken.grant] = given_back.get(taken.grant, 0) - taken.quantity
    posted_months = read_posted_months(tx, loaded)
    slices = [one.posted.slice for one in posted]
    payers = {
        one.id: with_months(
            _payer(tx, one, given_back), one, posted_months, since=found.since, given_back=slices
        )
        for one in loaded
    }
    _refuse_too_much(payers, change)
    carried, drawn = _carried_before(tx, found, posted, draws, payers)
    scoped = any(grant.scope is not None for payer in payers.values() for grant in payer.grants)
    entries = [
        _entry_to_pay(tx, row, found.payers[entry], contracts, with_facts=scoped)
        for entry, row in found.entries.items()
    ]
    carriers = {one.id: one.carrier for one in entries}
    plan = plan_entries(
        entries,
        payers,
        since=found.since,
        until=_acted_until(tx, draws, loaded, posted_months),
        carried=carried,
        drawn=drawn,
    )
    planned_draws = {_as_set(one): one for one in plan.carried_draws}
    posted_draws = {_as_set(one.draw): one for one in draws}
    return Redrawn(
        found.entries,
        carriers,
        plan,
        _difference(plan, posted, carriers, found.entries),
        posted,
        [one for key, one in posted_draws.items() if key not in planned_draws],
        [one for key, one in planned_draws.items() if key not in posted_draws],
        rest_changes(plan.rests, payers.values(), loaded, posted_months, found.since),
    )


def _acted_until(
    tx: Transaction, draws: Iterable[PostedDraw], loaded: Iterable[LoadedContract], posted: PostedMonths
) -> datetime:
    """The latest instant whose draws and rests count: now, or a later one at which others have acted already.

    A transaction that began earlier may get its locks later, and the clocks of two machines differ: what was
    posted as of an instant that it has not reached yet has come about all the same.
    """
    return max([tx.now, *(one.draw.drawn_at for one in draws), *ends_of_posted_months(loaded, posted)])


def _difference(
    plan: DrawDownPlan,
    posted: Sequence[PostedAllocation],
    carriers: Mapping[str, str],
    entries: Mapping[str, Any],
) -> Difference:
    """What differs in the slices.

    Minutes that another holder carries than planned differ, too, and so do postings that name another service
    request than the one that the entry belongs to.
    """
    requests = {entry: row.id for entry, row in entries.items()}
    moves = [
        one.posted
        for one in posted
        if one.carrier not in (None, carriers.get(one.posted.entry))
        or one.service_request not in (None, requests.get(one.posted.entry))
    ]
    ids = {one.id for one in moves}
    found = difference(plan.slices.rows, [one.posted for one in posted if one.posted.id not in ids])
    return Difference([*found.to_reverse, *moves], found.to_post, found.to_settle)


def _grant_months_due(tx: Transaction, loaded: Iterable[LoadedContract]) -> None:
    """Grant the months of contracts that have begun, where no job has made them active yet."""
    for one in loaded:
        began_at = valid_from(one.contract)
        if one.activated_at is None and began_at is not None and began_at <= tx.now:
            allocate_months(tx, one)
            one.change(tx, activated_at=began_at)


def _payer(tx: Transaction, loaded: LoadedContract, given_back: dict[str, int]) -> Payer:
    """A contract as it was before the entries to plan: with what is posted for them given back."""
    return payer_value(
        loaded.contract,
        loaded.draws,
        loaded.grants,
        by_month=loaded.monthly_minutes is not None,
        past_holders=loaded.past_holders(tx),
        given_back=given_back,
    )


def _entry_to_pay(
    tx: Transaction, row: Any, chain: tuple[str, ...], contracts: LoadedContracts, *, with_facts: bool
) -> EntryToPay:
    """An entry with its payers and who carries what they lack, by the terms as of the instant worked."""
    if not chain:
        return entry_to_pay(row, chain, "", None, with_facts=with_facts)
    covering = contracts[chain[0]].terms_at(tx, row.worked_from)
    return entry_to_pay(row, chain, carrier_of(covering, row.customer_id), covering, with_facts=with_facts)


def _drawn_by_grant(posted: Iterable[PostedAllocation], draws: Iterable[PostedDraw]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in posted:
        if one.posted.slice.grant is not None:
            grant_id = one.posted.slice.grant
            sums[grant_id] = sums.get(grant_id, 0) + one.posted.slice.drawn
    for draw in draws:
        for grant_id, minutes in draw.draw.grants:
            sums[grant_id] = sums.get(grant_id, 0) + minutes
    return sums


# ------------------------------------------------------------------ carried minutes


def _carries(tx: Transaction, redrawn: Redrawn, found: Connected, contracts: LoadedContracts) -> bool:
    """Whether minutes are, were or would be carried by anyone whom the change concerns."""
    if any(one.carrier is not None for one in redrawn.allocations) or redrawn.draws_to_reverse:
        return True
    if redrawn.plan.slices.has("carried"):
        return True
    held = holders_of(tx, (contracts[one] for one in found.contracts), found.since)
    holders = {one.key for one in held} | set(redrawn.carriers.values())
    if any(carried_by_holder(tx, holders - {""}).values()):
        return True
    # what another contract has drawn since then, this one may have to draw before it
    return has_carried_since(tx, holders, found.since)


def _carried_before(
    tx: Transaction,
    found: Connected,
    posted: Sequence[PostedAllocation],
    draws: Sequence[PostedDraw],
    payers: dict[str, Payer],
) -> tuple[list[Carried], list[CarriedDraw]]:
    """What is carried by other entries than those to plan, and what was drawn of it before.

    It matters which contract ran out only where one by the month is among the holders', and which entry only
    where one awaits approval; for others the sum of what was left at `since` is enough.
    """
    if not found.with_carried:
        return [], []
    holders = {one.holder.key for one in payers.values()}
    holders |= {past.key for one in payers.values() for _, past in one.past_holders}
    holders |= {one.carrier for one in posted if one.carrier is not None}
    ids = {one.posted.entry for one in posted}
    # also the first that awaits approval, which is planned only now
    by_entry = any(row.held for row in found.entries.values()) or has_held_carried(tx, holders)
    if by_entry or any(one.by_month for one in payers.values()):
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


def _refuse_too_much(payers: Mapping[str, Payer], change: Change) -> None:
    """Check that work which is not planned again leaves a grant what it is to lose. Raises: Conflict.

    Such work is that of older programs, which stored no terms with it.
    """
    one = change.withdrawal
    if one is None or one.contract not in payers:
        return
    left = next(grant.available for grant in payers[one.contract].grants if grant.id == one.grant)
    if left < 0:
        raise Conflict(
            gettext("Work of an earlier version of the program has drawn from this grant."),
            remedy=gettext("Move, change or delete the work that has used it first."),
        )


def _as_set(draw: CarriedDraw) -> tuple[Any, ...]:
    """A draw of carried minutes, whatever the order of its grants."""
    return (*draw[:4], frozenset(draw.grants), frozenset(draw.held))


def _touched(redrawn: Redrawn) -> set[str]:
    posted = (*redrawn.slices.to_reverse, *redrawn.slices.to_settle)
    slices = [one.slice for one in posted] + [piece for _, piece in redrawn.slices.to_post]
    draws = [one.draw for one in redrawn.draws_to_reverse] + redrawn.draws_to_post
    others = [one.contract for one in draws] + [one.contract for one in redrawn.rests]
    return {one.contract for one in slices if one.contract is not None} | set(others)

"""Posting what a work entry draws: at once where nothing comes after it, else by drawing again what does.

Source: product.md sections 7 and 8.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from engine.contracts import Holder
from workflows.charging.charges import ChargedAgain, charged_entry
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.allocations import (
    SliceToPost,
    carrier_of,
    post_new_slices,
    restore_expired,
)
from workflows.lifecycle.contracts.charged_entry import NOT_STORED, ChargedEntry
from workflows.lifecycle.contracts.connected_work import Change
from workflows.lifecycle.contracts.loaded import DrawnEntry, LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.redraw import Redrawn, drawn_entries, plan_redraw, redraw
from workflows.lifecycle.contracts.redraw_reading import may_be_drawn_later
from workflows.store.multi_table_insert import NewRow
from workflows.work.correction import Corrected, Places
from workflows.work.planning import MovedWork, Planned


class Posted(NamedTuple):
    """The ids of the contracts that were touched, and whether one of them may have got anything back."""

    contracts: set[str]
    gave_back: bool


def post_new_entry(
    tx: Transaction,
    request: Row[Any],
    rows: Sequence[NewRow],
    entry_id: str,
    planned: Planned,
    payers: list[LoadedContract],
    contracts: LoadedContracts,
) -> Posted:
    """Store an entry, whose rows these are, and post its split.

    The plan was made from what the payers have left now. It holds as it is for the latest entry; an earlier
    one is planned together with everything that comes after it, and so are those that it charges again.
    Raises: IntegrityError where a balance would go below zero.
    """
    touched = {payer.contract for payer in planned.payers}
    cause = f"work_entry:{entry_id}"
    if not _is_latest(tx, request, planned, payers):
        tx.add_together(rows)
        moving = {one.entry.id for one in planned.moving}
        change = Change(_since(planned), cause, frozenset(touched), entries=frozenset({entry_id, *moving}))
        return Posted(touched | redraw(tx, change, contracts), gave_back=True)
    if contracts.guarded:
        drawn = replace(planned.entry, entry_id=entry_id)
        contracts.drawn.append(DrawnEntry(entry_id, drawn, (), planned.slices))
    restore_expired(tx, planned.slices, (), contracts, cause=cause)
    carrier = _carrier(tx, request, planned, payers) if planned.payers else ""
    slices = [SliceToPost(entry_id, request, carrier, piece) for piece in planned.slices]
    post_new_slices(tx, rows, slices, contracts)
    return Posted(touched, gave_back=False)


def preview_new_entry(
    tx: Transaction,
    request: Row[Any],
    planned: Planned,
    payers: list[LoadedContract],
    contracts: LoadedContracts,
) -> Planned:
    """The plan of an entry as `post_new_entry` would post it, with the other entries that it moves.

    Where a contract is guarded, what would be drawn is noted in `contracts`, as by posting.
    """
    if _is_latest(tx, request, planned, payers):
        if contracts.guarded:
            contracts.drawn.append(DrawnEntry(NOT_STORED, planned.entry, (), planned.slices))
        return planned
    touched = frozenset(payer.contract for payer in planned.payers)
    previewed = (planned.entry, *(as_stored(request, one) for one in planned.moving))
    change = Change(_since(planned), "preview", touched, previewed=previewed)
    redrawn = _plan(tx, change, contracts)
    slices = tuple(redrawn.plan.slices.get(NOT_STORED, ()))
    return replace(planned, slices=slices, moved=moved_by(redrawn))


def preview_changed_entry(
    tx: Transaction,
    places: Places,
    found: Corrected,
    work_type: str | None,
    contracts: LoadedContracts,
    *,
    held: bool,
) -> Planned:
    """The plan of a stored entry as it is corrected, of this work type, with the other entries it moves.

    `held`: it would await approval.
    """
    own, changed = found.own, [(places.target, found.own), *found.moved(places)]
    previewed = (
        preview_of(places.target, own, work_type=work_type, held=held),
        *(as_stored(request, one) for request, one in changed[1:]),
    )
    since = min(at for _, one in changed for at in (one.entry.started_at, one.worked.started_at))
    redrawn = _plan(tx, Change(since, "preview", previewed=previewed), contracts)
    return Planned(
        previewed[0],
        own.worked,
        own.terms,
        tuple(redrawn.plan.slices.get(own.entry.id, ())),
        (),
        (*found.others, *found.left),
        tuple(one for one in moved_by(redrawn) if one.entry != own.entry.id),
        tuple(one.posted.slice for one in redrawn.allocations if one.posted.entry == own.entry.id),
    )


def _plan(tx: Transaction, change: Change, contracts: LoadedContracts) -> Redrawn:
    redrawn = plan_redraw(tx, change, contracts)
    if contracts.guarded:
        contracts.drawn += drawn_entries(redrawn, change)
    return redrawn


def as_stored(request: Row[Any], charged: ChargedAgain) -> ChargedEntry:
    """Another entry of a service request as it would be charged again, otherwise as it is stored."""
    entry = charged.entry
    return preview_of(request, charged, work_type=entry.work_type, held=entry.state == "submitted")


def as_changed(request: Row[Any], own: ChargedAgain, work_type: str | None) -> Planned:
    """A stored entry of a service request as it was corrected, of this work type; without its slices."""
    entry = preview_of(request, own, work_type=work_type, held=own.entry.state == "submitted")
    return Planned(entry, own.worked, own.terms, (), ())


def preview_of(
    request: Row[Any], charged: ChargedAgain, *, work_type: str | None, held: bool
) -> ChargedEntry:
    """A stored entry of a service request as it would be, of this work type; `held`: it awaits approval."""
    return charged_entry(
        request,
        charged.worked,
        charged.terms,
        recorded_at=charged.entry.created_at,
        work_type=work_type,
        held=held,
        entry_id=charged.entry.id,
    )


def _since(planned: Planned) -> datetime:
    """The earliest instant that an entry and those that it charges again touch."""
    return min([planned.worked.started_at, *(one.worked.started_at for one in planned.moving)])


def moved_by(redrawn: Redrawn) -> tuple[MovedWork, ...]:
    """The stored entries whose slices differ from what is posted, in the order worked."""
    changed = {one.entry for one in redrawn.slices.to_reverse} | {one for one, _ in redrawn.slices.to_post}
    rows = [redrawn.entries[entry] for entry in changed if entry != NOT_STORED]
    return tuple(
        MovedWork(
            row.entry_id,
            row.id,
            row.number,
            row.worked_from,
            tuple(one.posted.slice for one in redrawn.allocations if one.posted.entry == row.entry_id),
            tuple(redrawn.plan.slices[row.entry_id]),
        )
        for row in sorted(rows, key=lambda row: (row.worked_from, row.recorded_at, row.entry_id))
    )


def _is_latest(tx: Transaction, request: Row[Any], planned: Planned, payers: list[LoadedContract]) -> bool:
    """Whether no other work, and no draw of carried minutes, comes after an entry on those who pay it."""
    if planned.moving:
        return False
    drawn = [piece for piece in planned.slices if piece.kind != "covered"]
    if not planned.payers or not drawn:
        return True
    if any(payer.is_followed(tx, planned.worked.started_at) for payer in payers):
        return False
    carried_at = [piece.effective_at for piece in drawn if piece.kind == "carried"]
    if not carried_at:
        return True
    carrier = Holder.of_key(_carrier(tx, request, planned, payers))
    return not may_be_drawn_later(tx, carrier, min(carried_at))


def _carrier(tx: Transaction, request: Row[Any], planned: Planned, payers: list[LoadedContract]) -> str:
    """The key of the holder who carries what the payers lack, as of the instant worked."""
    return carrier_of(payers[0].terms_at(tx, planned.worked.started_at), request.customer_id)

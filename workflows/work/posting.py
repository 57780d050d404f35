"""Posting what a work entry draws: at once where nothing comes after it, else by drawing again what does.

Source: product.md sections 7 and 8.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from engine.contracts import Holder
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.allocations import SliceToPost, carrier_of, post_slices, restore_expired
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.redraw import (
    NOT_STORED,
    Change,
    EntryToPreview,
    Redrawn,
    plan_redraw,
    redraw,
)
from workflows.lifecycle.contracts.redraw_reading import may_be_drawn_later
from workflows.work.planning import MovedWork, Planned


def post_new_entry(
    tx: Transaction,
    request: Row[Any],
    entry_id: str,
    planned: Planned,
    payers: list[LoadedContract],
    contracts: LoadedContracts,
) -> set[str]:
    """Post the split of an entry that has just been stored. Returns the ids of the contracts touched.

    The plan was made from what the payers have left now. It holds as it is for the latest entry; an earlier
    one is planned together with everything that comes after it.
    Raises: IntegrityError where a balance would go below zero.
    """
    touched = {payer.contract for payer in planned.payers}
    if not _is_latest(tx, request, planned, payers):
        change = Change(
            planned.started_at,
            f"work_entry:{entry_id}",
            frozenset(touched),
            entries=frozenset({entry_id}),
        )
        return touched | redraw(tx, change, contracts)
    restore_expired(tx, planned.slices, (), contracts, cause=f"work_entry:{entry_id}")
    carrier = _carrier(tx, request, planned, payers) if planned.payers else ""
    post_slices(tx, (SliceToPost(entry_id, request, carrier, piece) for piece in planned.slices), contracts)
    return touched


def preview_new_entry(
    tx: Transaction,
    request: Row[Any],
    planned: Planned,
    work_type: str | None,
    payers: list[LoadedContract],
    contracts: LoadedContracts,
) -> Planned:
    """The plan of an entry as `post_new_entry` would post it, with the other entries that it moves."""
    if _is_latest(tx, request, planned, payers):
        return planned
    entry = EntryToPreview(
        worked_from=planned.started_at,
        worked_until=planned.ended_at,
        chargeable_minutes=planned.chargeable_minutes,
        charged_by=planned.terms.stored(),
        recorded_at=tx.now,
        worked_type=work_type,
        id=request.id,
        number=request.number,
        customer_id=request.customer_id,
        item_id=request.item_id,
        org_unit_id=request.org_unit_id,
        priority=request.priority,
        work_type=request.work_type,
        channel=request.channel,
        opened_at=request.opened_at,
    )
    touched = frozenset(payer.contract for payer in planned.payers)
    redrawn = plan_redraw(tx, Change(planned.started_at, "preview", touched, preview=entry), contracts)
    slices = tuple(redrawn.plan.slices[NOT_STORED])
    return replace(planned, slices=slices, moved=_moved(redrawn))


def _moved(redrawn: Redrawn) -> tuple[MovedWork, ...]:
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
    drawn = [piece for piece in planned.slices if piece.kind != "covered"]
    if not planned.payers or not drawn:
        return True
    if any(payer.is_followed(tx, planned.started_at) for payer in payers):
        return False
    carried_at = [piece.effective_at for piece in drawn if piece.kind == "carried"]
    if not carried_at:
        return True
    kind, _, holder_id = _carrier(tx, request, planned, payers).partition(":")
    return not may_be_drawn_later(tx, Holder(kind, holder_id), min(carried_at))  # type: ignore[arg-type]


def _carrier(tx: Transaction, request: Row[Any], planned: Planned, payers: list[LoadedContract]) -> str:
    """The key of the holder who carries what the payers lack, as of the instant worked."""
    return carrier_of(payers[0].terms_at(tx, planned.started_at), request.customer_id)

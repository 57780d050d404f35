"""Posting what a work entry draws, and taking it back.

A correction is a reversal and a new entry in the ledger, never an update. Source: product.md sections 7, 8.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.contracts import Holder
from engine.drawdown import AllocationKind, Payer, Slice
from engine.ledger import Account, Kind, LedgerTransaction, Posting, move
from engine.quantities import hours_text
from workflows.core.transaction import Transaction
from workflows.ledger.journal import record, reverse
from workflows.lifecycle.contracts.grants import expire_grants, read_grants
from workflows.lifecycle.contracts.rows import lock_contract
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.work.planning import Planned
from workflows.work.rollover import give_back_carried, take_into_later

REST_ACCOUNTS: dict[AllocationKind, tuple[Kind, Account, str]] = {
    "carried": ("carry", "carried", "kept for the holder's next contract"),
    "ignored": ("ignore", "ignored", "recorded as uncovered"),
    "overage": ("overage", "overage", "to be billed at the overage rate"),
}


def draw_planned(tx: Transaction, request: Row[Any], entry_id: str, planned: Planned) -> list[str]:
    """Post each slice and remember its ledger transaction; answers later contracts that were drawn from."""
    rows = []
    carried_for: dict[Holder, datetime] = {}
    for piece in planned.slices:
        transaction_id = _post(tx, request, entry_id, piece, planned.payers)
        if piece.kind == "carried":
            carried_for[_carrier(piece, planned.payers, request)] = piece.effective_at
        rows.append(
            {
                "id": new_id(),
                "work_entry_id": entry_id,
                "kind": piece.kind,
                "contract_id": piece.contract,
                "grant_id": piece.grant,
                "minutes": piece.minutes,
                "effective_at": piece.effective_at,
                "transaction_id": transaction_id,
            }
        )
    tx.add_all(t.work_allocation, rows)
    touched = []
    for holder, worked_at in carried_for.items():
        touched += take_into_later(tx, holder, worked_at)
    return touched


def _post(
    tx: Transaction, request: Row[Any], entry_id: str, piece: Slice, payers: Sequence[Payer]
) -> str | None:
    """One slice as a ledger transaction; covered time moves nothing."""
    if piece.kind == "covered":
        return None
    cause = f"work_entry:{entry_id}"
    if piece.kind == "grant":
        _restore(tx, str(piece.contract), str(piece.grant), piece.minutes, cause)
        postings: tuple[Posting, ...] = move(
            "minutes", piece.minutes, (str(piece.grant), "available"), (str(piece.grant), "consumed")
        )
        kind: Kind = "draw"
        why = f"Work on {request.number}"
    else:
        kind, account, fate = REST_ACCOUNTS[piece.kind]
        # It moves nothing of the contract's own, so that the amount stands in the words.
        why = f"{hours_text(piece.minutes)} {fate}"
        owner = f"contract:{piece.contract}" if piece.contract else f"service_request:{request.id}"
        if piece.kind == "carried":
            owner = _carrier(piece, payers, request).key
        worked = f"service_request:{request.id}"
        postings = move("minutes", piece.minutes, (worked, "worked"), (owner, account))
    return record(
        tx,
        LedgerTransaction(kind, piece.effective_at, postings, cause=cause, why=why),
        contract_id=piece.contract,
        service_request_id=request.id,
    )


def _carrier(piece: Slice, payers: Sequence[Payer], request: Row[Any]) -> Holder:
    """Whose carried minutes they are: the holder's of the contract that ran out.

    A per-request contract has no next one; its customer carries them.
    """
    holder = payers[0].holder
    return Holder("customer", request.customer_id) if holder.kind == "service_request" else holder


def _restore(tx: Transaction, contract_id: str, grant_id: str, minutes: int, cause: str) -> None:
    """Bring minutes back that were expiry_posted as expired, for work from before the grant's end."""
    grant = next(one for one in read_grants(tx, contract_id) if one.grant.id == grant_id)
    missing = minutes - grant.grant.available
    if missing <= 0 or grant.closes_at is None:
        return
    record(
        tx,
        LedgerTransaction(
            "restore",
            grant.closes_at,
            move("minutes", missing, (grant_id, "expired"), (grant_id, "available")),
            cause=cause,
            why="Worked before its time was over, told afterwards",
        ),
        contract_id=contract_id,
    )


def undraw(tx: Transaction, request: Row[Any], entry: Row[Any]) -> list[str]:
    """Reverse what an entry drew; answers the contracts touched."""
    a = t.work_allocation
    rows = tx.connection.execute(
        select(a).where(a.c.work_entry_id == entry.id, a.c.reversed_at.is_(None)).order_by(a.c.id.desc())
    ).all()
    touched = []
    for row in rows:
        if row.contract_id is not None:
            lock_contract(tx, row.contract_id)
            touched.append(row.contract_id)
        if row.kind == "carried":
            touched += give_back_carried(tx, row.transaction_id, row.minutes)
        if row.transaction_id is not None:
            reverse(tx, row.transaction_id, cause=f"work_entry:{entry.id}", why="The entry was corrected")
        tx.change(a, row.id, reversed_at=tx.now)
    for contract_id in sorted(set(touched)):
        expire_grants(tx, contract_id, tx.now)
    return touched


def take_again(tx: Transaction, contract_ids: Sequence[str], entry: Row[Any]) -> list[str]:
    """Let the contracts touched by a correction take what is still carried for their holders."""
    c = t.contract
    holders = tx.connection.execute(
        select(c.c.holder_kind, c.c.holder_id).where(c.c.id.in_(sorted(set(contract_ids)))).distinct()
    )
    touched: list[str] = []
    for kind, holder_id in sorted(tuple(row) for row in holders):
        touched += take_into_later(tx, Holder(kind, holder_id), entry.started_at)
    return touched

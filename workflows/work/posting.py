"""Posting what a work entry draws, and reversing it.

A correction is a reversal and a new entry in the ledger, never an update. Source: product.md sections 7, 8.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.contracts import Holder
from engine.drawdown import AllocationKind, Payer, Slice
from engine.ledger import Account, Kind, LedgerTransaction, move
from engine.quantities import hours_text
from workflows.core.transaction import Transaction
from workflows.ledger.journal import record, reverse
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.work.planning import Planned
from workflows.work.rollover import draw_from_later, give_back_carried

REST_ACCOUNTS: dict[AllocationKind, tuple[Kind, Account, str]] = {
    "carried": ("carry", "carried", "carried over to the holder's next contract"),
    "ignored": ("ignore", "ignored", "recorded as uncovered"),
    "overage": ("overage", "overage", "to be billed at the overage rate"),
}


def draw_planned(
    tx: Transaction, request: Row[Any], entry_id: str, planned: Planned, contracts: LoadedContracts
) -> list[str]:
    """Post each slice and store it as an allocation. Returns the ids of later contracts that were drawn from.

    Raises: IntegrityError where a balance would go below zero.
    """
    rows = []
    carried_for: dict[Holder, datetime] = {}
    for piece in planned.slices:
        transaction_id = _post(tx, request, entry_id, piece, planned.payers, contracts)
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
        touched += draw_from_later(tx, holder, worked_at, contracts)
    return touched


def _post(
    tx: Transaction,
    request: Row[Any],
    entry_id: str,
    piece: Slice,
    payers: Sequence[Payer],
    contracts: LoadedContracts,
) -> str | None:
    """Post one slice as a ledger transaction. Returns its id; None for covered time, which moves nothing."""
    if piece.kind == "covered":
        return None
    cause = f"work_entry:{entry_id}"
    if piece.kind == "grant":
        contract, grant_id = contracts[str(piece.contract)], str(piece.grant)
        contract.restore(tx, grant_id, piece.minutes, cause=cause)
        drawn = move("minutes", piece.minutes, (grant_id, "available"), (grant_id, "consumed"))
        entry = LedgerTransaction(
            "draw", piece.effective_at, drawn, cause=cause, why=f"Work on {request.number}"
        )
        return contract.record(tx, entry, service_request_id=request.id)
    kind, account, fate = REST_ACCOUNTS[piece.kind]
    owner = f"contract:{piece.contract}" if piece.contract else f"service_request:{request.id}"
    if piece.kind == "carried":
        owner = _carrier(piece, payers, request).key
    # no balance of the contract moves, so the text names the amount
    why = f"{hours_text(piece.minutes)} {fate}"
    moved = move("minutes", piece.minutes, (f"service_request:{request.id}", "worked"), (owner, account))
    return record(
        tx,
        LedgerTransaction(kind, piece.effective_at, moved, cause=cause, why=why),
        contract_id=piece.contract,
        service_request_id=request.id,
    )


def _carrier(piece: Slice, payers: Sequence[Payer], request: Row[Any]) -> Holder:
    """Who carries the minutes: the holder of the contract that ran out.

    For a per-request contract, which has no successor, it is the request's customer.
    """
    holder = payers[0].holder
    return Holder("customer", request.customer_id) if holder.kind == "service_request" else holder


def undraw(tx: Transaction, entry: Row[Any], contracts: LoadedContracts) -> list[str]:
    """Reverse what an entry drew. Returns the ids of the contracts touched, some perhaps twice.

    Raises: IntegrityError where a balance would go below zero.
    """
    a = t.work_allocation
    rows = tx.connection.execute(
        select(a).where(a.c.work_entry_id == entry.id, a.c.reversed_at.is_(None)).order_by(a.c.id.desc())
    ).all()
    touched = [row.contract_id for row in rows if row.contract_id is not None]
    contracts.load(touched)
    for row in rows:
        if row.kind == "carried":
            touched += give_back_carried(tx, row.transaction_id, contracts)
        if row.transaction_id is not None:
            reverse(tx, row.transaction_id, cause=f"work_entry:{entry.id}", why="The entry was corrected")
            if row.contract_id is not None:
                contracts[row.contract_id].forget_grants()
        tx.change(a, row.id, reversed_at=tx.now)
    for contract_id in sorted(set(touched)):
        contracts[contract_id].expire(tx, tx.now)
    return touched


def draw_carried_again(
    tx: Transaction, contract_ids: Sequence[str], entry: Row[Any], contracts: LoadedContracts
) -> list[str]:
    """Draw what the holders of corrected contracts still carry. Returns the ids of the contracts drawn from.

    Raises: IntegrityError where a balance would go below zero.
    """
    holders = {one.contract.holder for one in contracts.load(contract_ids)}
    touched: list[str] = []
    for holder in sorted(holders, key=lambda one: (one.kind, one.id)):
        touched += draw_from_later(tx, holder, entry.started_at, contracts)
    return touched

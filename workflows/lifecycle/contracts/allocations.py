"""Posting what work takes from contracts, and reversing it: ledger transactions and their allocations.

Source: product.md sections 7 and 8.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from engine.contracts import Contract, Holder
from engine.ledger import Account, Kind, LedgerTransaction, Posting, move, reversal_of
from engine.payers import AllocationKind, CarriedDraw, Slice
from engine.quantities import hours_text
from workflows.core.transaction import Transaction
from workflows.ledger.journal import read_transactions, record
from workflows.lifecycle.contracts.connected_work import Withdrawal
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.lifecycle.contracts.month_rules import begins_of_months_ahead, post_borrowed, repayments_of
from workflows.lifecycle.contracts.redraw_reading import PostedAllocation, PostedDraw
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.store.multi_table_insert import NewRow

REST_ACCOUNTS: dict[AllocationKind, tuple[Kind, Account, str]] = {
    "carried": ("carry", "carried", "carried over to the holder's next contract"),
    "ignored": ("ignore", "ignored", "recorded as uncovered"),
    "overage": ("overage", "overage", "to be billed at the overage rate"),
}
TO_NEXT_MONTH = "carried over to the next month, or to the holder's next contract"
LATER_MONTH = "Time carried over from earlier months"
CORRECTED = "The draw-down was corrected"
REJECTED = "The work was not approved"
WITHDRAWN_LATER = "The grant had expired when it was withdrawn"


@dataclass(frozen=True, slots=True)
class SliceToPost:
    """A slice of an entry; `request` has the id and number of its service request.

    `carrier` is the key of the holder who carries what is carried.
    """

    entry: str
    request: Row[Any]
    carrier: str
    slice: Slice


def carrier_of(contract: Contract, customer_id: str) -> str:
    """The key of the holder who carries the minutes that a contract does not pay: its own.

    For a per-request contract, which has no successor, it is the request's customer.
    """
    holder = contract.holder
    return Holder("customer", customer_id).key if holder.kind == "service_request" else holder.key


def post_slices(tx: Transaction, slices: Iterable[SliceToPost], contracts: LoadedContracts) -> None:
    """Post each slice and store it as an allocation.

    Raises: IntegrityError where a balance would go below zero.
    """
    for one in slices:
        amount = one.slice.amount
        allocation = {
            "id": new_id(),
            "work_entry_id": one.entry,
            "kind": one.slice.kind,
            "contract_id": one.slice.contract,
            "grant_id": one.slice.grant,
            "minutes": one.slice.minutes,
            "amount_minor": amount.amount_minor if amount is not None else None,
            "currency": amount.currency if amount is not None else None,
            "effective_at": one.slice.effective_at,
            "held": one.slice.held,
        }
        _post(tx, one, allocation, contracts)


def post_new_slices(
    tx: Transaction, rows: Sequence[NewRow], slices: Sequence[SliceToPost], contracts: LoadedContracts
) -> None:
    """Write the rows of a new entry and post its slices, as `post_slices` does.

    On PostgreSQL the rows go with the first slice, by one statement, if that slice reads nothing and has one
    transaction. Raises: IntegrityError.
    """
    first = [one for one in slices[:1] if _is_posted_at_once(one.slice, contracts)]
    with tx.batch(t.work_entry.c.id):
        tx.add_together(rows)
        post_slices(tx, first, contracts)
    post_slices(tx, slices[len(first) :], contracts)


def _is_posted_at_once(piece: Slice, contracts: LoadedContracts) -> bool:
    if piece.kind == "grant":
        return contracts[str(piece.contract)].borrow is None
    return piece.kind == "covered"


def post_carried_draw(tx: Transaction, draw: CarriedDraw, contracts: LoadedContracts) -> None:
    """Post what a contract draws of the minutes that its holder carried. Raises: IntegrityError."""
    postings: list[Posting] = []
    held = dict(draw.held)
    for grant_id, minutes in draw.grants:
        postings += _take(grant_id, minutes, held.get(grant_id, 0))
    cause = f"contract:{draw.contract}"
    postings += move("minutes", draw.minutes, (draw.holder, "carried"), (cause, "carried_drawn"))
    payer = contracts[draw.contract]
    in_later_month = payer.monthly_minutes is not None and draw.drawn_at > payer.contract.window.start
    why = LATER_MONTH if in_later_month else "Time carried over from before this contract"
    entry = LedgerTransaction("draw_carried", draw.drawn_at, tuple(postings), cause=cause, why=why)
    payer.record(tx, entry)


def settle_held(tx: Transaction, allocations: Iterable[PostedAllocation], contracts: LoadedContracts) -> None:
    """Consume what grants hold for entries that are approved, as of the instant worked."""
    for one in allocations:
        piece = one.posted.slice
        grant_id = str(piece.grant)
        settled = LedgerTransaction(
            "settle",
            piece.effective_at,
            move(_unit_of(piece), piece.drawn, (grant_id, "held"), (grant_id, "consumed")),
            cause=f"work_entry:{one.posted.entry}",
            why="Work approved",
            key=f"settle:{one.transaction_id}",
        )
        held = read_transactions(tx, [str(one.transaction_id)])[str(one.transaction_id)]
        settlement_id = contracts[str(piece.contract)].record(
            tx, settled, service_request_id=held.service_request_id
        )
        tx.change(t.work_allocation, one.posted.id, held=False, settlement_id=settlement_id)


def reverse_posted(
    tx: Transaction,
    allocations: Sequence[PostedAllocation],
    draws: Sequence[PostedDraw],
    contracts: LoadedContracts,
    *,
    cause: str,
    rejected: Collection[str] = (),
) -> None:
    """Reverse slices and draws of carried minutes, each as of its own instant.

    `rejected` are the ids of the entries that draw nothing any more because they were rejected.
    Raises: IntegrityError.
    """
    whys = {one.transaction_id: CORRECTED for one in draws}
    for one in allocations:
        why = REJECTED if one.posted.entry in rejected else CORRECTED
        whys |= dict.fromkeys(one.transaction_ids, why)
    whys |= dict.fromkeys(repayments_of(tx, _may_be_ahead(allocations, contracts)), CORRECTED)
    ids = list(whys)
    originals = read_transactions(tx, ids)
    for transaction_id in ids:
        original = originals[transaction_id]
        request_id = original.service_request_id
        mirrored = reversal_of(transaction_id, original.entry, cause=cause, why=whys[transaction_id])
        if original.contract_id is None:
            record(tx, mirrored, service_request_id=request_id)
        else:
            contracts[original.contract_id].record(tx, mirrored, service_request_id=request_id)
    for one in allocations:
        tx.change(t.work_allocation, one.posted.id, reversed_at=tx.now)


def _may_be_ahead(allocations: Iterable[PostedAllocation], contracts: LoadedContracts) -> list[str]:
    """The transactions of slices of grants whose contract lets a month draw ahead on the next."""
    return [
        one.transaction_id
        for one in allocations
        if one.transaction_id is not None
        and one.posted.slice.kind == "grant"
        and contracts[str(one.posted.slice.contract)].borrow is not None
    ]


def post_withdrawal(
    tx: Transaction, withdrawal: Withdrawal, contracts: LoadedContracts, *, cause: str
) -> None:
    """Post what a grant loses; what of it had expired is made available first. Raises: IntegrityError."""
    contract, grant_id = contracts[withdrawal.contract], withdrawal.grant
    contract.restore(tx, grant_id, withdrawal.quantity, cause=cause, why=WITHDRAWN_LATER)
    unit = next(one.grant.posting_unit for one in contract.grants if one.grant.id == grant_id)
    taken = move(unit, withdrawal.quantity, (grant_id, "available"), (grant_id, "sold"))
    contract.record(
        tx, LedgerTransaction("withdraw", withdrawal.at, taken, cause=cause, why=withdrawal.reason)
    )


def restore_expired(
    tx: Transaction,
    slices: Iterable[Slice],
    draws: Iterable[CarriedDraw],
    contracts: LoadedContracts,
    *,
    cause: str,
) -> None:
    """Make what has expired available again, as far as work from before the grants' end takes them."""
    wanted: Counter[tuple[str, str]] = Counter()
    for piece in slices:
        if piece.kind == "grant":
            wanted[str(piece.contract), str(piece.grant)] += piece.drawn
    for draw in draws:
        for grant_id, minutes in draw.grants:
            wanted[draw.contract, grant_id] += minutes
    for (contract_id, grant_id), quantity in sorted(wanted.items()):
        contracts[contract_id].restore(tx, grant_id, quantity, cause=cause)


def _take(grant_id: str, quantity: int, held: int, *, unit: str = "minutes") -> tuple[Posting, ...]:
    """The postings that take a quantity from a grant, of which it only holds a part until an approval."""
    parts: tuple[tuple[Account, int], ...] = (("consumed", quantity - held), ("held", held))
    taken = [Posting(grant_id, account, unit, part) for account, part in parts if part]
    return Posting(grant_id, "available", unit, -quantity), *taken


def _unit_of(piece: Slice) -> str:
    """The unit of what a slice takes from its grant, as in postings."""
    return piece.amount.currency if piece.amount is not None else "minutes"


def _post(
    tx: Transaction, one: SliceToPost, allocation: Mapping[str, Any], contracts: LoadedContracts
) -> None:
    """Post one slice as a ledger transaction with its allocation; covered time moves nothing."""
    piece = one.slice
    if piece.kind == "covered":
        tx.add(t.work_allocation, **allocation, transaction_id=None)
        return
    cause = f"work_entry:{one.entry}"
    if piece.kind == "grant":
        contract, grant_id = contracts[str(piece.contract)], str(piece.grant)
        begins_at = begins_of_months_ahead(contract, piece)
        if begins_at is not None:
            request = (one.request.id, one.request.number)
            post_borrowed(tx, piece, begins_at, contract, cause=cause, request=request, allocation=allocation)
            return
        drawn = _take(grant_id, piece.drawn, piece.drawn if piece.held else 0, unit=_unit_of(piece))
        why = f"Work on {one.request.number}"
        entry = LedgerTransaction(
            "hold" if piece.held else "draw", piece.effective_at, drawn, cause=cause, why=why
        )
        contract.record(tx, entry, service_request_id=one.request.id, allocation=allocation)
        return
    kind, account, fate = REST_ACCOUNTS[piece.kind]
    owner = f"contract:{piece.contract}" if piece.contract else f"service_request:{one.request.id}"
    if piece.kind == "carried":
        owner = one.carrier
        if piece.contract and contracts[piece.contract].monthly_minutes is not None:
            fate = TO_NEXT_MONTH
    # no balance of the contract moves, so the text names the amount
    why = f"{hours_text(piece.minutes)} {fate}"
    moved = move("minutes", piece.minutes, (f"service_request:{one.request.id}", "worked"), (owner, account))
    record(
        tx,
        LedgerTransaction(kind, piece.effective_at, moved, cause=cause, why=why),
        contract_id=piece.contract,
        service_request_id=one.request.id,
        allocation=allocation,
    )

"""The part of the audit that repeats the draw-down: what work should have drawn, and what it drew.

The contracts that have work, or months that keep a rest, are planned again from the beginning, in batches
with everything that connects them, by the function that draws (`redraw`). Nothing is written. What is due,
and has not been made because no job has run, is no difference. Source: product.md sections 7 and 8.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import exists, or_, select

from engine.errors import DeskError
from engine.payers import BEGINNING, CarriedDraw, Slice
from workflows.core.transaction import Transaction
from workflows.ledger.differences import Difference
from workflows.lifecycle.contracts.connected_work import Change
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.redraw import Redrawn, plan_redraw
from workflows.store import tables as t

UNREADABLE = (DeskError, ArithmeticError, LookupError, StopIteration, TypeError, ValueError)
"""What planning raises where rows contradict each other, which the program does not write."""
BATCH = 200
"""Contracts planned together: one by one, a contract with little work would cost as many statements."""


def audit_draw_down(tx: Transaction) -> Iterator[Difference]:
    """Plan all work again and compare it with what is posted; amounts are whole minutes, and money.

    Entries of older programs, which have no terms stored with them, are not repeated.
    """
    planned: set[str] = set()
    for batch in _batches(tx):
        wanted = [one for one in batch if one not in planned]
        try:
            found, connected = planned_again(tx, wanted)
        except UNREADABLE:
            # a row that was changed from outside: name the contracts that it concerns
            found, connected = _one_by_one(tx, wanted), set()
        yield from found
        # contracts are read in the order of their ids: those before are not met again
        planned = {one for one in planned | connected if one > batch[-1]}


def planned_again(tx: Transaction, contract_ids: Sequence[str]) -> tuple[list[Difference], set[str]]:
    """The differences of contracts and of all that are connected with them, and the ids of those planned."""
    contracts = LoadedContracts(tx)
    change = Change(BEGINNING, cause="audit", contracts=frozenset(contract_ids))
    found, planned = list(_differences(plan_redraw(tx, change, contracts), contracts)), contracts.ids
    # the contracts refer to each other: without this they stayed in memory until a full garbage collection
    contracts.forget()
    return found, planned


def _one_by_one(tx: Transaction, contract_ids: Sequence[str]) -> list[Difference]:
    found: dict[Difference, None] = {}
    for contract_id in contract_ids:
        try:
            found |= dict.fromkeys(planned_again(tx, [contract_id])[0])
        except UNREADABLE as error:
            why = f"{type(error).__name__}: {error}"
            found[
                Difference("draw-down cannot be repeated", contract_id, why, None, contract=contract_id)
            ] = None
    return list(found)


def _batches(tx: Transaction) -> Iterator[list[str]]:
    """The ids of contracts that have work, or months that keep a rest, in order."""
    a, c = t.work_allocation, t.contract
    last = ""
    while True:
        has_work = exists().where(a.c.contract_id == c.c.id, a.c.reversed_at.is_(None))
        keeps_rests = c.c.carry_over.is_not(None)
        following = select(c.c.id).where(c.c.id > last, or_(has_work, keeps_rests))
        following = following.order_by(c.c.id).limit(BATCH)
        batch = list(tx.connection.execute(following).scalars())
        if not batch:
            return
        yield batch
        last = batch[-1]


def _differences(redrawn: Redrawn, contracts: LoadedContracts) -> Iterator[Difference]:
    posted: dict[str, list[Slice]] = defaultdict(list)
    for one in redrawn.allocations:
        posted[one.posted.entry].append(one.posted.slice)
    for entry in sorted(redrawn.slices.entries):
        planned = redrawn.plan.slices.get(entry, ())
        pieces = [*posted[entry], *planned]
        yield Difference(
            "draw-down of a work entry",
            entry,
            _text(posted[entry]),
            _text(planned),
            contract=next((piece.contract for piece in pieces if piece.contract is not None), None),
        )
    for drawn in redrawn.draws_to_reverse:
        yield _carried_difference(drawn.transaction_id, drawn.draw, _draw_text(drawn.draw), None)
    for draw in redrawn.draws_to_post:
        if not _is_due(contracts[draw.contract], draw.drawn_at):
            yield _carried_difference(draw.holder, draw, None, _draw_text(draw))
    for rest in redrawn.rests:
        if not _is_due(contracts[rest.contract], rest.retained_at):
            yield Difference(
                "carry-over of a month", rest.rest, None, f"{rest.minutes:+d}", contract=rest.contract
            )


def _is_due(contract: LoadedContract, at: datetime) -> bool:
    """Whether a contract is not yet settled up to an instant: the next job or reading does what is due."""
    return contract.next_due_at is not None and contract.next_due_at <= at


def _carried_difference(
    record: str, draw: CarriedDraw, stored: str | None, planned: str | None
) -> Difference:
    return Difference("draw of carried minutes", record, stored, planned, contract=draw.contract)


def _text(pieces: Iterable[Slice]) -> str:
    """Slices as a text, such as `grant 01h... 30, carried 15`."""
    texts = [
        " ".join(
            filter(None, (one.kind, one.grant, str(one.minutes), _money(one), "held" if one.held else ""))
        )
        for one in pieces
    ]
    return ", ".join(texts) or "nothing"


def _money(piece: Slice) -> str:
    """What a grant of money pays, such as `for 4000 EUR` in minor units; nothing for others."""
    amount = piece.amount
    return f"for {amount.amount_minor} {amount.currency}" if amount is not None else ""


def _draw_text(draw: CarriedDraw) -> str:
    """A draw as a text, such as `18 on 2026-03-01T09:00:00+00:00: 01h... 12, 01j... 6, held 01j... 6`."""
    parts = [f"{grant} {minutes}" for grant, minutes in sorted(draw.grants)]
    parts += [f"held {grant} {minutes}" for grant, minutes in sorted(draw.held)]
    text = f"{draw.minutes} on {draw.drawn_at.isoformat()}"
    return f"{text}: {', '.join(parts)}" if parts else text

"""Carried minutes that later contracts have paid, when the work that was carried is corrected.

Source: product.md section 7 (Rollover).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select

from engine.carried_minutes import Dated, remaining_draws
from engine.contracts import Holder
from engine.ledger import LedgerTransaction, Posting, move
from workflows.core.transaction import Transaction
from workflows.ledger.journal import carried_minutes, read_postings, reverse
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.settlement import draw_carried
from workflows.store import tables as t

WHY_LESS = "The time that it had carried was corrected"


def give_back_carried(tx: Transaction, carry_id: str, contracts: LoadedContracts) -> list[str]:
    """Lower the draws of later contracts as if a carry had not been made, so that it can be reversed.

    Each draw that becomes less is reversed and made again, as of its own instant, with what is left of it;
    the others stay. Returns the ids of the contracts that got minutes back. Raises: IntegrityError.
    """
    holder = next(leg.owner for leg in read_postings(tx, carry_id) if leg.account == "carried")
    draws = tx.connection.execute(_draws_of_carried(holder)).all()
    carried = _carried(tx, holder, without=carry_id)
    remaining = remaining_draws(carried, [(row.effective_at, -row.minutes) for row in draws])
    lowered = [
        (row, minutes) for row, minutes in zip(draws, remaining, strict=True) if minutes < -row.minutes
    ]
    contracts.load([row.contract_id for row, _ in lowered])
    for row, minutes in lowered:
        _lower(tx, contracts[row.contract_id], row.id, minutes, cause=f"ledger_transaction:{carry_id}")
    return [row.contract_id for row, _ in lowered]


def _lower(tx: Transaction, contract: LoadedContract, draw_id: str, minutes: int, *, cause: str) -> None:
    """Replace a draw of carried minutes by one of fewer minutes, from the grants that it took first."""
    legs = read_postings(tx, draw_id)
    reverse(tx, draw_id, cause=cause, why=WHY_LESS)
    contract.forget_grants()
    if not minutes:
        return
    entry = t.ledger_transaction
    original = tx.connection.execute(select(entry).where(entry.c.id == draw_id)).one()
    postings: list[Posting] = []
    left = minutes
    for leg in legs:
        if leg.account == "consumed" and left:
            taken = min(left, leg.amount)
            postings += move("minutes", taken, (leg.owner, "available"), (leg.owner, "consumed"))
            left -= taken
    source = next(leg.owner for leg in legs if leg.account == "carried")
    target = next(leg.owner for leg in legs if leg.account == "carried_drawn")
    postings += move("minutes", minutes, (source, "carried"), (target, "carried_drawn"))
    again = LedgerTransaction(
        "draw_carried", original.effective_at, tuple(postings), cause=original.cause, why=original.why
    )
    contract.record(tx, again)


def draw_from_later(
    tx: Transaction, holder: Holder, worked_at: datetime, contracts: LoadedContracts
) -> list[str]:
    """Draw carried minutes from the holder's contracts that became valid since `worked_at`, in that order.

    So an entry that is logged late has the same result as one logged in time, also if such a contract has
    ended since. Returns the ids of the contracts. Raises: IntegrityError.
    """
    if not carried_minutes(tx, holder.key):
        return []
    c = t.contract
    later = tx.connection.execute(
        select(c.c.id)
        .where(c.c.holder_kind == holder.kind, c.c.holder_id == holder.id, c.c.activated_at > worked_at)
        .order_by(c.c.activated_at, c.c.id)
    ).scalars()
    touched = []
    for one in contracts.load(later):
        if not carried_minutes(tx, holder.key):
            break
        if one.activated_at is not None:
            draw_carried(tx, one, one.activated_at)
            touched.append(one.id)
    return touched


def _unreversed() -> Select[Any]:
    """The postings to carried minutes of transactions that were not reversed, in order of their instants."""
    entry, leg = t.ledger_transaction, t.ledger_posting
    mirror = t.ledger_transaction.alias()
    return (
        select(entry.c.id, entry.c.contract_id, entry.c.effective_at, leg.c.amount.label("minutes"))
        .join(leg, leg.c.transaction_id == entry.c.id)
        .where(
            leg.c.account == "carried",
            entry.c.kind != "reversal",
            ~exists(select(mirror.c.id).where(mirror.c.reverses_id == entry.c.id)),
        )
        .order_by(entry.c.effective_at, entry.c.id)
    )


def _draws_of_carried(holder: str) -> Select[Any]:
    """What drew a holder's carried minutes, with its contract; `minutes` are below zero."""
    return _unreversed().where(t.ledger_posting.c.owner == holder, t.ledger_posting.c.amount < 0)


def _carried(tx: Transaction, holder: str, *, without: str) -> Sequence[Dated]:
    """The minutes that were carried for a holder, by instant, except those of one transaction."""
    carries = _unreversed().where(
        t.ledger_posting.c.owner == holder,
        t.ledger_posting.c.amount > 0,
        t.ledger_transaction.c.id != without,
    )
    return [(row.effective_at, int(row.minutes)) for row in tx.connection.execute(carries)]

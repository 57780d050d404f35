"""Carried minutes that a later contract has taken, and must give back when their cause is corrected.

Source: product.md section 7 (Rollover).
"""

from datetime import datetime

from sqlalchemy import exists, select

from engine.contracts import Holder
from workflows.core.transaction import Transaction
from workflows.ledger.journal import carried_from, carried_minutes, read_postings, reverse
from workflows.lifecycle.contracts.rows import contract_value, lock_contract
from workflows.lifecycle.contracts.settlement import draw_carried
from workflows.store import tables as t


def give_back_carried(tx: Transaction, carry_id: str, minutes: int) -> list[str]:
    """Make sure that a carry of `minutes` can be reversed; answers the contracts that gave minutes back.

    The latest takings are reversed first; `take_into_later` then takes again what was given back too much.
    """
    holder = next(leg.owner for leg in read_postings(tx, carry_id) if leg.account == "carried")
    effective = select(t.ledger_transaction.c.effective_at).where(t.ledger_transaction.c.id == carry_id)
    carried_at = tx.connection.execute(effective).scalar_one()
    touched: list[str] = []
    while carried_from(tx, holder, carried_at) < minutes:
        transaction_id, contract_id = _latest_taking(tx, holder)
        lock_contract(tx, contract_id)
        reverse(
            tx,
            transaction_id,
            cause=f"ledger_transaction:{carry_id}",
            why="What it had carried was corrected",
        )
        touched.append(contract_id)
    return touched


def take_into_later(tx: Transaction, holder: Holder, worked_at: datetime) -> list[str]:
    """Draw carried minutes from the holder's contracts that became valid since `worked_at`, in that order.

    So an entry told late ends as it would have, told in time. Answers the contracts drawn from.
    """
    c = t.contract
    later = tx.connection.execute(
        select(c)
        .where(
            c.c.holder_kind == holder.kind,
            c.c.holder_id == holder.id,
            c.c.state == "active",
            c.c.activated_at > worked_at,
        )
        .order_by(c.c.activated_at, c.c.id)
    ).all()
    touched = []
    for row in later:
        if not carried_minutes(tx, holder.key):
            break
        locked = lock_contract(tx, row.id)
        draw_carried(tx, contract_value(locked), locked.draws, locked.activated_at)
        touched.append(str(row.id))
    return touched


def _latest_taking(tx: Transaction, holder: str) -> tuple[str, str]:
    entry, leg = t.ledger_transaction, t.ledger_posting
    mirror = t.ledger_transaction.alias()
    row = tx.connection.execute(
        select(entry.c.id, entry.c.contract_id)
        .join(leg, leg.c.transaction_id == entry.c.id)
        .where(
            entry.c.kind == "draw_carried",
            leg.c.owner == holder,
            leg.c.account == "carried",
            ~exists(select(mirror.c.id).where(mirror.c.reverses_id == entry.c.id)),
        )
        .order_by(entry.c.recorded_at.desc(), entry.c.id.desc())
        .limit(1)
    ).one()
    return row.id, row.contract_id

"""Carried minutes that a later contract has paid, and has to give back when the work is corrected.

Source: product.md section 7 (Rollover).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select

from engine.contracts import Holder
from workflows.core.transaction import Transaction
from workflows.ledger.journal import carried_from, carried_minutes, read_postings, reverse
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.lifecycle.contracts.settlement import draw_carried
from workflows.store import tables as t


def give_back_carried(tx: Transaction, carry_id: str, minutes: int, contracts: LoadedContracts) -> list[str]:
    """Make sure that a carry of `minutes` can be reversed. Returns the ids of contracts that gave some back.

    The latest draws of carried minutes are reversed first; `draw_from_later` then draws again what was given
    back too much. Raises: IntegrityError.
    """
    holder = next(leg.owner for leg in read_postings(tx, carry_id) if leg.account == "carried")
    effective = select(t.ledger_transaction.c.effective_at).where(t.ledger_transaction.c.id == carry_id)
    carried_at = tx.connection.execute(effective).scalar_one()
    missing = minutes - carried_from(tx, holder, carried_at)
    if missing <= 0:
        return []
    draws = tx.connection.execute(_draws_of_carried(holder)).all()
    contracts.load([row.contract_id for row in draws])
    touched: list[str] = []
    for transaction_id, contract_id in draws:
        if carried_from(tx, holder, carried_at) >= minutes:
            break
        why = "The time that it had carried was corrected"
        reverse(tx, transaction_id, cause=f"ledger_transaction:{carry_id}", why=why)
        contracts[contract_id].forget_grants()
        touched.append(contract_id)
    return touched


def draw_from_later(
    tx: Transaction, holder: Holder, worked_at: datetime, contracts: LoadedContracts
) -> list[str]:
    """Draw carried minutes from the holder's contracts that became valid since `worked_at`, in that order.

    So an entry that is logged late has the same result as one logged in time. Returns the ids of the
    contracts. Raises: IntegrityError.
    """
    if not carried_minutes(tx, holder.key):
        return []
    c = t.contract
    later = tx.connection.execute(
        select(c.c.id)
        .where(
            c.c.holder_kind == holder.kind,
            c.c.holder_id == holder.id,
            c.c.state == "active",
            c.c.activated_at > worked_at,
        )
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


def _draws_of_carried(holder: str) -> Select[Any]:
    """Unreversed transactions that drew a holder's carried minutes, with their contract; latest first."""
    entry, leg = t.ledger_transaction, t.ledger_posting
    mirror = t.ledger_transaction.alias()
    return (
        select(entry.c.id, entry.c.contract_id)
        .join(leg, leg.c.transaction_id == entry.c.id)
        .where(
            entry.c.kind == "draw_carried",
            leg.c.owner == holder,
            leg.c.account == "carried",
            ~exists(select(mirror.c.id).where(mirror.c.reverses_id == entry.c.id)),
        )
        .order_by(entry.c.recorded_at.desc(), entry.c.id.desc())
    )

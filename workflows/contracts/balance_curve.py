"""What a contract had available over time, for its burn-down chart.

The sums are made by the database, so that a long history costs little more than a short one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from engine.projection import PACE_SPAN
from workflows.contracts.access import contract_row
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import EPOCH, MICROSECOND, microseconds

STEPS = 600
"""The chart is as many pixels wide: a shorter step could not be seen."""

leg = t.ledger_posting


@dataclass(frozen=True, slots=True)
class BalanceCurve:
    """The balance after each step of time in which it moved, in whole minutes; instants are aware UTC.

    `recently_drawn` are the minutes drawn within the last `PACE_SPAN`.
    """

    begins_at: datetime
    points: Sequence[tuple[datetime, int]]
    recently_drawn: int


def read_balance_curve(tx: Transaction, contract_id: str) -> BalanceCurve | None:
    """The curve of a contract until now; None if no minutes were ever drawn.

    Raises: NotFound, also if the actor may not see the contract.
    """
    row = contract_row(tx, contract_id)
    if row.draws != "minutes":
        return None
    drawn = _postings(contract_id, "consumed")
    if tx.connection.execute(select(leg.c.amount).where(*drawn).limit(1)).first() is None:
        return None
    recent = select(func.coalesce(func.sum(leg.c.amount), 0)).where(
        *drawn, leg.c.effective_at > tx.now - PACE_SPAN, leg.c.effective_at <= tx.now
    )
    begins_at, points = _points(tx, contract_id)
    return BalanceCurve(begins_at, points, int(tx.connection.execute(recent).scalar_one()))


def _points(tx: Transaction, contract_id: str) -> tuple[datetime, list[tuple[datetime, int]]]:
    moved = (*_postings(contract_id, "available"), leg.c.effective_at <= tx.now)
    first = tx.connection.execute(select(func.min(leg.c.effective_at)).where(*moved)).scalar_one()
    begins_at: datetime = min(first or tx.now, tx.now)
    begin = (begins_at - EPOCH) // MICROSECOND
    width = max(1, (tx.now - begins_at) // MICROSECOND // STEPS)
    at = microseconds(leg.c.effective_at, is_sqlite=tx.is_sqlite)
    step: ColumnElement[int] = (at - begin) // width
    rows = tx.connection.execute(
        select(func.max(at), func.sum(leg.c.amount)).where(*moved).group_by(step).order_by(step)
    )
    points, balance = [], 0
    for microsecond, amount in rows:
        balance += int(amount)
        points.append((EPOCH + timedelta(microseconds=microsecond), balance))
    return begins_at, points


def _postings(contract_id: str, account: str) -> tuple[ColumnElement[bool], ...]:
    grants = select(t.contract_grant.c.id).where(
        t.contract_grant.c.contract_id == contract_id, t.contract_grant.c.unit == "minutes"
    )
    return leg.c.owner.in_(grants), leg.c.account == account

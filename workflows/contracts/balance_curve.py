"""What a contract had available over time, for its burn-down chart.

The sums are made by the database, so that a long history costs little more than a short one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from engine.contracts import METERED
from engine.projection import BAND_WEEKS, PACE_SPAN, WEEK, Band, Drawn, Pace, project_band, project_run_out
from workflows.contracts.access import contract_row
from workflows.contracts.queries import read_contract
from workflows.core.actors import sees_movements
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.column_types import EPOCH, MICROSECOND, microseconds
from workflows.views.contracts import BalancePoint, BurnDownView, ContractDetail, ProjectionView

STEPS = 600
"""The chart is as many pixels wide: a shorter step could not be seen."""

DRAWN_ACCOUNTS = ("consumed", "held")
"""Work that awaits approval counts as drawn, so that a projection does not wait for supervisors."""

leg = t.ledger_posting


@dataclass(frozen=True, slots=True)
class BalanceCurve:
    """The balance after each step of time in which it moved; instants are aware UTC.

    Amounts are in the contract's unit: whole minutes, or minor units of money. `recently_drawn` was drawn
    within the last `PACE_SPAN`, and `weekly_drawn` those of each of
    the last whole weeks, the latest first: at most eight, and none from before the curve begins. Without
    `shows_movements` there are no points, and what was drawn serves the projection only.
    """

    begins_at: datetime
    points: Sequence[tuple[datetime, int]]
    recently_drawn: int
    weekly_drawn: tuple[int, ...] = ()
    shows_movements: bool = True


class Projection(NamedTuple):
    """When a contract runs out at their recent pace, and between when that may be."""

    pace: Pace
    band: Band | None


def project(contract: ContractDetail, curve: BalanceCurve, now: datetime) -> Projection | None:
    """The projection for an active contract; None for another one, or if nothing was drawn recently."""
    if contract.state != "active":
        return None
    available = contract.balance.of(contract.draws).available
    drawn = [Drawn(now, curve.recently_drawn)]
    pace = project_run_out(drawn, available_minutes=available, began_at=contract.starts_at, now=now)
    if pace is None:
        return None
    return Projection(pace, project_band(curve.weekly_drawn, pace, available_minutes=available, now=now))


def read_burn_down(tx: Transaction, contract_id: str) -> BurnDownView:
    """The balance of a contract over time and its projection. Raises: NotFound."""
    contract = read_contract(tx, contract_id)
    curve = read_balance_curve(tx, contract_id)
    balance = contract.balance
    currency = balance.money.currency if contract.draws == "money" else None
    found = project(contract, curve, tx.now) if curve is not None else None
    projection = None
    if curve is not None and found is not None:
        in_money = found.pace.drawn_minutes if curve.shows_movements else None
        earliest_at, latest_at = found.band or (None, None)
        projection = ProjectionView(
            drawn_minutes=0 if currency else found.pace.drawn_minutes,
            drawn_money=in_money if currency else 0,
            span_days=found.pace.span.days,
            runs_out_at=found.pace.runs_out_at,
            earliest_at=earliest_at,
            latest_at=latest_at,
        )
    points = curve.points if curve is not None else ()
    return BurnDownView(
        contract=contract_id,
        currency=currency,
        points=[
            BalancePoint(at, minutes=0 if currency else left, money=left if currency else 0)
            for at, left in points
        ],
        available_minutes=balance.minutes.available,
        available_money=balance.money.available,
        projection=projection,
    )


def read_balance_curve(tx: Transaction, contract_id: str) -> BalanceCurve | None:
    """The curve of a contract until now; None if nothing was ever drawn from it by work.

    Raises: NotFound, also if the actor may not see the contract.
    """
    row = contract_row(tx, contract_id)
    if row.draws not in METERED:
        return None
    drawn = _postings(contract_id, *DRAWN_ACCOUNTS)
    if tx.connection.execute(select(leg.c.amount).where(*drawn).limit(1)).first() is None:
        return None
    recent = select(func.coalesce(func.sum(leg.c.amount), 0)).where(
        *drawn, leg.c.effective_at > tx.now - PACE_SPAN, leg.c.effective_at <= tx.now
    )
    begins_at, points = _points(tx, contract_id)
    recently_drawn = int(tx.connection.execute(recent).scalar_one())
    is_shown = sees_movements(tx.actor.role, row.draws)
    weekly_drawn = _weekly_drawn(tx, drawn, begins_at)
    return BalanceCurve(begins_at, points if is_shown else (), recently_drawn, weekly_drawn, is_shown)


def _weekly_drawn(
    tx: Transaction, drawn: tuple[ColumnElement[bool], ...], begins_at: datetime
) -> tuple[int, ...]:
    """What was drawn in each of the last whole weeks before now, the latest first."""
    weeks = min(BAND_WEEKS, (tx.now - begins_at) // WEEK)
    if not weeks:
        return ()
    at = microseconds(leg.c.effective_at, is_sqlite=tx.is_sqlite)
    week: ColumnElement[int] = ((tx.now - EPOCH) // MICROSECOND - at) // (WEEK // MICROSECOND)
    rows = tx.connection.execute(
        select(week, func.sum(leg.c.amount))
        .where(*drawn, leg.c.effective_at > tx.now - weeks * WEEK, leg.c.effective_at <= tx.now)
        .group_by(week)
    )
    found = {int(row[0]): int(row[1]) for row in rows}
    return tuple(found.get(number, 0) for number in range(weeks))


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


def _postings(contract_id: str, *accounts: str) -> tuple[ColumnElement[bool], ...]:
    grants = select(t.contract_grant.c.id).where(
        t.contract_grant.c.contract_id == contract_id, t.contract_grant.c.unit.in_(METERED)
    )
    return leg.c.owner.in_(grants), leg.c.account.in_(accounts)

"""Contracts whose minutes or money will be used up soon if work continues at its recent pace.

This is an estimate for people, by `engine.projection`; no decision depends on it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, case, func, literal, select

from engine.contracts import METERED
from engine.payers import NEVER
from engine.projection import PACE_SPAN, Drawn, project_run_out
from workflows.core.actors import STAFF
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.open_grants import is_open_at, rest_due
from workflows.store import tables as t
from workflows.store.column_types import Instant

RUN_OUT_DAYS = 30
MOST_CONTRACTS = 200
c = t.contract


@dataclass(frozen=True, slots=True)
class RunningOut:
    """An active contract, and the instant (aware UTC) at which it runs out at the recent pace."""

    contract: str
    type: str
    runs_out_at: datetime


def list_running_out(
    tx: Transaction, *, within_days: int = RUN_OUT_DAYS, most: int | None = MOST_CONTRACTS
) -> list[RunningOut]:
    """Contracts that run out of minutes or money within the next days, earliest first; at most 200.

    A contract that ends before it is used up is not listed: it expires. This is one statement.
    Raises: NotAllowed for customers.
    """
    tx.require(*STAFF)
    b, leg = t.grant_balance, t.ledger_posting
    now = literal(tx.now, Instant)
    available = b.c.available + rest_due(now)
    left = (
        select(
            b.c.contract_id,
            func.sum(available).label("available"),
            func.max(func.coalesce(b.c.closes_at, literal(NEVER, Instant)), type_=Instant()).label("until"),
        )
        .where(b.c.unit.in_(METERED), available > 0, is_open_at(now))
        .group_by(b.c.contract_id)
        .subquery()
    )
    drawn = (
        select(func.sum(leg.c.amount))
        .join(b, b.c.grant_id == leg.c.owner)
        .where(
            b.c.contract_id == c.c.id,
            b.c.unit.in_(METERED),
            leg.c.account.in_(("consumed", "held")),
            leg.c.effective_at > literal(tx.now - PACE_SPAN, Instant),
            leg.c.effective_at <= now,
        )
        .correlate(c)
        .scalar_subquery()
    )
    rows = tx.connection.execute(
        select(
            c.c.id,
            c.c.type,
            c.c.starts_at,
            left.c.available,
            left.c.until,
            drawn.label("drawn"),
            _carried_balance().label("carried"),
            _own_carried().label("own_carried"),
        )
        .join(left, left.c.contract_id == c.c.id)
        .where(c.c.draws.in_(METERED), c.c.state == "active", c.c.starts_at <= now)
    )
    last = tx.now + timedelta(days=within_days)
    found = []
    for row in rows:
        # a month that has begun draws them first, also where no job has posted it yet
        carried = min(int(row.carried or 0), int(row.own_carried or 0), int(row.available))
        pace = project_run_out(
            [Drawn(tx.now, int(row.drawn or 0) + carried)],
            available_minutes=int(row.available) - carried,
            began_at=row.starts_at,
            now=tx.now,
        )
        if pace and pace.runs_out_at and pace.runs_out_at <= last and pace.runs_out_at < row.until:
            found.append(RunningOut(row.id, row.type, pace.runs_out_at))
    return sorted(found, key=lambda one: (one.runs_out_at, one.contract))[:most]


def _carried_balance() -> ScalarSelect[int]:
    """SQL: the minutes that the holder of a contract carries."""
    stored = t.carried_balance.c
    holder = c.c.holder_kind + ":" + c.c.holder_id
    return select(stored.minutes).where(stored.holder == holder).correlate(c).scalar_subquery()


def _own_carried() -> ColumnElement[int | None]:
    """SQL: the minutes that months of a contract lacked, which wait for its next months; NULL without months.

    Another contract draws what is carried only when it becomes valid, or gets a grant while it has none.
    """
    a = t.work_allocation.c
    lacked = (
        select(func.sum(a.minutes))
        .where(a.contract_id == c.c.id, a.kind == "carried", a.reversed_at.is_(None))
        .correlate(c)
        .scalar_subquery()
    )
    return case((c.c.monthly_minutes.is_not(None), lacked), else_=None)

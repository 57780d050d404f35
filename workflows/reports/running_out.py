"""Contracts whose minutes will be used up soon, if work goes on at its recent pace.

A guess for people, as `engine.projection` tells it; nothing is decided by it.
Source: what a supervisor needs first, pages of the desk.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, literal, select

from engine.drawdown import NEVER
from engine.projection import PACE_SPAN, Drawn, project_run_out
from workflows.core.actors import STAFF
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.open_grants import is_open_at
from workflows.store import tables as t
from workflows.store.column_types import Instant

RUN_OUT_DAYS = 30
MOST_CONTRACTS = 200
DRAWN_KINDS = ("draw", "draw_carried", "reversal")
c = t.contract


@dataclass(frozen=True, slots=True)
class RunningOut:
    """A contract in force, and the instant at which its minutes are used up at the pace of late."""

    contract: str
    runs_out_at: datetime


def list_running_out(tx: Transaction, *, within_days: int = RUN_OUT_DAYS) -> list[RunningOut]:
    """Contracts that run out of minutes in the next days, the first of them first; 200 at most.

    What ends by its date before that does not run out: it expires. Asks one statement.
    """
    tx.require(*STAFF)
    b, moved, leg = t.grant_balance, t.ledger_transaction, t.ledger_posting
    now = literal(tx.now, Instant)
    left = (
        select(
            b.c.contract_id,
            func.sum(b.c.available).label("available"),
            func.max(func.coalesce(b.c.closes_at, literal(NEVER, Instant)), type_=Instant()).label("until"),
        )
        .where(b.c.unit == "minutes", b.c.available > 0, is_open_at(now))
        .group_by(b.c.contract_id)
        .subquery()
    )
    drawn = (
        select(func.sum(-leg.c.amount))
        .join(moved, moved.c.id == leg.c.transaction_id)
        .where(
            moved.c.contract_id == c.c.id,
            moved.c.effective_at > literal(tx.now - PACE_SPAN, Instant),
            moved.c.effective_at <= now,
            moved.c.kind.in_(DRAWN_KINDS),
            and_(leg.c.account == "available", leg.c.unit == "minutes"),
        )
        .correlate(c)
        .scalar_subquery()
    )
    rows = tx.connection.execute(
        select(c.c.id, c.c.starts_at, left.c.available, left.c.until, drawn.label("drawn"))
        .join(left, left.c.contract_id == c.c.id)
        .where(c.c.draws == "minutes", c.c.state == "active", c.c.starts_at <= now)
    )
    last = tx.now + timedelta(days=within_days)
    found = []
    for row in rows:
        pace = project_run_out(
            [Drawn(tx.now, int(row.drawn or 0))],
            available_minutes=int(row.available),
            began_at=row.starts_at,
            now=tx.now,
        )
        if pace and pace.runs_out_at and pace.runs_out_at <= last and pace.runs_out_at < row.until:
            found.append(RunningOut(row.id, pace.runs_out_at))
    return sorted(found, key=lambda one: (one.runs_out_at, one.contract))[:MOST_CONTRACTS]

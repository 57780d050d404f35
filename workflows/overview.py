"""How the desk stands, in a few numbers: each is a list one click away.

Source: what a supervisor and an administrator need first, pages of the desk.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from engine.periods import first_instant_of, local_date
from workflows.desk import Transaction
from workflows.outbox import FAILED
from workflows.request_views import in_queue
from workflows.store import tables as t

ENDING_DAYS = 30
UNCOVERED_KINDS = ("carried", "ignored", "overage")
r, c, a = t.service_request, t.contract, t.work_allocation


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts as of now; `uncovered_minutes` is this month's time that no contract paid, by its fate."""

    mine: int
    unassigned: int
    at_risk: int
    waiting: int
    waiting_since: datetime | None
    unfinished: int
    ending: int
    uncovered_minutes: dict[str, int]
    month_starts_at: datetime
    undelivered: int


def read_overview(tx: Transaction) -> Overview:
    """The desk's numbers, for its staff."""
    tx.require("administrator", "finance", "supervisor", "technician")
    month = first_instant_of(local_date(tx.now, tx.settings.zone).replace(day=1), tx.settings.zone)
    waiting, since = tx.connection.execute(
        select(func.count(), func.min(r.c.opened_at)).where(in_queue(tx, "waiting"))
    ).one()
    return Overview(
        mine=_queue_length(tx, "mine"),
        unassigned=_queue_length(tx, "unassigned"),
        at_risk=_queue_length(tx, "at_risk"),
        waiting=waiting,
        waiting_since=since,
        unfinished=_queue_length(tx, "unfinished"),
        ending=_ending(tx),
        uncovered_minutes=_uncovered(tx, month),
        month_starts_at=month,
        undelivered=tx.connection.execute(select(func.count()).where(FAILED)).scalar_one(),
    )


def _queue_length(tx: Transaction, queue: str) -> int:
    counted: int = tx.connection.execute(
        select(func.count()).select_from(r).where(in_queue(tx, queue))
    ).scalar_one()
    return counted


def _ending(tx: Transaction) -> int:
    """Contracts whose end comes within the next days, whatever their state until then but cancelled."""
    last = tx.now + timedelta(days=ENDING_DAYS)
    counted: int = tx.connection.execute(
        select(func.count())
        .select_from(c)
        .where(c.c.expires_at > tx.now, c.c.expires_at <= last, c.c.cancelled_at.is_(None))
    ).scalar_one()
    return counted


def _uncovered(tx: Transaction, month_starts_at: datetime) -> dict[str, int]:
    rows = tx.connection.execute(
        select(a.c.kind, func.sum(a.c.minutes))
        .where(
            a.c.kind.in_(UNCOVERED_KINDS),
            a.c.reversed_at.is_(None),
            a.c.effective_at >= month_starts_at,
            a.c.effective_at <= tx.now,
        )
        .group_by(a.c.kind)
    )
    return {row[0]: int(row[1]) for row in rows}

"""How the desk stands, in a few numbers: each is a list one click away.

Source: what a supervisor and an administrator need first, pages of the desk.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select

from engine.drawdown import REST_KIND
from engine.periods import first_instant_of, local_date
from workflows.core.actors import STAFF
from workflows.core.errors import invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.notifications.outbox import FAILED
from workflows.service_requests.queries import in_queue
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page

ENDING_DAYS = 30
UNCOVERED_KINDS = tuple(REST_KIND.values())
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


@dataclass(frozen=True, slots=True)
class UncoveredView:
    """Chargeable minutes that no contract paid; `kind` is carried, ignored or overage."""

    service_request: str
    number: str
    subject: str
    customer_name: str
    technician_name: str
    kind: str
    minutes: int
    effective_at: datetime


def list_uncovered(
    tx: Transaction,
    *,
    from_at: datetime | None = None,
    kind: str | None = None,
    order: str = "-effective_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[UncoveredView]:
    """A page of the time that no contract paid, from an instant on, by the instant worked."""
    tx.require(*STAFF)
    entry, user = t.work_entry, t.user_account
    statement = (
        select(
            a.c.kind,
            a.c.minutes,
            a.c.effective_at,
            r.c.id.label("request_id"),
            r.c.number,
            r.c.subject,
            t.customer.c.name.label("customer_name"),
            user.c.name.label("technician_name"),
        )
        .join(entry, entry.c.id == a.c.work_entry_id)
        .join(r, r.c.id == entry.c.service_request_id)
        .join(t.customer, t.customer.c.id == r.c.customer_id)
        .join(user, user.c.id == entry.c.technician_id)
        .where(a.c.kind.in_(UNCOVERED_KINDS), a.c.reversed_at.is_(None))
    )
    if from_at is not None:
        statement = statement.where(a.c.effective_at >= from_at)
    if kind is not None:
        if kind not in UNCOVERED_KINDS:
            raise invalid(
                "/kind", f"{kind!r} is not known here.", f"Use one of {', '.join(UNCOVERED_KINDS)}."
            )
        statement = statement.where(a.c.kind == kind)
    return read_page(
        tx,
        statement,
        _uncovered_view,
        orders={"effective_at": Sort(a.c.effective_at)},
        by_id=a.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
    )


def month_start(tx: Transaction) -> datetime:
    """The first instant of this month in the provider's zone."""
    zone = tx.settings.zone
    return first_instant_of(local_date(tx.now, zone).replace(day=1), zone)


def read_overview(tx: Transaction) -> Overview:
    """The desk's numbers, for its staff."""
    tx.require(*STAFF)
    month = month_start(tx)
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


def _uncovered_view(row: Row[Any]) -> UncoveredView:
    return UncoveredView(
        service_request=row.request_id,
        number=row.number,
        subject=row.subject,
        customer_name=row.customer_name,
        technician_name=row.technician_name,
        kind=row.kind,
        minutes=row.minutes,
        effective_at=row.effective_at,
    )

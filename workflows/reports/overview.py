"""The counts of the overview page, each of which links to a list, and the list of uncovered time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select

from engine.payers import REST_KIND
from engine.periods import first_instant_of, local_date
from workflows.core.actors import STAFF
from workflows.core.errors import invalid
from workflows.core.paging import Sort, count_rows, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.notifications.outbox import FAILED
from workflows.reports.parties import during, holder_spans, party_key
from workflows.service_requests.queries import in_queue, queue_values
from workflows.store import tables as t
from workflows.store.column_types import text_constant
from workflows.views import DEFAULT_LIMIT, Page

ENDING_DAYS = 30
UNCOVERED_KINDS = tuple(REST_KIND.values())
r, c, a = t.service_request, t.contract, t.work_allocation
_IS_UNCOVERED = and_(
    a.c.kind.in_([text_constant(kind) for kind in UNCOVERED_KINDS]), a.c.reversed_at.is_(None)
)
"""As in the condition of its index."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts as of now; `uncovered_minutes` are this month's minutes that no contract paid, by kind.

    Requests and contracts are counted up to `MOST_COUNTED`; one more than that stands for any higher number.
    """

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
    to_approve: int


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
    to_at: datetime | None = None,
    kind: str | None = None,
    contract: str | None = None,
    party: str | None = None,
    order: str = "-effective_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[UncoveredView]:
    """A page of the time that no contract paid, by the instant worked (aware UTC) in [from_at, to_at).

    `contract` is the id of the contract that had run out, or "none" for time without one; `party` is the one
    to whom the reports assign it.
    Raises:
        NotAllowed: the actor is a customer.
        InvalidInput: `kind`, `order` or `cursor` is not valid.
    """
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
        .where(is_uncovered())
    )
    if from_at is not None:
        statement = statement.where(a.c.effective_at >= from_at)
    if to_at is not None:
        statement = statement.where(a.c.effective_at < to_at)
    if contract is not None:
        no_contract = a.c.contract_id.is_(None)
        statement = statement.where(no_contract if contract == "none" else a.c.contract_id == contract)
    if party is not None:
        spans = holder_spans().subquery("spans")
        statement = statement.outerjoin(
            spans, and_(spans.c.contract_id == a.c.contract_id, during(spans, a.c.effective_at))
        ).where(func.coalesce(spans.c.party, party_key("customer", r.c.customer_id)) == party)
    if kind is not None:
        if kind not in UNCOVERED_KINDS:
            raise invalid(
                "/kind",
                gettext("%(kind)s is not a valid kind.", kind=repr(kind)),
                gettext("Use one of %(uncovered_kinds)s.", uncovered_kinds=", ".join(UNCOVERED_KINDS)),
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
        counted=counted,
    )


def is_uncovered() -> ColumnElement[bool]:
    """SQL: an allocation is of time that no contract paid."""
    return _IS_UNCOVERED


def month_start(tx: Transaction) -> datetime:
    """The first instant of the current month in the provider's time zone, as aware UTC."""
    zone = tx.settings.zone
    return first_instant_of(local_date(tx.now, zone).replace(day=1), zone)


def read_overview(tx: Transaction) -> Overview:
    """The counts of the overview page. Raises: NotAllowed for customers."""
    tx.require(*STAFF)
    month = month_start(tx)
    first = select(r.c.opened_at).where(in_queue("waiting")).order_by(r.c.opened_at).limit(1)
    return Overview(
        mine=_queue_length(tx, "mine"),
        unassigned=_queue_length(tx, "unassigned"),
        at_risk=_queue_length(tx, "at_risk"),
        waiting=_queue_length(tx, "waiting"),
        waiting_since=tx.connection.execute(first).scalar_one_or_none(),
        unfinished=_queue_length(tx, "unfinished"),
        ending=count_ending(tx),
        uncovered_minutes=uncovered_minutes(tx, month),
        month_starts_at=month,
        undelivered=count_rows(tx, select(t.outbox.c.id).where(FAILED)),
        to_approve=count_rows(
            tx, select(t.work_entry.c.id).where(t.NOT_APPROVED_WORK, t.work_entry.c.state == "submitted")
        ),
    )


def _queue_length(tx: Transaction, queue: str) -> int:
    return count_rows(tx, select(r.c.id).where(in_queue(queue)), queue_values(tx))


def count_ending(tx: Transaction, *which: ColumnElement[bool]) -> int:
    """How many contracts that fit `which` end within the next 30 days and are not cancelled."""
    last = tx.now + timedelta(days=ENDING_DAYS)
    ends = and_(c.c.expires_at > tx.now, c.c.expires_at <= last, c.c.cancelled_at.is_(None), *which)
    return count_rows(tx, select(c.c.id).where(ends))


def uncovered_minutes(tx: Transaction, month_starts_at: datetime) -> dict[str, int]:
    """The chargeable minutes that no contract paid, by kind, worked since an instant (aware UTC)."""
    rows = tx.connection.execute(
        select(a.c.kind, func.sum(a.c.minutes))
        .where(
            is_uncovered(),
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

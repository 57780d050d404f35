"""What a re-draw reads: the work entries that contracts are connected by, and what is posted for them.

Source: product.md section 7 (Time worked decides, not time typed).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, or_, select, true

from engine.contracts import Holder
from engine.drawdown import Carried, CarriedDraw, Posted, Slice
from workflows.core.transaction import Transaction
from workflows.ledger.adjustments import belongs_at
from workflows.lifecycle.contracts.amendments import is_held_since
from workflows.lifecycle.service_requests.holders import covered_by
from workflows.store import tables as t

MAX_IDS_PER_STATEMENT = 900
LONGEST_ENTRY = timedelta(minutes=100_000)
e, a, r = t.work_entry, t.work_allocation, t.service_request
entry, leg = t.ledger_transaction, t.ledger_posting

_ENTRY_COLUMNS = (
    e.c.id.label("entry_id"), e.c.started_at.label("worked_from"), e.c.ended_at.label("worked_until"),
    e.c.chargeable_minutes, e.c.charged_by, e.c.segments, e.c.created_at.label("recorded_at"),
    e.c.work_type.label("worked_type"), r.c.id, r.c.number, r.c.customer_id, r.c.item_id, r.c.org_unit_id,
    r.c.priority, r.c.work_type, r.c.channel, r.c.opened_at,
)  # fmt: skip
"""A work entry, and its service request under the names that it has in its own table."""


@dataclass(frozen=True, slots=True)
class PostedAllocation:
    """A slice that is posted: `carrier` is the key of the holder who carries it, None for other kinds."""

    posted: Posted
    transaction_id: str | None
    carrier: str | None


@dataclass(frozen=True, slots=True)
class PostedDraw:
    """A draw of carried minutes that is posted, with its ledger transaction."""

    draw: CarriedDraw
    transaction_id: str


def entries_drawn(tx: Transaction, contracts: Collection[str], since: datetime) -> list[Row[Any]]:
    """The entries that began at `since` or later, of which one of the contracts has a slice."""
    of_contracts = select(a.c.work_entry_id).where(
        a.c.contract_id.in_(contracts), a.c.effective_at >= since, a.c.reversed_at.is_(None)
    )
    return _entries(tx, e.c.id.in_(of_contracts), e.c.started_at >= since)


def entries_by_id(tx: Transaction, ids: Sequence[str]) -> list[Row[Any]]:
    """Entries that are not deleted."""
    return _entries(tx, e.c.id.in_(ids)) if ids else []


def entries_covered(tx: Transaction, contract_id: str, since: datetime) -> frozenset[str]:
    """The ids of the entries since an instant that a contract covers, even where it pays nothing for them."""
    covered = e.c.charged_by["contract"].as_string() == contract_id
    rows = tx.connection.execute(
        select(e.c.id).where(e.c.started_at >= since, e.c.deleted_at.is_(None), covered)
    )
    return frozenset(rows.scalars())


def entries_that_cascade(tx: Transaction, holders: Iterable[Holder], since: datetime) -> list[Row[Any]]:
    """The entries since an instant that cascade, or an exclusion, may take to a contract of these holders."""
    fits = [covered_by(holder.id)[holder.kind] for holder in sorted(set(holders))]
    if not fits:
        return []
    cascades = or_(*(e.c.charged_by[one].as_boolean() == true() for one in ("cascade", "passes_on")))
    return _entries(tx, or_(*fits), e.c.started_at >= since, e.c.chargeable_minutes > 0, cascades)


def may_be_drawn_later(tx: Transaction, holder: Holder, at: datetime) -> bool:
    """Whether a contract of a holder became valid or got a grant after `at`: it draws what is carried."""
    c, b = t.contract, t.grant_balance
    opened = exists(
        select(b.c.grant_id).where(b.c.contract_id == c.c.id, b.c.opens_at > at, b.c.opens_at <= tx.now)
    )
    later = select(c.c.id).where(
        is_held_since([holder], at),
        or_(c.c.activated_at > at, c.c.next_due_at <= tx.now, opened),
    )
    return tx.connection.execute(later.limit(1)).first() is not None


def first_entry_over(tx: Transaction, contracts: Collection[str], at: datetime) -> datetime | None:
    """When the earliest of the contracts' entries began that an instant divides; None if there is none."""
    spanning = (
        select(e.c.started_at)
        .join(a, a.c.work_entry_id == e.c.id)
        .where(
            a.c.contract_id.in_(contracts),
            a.c.effective_at >= at - LONGEST_ENTRY,
            a.c.effective_at < at,
            a.c.reversed_at.is_(None),
            e.c.deleted_at.is_(None),
            e.c.started_at < at,
            e.c.ended_at > at,
        )
        .order_by(e.c.started_at)
        .limit(1)
    )
    found: datetime | None = tx.connection.execute(spanning).scalar()
    return found


def allocations_of(tx: Transaction, entries: Sequence[str]) -> list[PostedAllocation]:
    """What is posted for entries, in the order in which it was."""
    found = []
    for part in _chunks(entries):
        rows = tx.connection.execute(
            select(a, leg.c.owner.label("carrier"))
            .outerjoin(leg, and_(leg.c.transaction_id == a.c.transaction_id, leg.c.account == "carried"))
            .where(a.c.work_entry_id.in_(part), a.c.reversed_at.is_(None))
            .order_by(a.c.id)
        )
        found += [_allocation(row) for row in rows]
    return found


def carried_draws_of(tx: Transaction, contracts: Collection[str], since: datetime) -> list[PostedDraw]:
    """The draws of carried minutes by these contracts since an instant."""
    return _carried_draws(tx, entry.c.contract_id.in_(contracts), belongs_at() >= since)


def carried_draws_of_holders(tx: Transaction, holders: Collection[str], before: datetime) -> list[PostedDraw]:
    """All draws of what these holders (by key) carried, made before an instant."""
    taken = leg.alias("taken")
    theirs = exists(
        select(taken.c.leg).where(
            taken.c.transaction_id == entry.c.id, taken.c.account == "carried", taken.c.owner.in_(holders)
        )
    )
    return _carried_draws(tx, theirs, belongs_at() < before)


def has_carried_since(tx: Transaction, holders: Collection[str], at: datetime) -> bool:
    """Whether the carried minutes of any of these holders (by key) have changed at `at` or later."""
    changed = select(leg.c.owner).where(
        leg.c.owner.in_(holders), leg.c.account == "carried", leg.c.effective_at >= at
    )
    return tx.connection.execute(changed.limit(1)).first() is not None


def carried_amounts(
    tx: Transaction, holders: Collection[str], *, without: Collection[str], since: datetime | None
) -> list[Carried]:
    """What holders (by key) were made to carry since an instant, or ever, except by these entries."""
    wanted = (
        select(leg.c.owner, a.c.contract_id, a.c.minutes, a.c.effective_at, a.c.work_entry_id)
        .select_from(leg)
        .join(a, a.c.transaction_id == leg.c.transaction_id)
        .where(leg.c.owner.in_(holders), leg.c.account == "carried", a.c.reversed_at.is_(None))
        .order_by(a.c.effective_at, a.c.id)
    )
    if since is not None:
        wanted = wanted.where(a.c.effective_at >= since)
    return [
        Carried(row.owner, row.contract_id, row.minutes, row.effective_at)
        for row in tx.connection.execute(wanted)
        if row.work_entry_id not in without
    ]


# ------------------------------------------------------------------ helpers


def _entries(tx: Transaction, *where: ColumnElement[bool]) -> list[Row[Any]]:
    wanted: Select[Any] = (
        select(*_ENTRY_COLUMNS)
        .select_from(e)
        .join(r, r.c.id == e.c.service_request_id)
        .where(*where, e.c.deleted_at.is_(None))
    )
    return list(tx.connection.execute(wanted))


def _allocation(row: Row[Any]) -> PostedAllocation:
    piece = Slice(row.kind, row.contract_id, row.grant_id, row.minutes, row.effective_at)
    return PostedAllocation(Posted(row.id, row.work_entry_id, piece), row.transaction_id, row.carrier)


def _carried_draws(tx: Transaction, *where: ColumnElement[bool]) -> list[PostedDraw]:
    mirror = entry.alias("mirror")
    rows = tx.connection.execute(
        select(
            entry.c.id,
            entry.c.contract_id,
            belongs_at().label("effective_at"),
            leg.c.owner,
            leg.c.account,
            leg.c.amount,
        )
        .select_from(entry.join(leg, leg.c.transaction_id == entry.c.id))
        .outerjoin(t.ledger_adjustment, t.ledger_adjustment.c.transaction_id == entry.c.id)
        .where(
            entry.c.kind == "draw_carried",
            ~exists(select(mirror.c.id).where(mirror.c.reverses_id == entry.c.id)),
            *where,
        )
        .order_by(belongs_at(), entry.c.id, leg.c.leg)
    )
    legs: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        legs[row.id].append(row)
    return [_posted_draw(transaction_id, found) for transaction_id, found in legs.items()]


def _posted_draw(transaction_id: str, legs: Sequence[Any]) -> PostedDraw:
    first = legs[0]
    holder, minutes = next((one.owner, -one.amount) for one in legs if one.account == "carried")
    grants = tuple((one.owner, int(one.amount)) for one in legs if one.account == "consumed")
    draw = CarriedDraw(holder, first.contract_id, int(minutes), first.effective_at, grants)
    return PostedDraw(draw, transaction_id)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), MAX_IDS_PER_STATEMENT):
        yield ids[start : start + MAX_IDS_PER_STATEMENT]

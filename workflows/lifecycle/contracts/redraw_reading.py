"""What a re-draw reads: the work entries that contracts are connected by, and what is posted for them.

Source: product.md section 7 (Time worked decides, not time typed).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, or_, select, true

from engine.contracts import Holder
from engine.draw_down_difference import Posted
from engine.payers import AllocationKind, Carried, CarriedDraw, Slice
from engine.quantities import Money
from workflows.core.transaction import Transaction
from workflows.ledger.adjustments import belongs_at
from workflows.lifecycle.contracts.amendments import is_held_since
from workflows.lifecycle.service_requests.holders import covered_by
from workflows.store import tables as t
from workflows.store.column_types import Instant, shared_json
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list

LONGEST_ENTRY = timedelta(minutes=100_000)
"""Of what is stored: older programs took longer spans than `engine.quantities` allows for a new one."""
e, a, r = t.work_entry, t.work_allocation, t.service_request
entry, leg = t.ledger_transaction, t.ledger_posting
_MIRROR, _TAKEN = entry.alias("mirror"), leg.alias("taken")
"""Built once: SQLAlchemy copies every column of a table for each alias."""
is_held = e.c.state == "submitted"

_ENTRY_COLUMNS = (
    e.c.id.label("entry_id"), e.c.started_at.label("worked_from"), e.c.ended_at.label("worked_until"),
    e.c.chargeable_minutes, shared_json(e.c.charged_by).label("charged_by"), e.c.segments,
    e.c.created_at.label("recorded_at"),
    e.c.work_type.label("worked_type"), r.c.id, r.c.number, r.c.customer_id, r.c.item_id, r.c.org_unit_id,
    r.c.priority, r.c.work_type, r.c.channel, r.c.opened_at, t.item.c.item_type, is_held.label("held"),
)  # fmt: skip
"""A work entry, its service request under the names that it has in its own table, and its item's type."""


class PostedAllocation(NamedTuple):
    """A slice that is posted: `carrier` is the key of the holder who carries it, None for other kinds.

    `service_request` is the id of the one that the posting names; None where nothing is posted for the slice.
    `settlement_id` is the transaction that settled it, where it was held before.
    """

    posted: Posted
    transaction_id: str | None
    carrier: str | None
    service_request: str | None = None
    settlement_id: str | None = None

    @property
    def transaction_ids(self) -> list[str]:
        """The ids of its transactions, the latest first, as they are to be reversed."""
        return [one for one in (self.settlement_id, self.transaction_id) if one is not None]


@dataclass(frozen=True, slots=True)
class PostedDraw:
    """A draw of carried minutes that is posted, with its ledger transaction."""

    draw: CarriedDraw
    transaction_id: str


def entries_drawn(tx: Transaction, contracts: Collection[str], since: datetime) -> list[Any]:
    """The entries that began at `since` or later, of which one of the contracts has a slice."""
    wanted = {"contracts": id_list(list(contracts), is_sqlite=tx.is_sqlite), "since": since}
    return _drawn(tx.is_sqlite).all(tx.connection, wanted)


@cache
def _drawn(is_sqlite: bool) -> Prepared:
    since = bindparam("since", type_=Instant, required=True)
    drawn = select(a.c.work_entry_id).where(
        among(a.c.contract_id, "contracts", is_sqlite=is_sqlite),
        a.c.effective_at >= since,
        a.c.reversed_at.is_(None),
    )
    return Prepared(_entries(e.c.id.in_(drawn), e.c.started_at >= since))


def entries_by_id(tx: Transaction, ids: Sequence[str]) -> list[Row[Any]]:
    """Entries that are neither deleted nor rejected."""
    return list(tx.connection.execute(_entries(e.c.id.in_(ids))).all()) if ids else []


def entries_covered(tx: Transaction, contract_id: str, since: datetime) -> frozenset[str]:
    """The ids of the entries since an instant that a contract covers, even where it pays nothing for them."""
    covered = e.c.charged_by["contract"].as_string() == contract_id
    rows = tx.connection.execute(select(e.c.id).where(e.c.started_at >= since, t.COUNTED_WORK, covered))
    return frozenset(rows.scalars())


def entries_that_cascade(tx: Transaction, holders: Iterable[Holder], since: datetime) -> list[Row[Any]]:
    """The entries since an instant that cascade, or an exclusion, may take to a contract of these holders."""
    fits = [covered_by(holder.id)[holder.kind] for holder in sorted(set(holders))]
    if not fits:
        return []
    cascades = or_(*(e.c.charged_by[one].as_boolean() == true() for one in ("cascade", "passes_on")))
    # of other parties than their request has now, any holder may be theirs
    stored = {name: e.c.charged_by["parties"][name].as_string() for name in ("customer", "item", "org_unit")}
    differs = (stored[name].is_distinct_from(r.c[f"{name}_id"]) for name in stored)
    others = and_(r.c.earlier.is_not(None), stored["customer"].is_not(None), or_(*differs))
    wanted = _entries(or_(*fits, others), e.c.started_at >= since, e.c.chargeable_minutes > 0, cascades)
    return list(tx.connection.execute(wanted).all())


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
            t.COUNTED_WORK,
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
    rows = _allocations(tx.is_sqlite).tuples(
        tx.connection, {"entries": id_list(entries, is_sqlite=tx.is_sqlite)}
    )
    return [
        PostedAllocation(Posted(row[0], row[1], _slice(*row[6:])), row[2], row[3], row[4], row[5])
        for row in rows
    ]


@cache
def _allocations(is_sqlite: bool) -> Prepared:
    """What is posted for entries, whose ids are bound to `entries`: the fields of a slice come last."""
    return Prepared(
        select(
            a.c.id,
            a.c.work_entry_id,
            a.c.transaction_id,
            leg.c.owner.label("carrier"),
            entry.c.service_request_id,
            a.c.settlement_id,
            a.c.kind,
            a.c.contract_id,
            a.c.grant_id,
            a.c.minutes,
            a.c.effective_at,
            a.c.held,
            a.c.amount_minor,
            a.c.currency,
        )
        .select_from(a)
        .outerjoin(leg, and_(leg.c.transaction_id == a.c.transaction_id, leg.c.account == "carried"))
        .outerjoin(entry, entry.c.id == a.c.transaction_id)
        .where(among(a.c.work_entry_id, "entries", is_sqlite=is_sqlite), a.c.reversed_at.is_(None))
        .order_by(a.c.id)
    )


def carried_draws_of(tx: Transaction, contracts: Collection[str], since: datetime) -> list[PostedDraw]:
    """The draws of carried minutes by these contracts since an instant."""
    return _carried_draws(tx, entry.c.contract_id.in_(contracts), belongs_at() >= since)


def carried_draws_of_holders(tx: Transaction, holders: Collection[str], before: datetime) -> list[PostedDraw]:
    """All draws of what these holders (by key) carried, made before an instant."""
    theirs = exists(
        select(_TAKEN.c.leg).where(
            _TAKEN.c.transaction_id == entry.c.id, _TAKEN.c.account == "carried", _TAKEN.c.owner.in_(holders)
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
        select(
            leg.c.owner,
            a.c.contract_id,
            a.c.minutes,
            a.c.effective_at,
            a.c.work_entry_id,
            is_held.label("held"),
            e.c.started_at,
            e.c.created_at,
        )
        .select_from(leg)
        .join(a, a.c.transaction_id == leg.c.transaction_id)
        .join(e, e.c.id == a.c.work_entry_id)
        .where(leg.c.owner.in_(holders), leg.c.account == "carried", a.c.reversed_at.is_(None))
        .order_by(a.c.effective_at, a.c.id)
    )
    if since is not None:
        wanted = wanted.where(a.c.effective_at >= since)
    return [
        Carried(
            row.owner,
            row.contract_id,
            row.minutes,
            row.effective_at,
            row.held,
            (row.started_at, row.created_at, row.work_entry_id),
        )
        for row in tx.connection.execute(wanted)
        if row.work_entry_id not in without
    ]


def has_held_carried(tx: Transaction, holders: Collection[str]) -> bool:
    """Whether any of these holders (by key) carries minutes of an entry that awaits approval."""
    held = (
        select(a.c.id)
        .select_from(e)
        .join(a, a.c.work_entry_id == e.c.id)
        .join(leg, leg.c.transaction_id == a.c.transaction_id)
        .where(
            t.NOT_APPROVED_WORK,
            is_held,
            a.c.kind == "carried",
            a.c.reversed_at.is_(None),
            leg.c.owner.in_(holders),
        )
    )
    return tx.connection.execute(held.limit(1)).first() is not None


# ------------------------------------------------------------------ helpers


def _entries(*where: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*_ENTRY_COLUMNS)
        .select_from(e)
        .join(r, r.c.id == e.c.service_request_id)
        .outerjoin(t.item, t.item.c.id == r.c.item_id)
        .where(*where, t.COUNTED_WORK)
    )


def slice_of(row: Any) -> Slice:
    """The slice of a row of `work_allocation`."""
    return _slice(
        row.kind,
        row.contract_id,
        row.grant_id,
        row.minutes,
        row.effective_at,
        row.held,
        row.amount_minor,
        row.currency,
    )


def _slice(
    kind: AllocationKind,
    contract: str | None,
    grant: str | None,
    minutes: int,
    at: datetime,
    held: bool,
    amount_minor: int | None,
    currency: str | None,
) -> Slice:
    amount = Money(amount_minor, currency) if amount_minor is not None and currency is not None else None
    return Slice(kind, contract, grant, minutes, at, amount, held)


def _carried_draws(tx: Transaction, *where: ColumnElement[bool]) -> list[PostedDraw]:
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
            ~exists(select(_MIRROR.c.id).where(_MIRROR.c.reverses_id == entry.c.id)),
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
    grants = tuple((one.owner, -int(one.amount)) for one in legs if one.account == "available")
    held = tuple((one.owner, int(one.amount)) for one in legs if one.account == "held")
    draw = CarriedDraw(holder, first.contract_id, int(minutes), first.effective_at, grants, held)
    return PostedDraw(draw, transaction_id)

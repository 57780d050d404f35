"""The grants of a contract that one work entry can concern, and sums of the others.

A contract may have hundreds of grants; an entry draws from the first few in burn order. The database puts
them in order and adds up the rest, by the statement that reads them. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)

from engine.contracts import Limits
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import OpenTotals, StoredGrant, limits_at, open_totals, stored_grant
from workflows.lifecycle.contracts.open_grants import burn_order_columns, is_open_at
from workflows.store import tables as t
from workflows.store.column_types import Instant, text_constant
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list

g, b = t.contract_grant, t.grant_balance


@dataclass(frozen=True, slots=True)
class OtherGrants:
    """What the grants that were not read add up to at `at`, in whole units; nothing of them is to expire.

    `count` is how many they are. `next_edge_at` is the first instant after `at` at which one of them opens or
    closes. `is_followed`: work or a draw of carried minutes is posted on one of the contracts after the
    entry's start; then all grants have been read, since all that follows is planned anew.
    """

    at: datetime
    count: int
    limits: Limits
    open_totals: OpenTotals
    next_edge_at: datetime | None
    is_followed: bool


def read_drawable_grants(
    tx: Transaction,
    contract_ids: Sequence[str],
    *,
    started_at: datetime,
    ended_at: datetime | None,
    chargeable_minutes: int,
) -> dict[str, tuple[list[StoredGrant], OtherGrants]]:
    """The grants that an entry can be drawn from or that are due to expire, oldest first, by contract id.

    Those are the first in burn order that hold the minutes, among the grants without a scope that are open at
    `started_at`; those with a scope, which the database does not read;
    all grants of a contract of which one opens or closes within the span, and all of every contract where
    something follows the entry. Contracts without grants are left out. A property test holds a plan by these
    grants to one by all. Units: whole minutes; aware UTC.
    """
    rows = _drawable(tx.is_sqlite).all(
        tx.connection,
        {
            "contracts": id_list(contract_ids, is_sqlite=tx.is_sqlite),
            "started_at": started_at,
            "ended_at": ended_at or started_at,
            "chargeable_minutes": chargeable_minutes,
            "now": tx.now,
        },
    )
    by_contract: dict[str, list[Any]] = {}
    for row in rows:
        by_contract.setdefault(row.contract_id, []).append(row)
    return {contract_id: _split(of_contract, tx.now) for contract_id, of_contract in by_contract.items()}


def is_followed(tx: Transaction, contract_ids: Sequence[str], at: datetime) -> bool:
    """Whether anything is posted on one of the contracts after an instant that work then may move."""
    values = {"contracts": id_list(contract_ids, is_sqlite=tx.is_sqlite), "at": at}
    return bool(_followed(tx.is_sqlite).one(tx.connection, values).is_followed)


def _split(rows: Sequence[Any], at: datetime) -> tuple[list[StoredGrant], OtherGrants]:
    grants = [stored_grant(row) for row in rows]
    every, known = rows[0], limits_at(grants, at)
    others = Limits(
        int(every.open_minutes) - known.minutes_available,
        int(every.open_incidents) - known.incidents_available,
        int(every.held_incidents) - known.incidents_held,
    )
    every_open, known_open = _open_totals_of(every), open_totals(grants, at)
    totals = OpenTotals(
        every_open.purchased - known_open.purchased, every_open.available - known_open.available
    )
    edges = [one for one in (every.next_opening_at, every.next_closing_at) if one is not None]
    count = every.grants - len(rows)
    return grants, OtherGrants(at, count, others, totals, min(edges, default=None), bool(every.is_followed))


def _open_totals_of(row: Any) -> OpenTotals:
    """The totals of all grants that are open, of a row of `_drawable`."""
    return OpenTotals(int(row.open_purchased), int(row.open_minutes) + int(row.open_incidents))


@cache
def _drawable(is_sqlite: bool) -> Prepared:
    # Sums of a whole contract are grouped, not window functions: these take SQLite ten times as long.
    started_at, ended_at, now = map(_instant, ("started_at", "ended_at", "now"))
    wanted = _wanted(is_sqlite)
    ids = select(wanted.c.id)
    # Once: PostgreSQL, which expects one grant of each contract, would add up anew for each of 400.
    sums_of_all = _totals(ids, started_at, ended_at, now).cte("totals")
    totals = sums_of_all.prefix_with("MATERIALIZED", dialect="postgresql")
    is_drawable = and_(is_open_at(started_at), _left() > 0)
    due = and_(b.c.closes_at <= now, or_(b.c.available != 0, ~b.c.expiry_posted))
    is_wanted = or_(
        totals.c.is_cut == 1,
        totals.c.is_followed,
        b.c.grant_id.in_(select(_first_payers(ids, started_at).c.grant_id)),
        and_(is_drawable, g.c.scope.is_not(None)),
        due,
        # the sums are wanted even if none of the grants are
        b.c.grant_id == totals.c.first_grant,
    )
    sums = [column for column in totals.c if column.name not in ("contract_id", "is_cut", "first_grant")]
    return Prepared(
        select(
            g.c.id,
            b.c.contract_id,
            g.c.unit,
            g.c.currency,
            g.c.quantity,
            g.c.effective_at,
            g.c.expires_at,
            g.c.kind,
            g.c.reason,
            g.c.priority,
            g.c.scope,
            g.c.rest_of_id,
            b.c.available,
            b.c.held,
            b.c.consumed,
            b.c.expired,
            b.c.opens_at,
            b.c.closes_at,
            b.c.expiry_posted,
            *sums,
        )
        .join(b, b.c.grant_id == g.c.id)
        .join(totals, totals.c.contract_id == b.c.contract_id)
        .where(b.c.contract_id.in_(ids), is_wanted)
        .order_by(g.c.id)
    )


def _totals(ids: Select[Any], started_at: Any, ended_at: Any, now: Any) -> Select[Any]:
    """SQL: the sums over all grants of each contract."""
    is_cut = or_(
        and_(b.c.opens_at > started_at, b.c.opens_at < ended_at),
        and_(b.c.closes_at > started_at, b.c.closes_at < ended_at),
    )
    is_open = is_open_at(now)
    purchased = b.c.available + b.c.held + b.c.consumed
    return (
        select(
            b.c.contract_id,
            _sum_of(and_(is_open, b.c.unit == "minutes"), b.c.available).label("open_minutes"),
            _sum_of(and_(is_open, b.c.unit == "incidents"), b.c.available).label("open_incidents"),
            _sum_of(b.c.unit == "incidents", b.c.held).label("held_incidents"),
            _sum_of(is_open, purchased).label("open_purchased"),
            func.count().label("grants"),
            _next_after(now, b.c.opens_at).label("next_opening_at"),
            _next_after(now, b.c.closes_at).label("next_closing_at"),
            func.max(case((is_cut, 1), else_=0)).label("is_cut"),
            func.min(b.c.grant_id).label("first_grant"),
            _is_followed(ids, started_at).label("is_followed"),
        )
        .where(b.c.contract_id.in_(ids))
        .group_by(b.c.contract_id)
    )


def _first_payers(ids: Select[Any], started_at: Any) -> Subquery:
    """SQL: the grants without a scope that are first in burn order and hold the minutes, by contract."""
    minutes: Any = bindparam("chargeable_minutes", type_=BigInteger, required=True)
    before = func.sum(_left()).over(
        partition_by=b.c.contract_id, order_by=burn_order_columns(), rows=(None, 0)
    )
    ranked = (
        select(b.c.grant_id, (before - _left()).label("before"))
        .join(g, g.c.id == b.c.grant_id)
        .where(b.c.contract_id.in_(ids), is_open_at(started_at), _left() > 0, g.c.scope.is_(None))
        .subquery("ranked")
    )
    return select(ranked.c.grant_id).where(ranked.c.before < minutes).subquery("payers")


def _left() -> ColumnElement[int]:
    """SQL: the minutes of a grant that work may draw, were it not expired."""
    return b.c.available + case((b.c.expiry_posted, b.c.expired), else_=0)


@cache
def _followed(is_sqlite: bool) -> Prepared:
    followed = _is_followed(select(_wanted(is_sqlite).c.id), _instant("at"))
    return Prepared(select(followed.label("is_followed")))


def _wanted(is_sqlite: bool) -> CTE:
    """SQL: the ids of the contracts that are asked for."""
    c = t.contract.c
    return select(c.id).where(among(c.id, "contracts", is_sqlite=is_sqlite)).cte("wanted")


def _instant(name: str) -> Any:
    return bindparam(name, type_=Instant, required=True)


def _is_followed(contracts: Any, at: Any) -> Any:
    """SQL: whether anything is posted on one of the contracts after an instant that work then may move."""
    a, entry = t.work_allocation, t.ledger_transaction
    later_work = select(a.c.id).where(
        a.c.contract_id.in_(contracts), a.c.effective_at > at, a.c.reversed_at.is_(None)
    )
    later_draw = select(entry.c.id).where(
        entry.c.contract_id.in_(contracts),
        entry.c.effective_at > at,
        entry.c.kind.in_([text_constant("draw_carried"), text_constant("carry_over")]),
    )
    return or_(later_work.exists(), later_draw.exists())


def _sum_of(condition: Any, amount: Any) -> Any:
    return func.sum(case((condition, amount), else_=0))


def _next_after(now: Any, instant: Any) -> Any:
    return func.min(case((instant > now, instant)), type_=Instant())

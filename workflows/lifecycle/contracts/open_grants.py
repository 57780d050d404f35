"""When a grant can be drawn and in which order, as SQL over `grant_balance`.

The same rules as `engine.contracts.is_within` and `engine.burn_order.burn_order`, for statements that
filter, sum or lock grants; a property test holds the two to each other on both databases.
Source: product.md section 7.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from workflows.store import tables as t

b = t.grant_balance


_MONTH = t.grant_balance.alias("month")


def is_open_at(at: Any) -> ColumnElement[bool]:
    """Whether a grant can be drawn at `at` (an `Instant` expression): its window is half-open."""
    return and_(b.c.opens_at <= at, or_(b.c.closes_at.is_(None), b.c.closes_at > at))


def rest_due(at: Any) -> ColumnElement[int]:
    """What a month that has ended by `at` leaves to the row's grant, and no job has carried over yet.

    In whole minutes; 0 for any other grant. For sums over many contracts, where settling each first would
    take too long: carried minutes that a new month is to draw are not taken off.
    """
    g, month = t.contract_grant, _MONTH
    retained = case((g.c.quantity < month.c.available, g.c.quantity), else_=month.c.available)
    rest = (
        select(retained)
        .join_from(g, month, month.c.grant_id == g.c.rest_of_id)
        .where(g.c.id == b.c.grant_id, month.c.closes_at <= at, ~month.c.expiry_posted)
        .correlate(b)
        .scalar_subquery()
    )
    return func.coalesce(rest, 0)


def burn_order_columns() -> tuple[ColumnElement[Any], ...]:
    """What to sort by: lowest priority number, earliest end (none last), earliest start, lowest id.

    Where a grant never ends is written out, as SQLite sorts NULL first and PostgreSQL last.
    """
    never_ends = case((b.c.closes_at.is_(None), 1), else_=0)
    return b.c.priority, never_ends, b.c.closes_at, b.c.opens_at, b.c.grant_id

"""When a grant can be drawn and in which order, as SQL over `grant_balance`.

The same rules as `engine.contracts.is_within` and `engine.drawdown.burn_order`, for statements that
filter, sum or lock grants; a property test holds the two to each other on both databases.
Source: product.md section 7.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_

from workflows.store import tables as t

b = t.grant_balance


def is_open_at(at: Any) -> ColumnElement[bool]:
    """Whether a grant can be drawn at `at` (an `Instant` expression): its window is half-open."""
    return and_(b.c.opens_at <= at, or_(b.c.closes_at.is_(None), b.c.closes_at > at))


def burn_order_columns() -> tuple[ColumnElement[Any], ...]:
    """What to sort by: earliest end (none last), then earliest start, then lowest id.

    Where a grant never ends is written out, as SQLite sorts NULL first and PostgreSQL last.
    """
    never_ends = case((b.c.closes_at.is_(None), 1), else_=0)
    return never_ends, b.c.closes_at, b.c.opens_at, b.c.grant_id

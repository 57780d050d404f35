"""Keyset pagination: each page starts after the last row of the previous one, however long the list is.

A cursor is opaque to clients: the order it belongs to, and the last row's key and id, as JSON in URL-safe
base64. Its content is validated like any input.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, literal, or_, tuple_

from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.store.column_types import EPOCH, MICROSECOND, Instant
from workflows.views import DEFAULT_LIMIT, MOST_LIMIT, Page

T = TypeVar("T")

LONGEST_CURSOR = 2000
MOST_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sort:
    """One way to order a list. Rows without a value in a `nullable` key come last, in both directions."""

    key: ColumnElement[Any]
    nullable: bool = False


def read_page(
    tx: Transaction,
    statement: Select[Any],
    view: Callable[[Row[Any]], T],
    *,
    orders: Mapping[str, Sort],
    by_id: ColumnElement[str],
    order: str,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[T]:
    """One page of a statement's rows in the order named; `-name` reverses it.

    Raises: InvalidInput for an unknown order, a limit out of range or an invalid cursor.
    """
    descending = order.startswith("-")
    sort = orders.get(order.removeprefix("-"))
    if sort is None:
        offered = ", ".join(orders)
        raise invalid(
            "/order",
            f"{order!r} is not an order of this list.",
            f"Use one of {offered}, or with - before it.",
        )
    require_limit(limit)
    if cursor is not None:
        statement = statement.where(_after(sort, by_id, descending, read_cursor(cursor, order, sort)))
    keys: list[ColumnElement[Any]] = [sort.key.desc(), by_id.desc()] if descending else [sort.key, by_id]
    if sort.nullable:
        keys.insert(0, sort.key.is_(None))
    rows = tx.connection.execute(
        statement.add_columns(sort.key.label("page_key"), by_id.label("page_id"))
        .order_by(*keys)
        .limit(limit + 1)
    ).all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(
        items=[view(row) for row in rows[:limit]],
        next_cursor=make_cursor(order, last.page_key, last.page_id) if last is not None else None,
    )


def require_limit(limit: int) -> None:
    """Raise InvalidInput if the limit of a page is out of range."""
    if not 1 <= limit <= MOST_LIMIT:
        raise invalid("/limit", f"limit must be between 1 and {MOST_LIMIT}.")


def matches(q: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether any of the columns contains the text, ignoring case."""
    return or_(*(column.icontains(q.strip(), autoescape=True) for column in columns))


def _after(
    sort: Sort, by_id: ColumnElement[str], descending: bool, last: tuple[Any, str]
) -> ColumnElement[bool]:
    key, record_id = last
    if key is None:
        behind = by_id < record_id if descending else by_id > record_id
        return and_(sort.key.is_(None), behind)
    pair, bound = tuple_(sort.key, by_id), tuple_(literal(key, sort.key.type), literal(record_id))
    beyond: ColumnElement[bool] = pair < bound if descending else pair > bound
    return or_(beyond, sort.key.is_(None)) if sort.nullable else beyond


def make_cursor(order: str, key: Any, record_id: str) -> str:
    """The cursor after the row with this key and id."""
    plain = (key - EPOCH) // MICROSECOND if isinstance(key, datetime) else key
    text = json.dumps([order, plain, record_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_cursor(cursor: str, order: str, sort: Sort) -> tuple[Any, str]:
    """The key and the id that a cursor was made of. Raises: InvalidInput."""
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        of_order, key, record_id = parts
        if of_order != order or not _is_text(record_id):
            raise ValueError
        return _read_key(key, sort), record_id
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise broken_cursor() from None


def _read_key(key: Any, sort: Sort) -> Any:
    if key is None and sort.nullable:
        return None
    if isinstance(sort.key.type, Instant):
        if type(key) is not int:
            raise ValueError
        return EPOCH + timedelta(microseconds=key)
    if isinstance(sort.key.type, Integer):
        if type(key) is not int or abs(key) > MOST_INTEGER:
            raise ValueError
        return key
    if not _is_text(key):
        raise ValueError
    return key


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    value.encode()
    return True


def broken_cursor() -> InvalidInput:
    """The error of a cursor that is not one of the list."""
    return invalid(
        "/cursor", "This is not a cursor of this list and order.", "Use next_cursor of the previous page."
    )

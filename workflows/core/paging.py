"""Keyset pagination: each page starts after the last row of the previous one, however long the list is.

A cursor is opaque to clients: the order it belongs to, a row's keys and id, the direction, and how many rows
come before, as JSON in URL-safe base64. Its content is validated like any input. This is the only
place where lists are counted.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, func, literal, or_, tuple_

from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.store.column_types import EPOCH, MICROSECOND, Instant
from workflows.views import DEFAULT_LIMIT, MOST_LIMIT, CountedPage, Page

T = TypeVar("T")

LONGEST_CURSOR = 2000
MOST_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sort:
    """One way to order a list, by `key`, then by the keys of `then`, then by the id.

    Rows without a value in a `nullable` key come last, in both directions; it has no keys after it.
    """

    key: ColumnElement[Any]
    nullable: bool = False
    then: tuple[ColumnElement[Any], ...] = ()

    @property
    def keys(self) -> tuple[ColumnElement[Any], ...]:
        return (self.key, *self.then)


@dataclass(frozen=True, slots=True)
class _Place:
    """The row that a cursor names: the page has the rows after it, or before it if `backward`.

    `start` is how many rows come before the page, or before that row if `backward`.
    """

    order: str
    keys: tuple[Any, ...]
    record_id: str
    start: int
    backward: bool = False


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
    counted: bool = False,
) -> Page[T]:
    """One page of a statement's rows in the order named; `-name` reverses it.

    With `counted` it is a `CountedPage`: with the list's total, at the cost of one more statement.
    Raises: InvalidInput for an unknown order, a limit out of range or an invalid cursor.
    """
    sort = _sort(orders, order)
    if not 1 <= limit <= MOST_LIMIT:
        raise invalid("/limit", f"limit must be between 1 and {MOST_LIMIT}.")
    place = None if cursor is None else _read_cursor(cursor, order, sort)
    backward = place is not None and place.backward
    rows, more = _rows(tx, statement, sort, by_id, order.startswith("-"), place, limit)
    start = place.start if place else 0
    if backward:
        start = max(start - len(rows), 0) if more else 0
    places = [
        _Place(order, tuple(row[-1 - len(sort.keys) : -1]), row[-1], start + position)
        for position, row in enumerate(rows, 1)
    ]
    has_next = bool(rows) and (more or backward)
    next_cursor = _cursor(places[-1]) if has_next else None
    items = [view(row) for row in rows]
    if not counted:
        return Page(items, next_cursor)
    has_previous = bool(rows) and (more if backward else place is not None)
    return CountedPage(
        items=items,
        next_cursor=next_cursor,
        previous_cursor=_cursor(_turned(places[0])) if has_previous else None,
        total=count_rows(tx, statement),
        start=start,
        cursors=[_cursor(one) for one in places],
    )


def count_rows(tx: Transaction, statement: Select[Any]) -> int:
    """How many rows a statement without grouping has: the total of each list that people see."""
    counted = statement.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    return int(tx.connection.execute(counted).scalar_one())


def cursor_before(cursor: str) -> str:
    """The cursor that fetches what comes before the row that `cursor` comes after.

    Raises: InvalidInput if it is no cursor.
    """
    order, keys, record_id, start, backward = _parts(cursor)
    return _cursor(_turned(_Place(order, tuple(keys), record_id, start, backward)))


def matches(q: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether any of the columns contains the text, ignoring case."""
    return or_(*(column.icontains(q.strip(), autoescape=True) for column in columns))


def _sort(orders: Mapping[str, Sort], order: str) -> Sort:
    sort = orders.get(order.removeprefix("-"))
    if sort is None:
        raise invalid(
            "/order",
            f"{order!r} is not an order of this list.",
            f"Use one of {', '.join(orders)}, or with - before it.",
        )
    return sort


def _rows(
    tx: Transaction,
    statement: Select[Any],
    sort: Sort,
    by_id: ColumnElement[str],
    descending: bool,
    place: _Place | None,
    limit: int,
) -> tuple[Sequence[Row[Any]], bool]:
    """The rows of the page, in the list's order, with their keys and id at the end; and whether more follow.

    Read backward, "more" are those before.
    """
    backward = place is not None and place.backward
    if place is not None:
        statement = statement.where(_beyond(sort, by_id, descending, place))
    keys: list[ColumnElement[Any]] = [*sort.keys, by_id]
    if descending != backward:
        keys = [key.desc() for key in keys]
    if sort.nullable:
        missing = sort.key.is_(None)
        keys.insert(0, missing.desc() if backward else missing)
    labels = [key.label(f"page_key_{index}") for index, key in enumerate(sort.keys)]
    ordered = statement.add_columns(*labels, by_id.label("page_id")).order_by(*keys)
    rows = tx.connection.execute(ordered.limit(limit + 1)).all()
    page = rows[:limit]
    return (page[::-1] if backward else page), len(rows) > limit


def _beyond(sort: Sort, by_id: ColumnElement[str], descending: bool, place: _Place) -> ColumnElement[bool]:
    """SQL: the row comes after the place, or before it if that is read backward."""
    greater = descending == place.backward
    if sort.nullable and place.keys[0] is None:
        same = and_(sort.key.is_(None), by_id > place.record_id if greater else by_id < place.record_id)
        return or_(same, sort.key.is_not(None)) if place.backward else same
    bound = tuple_(
        *(literal(key, column.type) for key, column in zip(place.keys, sort.keys, strict=True)),
        literal(place.record_id),
    )
    row = tuple_(*sort.keys, by_id)
    beyond: ColumnElement[bool] = row > bound if greater else row < bound
    return or_(beyond, sort.key.is_(None)) if sort.nullable and not place.backward else beyond


def _turned(place: _Place) -> _Place:
    """The place for what comes before the row of a place for what comes after it."""
    return replace(place, backward=True, start=max(place.start - 1, 0))


def _cursor(place: _Place) -> str:
    keys = [(key - EPOCH) // MICROSECOND if isinstance(key, datetime) else key for key in place.keys]
    parts = [place.order, keys, place.record_id, place.start, int(place.backward)]
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str, order: str, sort: Sort) -> _Place:
    of_order, keys, record_id, start, backward = _parts(cursor)
    try:
        if of_order != order or len(keys) != len(sort.keys):
            raise ValueError
        values = tuple(
            _read_key(key, column, sort.nullable) for key, column in zip(keys, sort.keys, strict=True)
        )
    except (ValueError, TypeError, OverflowError):
        raise _broken() from None
    return _Place(order, values, record_id, start, backward)


def _parts(cursor: str) -> tuple[str, list[Any], str, int, bool]:
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        order, keys, record_id, start, backward = parts
        if not (_is_text(order) and type(keys) is list and _is_text(record_id)):
            raise ValueError
        if type(start) is not int or not 0 <= start <= MOST_INTEGER or backward not in (0, 1):
            raise ValueError
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise _broken() from None
    return order, keys, record_id, start, bool(backward)


def _read_key(key: Any, column: ColumnElement[Any], nullable: bool) -> Any:
    if key is None and nullable:
        return None
    if isinstance(column.type, Instant):
        if type(key) is not int:
            raise ValueError
        return EPOCH + timedelta(microseconds=key)
    if isinstance(column.type, Integer):
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


def _broken() -> InvalidInput:
    return invalid(
        "/cursor", "This is not a cursor of this list and order.", "Use next_cursor of the previous page."
    )

"""Keyset pagination: each page starts after the last row of the previous one, however long the list is.

A cursor is opaque to clients: the order it belongs to, a row's keys and id, the direction, and how many rows
come before, as JSON in URL-safe base64. Its content is validated like any input. This is the only
place where lists are counted.
"""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Date, Integer, Row, Select, and_, bindparam, func, or_, select, tuple_

from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store.column_types import EPOCH, MICROSECOND, Instant, number_constant
from workflows.views import DEFAULT_LIMIT, MOST_COUNTED, MOST_LIMIT, CountedPage, Page

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
class Place:
    """The row that a cursor names: the page has the rows after it, or before it if `backward`.

    `start` is how many rows come before the page, or before that row if `backward`.
    """

    order: str
    keys: tuple[Any, ...]
    record_id: str
    start: int = 0
    backward: bool = False

    def turned(self) -> "Place":
        """The place for what comes before the row of a place for what comes after it."""
        return replace(self, backward=True, start=max(self.start - 1, 0))

    def cursor(self) -> str:
        """The cursor that names this place."""
        keys = [_written_key(key) for key in self.keys]
        parts = [self.order, keys, self.record_id, self.start, int(self.backward)]
        text = json.dumps(parts, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


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
    wanted = PageWanted.read(orders, order, limit, cursor)
    rows = tx.connection.execute(paged(statement, wanted.shape, by_id), wanted.values).all()
    return wanted.page(rows, view, total=count_rows(tx, statement) if counted else None)


class PageShape(NamedTuple):
    """What of a page is part of its statement's text.

    `rows` is how many are read: if it were a parameter, PostgreSQL would plan the statement at each call.
    `beyond` is set for a page that a cursor names: "null" if the cursor's row had no value in the key.
    """

    sort: Sort
    descending: bool
    rows: int
    beyond: Literal["key", "null"] | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class PageWanted:
    """A page that was asked for, validated; `values` are the parameters of the statement by `paged`."""

    order: str
    limit: int
    place: Place | None
    shape: PageShape

    @classmethod
    def read(cls, orders: Mapping[str, Sort], order: str, limit: int, cursor: str | None) -> "PageWanted":
        """Raises: InvalidInput for an unknown order, a limit out of range or an invalid cursor."""
        sort = _sort(orders, order)
        require_limit(limit)
        shape = PageShape(sort, order.startswith("-"), limit + 1)
        if cursor is None:
            return cls(order, limit, None, shape)
        place = read_cursor(cursor, order, sort)
        beyond: Literal["key", "null"] = "null" if place.keys[0] is None else "key"
        return cls(order, limit, place, shape._replace(beyond=beyond, backward=place.backward))

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the statement by `paged`; none for the first page."""
        if self.place is None:
            return {}
        keys = self.place.keys if self.shape.beyond == "key" else ()
        return {_key_name(index): key for index, key in enumerate(keys)} | {"after_id": self.place.record_id}

    def page(self, rows: Sequence[Any], view: Callable[[Any], T], *, total: int | None = None) -> Page[T]:
        """The page of the rows that the statement by `paged` returned: one more than wanted, if there is.

        With the list's `total` it is a `CountedPage`.
        """
        more, backward = len(rows) > self.limit, self.shape.backward
        rows = rows[: self.limit][::-1] if backward else rows[: self.limit]
        items = [view(row) for row in rows]
        start = self._start(len(rows), more=more)
        has_next = bool(rows) and (more or backward)
        next_cursor = self._after(rows[-1], start + len(rows)).cursor() if has_next else None
        if total is None:
            return Page(items, next_cursor)
        places = [self._after(row, start + position) for position, row in enumerate(rows, 1)]
        has_previous = bool(rows) and (more if backward else self.place is not None)
        return CountedPage(
            items=items,
            next_cursor=next_cursor,
            previous_cursor=places[0].turned().cursor() if has_previous else None,
            total=total,
            start=start,
            cursors=[one.cursor() for one in places],
        )

    def _start(self, rows: int, *, more: bool) -> int:
        """How many rows come before the page."""
        start = self.place.start if self.place is not None else 0
        if not self.shape.backward:
            return start
        return max(start - rows, 0) if more else 0

    def _after(self, row: Any, start: int) -> Place:
        """The place after a row, which ends with its keys and its id."""
        return Place(self.order, tuple(row[-1 - len(self.shape.sort.keys) : -1]), row[-1], start)


def paged(statement: Select[Any], shape: PageShape, by_id: ColumnElement[str]) -> Select[Any]:
    """A statement for one page of rows, which end with their keys and id; a backward page is reversed.

    Its parameters are `PageWanted.values`.
    """
    sort, backward = shape.sort, shape.backward
    if shape.beyond is not None:
        statement = statement.where(_beyond(shape, by_id))
    keys: list[ColumnElement[Any]] = [*sort.keys, by_id]
    if shape.descending != backward:
        keys = [key.desc() for key in keys]
    if sort.nullable:
        missing = sort.key.is_(None)
        keys.insert(0, missing.desc() if backward else missing)
    labels = [key.label(f"page_key_{index}") for index, key in enumerate(sort.keys)]
    ordered = statement.add_columns(*labels, by_id.label("page_id")).order_by(*keys)
    return ordered.limit(number_constant(shape.rows))


def count_rows(tx: Transaction, statement: Select[Any], values: Mapping[str, Any] | None = None) -> int:
    """How many rows a statement without grouping has; one more than `MOST_COUNTED` for any higher number.

    `values` are the statement's parameters.
    """
    # as a parameter, the limit would be unknown to PostgreSQL when it plans the statement for many calls
    some = statement.order_by(None).limit(number_constant(MOST_COUNTED + 1)).subquery()
    return int(tx.connection.execute(select(func.count()).select_from(some), values or {}).scalar_one())


def require_limit(limit: int) -> None:
    """Raise InvalidInput if the limit of a page is out of range."""
    if not 1 <= limit <= MOST_LIMIT:
        raise invalid("/limit", gettext("limit must be between 1 and %(most)s.", most=MOST_LIMIT))


def cursor_before(cursor: str) -> str:
    """The cursor that fetches what comes before the row that `cursor` comes after.

    Raises: InvalidInput if it is no cursor.
    """
    order, keys, record_id, start, backward = _parts(cursor)
    return Place(order, tuple(keys), record_id, start, backward).turned().cursor()


def read_cursor(cursor: str, order: str, sort: Sort) -> Place:
    """The place that a cursor of this order names. Raises: InvalidInput."""
    of_order, keys, record_id, start, backward = _parts(cursor)
    try:
        if of_order != order or len(keys) != len(sort.keys):
            raise ValueError
        values = tuple(
            _read_key(key, column, sort.nullable) for key, column in zip(keys, sort.keys, strict=True)
        )
    except (ValueError, TypeError, OverflowError):
        raise broken_cursor() from None
    return Place(order, values, record_id, start, backward)


def page_of_values(
    values: Sequence[T],
    place_of: Callable[[T], tuple[Any, str]],
    *,
    order: str,
    sort: Sort,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> CountedPage[T]:
    """A page of values that have been read, in the order of `place_of`: the key of `sort`, then the id.

    Raises: InvalidInput for a limit or a cursor.
    """
    require_limit(limit)
    start = 0
    if cursor is not None:
        place = read_cursor(cursor, order, sort)
        at = (place.keys[0], place.record_id)
        before = bisect_left(values, at, key=place_of)
        start = max(0, before - limit) if place.backward else bisect_right(values, at, key=place_of)
    found = list(values[start : start + limit])
    places = [Place(order, (one[0],), one[1], start + n) for n, one in enumerate(map(place_of, found), 1)]
    more = start + len(found) < len(values)
    return CountedPage(
        found,
        places[-1].cursor() if more and places else None,
        previous_cursor=places[0].turned().cursor() if start and places else None,
        total=len(values),
        start=start,
        cursors=[one.cursor() for one in places],
    )


def broken_cursor() -> InvalidInput:
    """The error of a cursor that is not one of the list."""
    return invalid(
        "/cursor",
        gettext("This is not a cursor of this list and order."),
        gettext("Use next_cursor of the previous page."),
    )


def matches(q: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether any of the columns contains the text, ignoring case."""
    return or_(*(column.icontains(q.strip(), autoescape=True) for column in columns))


def _sort(orders: Mapping[str, Sort], order: str) -> Sort:
    sort = orders.get(order.removeprefix("-"))
    if sort is None:
        raise invalid(
            "/order",
            gettext("%(order)s is not an order of this list.", order=repr(order)),
            gettext("Use one of %(orders)s, or with - before it.", orders=", ".join(orders)),
        )
    return sort


def _beyond(shape: PageShape, by_id: ColumnElement[str]) -> ColumnElement[bool]:
    """SQL: the row comes after the cursor's, or before it if the page is read backward."""
    sort, backward = shape.sort, shape.backward
    greater = shape.descending == backward
    record_id = bindparam("after_id", type_=by_id.type)
    if shape.beyond == "null":
        same = and_(sort.key.is_(None), by_id > record_id if greater else by_id < record_id)
        return or_(same, sort.key.is_not(None)) if backward else same
    keys = [bindparam(_key_name(index), type_=key.type) for index, key in enumerate(sort.keys)]
    row, bound = tuple_(*sort.keys, by_id), tuple_(*keys, record_id)
    beyond: ColumnElement[bool] = row > bound if greater else row < bound
    return or_(beyond, sort.key.is_(None)) if sort.nullable and not backward else beyond


def _key_name(index: int) -> str:
    return f"after_key_{index}"


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
        raise broken_cursor() from None
    return order, keys, record_id, start, bool(backward)


def _written_key(key: Any) -> Any:
    if isinstance(key, datetime):
        return (key - EPOCH) // MICROSECOND
    return key.isoformat() if isinstance(key, date) else key


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
    return date.fromisoformat(key) if isinstance(column.type, Date) else key


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    value.encode()
    return True

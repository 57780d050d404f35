"""Keyset pagination: each page starts after the last row of the previous one, however long the list is.

A cursor is opaque to clients: the order it belongs to, and the last row's key and id, as JSON in URL-safe
base64. Its content is validated like any input.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, bindparam, or_, tuple_

from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.store.column_types import EPOCH, MICROSECOND, Instant, number_constant
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
    wanted = PageWanted.read(orders, order, limit, cursor)
    rows = tx.connection.execute(paged(statement, wanted.place, by_id), wanted.values).all()
    return wanted.page(rows, view)


class PagePlace(NamedTuple):
    """What of a page is part of its statement's text.

    `rows` is how many are read: if it were a parameter, PostgreSQL would plan the statement at each call.
    `after` is set for a later page than the first one: "null" if the last row had no value in the key.
    """

    sort: Sort
    descending: bool
    rows: int
    after: Literal["key", "null"] | None


@dataclass(frozen=True, slots=True)
class PageWanted:
    """A page that was asked for, validated; `values` are the parameters of the statement by `paged`."""

    order: str
    limit: int
    place: PagePlace
    values: dict[str, Any]

    @classmethod
    def read(cls, orders: Mapping[str, Sort], order: str, limit: int, cursor: str | None) -> "PageWanted":
        """Raises: InvalidInput for an unknown order, a limit out of range or an invalid cursor."""
        sort = orders.get(order.removeprefix("-"))
        if sort is None:
            offered = ", ".join(orders)
            raise invalid(
                "/order",
                f"{order!r} is not an order of this list.",
                f"Use one of {offered}, or with - before it.",
            )
        require_limit(limit)
        first = PagePlace(sort, order.startswith("-"), limit + 1, None)
        if cursor is None:
            return cls(order, limit, first, {})
        key, record_id = read_cursor(cursor, order, sort)
        if key is None:
            return cls(order, limit, first._replace(after="null"), {"after_id": record_id})
        return cls(order, limit, first._replace(after="key"), {"after_key": key, "after_id": record_id})

    def page(self, rows: Sequence[Any], view: Callable[[Any], T]) -> Page[T]:
        """The page of the rows that the statement by `paged` returned: one more than wanted, if there is."""
        last = rows[self.limit - 1] if len(rows) > self.limit else None
        return Page(
            items=[view(row) for row in rows[: self.limit]],
            next_cursor=make_cursor(self.order, last.page_key, last.page_id) if last is not None else None,
        )


def paged(statement: Select[Any], place: PagePlace, by_id: ColumnElement[str]) -> Select[Any]:
    """A statement for one page of rows, with the parameters `after_key` and `after_id` of a later page."""
    key, descending = place.sort.key, place.descending
    if place.after is not None:
        statement = statement.where(_after(place, by_id))
    order: list[ColumnElement[Any]] = [key.desc(), by_id.desc()] if descending else [key, by_id]
    if place.sort.nullable:
        order.insert(0, key.is_(None))
    return (
        statement.add_columns(key.label("page_key"), by_id.label("page_id"))
        .order_by(*order)
        .limit(number_constant(place.rows))
    )


def require_limit(limit: int) -> None:
    """Raise InvalidInput if the limit of a page is out of range."""
    if not 1 <= limit <= MOST_LIMIT:
        raise invalid("/limit", f"limit must be between 1 and {MOST_LIMIT}.")


def matches(q: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether any of the columns contains the text, ignoring case."""
    return or_(*(column.icontains(q.strip(), autoescape=True) for column in columns))


def _after(place: PagePlace, by_id: ColumnElement[str]) -> ColumnElement[bool]:
    key, descending = place.sort.key, place.descending
    record_id = bindparam("after_id", type_=by_id.type)
    if place.after == "null":
        behind = by_id < record_id if descending else by_id > record_id
        return and_(key.is_(None), behind)
    pair, bound = tuple_(key, by_id), tuple_(bindparam("after_key", type_=key.type), record_id)
    beyond: ColumnElement[bool] = pair < bound if descending else pair > bound
    return or_(beyond, key.is_(None)) if place.sort.nullable else beyond


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

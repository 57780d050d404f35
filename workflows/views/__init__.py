"""The results of queries: frozen values whose field names are those of the HTTP API."""

from dataclasses import field, replace
from typing import Any, Generic, TypeVar, cast

from workflows.views.base import View, view

T = TypeVar("T")
U = TypeVar("U")

DEFAULT_LIMIT = 50
MOST_LIMIT = 200
MOST_COUNTED = 5000
"""A longer list is not counted to its end: nobody needs the number, and the page would take longer."""


@view
class Page(View, Generic[T]):
    """One page of a list; `next_cursor` fetches the next page and is None on the last one."""

    items: list[T]
    next_cursor: str | None

    def with_items(self, items: list[U]) -> "Page[U]":
        """The same page with other items, one for each of its own."""
        same: Any = self
        return cast("Page[U]", replace(same, items=items))


@view
class CountedPage(Page[T]):
    """A page with the total of the list, as the web pages show it.

    `start` is how many rows come before this page: exact unless rows have been added or removed since the
    first page was read. `cursors` has a cursor for each item, which fetches what follows it.
    """

    previous_cursor: str | None = None
    total: int = 0
    start: int = 0
    cursors: list[str] = field(default_factory=list)


@view
class MoneyView(View):
    """An amount in the currency's minor unit."""

    amount_minor: int
    currency: str

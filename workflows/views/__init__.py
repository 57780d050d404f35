"""The results of queries: frozen values whose field names are those of the HTTP API."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_LIMIT = 50
MOST_LIMIT = 200
MOST_COUNTED = 5000
"""A longer queue is not counted to its end: nobody needs the number, and the page would take longer."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` fetches the next page and is None on the last one."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MoneyView:
    """An amount in the currency's minor unit."""

    amount_minor: int
    currency: str

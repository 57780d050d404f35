"""The sums of a report by month, and its rows: a page of them, or all for a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Row, Select, cast, func, select
from sqlalchemy.sql.selectable import Subquery

from workflows.core.errors import invalid
from workflows.core.paging import PageWanted, Sort, paged, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.reports.parties import in_parts, party_names, party_view
from workflows.store import tables as t
from workflows.store.column_types import text_constant
from workflows.views import DEFAULT_LIMIT, Page

T = TypeVar("T")

MOST_ROWS = 20_000
"""A file has no more rows: a year of 1,600 customers by month."""
NO_ID = "-"
"""In place of the id of a contract where there is none."""


@dataclass(frozen=True, slots=True)
class ReportList(Generic[T]):
    """The rows that a statement of sums returns; `views` makes what is shown of some of them at once.

    `by_id` is unique among the rows. Names that views need are read for a page, not for the whole report.
    """

    tx: Transaction
    statement: Select[Any]
    views: Callable[[Sequence[Row[Any]]], list[T]]
    orders: Mapping[str, Sort]
    by_id: ColumnElement[str]

    def page(
        self, *, order: str, limit: int = DEFAULT_LIMIT, cursor: str | None = None, counted: bool = False
    ) -> Page[T]:
        """One page. Raises: InvalidInput for an unknown order, a limit out of range or an invalid cursor."""
        page = read_page(
            self.tx,
            self.statement,
            lambda row: row,
            orders=self.orders,
            by_id=self.by_id,
            order=order,
            limit=limit,
            cursor=cursor,
            counted=counted,
        )
        return page.with_items(self.views(page.items))

    def rows(self, *, order: str) -> list[T]:
        """All rows, up to `MOST_ROWS`, by one statement. Raises: InvalidInput for an unknown order."""
        wanted = PageWanted.read(self.orders, order, DEFAULT_LIMIT, None)
        shape = wanted.shape._replace(rows=MOST_ROWS)
        found = self.tx.connection.execute(paged(self.statement, shape, self.by_id)).all()
        return self.views(found)


def sums_by_month(
    tx: Transaction, sums: Subquery, names: Sequence[str], months: Sequence[str]
) -> list[tuple[str, dict[str, Any]]]:
    """The totals of the columns `names` for each month (YYYY-MM), zero where `sums` has none of a month."""
    totals = [total(sums.c[name]).label(name) for name in names]
    rows = tx.connection.execute(select(sums.c.month, *totals).group_by(sums.c.month))
    found = {row.month: amounts_of(row, names) for row in rows}
    return [(month, found.get(month, dict.fromkeys(names, 0))) for month in months]


def list_sums(
    tx: Transaction,
    sums: Subquery,
    keys: Sequence[str],
    names: Sequence[str],
    views: Callable[[Sequence[Row[Any]]], list[T]],
) -> ReportList[T]:
    """The totals of the columns `names` for each value of the columns `keys`, which are text.

    They can be ordered by each total, and by the month if it is one of the keys.
    """
    by: list[ColumnElement[Any]] = [sums.c[key] for key in keys]
    row_id = reduce(lambda left, right: left + text_constant(" ") + right, by)
    totals = [total(sums.c[name]).label(name) for name in names]
    grouped = select(*by, row_id.label("row_id"), *totals).group_by(*by).subquery("grouped")
    orders = {name: Sort(grouped.c[name]) for name in (*names, *(key for key in keys if key == "month"))}
    return ReportList(tx, select(grouped), views, orders, grouped.c.row_id)


def key_columns(by: str, ways: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The columns by which a report is listed. Raises: InvalidInput if it cannot be listed so."""
    if by not in ways:
        raise invalid(
            "/by",
            gettext("%(by)s is not a way to list this report.", by=repr(by[:40])),
            gettext("Use one of %(ways)s.", ways=", ".join(ways)),
        )
    return ways[by]


def amounts_of(row: Row[Any], names: Sequence[str]) -> dict[str, Any]:
    """The totals of a row by name."""
    return {name: int(getattr(row, name)) for name in names}


class Names:
    """The names of the customers and the numbers of the contracts of some rows."""

    def __init__(self, tx: Transaction, rows: Sequence[Row[Any]]) -> None:
        parties = {one for row in rows if (one := getattr(row, "party", None)) is not None}
        self._parties = party_names(tx, parties)
        ids: set[str] = {getattr(row, "contract_id", NO_ID) for row in rows} - {NO_ID}
        self._numbers: dict[str, str] = {}
        for part in in_parts(ids):
            numbers = select(t.contract.c.id, t.contract.c.number).where(t.contract.c.id.in_(part))
            self._numbers |= {row.id: row.number for row in tx.connection.execute(numbers)}

    def keys_of(self, row: Row[Any]) -> dict[str, Any]:
        """The fields of `ReportKeys` of a row."""
        party, contract = getattr(row, "party", None), getattr(row, "contract_id", NO_ID)
        return {
            "party": party_view(party) if party is not None else None,
            "party_name": self._parties.get(party) if party is not None else None,
            "contract": contract if contract != NO_ID else None,
            "contract_number": self._numbers.get(contract),
            "month": getattr(row, "month", None),
        }


def total(amount: ColumnElement[int]) -> ColumnElement[int]:
    """SQL: the sum of whole numbers as one: PostgreSQL's sum of them is numeric, which no cursor can have."""
    return cast(func.sum(amount), BigInteger)

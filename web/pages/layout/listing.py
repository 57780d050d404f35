"""Helpers for lists: filters, paging and CSV export."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import chain
from typing import Any, TypeVar

from flask import Response, request

from engine.errors import DeskError
from engine.periods import check_date
from web.languages import gettext
from workflows.core.csv_text import csv_chunks
from workflows.core.errors import invalid
from workflows.views import Page

T = TypeVar("T")

MAX_CSV_ROWS = 20_000
CSV_PAGE_SIZE = 200


def query_filters(*names: str) -> dict[str, Any]:
    """The non-empty query parameters among these names, with whitespace normalized."""
    values = {name: " ".join(request.args.get(name, "").split()) for name in names}
    return {name: value for name, value in values.items() if value}


def read_day(name: str) -> date | None:
    """A day of the query string; None if it is empty. Raises: InvalidInput."""
    text = request.args.get(name, "").strip()
    try:
        return check_date(date.fromisoformat(text)) if text else None
    except ValueError:
        detail = gettext("%(text)s is not a date.", text=repr(text[:40]))
        raise invalid(f"/{name}", detail, gettext("Write for example 2026-03-31.")) from None


def days_of_query() -> tuple[date | None, date | None]:
    """The first and the last day, both inclusive, that the query string asks for. Raises: InvalidInput."""
    first, last = read_day("from"), read_day("to")
    if first is not None and last is not None and last < first:
        detail = gettext("The last day is before the first one.")
        raise invalid("/to", detail, gettext("Give a later one."))
    return first, last


def days_problem() -> str:
    """What is wrong with the days of the query string, for a page that shows it; empty if nothing is."""
    try:
        days_of_query()
    except DeskError as error:
        return str(error)
    return ""


def wants_csv() -> bool:
    return request.args.get("format") == "csv"


def cursor() -> str | None:
    return request.args.get("cursor") or None


def counted_page() -> dict[str, Any]:
    """The arguments of a list for the page that was asked for, with the list's total."""
    return {"cursor": cursor(), "counted": True}


def all_rows(read: Callable[..., Page[T]], limit: int = MAX_CSV_ROWS) -> Iterable[T]:
    """All rows of a list, page by page, up to `limit`; `read` takes limit and cursor."""
    at: str | None = None
    given = 0
    while True:
        page = read(limit=CSV_PAGE_SIZE, cursor=at)
        yield from page.items[: limit - given]
        given += len(page.items)
        at = page.next_cursor
        if at is None or given >= limit:
            return


def csv_response(name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Response:
    """A CSV download of rows that have been read; cells that a spreadsheet would run are quoted as text."""
    return streamed_csv_response(name, header, rows)


def streamed_csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """As `csv_response`, but `rows` is iterated while it is sent: the transaction that reads must be open."""
    # The byte order mark makes spreadsheets read it as UTF-8.
    answer = Response(chain(["\ufeff"], csv_chunks(header, rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def pdf_response(name: str, document: bytes) -> Response:
    """A PDF download."""
    response = Response(document, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response

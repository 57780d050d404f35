"""Rows as CSV text that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
ROWS_EACH_CHUNK = 200


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield a header row and the rows as text, some at a time: they may be read while they are sent.

    Text that a spreadsheet would run as a formula is escaped with a leading apostrophe.
    """
    yield _as_text([header])
    left = iter(rows)
    while chunk := list(islice(left, ROWS_EACH_CHUNK)):
        yield _as_text([cell(value) for value in row] for row in chunk)


def cell(value: Any) -> Any:
    """Return a value as a CSV field: None as empty text, instants as RFC 3339 in UTC with whole seconds."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def _as_text(rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()

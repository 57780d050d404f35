"""What a dispute that is not decided holds up, as SQL: the work entry is not billed, the invoice not dunned.

Source: product.md section 10 (Dispute).
"""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select

from workflows.store import tables as t
from workflows.store.column_types import Instant, text_constant

d = t.dispute


def is_disputed(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL: a dispute about this record is open; `column` is that of disputes which names it."""
    return exists(select(d.c.id).where(column == value, d.c.state == text_constant("open")))


def entry_is_disputed(entry_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL: a dispute about a work entry, or about a line of a statement drawn for it, is open."""
    return is_disputed(d.c.work_entry_id, entry_id)


def invoice_is_disputed(invoice_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL: a dispute about a line of an invoice is open."""
    return is_disputed(d.c.invoice_id, invoice_id)


def last_decided(column: ColumnElement[Any], value: ColumnElement[Any]) -> ScalarSelect[Any]:
    """SQL: when the last dispute about a record was decided; NULL where none was."""
    return select(func.max(d.c.decided_at, type_=Instant())).where(column == value).scalar_subquery()

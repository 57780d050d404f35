"""Reading what happened to a service request: its history, the requests merged into it, notes and mail.

Source: product.md section 9.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, select

from workflows.core.errors import NotFound
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import Nameable, PersonNames, require_visible
from workflows.lifecycle.service_requests.merged import visible_merged
from workflows.notifications.outbox import mail_state
from workflows.service_requests.closing import up_to_date_request
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.service_requests import HistoryLine, MergedView, NoteView, RequestMailView

r, n, o = t.service_request, t.service_request_note, t.outbox


def history_of(tx: Transaction, service_request_id: str) -> list[HistoryLine]:
    """All state changes, the logging first; changes that are due are made first.

    Those of requests that were merged into it are included. Raises: NotFound.
    """
    row = require_visible(tx, service_request_id)
    merged = visible_merged(tx, row.id)
    h = t.service_request_history
    moves = (
        select(h, r.c.number.label("other_number"))
        .outerjoin(r, r.c.id == h.c.other_id)
        .where(_of(h.c.service_request_id, row.id, merged))
        .order_by(h.c.at, h.c.id)
    )
    with up_to_date_request(tx, row) as fresh:
        rows = fresh.connection.execute(moves).all()
    names = PersonNames(tx, [row.customer_id])
    others = Nameable(tx, {"service_request": [one.other_id for one in rows]})
    return [
        HistoryLine(
            one.at,
            one.recorded_at,
            one.trigger,
            one.from_state,
            one.to_state,
            names[one.actor],
            one.note,
            one.reason,
            one.inferred,
            merged.get(one.service_request_id),
            others.id("service_request", one.other_id),
            one.other_number if others.may("service_request", one.other_id) else None,
        )
        for one in rows
    ]


def list_merged(tx: Transaction, service_request_id: str) -> list[MergedView]:
    """The requests that were merged into one, also by way of others, the earliest merge first.

    Raises: NotFound.
    """
    request = require_visible(tx, service_request_id)
    merged = visible_merged(tx, request.id)
    if not merged:
        return []
    h, into = t.service_request_history, r.alias("into")
    rows = tx.connection.execute(
        select(
            r.c.number,
            r.c.subject,
            r.c.merged_into_id,
            into.c.number.label("into_number"),
            h.c.service_request_id,
            h.c.at,
            h.c.actor,
            h.c.reason,
        )
        .select_from(r)
        .join(into, into.c.id == r.c.merged_into_id)
        .join(h, and_(h.c.service_request_id == r.c.id, h.c.trigger == "merge"))
        .where(r.c.id.in_(merged))
        .order_by(h.c.at, h.c.id)
    ).all()
    names = PersonNames(tx, [request.customer_id])
    others = Nameable(tx, {"service_request": [row.merged_into_id for row in rows]})
    # of a request that was merged more than once, the last merge counts
    latest = {
        row.service_request_id: MergedView(
            row.service_request_id,
            row.number,
            row.subject,
            *_into(row, request, others),
            row.at,
            names[row.actor],
            row.reason,
        )
        for row in rows
    }
    return sorted(latest.values(), key=lambda one: (one.merged_at, one.number))


def _into(row: Any, request: Row[Any], others: Nameable) -> tuple[str, str]:
    """The id and number of the request that one was merged into, or of the one that is left."""
    if others.may("service_request", row.merged_into_id):
        return row.merged_into_id, row.into_number
    return request.id, request.number


def list_notes(
    tx: Transaction,
    service_request_id: str,
    *,
    order: str = "written_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[NoteView]:
    """A page of the comments, oldest first, with those of merged requests; customers see only public ones.

    Raises: NotFound; InvalidInput for `order`, `limit` or `cursor`.
    """
    request = require_visible(tx, service_request_id)
    names = PersonNames(tx, [request.customer_id])
    merged = visible_merged(tx, request.id)
    return read_page(
        tx,
        _notes(tx).where(_of(n.c.service_request_id, request.id, merged)),
        lambda row: _note_view(row, names, merged),
        orders={"written_at": Sort(n.c.written_at)},
        by_id=n.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
    )


def read_note(tx: Transaction, service_request_id: str, note_id: str) -> NoteView:
    """One comment of a service request. Raises: NotFound."""
    request = require_visible(tx, service_request_id)
    merged = visible_merged(tx, request.id)
    row = tx.connection.execute(
        _notes(tx).where(n.c.id == note_id, _of(n.c.service_request_id, request.id, merged))
    ).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such note."))
    return _note_view(row, PersonNames(tx, [request.customer_id]), merged)


def list_mail(
    tx: Transaction,
    service_request_id: str,
    *,
    order: str = "written_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[RequestMailView]:
    """A page of the mail about a service request and those merged into it, oldest first.

    Customers see what was sent to them alone: not to colleagues or to the desk.
    Raises: NotFound; InvalidInput for `order`, `limit` or `cursor`.
    """
    request = require_visible(tx, service_request_id)
    merged = visible_merged(tx, request.id)
    found = select(o).where(
        o.c.subject_kind == "service_request",
        _of(o.c.subject_id, request.id, merged),
        o.c.recipient.is_not(None),
    )
    if not tx.actor.is_staff:
        own = select(t.customer.c.email).where(t.customer.c.id == tx.actor.customer)
        found = found.where(o.c.recipient == own.scalar_subquery())
    return read_page(
        tx,
        found,
        lambda row: RequestMailView(
            row.id,
            row.event,
            row.recipient,
            row.subject,
            mail_state(row),
            row.created_at,
            row.delivered_at,
            merged.get(row.subject_id),
        ),
        orders={"written_at": Sort(o.c.created_at)},
        by_id=o.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
    )


def _of(column: Any, request_id: str, merged: Mapping[str, str]) -> ColumnElement[bool]:
    """SQL: the row belongs to a request, or to one of those that were merged into it."""
    condition: ColumnElement[bool] = column.in_([request_id, *merged]) if merged else column == request_id
    return condition


def _notes(tx: Transaction) -> Select[Any]:
    return select(n) if tx.actor.is_staff else select(n).where(n.c.public)


def _note_view(row: Row[Any], names: PersonNames, merged: Mapping[str, str]) -> NoteView:
    number = merged.get(row.service_request_id)
    return NoteView(row.id, row.body, row.public, names[row.author], row.written_at, number)

"""The audit trail as an administrator reads it: who did what, to which record, and from where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, Row, Table, select

from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page

a = t.audit_event
LOGIN_KINDS = ("user", "login")
"""Users, and addresses from which someone tried to log in as an unknown user."""
NAMES: dict[str, tuple[Table, Column[str]]] = {
    "contract": (t.contract, t.contract.c.number),
    "customer": (t.customer, t.customer.c.name),
    "item": (t.item, t.item.c.number),
    "org_unit": (t.org_unit, t.org_unit.c.name),
    "product": (t.product, t.product.c.code),
    "quote": (t.quote, t.quote.c.number),
    "service_request": (t.service_request, t.service_request.c.number),
    "user": (t.user_account, t.user_account.c.name),
}
"""By what a record of each kind is called."""


@dataclass(frozen=True, slots=True)
class AuditEventView:
    """One event about the record with this kind and id; `subject_name` is its present number or name.

    `at` is when it took effect, and may be earlier than `recorded_at`.
    """

    id: str
    at: datetime
    recorded_at: datetime
    subject_kind: str
    subject_id: str
    subject_name: str | None
    action: str
    actor: str
    details: dict[str, Any]


def list_audit_events(
    tx: Transaction,
    *,
    view: str | None = None,
    subject_kind: str | None = None,
    subject_id: str | None = None,
    q: str | None = None,
    order: str = "-recorded",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[AuditEventView]:
    """A page of events, the last recorded first; `q` searches actions and actors.

    `view=logins` has what happened to users, and failed logins of unknown ones. Users may read what happened
    to their own account, anything else only administrators.

    Raises: NotAllowed; InvalidInput for `order`, `limit` or `cursor`.
    """
    own = tx.actor.id is not None and (subject_kind, subject_id) == ("user", tx.actor.id)
    if not own:
        tx.require("administrator")
    statement = select(a)
    if view == "logins":
        statement = statement.where(a.c.subject_kind.in_(LOGIN_KINDS))
    if subject_kind is not None:
        statement = statement.where(a.c.subject_kind == subject_kind)
    if subject_id is not None:
        statement = statement.where(a.c.subject_id == subject_id)
    if q is not None:
        statement = statement.where(matches(q, a.c.action, a.c.actor))
    # ids rise with the time of recording, and need no index of their own
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders={"recorded": Sort(a.c.id)},
        by_id=a.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    names = _names(tx, page.items)
    # a counted page stays one
    return replace(cast(Page[Any], page), items=[_view(row, names) for row in page.items])


def _names(tx: Transaction, rows: Iterable[Row[Any]]) -> dict[tuple[str, str], str]:
    """The number or name of each record that the events are about, by one query for each kind."""
    ids: dict[str, set[str]] = {}
    for row in rows:
        ids.setdefault(row.subject_kind, set()).add(row.subject_id)
    names: dict[tuple[str, str], str] = {}
    for kind in ids.keys() & NAMES.keys():
        table, name = NAMES[kind]
        found = select(table.c.id, name.label("name")).where(table.c.id.in_(ids[kind]))
        names |= {(kind, record.id): record.name for record in tx.connection.execute(found)}
    return names


def _view(row: Row[Any], names: Mapping[tuple[str, str], str]) -> AuditEventView:
    return AuditEventView(
        id=row.id,
        at=row.at,
        recorded_at=row.recorded_at,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        subject_name=names.get((row.subject_kind, row.subject_id)),
        action=row.action,
        actor=row.actor,
        details=row.details or {},
    )

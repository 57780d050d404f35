"""The audit trail as an administrator reads it: who did what, to which record, and from where."""

import json
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, Row, Table, select, union_all

from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page

a = t.audit_event
LOGIN_KINDS = ("user", "login")
"""Users, and addresses from which someone tried to log in as an unknown user."""
NAMES: dict[str, tuple[Table, Column[str]]] = {
    "accounting_export": (t.accounting_export, t.accounting_export.c.number),
    "contract": (t.contract, t.contract.c.number),
    "customer": (t.customer, t.customer.c.name),
    "invoice": (t.invoice, t.invoice.c.number),
    "item": (t.item, t.item.c.number),
    "org_unit": (t.org_unit, t.org_unit.c.name),
    "product": (t.product, t.product.c.code),
    "quote": (t.quote, t.quote.c.number),
    "recurring_sale": (t.recurring_sale, t.recurring_sale.c.number),
    "service_request": (t.service_request, t.service_request.c.number),
    "user": (t.user_account, t.user_account.c.name),
}
"""By what a record of each kind is called. A draft of an invoice has no number."""
CURRENCIES: dict[str, tuple[Table, Column[str]]] = {
    "contract": (t.contract, t.contract.c.currency),
    "invoice": (t.invoice, t.invoice.c.currency),
    "payment": (t.payment, t.payment.c.currency),
}
"""In what the amounts of an event are that does not say it."""
_ID = re.compile(r"\b[0-9a-hjkmnp-tv-z]{26}\b")


@dataclass(frozen=True, slots=True)
class AuditEventView:
    """One event about the record with this kind and id; `subject_name` is its present number or name.

    `at` is when it took effect, and may be earlier than `recorded_at`. `names` has the present numbers and
    names of the records that `details` mention, by their ids; `currency` is that of the amounts in them.
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
    names: dict[str, str]
    currency: str


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
    shown = _Shown(
        names=_texts(tx, NAMES, {row.subject_id for row in page.items} | _mentioned(page.items)),
        currencies=_texts(tx, CURRENCIES, {row.subject_id for row in page.items}),
        currency=tx.settings.currency,
    )
    # a counted page stays one
    return replace(cast(Page[Any], page), items=[_view(row, shown) for row in page.items])


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the events of a page name: numbers and names, and currencies, of records by their ids."""

    names: Mapping[str, str]
    currencies: Mapping[str, str]
    currency: str


def _mentioned(rows: Iterable[Row[Any]]) -> set[str]:
    return {found for row in rows for found in _ids_in(row.details)}


def _ids_in(details: Mapping[str, Any] | None) -> set[str]:
    return set(_ID.findall(json.dumps(details))) if details else set()


def _texts(
    tx: Transaction, columns: Mapping[str, tuple[Table, Column[str]]], ids: Set[str]
) -> Mapping[str, str]:
    """A column of each record with one of these ids, by one query over all kinds."""
    if not ids:
        return {}
    found = union_all(
        *(
            select(table.c.id, text.label("text")).where(table.c.id.in_(ids), text.is_not(None))
            for table, text in columns.values()
        )
    )
    return {record.id: record.text for record in tx.connection.execute(found)}


def _view(row: Row[Any], shown: _Shown) -> AuditEventView:
    details = row.details or {}
    return AuditEventView(
        id=row.id,
        at=row.at,
        recorded_at=row.recorded_at,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        subject_name=shown.names.get(row.subject_id),
        action=row.action,
        actor=row.actor,
        details=details,
        names={one: shown.names[one] for one in sorted(_ids_in(details)) if one in shown.names},
        currency=details.get("currency") or shown.currencies.get(row.subject_id) or shown.currency,
    )

"""Reading disputes: the list, one of them, and those of the records that a page shows.

Customers see their own, and those of their org units if the setting allows it. Technicians see none about
invoices. Source: product.md sections 2 and 10.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select, true

from engine.disputes import DISPUTE_KINDS, DISPUTE_STATES, DisputeKind
from workflows.billing.payments.payable import in_parts
from workflows.commands.disputes import OpenDispute
from workflows.contracts.access import visible_contracts
from workflows.core.actors import OFFICE, STAFF, sees_movements
from workflows.core.errors import invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.disputes.subjects import find_subject
from workflows.disputes.use_cases import DECIDERS, no_dispute
from workflows.languages.texts import gettext
from workflows.lifecycle.invoice_access import visible_invoices
from workflows.lifecycle.service_requests.access import (
    Nameable,
    Named,
    PersonNames,
    may_name,
    visible_requests,
)
from workflows.register.holder_names import holder_names
from workflows.register.records import own_org_units
from workflows.store import tables as t
from workflows.store.column_types import text_constant
from workflows.views import DEFAULT_LIMIT, MOST_COUNTED, MoneyView, Page
from workflows.views.disputes import DisputedView, DisputeView

d, i, c, r = t.dispute, t.invoice, t.contract, t.service_request
READERS = (*STAFF, "customer")
ORDERS = {"opened_at": Sort(d.c.opened_at), "decided_at": Sort(d.c.decided_at, nullable=True)}
SUBJECT_COLUMNS: dict[DisputeKind, ColumnElement[Any]] = {
    "work_entry": d.c.work_entry_id,
    "statement_line": d.c.transaction_id,
    "invoice_line": d.c.invoice_line_id,
}
FILTERS = ("customer", "org_unit", "contract", "invoice", "service_request")
note = t.invoice.alias("note")


def visible_disputes(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the disputes that the actor may see. Raises: NotAllowed."""
    tx.require(*READERS)
    if tx.actor.role == "technician":
        return d.c.kind != "invoice_line"
    if tx.actor.is_staff:
        return true()
    own = d.c.customer_id == tx.actor.customer
    if tx.settings.customers_see_org_unit:
        units = d.c.org_unit_id.in_(own_org_units(tx.actor.customer))
        own = or_(own, and_(d.c.customer_id.is_(None), units))
    return own


def list_disputes(
    tx: Transaction,
    *,
    q: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    work_entry: str | None = None,
    statement_line: str | None = None,
    invoice_line: str | None = None,
    order: str = "-opened_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
    **records: str | None,
) -> Page[DisputeView]:
    """A page of the disputes that the actor may see, the latest first.

    `records` are the ids of one of `FILTERS`; `q` searches the reasons and the numbers of requests, contracts
    and invoices.
    Raises: NotAllowed; InvalidInput for a state, a kind, an order or a cursor.
    """
    statement = _select().where(visible_disputes(tx))
    if state is not None:
        _require_one_of("state", state, DISPUTE_STATES)
        statement = statement.where(d.c.state == text_constant(state))
    if kind is not None:
        _require_one_of("kind", kind, DISPUTE_KINDS)
        statement = statement.where(d.c.kind == kind)
    if q is not None:
        statement = statement.where(_matches(tx, q))
    subjects = {"work_entry": work_entry, "statement_line": statement_line, "invoice_line": invoice_line}
    for subject, column in SUBJECT_COLUMNS.items():
        if subjects[subject] is not None:
            statement = statement.where(column == subjects[subject])
    for name, value in records.items():
        if value is not None:
            statement = statement.where(d.c[f"{name}_id"] == value, _may_filter(tx, name, value))
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=d.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_views(tx, page.items))


def _matches(tx: Transaction, q: str) -> ColumnElement[bool]:
    """SQL: the reason has the text, or the number of a record that the actor may see."""
    found = [
        matches(q, d.c.reason),
        and_(matches(q, r.c.number), visible_requests(tx)),
        and_(matches(q, c.c.number), visible_contracts(tx)),
    ]
    if tx.actor.role != "technician":
        found.append(and_(matches(q, i.c.number), visible_invoices(tx)))
    return or_(*found)


def _may_filter(tx: Transaction, name: str, record_id: str) -> ColumnElement[bool]:
    """SQL: a filter by a record that a customer may not see finds nothing."""
    if tx.actor.is_staff:
        return true()
    if name == "invoice":
        return visible_invoices(tx)
    known: Named = name  # type: ignore[assignment]  # the other filters are kinds of records
    return true() if may_name(tx, known, record_id) else false()


def read_dispute(tx: Transaction, dispute_id: str) -> DisputeView:
    """One dispute. Raises: NotAllowed; NotFound, also if the actor may not see it."""
    row = tx.connection.execute(_select().where(d.c.id == dispute_id, visible_disputes(tx))).one_or_none()
    if row is None:
        raise no_dispute()
    return _views(tx, [row])[0]


def latest_disputes(tx: Transaction, kind: DisputeKind, ids: Iterable[str]) -> dict[str, DisputeView]:
    """The latest dispute about each of the records that the actor may see, by the record's id."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    column = SUBJECT_COLUMNS[kind]
    found = _select().where(column.in_(wanted), visible_disputes(tx)).order_by(d.c.opened_at, d.c.id)
    views = _views(tx, tx.connection.execute(found).all())
    return {getattr(one, kind): one for one in views}


def disputes_of_statements(tx: Transaction, contracts: Iterable[str]) -> dict[str, DisputeView]:
    """The latest dispute about each line of some contracts' statements that the actor may see.

    By the line's ledger transaction; a dispute about a work entry is one about the lines drawn for it.
    """
    wanted = sorted(set(contracts))
    if not wanted:
        return {}
    a = t.work_allocation.c
    drawn = select(a.work_entry_id).where(a.contract_id.in_(wanted))
    about = or_(and_(d.c.kind == "statement_line", d.c.contract_id.in_(wanted)), d.c.work_entry_id.in_(drawn))
    order = (d.c.opened_at, d.c.id)
    rows = tx.connection.execute(_select().where(about, visible_disputes(tx)).order_by(*order)).all()
    entries = {row.work_entry_id for row in rows if row.work_entry_id is not None}
    lines: dict[str, list[str]] = {}
    for part in in_parts(sorted(entries)):
        allocated = select(a.work_entry_id, a.transaction_id, a.settlement_id).where(
            a.work_entry_id.in_(part), a.contract_id.in_(wanted)
        )
        for entry_id, *transactions in tx.connection.execute(allocated):
            lines.setdefault(entry_id, []).extend(filter(None, transactions))
    found: dict[str, DisputeView] = {}
    for row, view in zip(rows, _views(tx, rows), strict=True):
        own = [row.transaction_id] if row.kind == "statement_line" else []
        found |= dict.fromkeys([*own, *lines.get(row.work_entry_id, [])], view)
    return found


def preview_subject(tx: Transaction, command: OpenDispute) -> DisputedView:
    """What a new dispute would be about. Raises: as `open_dispute`, but Conflict."""
    tx.require(*READERS)
    return _subject(tx, find_subject(tx, command, locked=False).values)


def count_open(tx: Transaction) -> int:
    """How many disputes are open, up to as many as lists count. Raises: NotAllowed."""
    tx.require(*OFFICE)
    some = select(d.c.id).where(d.c.state == text_constant("open")).limit(MOST_COUNTED + 1).subquery()
    return int(tx.connection.execute(select(func.count()).select_from(some)).scalar_one())


def _select() -> Select[Any]:
    return (
        select(
            d,
            i.c.number.label("invoice_number"),
            c.c.number.label("contract_number"),
            r.c.number.label("request_number"),
            note.c.number.label("credit_note_number"),
        )
        .outerjoin(i, i.c.id == d.c.invoice_id)
        .outerjoin(c, c.c.id == d.c.contract_id)
        .outerjoin(r, r.c.id == d.c.service_request_id)
        .outerjoin(note, note.c.id == d.c.credit_note_id)
    )


def _views(tx: Transaction, rows: Iterable[Row[Any]]) -> list[DisputeView]:
    found = list(rows)
    parties = {_party(row) for row in found} - {None}
    names = holder_names(tx, [one for one in parties if one is not None])
    nameable = Nameable(
        tx,
        {
            "service_request": {row.service_request_id for row in found},
            "contract": {row.contract_id for row in found},
        },
    )
    people = PersonNames(tx, {row.customer_id for row in found if row.customer_id is not None})
    invoices = _visible_invoices(tx, {row.invoice_id for row in found if row.invoice_id is not None})
    return [
        _view(tx, row, names.get(_party(row) or ("", ""), ""), nameable, people, invoices) for row in found
    ]


def _visible_invoices(tx: Transaction, ids: set[str]) -> set[str]:
    """Those of the invoices that the actor may see."""
    if tx.actor.is_staff or not ids:
        return ids
    return set(tx.connection.execute(select(i.c.id).where(i.c.id.in_(ids), visible_invoices(tx))).scalars())


def _party(row: Row[Any]) -> tuple[str, str] | None:
    if row.customer_id is not None:
        return ("customer", row.customer_id)
    return ("org_unit", row.org_unit_id) if row.org_unit_id is not None else None


def _view(
    tx: Transaction,
    row: Row[Any],
    party_name: str,
    nameable: Nameable,
    people: PersonNames,
    invoices: set[str],
) -> DisputeView:
    request = nameable.id("service_request", row.service_request_id)
    contract = nameable.id("contract", row.contract_id)
    invoice = row.invoice_id if row.invoice_id in invoices else None
    changed = row.changed or {}
    sees_entry = tx.actor.is_staff or row.kind == "work_entry" or request is not None
    decides = row.state == "open" and tx.actor.role in DECIDERS
    return DisputeView(
        id=row.id,
        state=row.state,
        kind=row.kind,
        work_entry=row.work_entry_id if sees_entry else None,
        statement_line=row.transaction_id,
        invoice_line=row.invoice_line_id if row.kind != "invoice_line" or invoice is not None else None,
        service_request=request,
        service_request_number=row.request_number if request is not None else None,
        contract=contract,
        contract_number=row.contract_number if contract is not None else None,
        invoice=invoice,
        invoice_number=row.invoice_number if invoice is not None else None,
        customer=row.customer_id,
        org_unit=row.org_unit_id,
        party_name=party_name,
        subject=_subject(tx, row.subject),
        reason=row.reason,
        opened_at=row.opened_at,
        opened_by=people[row.opened_by],
        decided_at=row.decided_at,
        decided_by=people[row.decided_by] if row.decided_by is not None else None,
        decision_reason=row.decision_reason,
        minutes_left=changed.get("minutes_left"),
        returned=changed.get("returned") if _sees_movement(tx, row.subject) else None,
        credit_note=row.credit_note_id if invoice is not None else None,
        credit_note_number=row.credit_note_number if invoice is not None else None,
        allowed_actions=["accept", "decline"] if decides else [],
    )


def _subject(tx: Transaction, values: dict[str, Any]) -> DisputedView:
    at, net = values.get("at"), values.get("net")
    return DisputedView(
        at=datetime.fromisoformat(at) if at is not None else None,
        worked_minutes=values.get("worked_minutes"),
        chargeable_minutes=values.get("chargeable_minutes"),
        movement=values.get("movement"),
        moved=values.get("moved") if _sees_movement(tx, values) else None,
        unit=values.get("unit"),
        currency=values.get("currency"),
        description=values.get("description"),
        net=MoneyView(**net) if net is not None else None,
    )


def _sees_movement(tx: Transaction, subject: dict[str, Any]) -> bool:
    return sees_movements(tx.actor.role, subject.get("unit", ""))


def _require_one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise invalid(
            f"/{name}",
            gettext("%(value)s is not possible.", value=repr(value)),
            gettext("Use one of %(allowed)s.", allowed=", ".join(allowed)),
        )

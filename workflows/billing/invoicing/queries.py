"""Reading invoices and credit notes: lists, one of them, and what it says as values.

Technicians see no prices and no invoices. Customers see their own that are issued, or were voided after that.
Source: product.md sections 2 and 10.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select

from engine.invoice_document import InvoiceDocument
from engine.invoices import CONTRACT_SOLD, DELIVERY_STATES, INVOICE_STATES, PAYMENT_STATES, payment_state
from engine.periods import local_date
from workflows.billing.invoicing.actions import possible_actions
from workflows.billing.invoicing.checks import NOTHING, Checked, check_draft
from workflows.billing.invoicing.document_values import document_of, in_successor_currency
from workflows.billing.invoicing.parties import party_of
from workflows.billing.invoicing.reminder_queries import reminders_of
from workflows.billing.invoicing.rows import discount_rows, line_rows, no_invoice, tax_rows
from workflows.core.errors import StateForbids, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.invoice_access import visible_invoices
from workflows.register.holder_names import holder_names, paid_by_name
from workflows.store import tables as t
from workflows.store.column_types import decimal_text
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.billing import (
    AllocationView,
    EarlyPaymentView,
    InvoiceDetail,
    InvoiceDiscountView,
    InvoiceLineView,
    InvoiceReference,
    InvoiceTaxView,
    InvoiceView,
)

i, line, allocation = t.invoice, t.invoice_line, t.payment_allocation
ORDERS = {
    "created_at": Sort(i.c.created_at),
    "number": Sort(i.c.number, nullable=True),
    "issued_on": Sort(i.c.issued_at, nullable=True),
    "due_on": Sort(i.c.overdue_at, nullable=True),
    "total": Sort(i.c.total_minor),
}


def list_invoices(
    tx: Transaction,
    *,
    q: str | None = None,
    customer: str | None = None,
    org_unit: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    payment: str | None = None,
    delivery: str | None = None,
    number: str | None = None,
    dunning_level: int | None = None,
    order: str = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[InvoiceView]:
    """A page of the invoices and credit notes that the actor may see, by their payment as of now.

    `dunning_level` finds overdue invoices by the level that they have reached, 0 for none yet.

    `q` searches number, order number, buyer reference and who pays.
    Raises: NotAllowed; InvalidInput for a state, an order or a cursor.
    """
    statement = select(i).where(visible_invoices(tx))
    if q is not None:
        by_number = matches(q, i.c.number, i.c.order_number, i.c.buyer_reference)
        statement = statement.where(or_(by_number, paid_by_name(tx, q, i)))
    if customer is not None:
        statement = statement.where(i.c.customer_id == customer)
    if org_unit is not None:
        statement = statement.where(i.c.org_unit_id == org_unit)
    if kind is not None:
        statement = statement.where(i.c.kind == kind)
    if state is not None:
        _require_one_of("state", state, INVOICE_STATES)
        statement = statement.where(i.c.state == state)
    if payment is not None:
        _require_one_of("payment", payment, (*PAYMENT_STATES, "open"))
        statement = statement.where(has_payment(tx, payment))
    if delivery is not None:
        _require_one_of("delivery", delivery, (*DELIVERY_STATES, "to_process"))
        statement = statement.where(_has_delivery(delivery))
    if dunning_level is not None:
        level = i.c.reminder_stage == dunning_level
        none = func.coalesce(i.c.reminder_stage, 0) <= 0
        statement = statement.where(has_payment(tx, "overdue"), level if dunning_level else none)
    if number is not None:
        statement = statement.where(i.c.number == number.strip().upper())
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=i.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    names = holder_names(tx, {party_of(row) for row in page.items})
    return page.with_items(
        [InvoiceView(**_fields(tx, row, names, check_draft(tx, row))) for row in page.items]
    )


def awaits_processing() -> ColumnElement[bool]:
    """SQL: an issued invoice sold a contract, a renewal or a top-up, and has not been processed.

    Nothing else takes effect by processing: fees, billed time, or what was written by hand.
    """
    s = t.sold_item.c
    sells = exists(select(s.id).where(s.invoice_id == i.c.id, s.kind.in_(CONTRACT_SOLD)))
    return and_(i.c.kind == "invoice", i.c.state == "issued", i.c.delivered_at.is_(None), sells)


def _has_delivery(delivery: str) -> ColumnElement[bool]:
    if delivery == "to_process":
        return awaits_processing()
    delivered = i.c.delivered_at.is_not(None)
    return and_(i.c.kind == "invoice", delivered if delivery == "delivered" else ~delivered)


def has_payment(tx: Transaction, payment: str) -> ColumnElement[bool]:
    """SQL: an issued invoice has this payment as of now, the same as by `engine.invoices.payment_state`.

    "open" is any of those of which something is still to be paid.
    """
    is_open = i.c.open_minor > 0
    overdue = func.coalesce(i.c.overdue_at <= tx.now, False)
    conditions = {
        "paid": and_(i.c.open_minor == 0, i.c.written_off_minor == 0),
        "open": is_open,
        "written_off": and_(i.c.open_minor == 0, i.c.written_off_minor > 0),
        "overdue": and_(is_open, overdue),
        "part_paid": and_(is_open, ~overdue, i.c.open_minor < i.c.total_minor),
        "unpaid": and_(is_open, ~overdue, i.c.open_minor == i.c.total_minor),
    }
    return and_(i.c.kind == "invoice", i.c.state == "issued", conditions[payment])


def read_invoice(tx: Transaction, invoice_id: str) -> InvoiceDetail:
    """One invoice or credit note. Raises: NotAllowed; NotFound, also if the actor may not see it."""
    row = invoice_row(tx, invoice_id)
    names = holder_names(tx, {party_of(row)})
    sold = _sold_by(tx, invoice_id)
    checked = check_draft(tx, row) if tx.actor.is_staff else NOTHING
    fields = _fields(tx, row, names, checked)
    corrects = _references(tx, i.c.id == row.corrects_id) if row.corrects_id is not None else []
    return InvoiceDetail(
        **fields,
        **_parts(tx, row, sold),
        order_number=row.order_number,
        buyer_reference=row.buyer_reference,
        note=row.note,
        terms=row.terms,
        language=row.language,
        early_payment=_early_payment(row),
        corrects=corrects[0] if corrects else None,
        reason=row.reason,
        credit_notes=_references(tx, and_(i.c.corrects_id == invoice_id, i.c.number.is_not(None))),
        allocations=_allocations(tx, row),
        issued_at=row.issued_at,
        delivered_at=row.delivered_at,
        voided_at=row.voided_at,
        void_reason=row.void_reason,
        e_invoice_profile=row.e_invoice_profile,
        e_invoice_rules=row.e_invoice_rules,
        reminders=reminders_of(tx, row),
        **_pause(tx, row),
        unusual=checked.reasons,
        confirmed_at=checked.confirmed_at,
        confirmed_by=checked.confirmed_by,
        confirm_reason=checked.reason,
        allowed_actions=_actions(tx, row, waits=checked.waits),
    )


def _parts(tx: Transaction, row: Row[Any], sold: dict[str, Any]) -> dict[str, Any]:
    """The lines, discounts and taxes, in the currency that the document is in."""
    lines = [_line_view(one, row.currency, sold) for one in line_rows(tx, row.id)]
    said = in_successor_currency(tx, row)
    if said is None:
        taxes = [_tax_view(one, row.currency) for one in tax_rows(tx, row.id)]
        return {"lines": lines, "discounts": _discount_views(tx, row), "taxes": taxes}

    def money(amount_minor: int) -> MoneyView:
        return MoneyView(amount_minor, said.currency)

    return {
        "lines": [
            replace(
                view,
                quantity=decimal_text(one.quantity),
                unit=one.unit,
                unit_price=money(one.unit_price_minor),
                discount_percent=None,
                discount=money(one.discount_minor),
                net=money(one.net_minor),
            )
            for view, one in zip(lines, said.lines, strict=True)
        ],
        "discounts": [
            InvoiceDiscountView(one.reason, None, money(one.amount_minor)) for one in said.discounts
        ],
        "taxes": [
            InvoiceTaxView(
                one.category,
                decimal_text(one.rate),
                money(one.base_minor),
                money(one.tax_minor),
                one.reason,
            )
            for one in said.taxes
        ],
    }


def _pause(tx: Transaction, row: Row[Any]) -> dict[str, Any]:
    """The pause of an invoice's reminders, which only staff see."""
    if not _is_paused(tx, row) or not tx.actor.is_staff:
        return {}
    last = local_date(row.dunning_paused_until - timedelta(microseconds=1), tx.settings.zone)
    return {"dunning_paused_until": last, "dunning_pause_reason": row.dunning_pause_reason}


def _actions(tx: Transaction, row: Row[Any], *, waits: bool) -> list[str]:
    net = sum_of_notes(tx, row.id)
    return possible_actions(
        tx.actor.role,
        row,
        is_untouched=row.open_minor == row.total_minor and not net,
        creditable=net < sum(one.net_minor for one in line_rows(tx, row.id)),
        is_paused=_is_paused(tx, row),
        waits=waits,
    )


def _is_paused(tx: Transaction, row: Row[Any]) -> bool:
    return row.dunning_paused_until is not None and row.dunning_paused_until > tx.now


def sum_of_notes(tx: Transaction, invoice_id: str) -> int:
    """The net of the lines that credit notes of an invoice have taken back, in minor units."""
    notes = select(i.c.id).where(i.c.corrects_id == invoice_id, i.c.state == "issued")
    found = select(func.coalesce(func.sum(line.c.net_minor), 0)).where(line.c.invoice_id.in_(notes))
    return int(tx.connection.execute(found).scalar_one())


def invoice_row(tx: Transaction, invoice_id: str) -> Row[Any]:
    """The row of an invoice that the actor may see. Raises: NotAllowed; NotFound."""
    row = tx.connection.execute(select(i).where(i.c.id == invoice_id, visible_invoices(tx))).one_or_none()
    if row is None:
        raise no_invoice()
    return row


def _fields(
    tx: Transaction, row: Row[Any], names: dict[tuple[str, str], str], checked: Checked
) -> dict[str, Any]:
    def money(amount_minor: int) -> MoneyView:
        return MoneyView(amount_minor, row.currency)

    said = in_successor_currency(tx, row) or row
    is_paid_for = row.kind == "invoice" and row.state == "issued"
    return {
        "id": row.id,
        "kind": row.kind,
        "number": row.number,
        "state": row.state,
        "payment": payment_state(
            row.total_minor,
            row.open_minor,
            row.overdue_at,
            tx.now,
            written_off_minor=row.written_off_minor,
        )
        if is_paid_for
        else None,
        "delivery": "delivered" if row.delivered_at is not None else "undelivered",
        "customer": row.customer_id,
        "org_unit": row.org_unit_id,
        "party_name": names.get(party_of(row), ""),
        "currency": said.currency,
        "net": MoneyView(said.net_minor, said.currency),
        "tax": MoneyView(said.tax_minor, said.currency),
        "total": MoneyView(said.total_minor, said.currency),
        "former_total": money(row.total_minor) if said is not row else None,
        "paid": money(
            row.total_minor - row.open_minor - row.written_off_minor if row.kind == "invoice" else 0
        ),
        "written_off": money(row.written_off_minor),
        "open": money(row.open_minor if row.kind == "invoice" else 0),
        "issued_on": row.issued_on,
        "due_on": row.due_on,
        "dunning_level": max(row.reminder_stage or 0, 0),
        "created_at": row.created_at,
        "version": row.version,
        "waits": checked.waits,
    }


def _line_view(row: Row[Any], currency: str, items: dict[str, Any]) -> InvoiceLineView:
    item = items.get(row.sold_item_id or "")
    return InvoiceLineView(
        id=row.id,
        description=row.description,
        quantity=decimal_text(row.quantity),
        unit=row.unit,
        unit_price=MoneyView(row.unit_price_minor, currency),
        discount_percent=decimal_text(row.discount_percent) if row.discount_percent is not None else None,
        discount=MoneyView(row.discount_minor, currency),
        net=MoneyView(row.net_minor, currency),
        tax_rate=row.tax_name,
        tax_category=row.tax_category,
        tax_percent=decimal_text(row.tax_percent),
        service_from=row.service_from,
        service_to=row.service_to,
        sold=row.sold_item_id,
        sold_kind=item.kind if item is not None else None,
        contract=item.contract_id if item is not None else None,
        credits=row.credits_line_id,
    )


def _sold_by(tx: Transaction, invoice_id: str) -> dict[str, Any]:
    """What an invoice's lines sold, with its kind and its contract, by id."""
    s = t.sold_item
    found = (
        select(s.c.id, s.c.kind, s.c.contract_id)
        .join(line, line.c.sold_item_id == s.c.id)
        .where(line.c.invoice_id == invoice_id)
    )
    rows: list[Any] = list(tx.connection.execute(found))
    return {row.id: row for row in rows}


def _discount_views(tx: Transaction, row: Row[Any]) -> list[InvoiceDiscountView]:
    found: dict[int, list[Row[Any]]] = {}
    for one in discount_rows(tx, row.id):
        found.setdefault(one.position, []).append(one)
    return [
        InvoiceDiscountView(
            parts[0].reason,
            decimal_text(parts[0].percent) if parts[0].percent is not None else None,
            MoneyView(sum(one.amount_minor for one in parts), row.currency),
        )
        for parts in found.values()
    ]


def _tax_view(row: Row[Any], currency: str) -> InvoiceTaxView:
    return InvoiceTaxView(
        row.category,
        decimal_text(row.percent),
        MoneyView(row.base_minor, currency),
        MoneyView(row.tax_minor, currency),
        row.reason,
    )


def _early_payment(row: Row[Any]) -> EarlyPaymentView | None:
    if row.early_payment_days is None:
        return None
    days = timedelta(days=row.early_payment_days)
    until = row.issued_on + days if row.issued_on is not None else None
    return EarlyPaymentView(row.early_payment_days, decimal_text(row.early_payment_percent), until)


def _references(tx: Transaction, where: ColumnElement[bool]) -> list[InvoiceReference]:
    rows = tx.connection.execute(select(i).where(where).order_by(i.c.id)).all()
    said = [(row, in_successor_currency(tx, row) or row) for row in rows]
    return [
        InvoiceReference(row.id, row.number, MoneyView(one.total_minor, one.currency)) for row, one in said
    ]


def _allocations(tx: Transaction, row: Row[Any]) -> list[AllocationView]:
    found = (
        select(allocation)
        .where(allocation.c.invoice_id == row.id)
        .order_by(allocation.c.recorded_at, allocation.c.id)
    )
    return [
        AllocationView(
            one.kind,
            one.payment_id or one.credit_id or one.credit_note_id or one.id,
            MoneyView(one.amount_minor, row.currency),
            one.effective_at,
            one.recorded_by if tx.actor.is_staff else "",
            one.reason if tx.actor.is_staff else None,
        )
        for one in tx.connection.execute(found)
    ]


def _require_one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise invalid(
            f"/{name}",
            gettext("%(value)s is not possible.", value=repr(value)),
            gettext("Use one of %(allowed)s.", allowed=", ".join(allowed)),
        )


def invoice_document(tx: Transaction, invoice_id: str) -> InvoiceDocument:
    """What an issued invoice or credit note says, as values for its documents.

    Raises: NotAllowed; NotFound, also if the actor may not see it; StateForbids for what was never issued.
    """
    return document_of(tx, issued_row(tx, invoice_id))


def issued_row(tx: Transaction, invoice_id: str) -> Row[Any]:
    """The row of what was issued and the actor may see. Raises: as `invoice_document`."""
    row = invoice_row(tx, invoice_id)
    if row.number is None:
        raise StateForbids(
            gettext("A draft has no documents."), remedy=gettext("Issue it first."), state=row.state
        )
    return row

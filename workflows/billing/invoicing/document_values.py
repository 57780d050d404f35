"""What an issued invoice or credit note says as values, also in the successor of its currency.

Source: product.md section 10.
"""

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Row, and_, func, select

from engine.converted_documents import FormerAmounts, converted, former_amounts
from engine.currencies import successor_on
from engine.invoice_document import (
    DocumentDiscount,
    DocumentLine,
    EarlyPayment,
    InvoiceDocument,
    Party,
    TaxSubtotal,
)
from workflows.billing.invoicing.parties import SELLER_ONLY
from workflows.billing.invoicing.rows import discount_rows, line_rows, tax_rows
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.languages.texts import SOURCE, gettext, in_language, known_language
from workflows.store import tables as t

i, allocation = t.invoice, t.payment_allocation


def document_of(tx: Transaction, row: Any) -> InvoiceDocument:
    """What an invoice says by these columns, which may be those that it is about to be issued with."""
    seller = dict(row.seller)
    account = {name: seller.pop(name, "") for name in SELLER_ONLY}
    early = None
    if row.early_payment_days is not None:
        early = EarlyPayment(row.early_payment_days, row.early_payment_percent)
    document = InvoiceDocument(
        kind=row.kind,
        number=row.number,
        issued_on=row.issued_on,
        due_on=row.due_on,
        currency=row.currency,
        seller=Party(**seller),
        buyer=Party(**row.buyer),
        lines=tuple(_document_line(one) for one in line_rows(tx, row.id)),
        discounts=tuple(
            DocumentDiscount(
                one.reason, one.base_minor, one.percent, one.amount_minor, one.tax_category, one.tax_percent
            )
            for one in discount_rows(tx, row.id)
        ),
        taxes=tuple(
            TaxSubtotal(one.category, one.percent, one.base_minor, one.tax_minor, one.reason)
            for one in tax_rows(tx, row.id)
        ),
        net_minor=row.net_minor,
        tax_minor=row.tax_minor,
        total_minor=row.total_minor,
        paid_minor=_paid_at_issue(tx, row),
        order_number=row.order_number or "",
        buyer_reference=row.buyer_reference or "",
        note=row.note or row.reason or "",
        terms=row.terms or "",
        early_payment=early,
        corrects=_corrected(tx, row),
        language=row.language,
        **account,
    )
    former = former_amounts(document)
    if former is None:
        return document
    with in_language(known_language(row.language) or SOURCE):
        said = former_text(former)
    return replace(converted(document, former), note="\n".join(filter(None, (document.note, said))))


def former_text(former: FormerAmounts) -> str:
    """What a converted document amounts to in the former currency, and the rate, in the current language."""
    successor, currency = former.successor, former.currency
    return gettext(
        "In %(currency)s: net %(net)s, tax %(tax)s, total %(total)s; converted at 1 %(successor)s = %(rate)s "
        "%(currency)s.",
        currency=currency,
        net=money_text(former.net_minor, currency),
        tax=money_text(former.tax_minor, currency),
        total=money_text(former.total_minor, currency),
        successor=successor.currency,
        rate=successor.rate,
    )


def in_successor_currency(tx: Transaction, row: Row[Any]) -> InvoiceDocument | None:
    """What a credit note says in the successor of its currency; None for what is in its own."""
    if row.kind != "credit_note" or row.issued_on is None:
        return None
    return document_of(tx, row) if successor_on(row.currency, row.issued_on) is not None else None


def _document_line(row: Row[Any]) -> DocumentLine:
    return DocumentLine(
        description=row.description,
        quantity=row.quantity,
        unit=row.unit,
        unit_price_minor=row.unit_price_minor,
        net_minor=row.net_minor,
        tax_category=row.tax_category,
        tax_rate=row.tax_percent,
        discount_percent=row.discount_percent,
        discount_minor=row.discount_minor,
        service_from=row.service_from,
        service_to=row.service_to,
    )


def _paid_at_issue(tx: Transaction, row: Any) -> int:
    """What credit of the customer had settled when an invoice was issued, in minor units."""
    at_issue = and_(
        allocation.c.invoice_id == row.id,
        allocation.c.kind == "credit",
        allocation.c.reverses_id.is_(None),
        allocation.c.effective_at == row.issued_at,
    )
    found = select(func.coalesce(func.sum(allocation.c.amount_minor), 0)).where(at_issue)
    return int(tx.connection.execute(found).scalar_one())


def _corrected(tx: Transaction, row: Any) -> tuple[str, date] | None:
    if row.corrects_id is None:
        return None
    found = select(i.c.number, i.c.issued_on).where(i.c.id == row.corrects_id)
    corrected = tx.connection.execute(found).one()
    return corrected.number, corrected.issued_on

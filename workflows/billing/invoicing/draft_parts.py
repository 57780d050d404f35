"""Lines, discounts and taxes of a draft: from what was given to rows, with the engine's totals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import delete

from engine.invoice_document import DocumentDiscount
from engine.invoicing import DiscountTerms, DiscountTooLarge, LineTerms, TaxRate, Totals, document_totals
from workflows.commands.billing import DocumentDiscountGiven, InvoiceLineGiven
from workflows.commands.fields import MOST_MINOR, MoneyGiven
from workflows.core.errors import invalid
from workflows.core.tax_rates import named_tax_rate
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.billing_triggers import PARTS
from workflows.store.ids import new_id


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line to be written; `tax_name` is the name of the settings' rate."""

    description: str
    quantity: Decimal
    unit_price_minor: int
    tax_name: str
    tax: TaxRate
    unit: str = "C62"
    discount_percent: Decimal | None = None
    discount_minor: int = 0
    service_from: date | None = None
    service_to: date | None = None
    sold_item_id: str | None = None
    credits_line_id: str | None = None

    @property
    def terms(self) -> LineTerms:
        return LineTerms(
            self.quantity, self.unit_price_minor, self.tax, self.discount_percent, self.discount_minor
        )


def draft_line(tx: Transaction, given: InvoiceLineGiven, currency: str, pointer: str) -> DraftLine:
    """A line as given. Raises: InvalidInput for another currency, or a tax rate that the settings lack."""
    rate = named_tax_rate(tx, given.tax_rate, f"{pointer}/tax_rate")
    return DraftLine(
        description=given.description,
        quantity=Decimal(given.quantity),
        unit_price_minor=minor_in(currency, given.unit_price, f"{pointer}/unit_price"),
        tax_name=rate.name,
        tax=rate.rate,
        unit=given.unit,
        discount_percent=Decimal(given.discount_percent) if given.discount_percent is not None else None,
        discount_minor=minor_in(currency, given.discount, f"{pointer}/discount") if given.discount else 0,
        service_from=given.service_from,
        service_to=given.service_to,
        sold_item_id=given.sold,
    )


def draft_discount(given: DocumentDiscountGiven, currency: str, pointer: str) -> DiscountTerms:
    """A discount on the document as given. Raises: InvalidInput for another currency."""
    return DiscountTerms(
        given.reason,
        Decimal(given.percent) if given.percent is not None else None,
        minor_in(currency, given.amount, f"{pointer}/amount") if given.amount is not None else None,
    )


def minor_in(currency: str, money: MoneyGiven, pointer: str) -> int:
    """An amount in minor units of the document's currency. Raises: InvalidInput for another currency."""
    if money.currency not in (None, currency):
        raise invalid(
            f"{pointer}/currency",
            gettext("This invoice is in %(currency)s.", currency=currency),
            gettext("Use that currency."),
        )
    return money.amount_minor


def checked_totals(lines: Sequence[DraftLine], discounts: Sequence[DiscountTerms]) -> Totals:
    """The totals of a draft; no part is negative. Raises: InvalidInput naming the line or the discount."""
    try:
        totals = document_totals([one.terms for one in lines], discounts)
    except DiscountTooLarge as error:
        raise invalid("/discounts", error.detail, error.remedy) from error
    for position, amounts in enumerate(totals.lines):
        if amounts.net_minor < 0:
            raise invalid(
                f"/lines/{position}/discount",
                gettext("The discount is more than the line."),
                gettext("Give a smaller amount."),
            )
        if amounts.net_minor > MOST_MINOR:
            raise invalid(
                f"/lines/{position}/quantity",
                gettext("The line amounts to too much."),
                gettext("Check quantity and price."),
            )
    if any(one.base_minor < 0 for one in totals.taxes):
        raise invalid(
            "/discounts", gettext("The discounts are more than the lines."), gettext("Give smaller ones.")
        )
    if totals.total_minor > MOST_MINOR:
        raise invalid(
            "/lines", gettext("The invoice amounts to too much."), gettext("Check quantities and prices.")
        )
    return totals


def totals_columns(totals: Totals) -> dict[str, int]:
    """The amounts of an invoice's row; all of it is open."""
    return {
        "net_minor": totals.net_minor,
        "tax_minor": totals.tax_minor,
        "total_minor": totals.total_minor,
        "open_minor": totals.total_minor,
    }


def write_parts(tx: Transaction, invoice_id: str, lines: Sequence[DraftLine], totals: Totals) -> None:
    """Write the lines, discounts and taxes of a draft that has none."""
    tx.add_all(
        t.invoice_line,
        [_line_row(invoice_id, position, line, totals) for position, line in enumerate(lines)],
    )
    tx.add_all(
        t.invoice_discount,
        [
            {
                "invoice_id": invoice_id,
                "position": position,
                "tax_category": one.tax_category,
                "tax_percent": one.tax_rate,
                "reason": one.reason,
                "percent": one.percent,
                "base_minor": one.base_minor,
                "amount_minor": one.amount_minor,
            }
            for position, one in _numbered(totals.discounts)
        ],
    )
    tx.add_all(
        t.invoice_tax,
        [
            {
                "invoice_id": invoice_id,
                "category": one.category,
                "percent": one.rate,
                "base_minor": one.base_minor,
                "tax_minor": one.tax_minor,
                "reason": one.reason,
            }
            for one in totals.taxes
        ],
    )


def delete_parts(tx: Transaction, invoice_id: str) -> None:
    """Delete the lines, discounts and taxes of a draft."""
    for name in PARTS:
        table = t.metadata.tables[name]
        tx.connection.execute(delete(table).where(table.c.invoice_id == invoice_id))


def _line_row(invoice_id: str, position: int, line: DraftLine, totals: Totals) -> dict[str, Any]:
    amounts = totals.lines[position]
    return {
        "id": new_id(),
        "invoice_id": invoice_id,
        "position": position,
        "description": line.description,
        "quantity": line.quantity,
        "unit": line.unit,
        "unit_price_minor": line.unit_price_minor,
        "discount_percent": line.discount_percent,
        "discount_minor": amounts.discount_minor,
        "net_minor": amounts.net_minor,
        "tax_name": line.tax_name,
        "tax_category": line.tax.category,
        "tax_percent": line.tax.percent,
        "tax_reason": line.tax.reason,
        "service_from": line.service_from,
        "service_to": line.service_to,
        "sold_item_id": line.sold_item_id,
        "credits_line_id": line.credits_line_id,
    }


def _numbered(parts: Sequence[DocumentDiscount]) -> list[tuple[int, DocumentDiscount]]:
    """The parts of discounts by rate, with the position of their discount: a rate comes once in each."""
    numbered: list[tuple[int, DocumentDiscount]] = []
    position, rates = 0, set[tuple[str, Decimal]]()
    for one in parts:
        key = (one.tax_category, one.tax_rate)
        if key in rates:
            position, rates = position + 1, set()
        rates.add(key)
        numbered.append((position, one))
    return numbered

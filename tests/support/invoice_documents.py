"""Invoice documents for tests: parties, lines, and totals computed from the lines."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.invoice_document import (
    DocumentDiscount,
    DocumentLine,
    InvoiceDocument,
    Party,
    TaxCategory,
    TaxSubtotal,
)
from engine.quantities import round_half_up

SELLER = Party(
    name="Müller & Söhne Support GmbH",
    street="Hauptstraße 1",
    postal_code="10115",
    city="Berlin",
    country="DE",
    vat_id="DE123456788",
    tax_number="37/123/45678",
    email="billing@mueller.example",
    contact_name="Ada Müller",
    phone="+49 30 1234567",
)
BUYER = Party(
    name="Stadtwerke Beispiel",
    street="Marktplatz 2",
    postal_code="80331",
    city="München",
    country="DE",
    vat_id="DE987654324",
    email="invoices@stadtwerke.example",
)
REASONS: dict[str, str] = {
    "AE": "Reverse charge",
    "E": "Exempt under § 4 no. 21 UStG",
    "O": "Not subject to VAT",
}


def line(
    description: str = "Support",
    quantity: str = "10",
    unit_price_minor: int = 10_000,
    tax_rate: str = "19",
    tax_category: TaxCategory = "S",
    discount_percent: str | None = None,
    **fields: Any,
) -> DocumentLine:
    """A line whose net is rounded once."""
    base = Fraction(quantity) * unit_price_minor
    net_minor = round_half_up(base)
    if discount_percent is not None:
        net_minor = round_half_up(base * (1 - Fraction(discount_percent) / 100))
    discount_minor = round_half_up(base) - net_minor
    return DocumentLine(
        description=description,
        quantity=Decimal(quantity),
        unit=fields.pop("unit", "HUR"),
        unit_price_minor=unit_price_minor,
        net_minor=net_minor,
        tax_category=tax_category,
        tax_rate=Decimal(tax_rate),
        discount_percent=None if discount_percent is None else Decimal(discount_percent),
        discount_minor=discount_minor,
        **fields,
    )


def document(
    *lines: DocumentLine,
    discount_percent: str | None = None,
    discount_minor: int | None = None,
    **fields: Any,
) -> InvoiceDocument:
    """A document with these lines, one line of support by default; a discount is spread over the rates."""
    lines = lines or (line(),)
    bases: dict[tuple[TaxCategory, Decimal], int] = {}
    for each in lines:
        key = (each.tax_category, each.tax_rate)
        bases[key] = bases.get(key, 0) + each.net_minor
    discounts = _discounts(bases, discount_percent, discount_minor)
    for discount in discounts:
        bases[discount.tax_category, discount.tax_rate] -= discount.amount_minor
    taxes = tuple(
        TaxSubtotal(
            category,
            rate,
            base,
            round_half_up(Fraction(base) * Fraction(rate) / 100),
            REASONS.get(category, ""),
        )
        for (category, rate), base in bases.items()
    )
    net_minor = sum(tax.base_minor for tax in taxes)
    tax_minor = sum(tax.tax_minor for tax in taxes)
    values: dict[str, Any] = {
        "kind": "invoice",
        "number": "R-2026-0001",
        "issued_on": date(2026, 11, 29),
        "due_on": date(2026, 12, 13),
        "currency": "EUR",
        "seller": SELLER,
        "buyer": BUYER,
        "buyer_reference": "04011000-12345-34",
        "iban": "DE02 1203 0000 0000 2020 51",
        "terms": "Payable within 14 days.",
    }
    return InvoiceDocument(
        **{
            **values,
            "lines": lines,
            "discounts": discounts,
            "taxes": taxes,
            "net_minor": net_minor,
            "tax_minor": tax_minor,
            "total_minor": net_minor + tax_minor,
            **fields,
        }
    )


def without(party: Party, *names: str) -> Party:
    """The party with these fields empty."""
    return replace(party, **dict.fromkeys(names, ""))


def _discounts(
    bases: dict[tuple[TaxCategory, Decimal], int], percent: str | None, amount_minor: int | None
) -> tuple[DocumentDiscount, ...]:
    if percent is not None:
        return tuple(
            DocumentDiscount(
                "Loyalty",
                base,
                Decimal(percent),
                round_half_up(base * Fraction(percent) / 100),
                category,
                rate,
            )
            for (category, rate), base in bases.items()
        )
    if amount_minor is not None:
        (category, rate), base = next(iter(bases.items()))
        return (DocumentDiscount("Goodwill", base, None, amount_minor, category, rate),)
    return ()


def _percent(base_minor: int, percent: str | Decimal) -> int:
    return round_half_up(Fraction(base_minor) * Fraction(percent) / 100)

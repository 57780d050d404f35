"""Credit notes of invoices in a currency that has been given up since: what they say in its successor.

Each line is converted by itself, as one piece, and taxed anew; so the whole may differ by a few minor units
from the whole converted. Sources: EN 16931-1, BR-CO-10 to BR-CO-17; Council Regulation (EC) 1103/97.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from engine.currencies import Successor, minor_digits, successor_on
from engine.invoice_document import DocumentDiscount, DocumentLine, InvoiceDocument
from engine.invoicing import DiscountTerms, LineTerms, TaxRate, document_totals
from engine.quantities import round_half_up


@dataclass(frozen=True, slots=True)
class FormerAmounts:
    """What a converted document amounts to in the former currency, in minor units of that."""

    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    successor: Successor


def in_successor(amount_minor: int, currency: str, successor: Successor) -> int:
    """An amount of a currency in its successor's minor unit, half a unit up."""
    digits = minor_digits(successor.currency) - minor_digits(currency)
    return round_half_up(Fraction(amount_minor) * Fraction(10) ** digits / Fraction(successor.rate))


def former_amounts(document: InvoiceDocument) -> FormerAmounts | None:
    """The amounts of a credit note in a currency that had been given up when it was issued; else None."""
    if document.kind != "credit_note":
        return None
    successor = successor_on(document.currency, document.issued_on)
    if successor is None:
        return None
    return FormerAmounts(
        document.currency, document.net_minor, document.tax_minor, document.total_minor, successor
    )


def converted(document: InvoiceDocument, former: FormerAmounts) -> InvoiceDocument:
    """The document in the successor of its currency."""

    def amount(minor: int) -> int:
        return in_successor(minor, former.currency, former.successor)

    reasons = {(one.category, one.rate): one.reason for one in document.taxes}
    lines = tuple(
        replace(
            one,
            quantity=Decimal(1),
            unit="C62",
            unit_price_minor=amount(one.net_minor),
            net_minor=amount(one.net_minor),
            discount_percent=None,
            discount_minor=0,
        )
        for one in document.lines
    )

    def rate(one: DocumentLine | DocumentDiscount) -> TaxRate:
        reason = reasons.get((one.tax_category, one.tax_rate), "")
        return TaxRate(one.tax_category, one.tax_rate, reason)

    totals = document_totals(
        [LineTerms(1, one.net_minor, rate(one)) for one in lines],
        [DiscountTerms(one.reason, None, amount(one.amount_minor), rate(one)) for one in document.discounts],
    )
    return replace(
        document,
        currency=former.successor.currency,
        lines=lines,
        discounts=totals.discounts,
        taxes=totals.taxes,
        net_minor=totals.net_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
        paid_minor=amount(document.paid_minor),
    )

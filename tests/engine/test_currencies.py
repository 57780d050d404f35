"""Currencies by their dates, and credit notes of invoices in one that has been given up since."""

from datetime import date
from decimal import Decimal

import pytest

from engine.converted_documents import converted, former_amounts, in_successor
from engine.currencies import SUCCESSORS, is_currency_on, successor_on
from engine.invoice_document import DocumentDiscount, DocumentLine, InvoiceDocument, Party, TaxSubtotal

S = Decimal(20)


@pytest.mark.parametrize(
    ("currency", "day", "expected"),
    [
        ("BGN", date(2025, 12, 31), True),
        ("BGN", date(2026, 1, 1), False),
        ("HRK", date(2022, 12, 31), True),
        ("HRK", date(2023, 1, 1), False),
        ("ANG", date(2025, 3, 30), True),
        ("ANG", date(2025, 3, 31), False),
        ("XCG", date(2025, 3, 30), False),
        ("XCG", date(2025, 3, 31), True),
        ("EUR", date(1999, 1, 1), True),
        ("EU", date(2026, 1, 1), False),
    ],
)
def test_a_currency_has_a_first_and_a_last_day(currency: str, day: date, expected: bool) -> None:
    assert is_currency_on(currency, day) == expected


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [(195_583, "BGN", 100_000), (1, "BGN", 1), (753_450, "HRK", 100_000), (12_345, "ANG", 12_345)],
)
def test_amounts_are_converted_at_the_fixed_rate(amount: int, currency: str, expected: int) -> None:
    assert in_successor(amount, currency, SUCCESSORS[currency]) == expected


def note(issued_on: date) -> InvoiceDocument:
    """Two lines at 20 %, 10 % off: 90.00 and 270.00, less 36.00, in leva."""
    lines = tuple(
        DocumentLine("Support", Decimal(3), "HUR", price, 3 * price, "S", S) for price in (3_000, 9_000)
    )
    off = DocumentDiscount("Agreed", 36_000, Decimal(10), 3_600, "S", S)
    taxes = (TaxSubtotal("S", S, 32_400, 6_480),)
    return InvoiceDocument(
        *("credit_note", "CN-1", issued_on, None, "BGN", Party("A"), Party("B")),
        *(lines, (off,), taxes, 32_400, 6_480, 38_880),
    )


def test_a_credit_note_after_the_last_day_is_in_the_successor() -> None:
    assert former_amounts(note(date(2025, 12, 31))) is None
    document = note(date(2026, 3, 2))
    former = former_amounts(document)
    assert former is not None
    assert former.successor == successor_on("BGN", date(2026, 1, 1))
    found = converted(document, former)
    # 90.00 / 1.95583 = 46.016; 270.00 is 138.049; 36.00 is 18.406
    assert [one.net_minor for one in found.lines] == [4_602, 13_805]
    assert [one.unit_price_minor for one in found.lines] == [4_602, 13_805]
    assert {one.quantity for one in found.lines} == {Decimal(1)}
    assert found.discounts[0].amount_minor == 1_841
    assert (found.currency, found.net_minor) == ("EUR", 4_602 + 13_805 - 1_841)
    assert found.tax_minor == 3_313  # 20 % of 165.66
    assert found.total_minor == found.net_minor + found.tax_minor
    assert (former.currency, former.total_minor) == ("BGN", 38_880)

"""Lines, discounts and tax of an invoice: examples, boundaries of rounding, and what always holds."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.invoicing import (
    DiscountTerms,
    DiscountTooLarge,
    LineTerms,
    TaxRate,
    divided,
    document_totals,
    line_amounts,
    tax_of,
)

FULL, REDUCED = TaxRate("S", Decimal(19)), TaxRate("S", Decimal(7))
FREE = TaxRate("E", Decimal(0), "Exempt: training")
RATES = (FULL, REDUCED, FREE)


def line(quantity: str, price: int, tax: TaxRate = FULL, **more: Any) -> LineTerms:
    return LineTerms(Decimal(quantity), price, tax, **more)


def test_a_percentage_of_the_document_is_taken_of_each_rate() -> None:
    found = document_totals(
        [line("1", 3333, FULL), line("1", 6667, REDUCED)], [DiscountTerms("Loyal", percent=Decimal(10))]
    )
    assert [(one.tax_rate, one.base_minor, one.amount_minor) for one in found.discounts] == [
        (Decimal(19), 3333, 333),
        (Decimal(7), 6667, 667),
    ]
    assert [(one.rate, one.base_minor, one.tax_minor) for one in found.taxes] == [
        (Decimal(7), 6000, 420),
        (Decimal(19), 3000, 570),
    ]
    assert (found.net_minor, found.tax_minor, found.total_minor) == (9000, 990, 9990)


def test_an_amount_off_the_document_is_divided_by_rate_without_a_rest() -> None:
    found = document_totals(
        [line("1", 100, FULL), line("1", 100, REDUCED), line("1", 100, FREE)],
        [DiscountTerms(amount_minor=100)],
    )
    assert [one.amount_minor for one in found.discounts] == [33, 34, 33]
    assert found.net_minor == 200


@pytest.mark.parametrize(
    ("quantity", "price", "percent", "net", "discount"),
    [
        ("0.5", 1, None, 1, 0),
        ("0.49", 1, None, 0, 0),
        ("-0.5", 1, None, -1, 0),
        ("1", 12345, "50", 6173, 6172),
        ("1", 99, "100", 0, 99),
        ("3", 3333, "10", 8999, 1000),
        ("1.25", 9900, None, 12375, 0),
    ],
)
def test_a_line_is_rounded_once_half_up(
    quantity: str, price: int, percent: str | None, net: int, discount: int
) -> None:
    terms = line(quantity, price, discount_percent=Decimal(percent) if percent else None)
    assert line_amounts(terms).net_minor == net
    assert line_amounts(terms).discount_minor == discount


def test_a_discount_amount_is_taken_once_from_the_line() -> None:
    assert line_amounts(line("3", 1000, discount_minor=500)).net_minor == 2500


def test_a_reason_is_stated_once_by_rate() -> None:
    other = TaxRate("E", Decimal(0), "Exempt: books")
    [subtotal] = document_totals([line("1", 100, FREE), line("1", 50, other)]).taxes
    assert (subtotal.base_minor, subtotal.tax_minor, subtotal.reason) == (150, 0, "Exempt: training")


@pytest.mark.parametrize("amount", [101, 10**12])
def test_no_more_is_taken_off_than_there_is(amount: int) -> None:
    with pytest.raises(DiscountTooLarge) as refused:
        document_totals([line("1", 100)], [DiscountTerms(amount_minor=amount)])
    assert refused.value.values["lines_minor"] == 100
    assert document_totals([line("1", 100)], [DiscountTerms(amount_minor=100)]).total_minor == 0


lines_of_any_kind = st.lists(
    st.builds(
        LineTerms,
        st.decimals("0.0001", "9999", places=4),
        st.integers(0, 10**7),
        st.sampled_from(RATES),
        st.none() | st.decimals(0, 100, places=2),
    ),
    min_size=1,
    max_size=12,
)


@given(lines_of_any_kind, st.none() | st.decimals(0, 100, places=2))
def test_totals_are_the_sums_of_their_parts(lines: list[LineTerms], percent: Decimal | None) -> None:
    discounts = [] if percent is None else [DiscountTerms(percent=percent)]
    found = document_totals(lines, discounts)
    nets = sum(one.net_minor for one in found.lines)
    assert found.net_minor == nets - sum(one.amount_minor for one in found.discounts)
    assert found.net_minor == sum(one.base_minor for one in found.taxes)
    assert found.tax_minor == sum(one.tax_minor for one in found.taxes)
    assert found.total_minor == found.net_minor + found.tax_minor >= 0
    for one in found.taxes:
        assert abs(one.base_minor * Fraction(one.rate) / 100 - one.tax_minor) <= Fraction(1, 2)
    assert document_totals(lines[::-1], discounts).total_minor == found.total_minor


@given(lines_of_any_kind)
def test_a_line_is_within_half_a_minor_unit(lines: list[LineTerms]) -> None:
    for one in lines:
        exact = (
            Fraction(one.quantity)
            * Fraction(one.unit_price_minor)
            * (1 - Fraction(one.discount_percent or 0) / 100)
        )
        found = line_amounts(one)
        assert abs(exact - found.net_minor) <= Fraction(1, 2)
        assert found.discount_minor >= 0


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=9).filter(any))
def test_parts_sum_to_the_whole(amount: int, weights: list[int]) -> None:
    parts = divided(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount * weight, sum(weights))) <= 1
        assert part == 0 or weight


@given(st.integers(-(10**9), 10**9), st.decimals(0, 100, places=2))
def test_a_credit_has_the_tax_that_was_charged(base: int, percent: Decimal) -> None:
    assert tax_of(-base, percent) == -tax_of(base, percent)

"""Prices by day, and price lists as rows of text."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.price_list import (
    COLUMNS,
    InvalidPriceList,
    ListPrice,
    PricesOverlap,
    check_no_overlap,
    less_discount,
    price_on,
    read_price_list,
)

JANUARY, APRIL, JULY = date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)
PRICES = [
    ListPrice(12000, "EUR", JANUARY, APRIL),
    ListPrice(13000, "EUR", APRIL, None),
    ListPrice(900, "JPY", JANUARY, None),
]
DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 12))


@pytest.mark.parametrize(
    ("day", "amount"),
    [
        (date(2025, 12, 31), None),
        (JANUARY, 12000),
        (date(2026, 3, 31), 12000),
        (APRIL, 13000),
        (date(2030, 1, 1), 13000),
    ],
)
def test_a_price_is_valid_from_its_first_to_its_last_day(day: date, amount: int | None) -> None:
    found = price_on(PRICES, "EUR", day)
    assert (found.amount_minor if found else None) == amount
    assert price_on(PRICES, "USD", day) is None


@pytest.mark.parametrize(
    ("day", "standing"),
    [(date(2025, 12, 31), "to_come"), (JANUARY, "current"), (date(2026, 3, 31), "current"), (APRIL, "past")],
)
def test_standing(day: date, standing: str) -> None:
    assert PRICES[0].standing(day) == standing


def test_the_overlapping_prices_are_named() -> None:
    check_no_overlap("gold", PRICES[:1], ListPrice(1, "EUR", APRIL))
    check_no_overlap("gold", PRICES, ListPrice(1, "USD", JANUARY))
    with pytest.raises(PricesOverlap) as refused:
        check_no_overlap("gold", PRICES, ListPrice(14000, "EUR", JULY, date(2026, 8, 1)))
    assert str(refused.value) == (
        "gold has a price on these days already: EUR 130.00 from 2026-04-01 on overlaps EUR 140.00 from "
        "2026-07-01 to 2026-07-31. End the earlier one before 2026-07-01, or choose other days."
    )


@given(DAYS, DAYS, DAYS, DAYS, st.booleans(), st.booleans())
def test_overlap_means_a_common_day(a: date, b: date, c: date, d: date, one_ends: bool, ends: bool) -> None:
    one = ListPrice(1, "EUR", min(a, b), max(a, b) if one_ends else None)
    other = ListPrice(1, "EUR", min(c, d), max(c, d) if ends else None)
    days = [date(2026, 1, number) for number in range(1, 15)]
    common = any(one.is_valid_on(day) and other.is_valid_on(day) for day in days)
    empty = any(price.until_on == price.first_on for price in (one, other))
    assert empty or one.overlaps(other) == other.overlaps(one) == common


@pytest.mark.parametrize(
    ("amount", "percent", "left"),
    [
        (10000, "0", 10000),
        (10000, "100", 0),
        (10000, "12.5", 8750),
        (1, "50", 1),  # half a cent, up
        (3, "50", 2),
        (333, "33.3333", 222),
    ],
)
def test_a_discount_is_rounded_half_up_once(amount: int, percent: str, left: int) -> None:
    assert less_discount(amount, Decimal(percent)) == left


def test_a_discount_beyond_the_price_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        less_discount(100, Decimal(150))


def test_a_list_is_read() -> None:
    rows = read_price_list(
        ["label", "Code", "kind", "price", "currency", "first_on", "last_on"],
        [
            ["Gold", "gold", "one_off", "120.5", "EUR", "2026-01-01", "2026-03-31"],
            ["", "", "", "", "", "", ""],
            ["Yen", "yen", "part", "900", "JPY", "2026-01-01", ""],
            ["Later", "later", "travel", "", "", "", ""],
        ],
    )
    assert [(row.line, row.product.code, row.price) for row in rows] == [
        (2, "gold", ListPrice(12050, "EUR", JANUARY, APRIL)),
        (4, "yen", ListPrice(900, "JPY", JANUARY)),
        (5, "later", None),
    ]
    assert rows[0].product.unit == "piece"


GOOD = {
    "code": "gold", "label": "Gold", "kind": "contract_type", "contract_type": "support_hours",
    "quantity": "600", "unit": "contract", "tax_rate": "", "currency": "EUR", "price": "120.00",
    "first_on": "2026-01-01", "last_on": "2026-03-31",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"code": ""}, "Line 2: The cell 'code' is empty."),
        ({"kind": "thing"}, "Line 2: 'thing' is not a valid kind. Use one of contract_type,"),
        ({"quantity": "0"}, "Line 2: '0' is not a quantity."),
        ({"quantity": "x"}, "Line 2: 'x' is not a quantity. Write a time as 20 h or 1 h 30 min,"),
        ({"quantity": "1.5"}, "Line 2: '1.5' is not a quantity."),
        ({"quantity": "0 h"}, "Line 2: '0 h' is not a quantity."),
        ({"quantity": "h"}, "Line 2: 'h' is not a quantity."),
        ({"quantity": "EUR 1.234"}, "Line 2: '1.234' is not an amount in EUR."),
        ({"currency": "euro"}, "Line 2: 'euro' is not a currency code."),
        ({"price": "120,00"}, "Line 2: '120,00' is not an amount in EUR. Write it as 120.00."),
        ({"price": "1.234"}, "Line 2: '1.234' is not an amount in EUR."),
        ({"price": "-1"}, "Line 2: '-1' is not an amount in EUR."),
        ({"price": "=1+1"}, "Line 2: '=1+1' is not an amount in EUR."),
        ({"price": "9999999999999"}, "Line 2: '9999999999999' is too much."),
        ({"price": "1.5", "currency": "JPY"}, "Line 2: '1.5' is not an amount in JPY. Write it as 120."),
        ({"first_on": "1.4.2026"}, "Line 2: '1.4.2026' is not a date, in first_on."),
        ({"first_on": "20260401"}, "Line 2: '20260401' is not a date, in first_on."),
        ({"last_on": "2025-12-31"}, "Line 2: The last day 2025-12-31 is before the first, 2026-01-01."),
        ({"last_on": "2999-12-31"}, "Line 2: '2999-12-31' is not a date, in last_on."),
    ],
)
def test_a_bad_cell_is_named_with_its_line(changed: dict[str, str], says: str) -> None:
    assert len(read_price_list(COLUMNS, [[GOOD[name] for name in COLUMNS]])) == 1
    with pytest.raises(InvalidPriceList) as refused:
        read_price_list(COLUMNS, [[{**GOOD, **changed}[name] for name in COLUMNS]])
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (["code", "label"], "the column 'kind' is missing"),
        (["code", "label", "kind", "colour"], "'colour' is not a column of it"),
        (["code", "label", "kind", "code"], "a column is given twice"),
        ([], "the column 'code' is missing"),
    ],
)
def test_a_bad_header_is_refused(header: list[str], says: str) -> None:
    with pytest.raises(InvalidPriceList, match=says):
        read_price_list(header, [])
    with pytest.raises(InvalidPriceList, match="It has 1 cells"):
        read_price_list(["code", "label", "kind"], [["gold"]])

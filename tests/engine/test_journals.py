"""Journals of money: balanced, complete, and shared without losing a unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journals import (
    RatedAmount,
    SoldPart,
    credit_given_journal,
    credit_note_journal,
    credit_used_journal,
    discounted_nets,
    invoice_journal,
    payment_journal,
    recognition_journal,
    write_off_journal,
)
from engine.ledger import Posting, mirrored

amounts = st.integers(-(10**9), 10**9)


def by_account(postings: tuple[Posting, ...]) -> dict[tuple[str, str], int]:
    assert all(one.unit == "EUR" for one in postings)
    return {(one.owner, one.account): one.amount for one in postings}


def rated(net_minor: int, rate: str = "19") -> RatedAmount:
    return RatedAmount(net_minor, "S", Decimal(rate))


def test_an_invoice_defers_what_is_delivered_later() -> None:
    parts = [SoldPart("C", 10000, deferred=True), SoldPart("K", 5000, deferred=False)]
    assert by_account(invoice_journal("K", "EUR", parts, {"S:19": 2850})) == {
        ("K", "receivable"): 17850,
        ("C", "deferred_revenue"): -10000,
        ("K", "revenue"): -5000,
        ("S:19", "tax"): -2850,
    }


def test_an_invoice_of_nothing_has_no_postings() -> None:
    assert invoice_journal("K", "EUR", [SoldPart("K", 0, deferred=False)], {"S:19": 0}) == ()


@pytest.mark.parametrize(
    ("received", "paid", "discount", "expected"),
    [
        (11900, 11900, 0, {("K", "receivable"): -11900, ("K", "cash"): 11900}),
        (
            13000,
            11900,
            0,
            {("K", "receivable"): -11900, ("K", "cash"): 13000, ("K", "customer_credit"): -1100},
        ),
        (9800, 9800, 200, {("K", "receivable"): -10000, ("K", "cash"): 9800, ("K", "discount"): 200}),
        (500, 0, 0, {("K", "cash"): 500, ("K", "customer_credit"): -500}),
    ],
    ids=["whole", "over", "early", "without an invoice"],
)
def test_a_payment(received: int, paid: int, discount: int, expected: dict[tuple[str, str], int]) -> None:
    journal = payment_journal("K", "EUR", received_minor=received, paid_minor=paid, discount_minor=discount)
    assert by_account(journal) == expected


def test_a_discount_for_early_payment_takes_its_tax_along() -> None:
    journal = payment_journal(
        "K", "EUR", received_minor=11662, paid_minor=11662, discount_minor=238, discount_taxes={"S:19": 38}
    )
    assert by_account(journal) == {
        ("K", "receivable"): -11900,
        ("K", "cash"): 11662,
        ("K", "discount"): 200,
        ("S:19", "tax"): 38,
    }


def test_what_was_paid_of_a_credited_invoice_becomes_credit() -> None:
    assert by_account(
        credit_given_journal("K", "EUR", credit_minor=11662, discount_minor=238, discount_taxes={"S:19": 38})
    ) == {
        ("K", "receivable"): 11900,
        ("K", "customer_credit"): -11662,
        ("K", "discount"): -200,
        ("S:19", "tax"): -38,
    }


def test_credit_that_is_used() -> None:
    assert by_account(credit_used_journal("K", "EUR", 1100)) == {
        ("K", "receivable"): -1100,
        ("K", "customer_credit"): 1100,
    }


def test_a_write_off_and_back() -> None:
    postings = [write_off_journal("K", "EUR", amount) for amount in (11_900, -11_900)]
    assert by_account(postings[0]) == {("K", "write_off"): 11_900, ("K", "receivable"): -11_900}
    assert postings[1] == mirrored(postings[0])


def test_revenue_that_is_taken_back() -> None:
    assert by_account(recognition_journal("C", "EUR", -40)) == {
        ("C", "deferred_revenue"): -40,
        ("C", "revenue"): 40,
    }


def test_a_credit_note_takes_back_what_is_deferred_first() -> None:
    parts = [
        SoldPart("C", 7000, deferred=True),
        SoldPart("C", 1000, deferred=True),
        SoldPart("K", 500, deferred=False),
    ]
    assert by_account(credit_note_journal("K", "EUR", parts, {"S:19": 1615}, deferred={"C": 6000})) == {
        ("K", "receivable"): -10115,
        ("C", "deferred_revenue"): 6000,
        ("C", "revenue"): 2000,
        ("K", "revenue"): 500,
        ("S:19", "tax"): 1615,
    }


def test_discounts_fall_on_the_lines_of_their_rate() -> None:
    lines = [rated(3333), rated(6667, "7"), rated(1)]
    assert discounted_nets(lines, [rated(333), rated(667, "7")]) == [3000, 6000, 1]


@given(
    st.lists(st.tuples(amounts, st.sampled_from(["19", "7", "0"])), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["19", "7", "0"])), max_size=3),
)
def test_no_discount_is_lost(lines: list[tuple[int, str]], discounts: list[tuple[int, str]]) -> None:
    given_lines, given_discounts = [rated(*line) for line in lines], [rated(*one) for one in discounts]
    nets = discounted_nets(given_lines, given_discounts)
    assert sum(nets) == sum(net for net, _ in lines) - sum(net for net, _ in discounts)


parts = st.lists(
    st.builds(SoldPart, st.sampled_from(["C1", "C2", "K"]), st.integers(0, 10**6), deferred=st.booleans()),
    max_size=6,
)
taxes = st.dictionaries(st.sampled_from(["S:19", "S:7"]), st.integers(0, 10**5))


@given(parts, taxes)
def test_a_whole_credit_note_at_once_mirrors_its_invoice(sold: list[SoldPart], tax: dict[str, int]) -> None:
    invoice = by_account(invoice_journal("K", "EUR", sold, tax))
    deferred = {
        owner: -amount for (owner, account), amount in invoice.items() if account == "deferred_revenue"
    }
    credit = by_account(credit_note_journal("K", "EUR", sold, tax, deferred=deferred))
    assert credit == {key: -amount for key, amount in invoice.items()}

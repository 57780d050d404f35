"""Payments: allocation, credits, the discount for early payment, reversal. Sums are conserved."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.invoice_document import EarlyPayment, TaxSubtotal
from engine.payments import (
    Allocation,
    CreditNotePlan,
    CreditTooSmall,
    CreditUse,
    CustomerCredit,
    InvalidPayment,
    PayableInvoice,
    allocate_credit_note,
    allocate_payment,
    early_payment_discount,
    plan_credit_note,
    plan_reversal,
    use_amount_of_credits,
    use_credits,
)

ISSUED = date(2026, 3, 1)
TWO_PERCENT = EarlyPayment(14, Decimal("2.00"))


def invoice(
    open_minor: int, *, name: str = "R-1", terms: EarlyPayment | None = None, rate: str = "19"
) -> PayableInvoice:
    net = round(open_minor * 100 / (100 + int(rate)))
    return PayableInvoice(
        name, open_minor, ISSUED, terms, (TaxSubtotal("S", Decimal(rate), net, open_minor - net),)
    )


def credit(name: str, left: int, day: int) -> CustomerCredit:
    return CustomerCredit(name, left, datetime(2026, 1, day, tzinfo=UTC))


# Allocation


def test_invoices_are_paid_in_the_order_named_and_the_rest_is_a_credit() -> None:
    plan = allocate_payment(17_000, ISSUED, [invoice(11_900), invoice(3_000, name="R-2")])
    assert plan.allocations == (Allocation("R-1", 11_900), Allocation("R-2", 3_000))
    assert plan.credit_minor == 2_100


def test_a_part_payment_leaves_the_rest_open() -> None:
    plan = allocate_payment(5_000, ISSUED, [invoice(11_900), invoice(3_000, name="R-2")])
    assert plan.allocations == (Allocation("R-1", 5_000),)
    assert plan.credit_minor == 0


def test_a_paid_invoice_gets_nothing_and_the_payment_becomes_a_credit() -> None:
    assert allocate_payment(100, ISSUED, [invoice(0, terms=TWO_PERCENT)]).allocations == ()
    assert allocate_payment(100, ISSUED, [invoice(0)]).credit_minor == 100


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_that_is_not_more_than_zero_is_refused(amount: int) -> None:
    with pytest.raises(InvalidPayment, match="more than 0"):
        allocate_payment(amount, ISSUED, [invoice(100)])
    with pytest.raises(InvalidPayment):
        allocate_credit_note(amount, invoice(100))


# Early payment


@pytest.mark.parametrize(
    ("received_on", "paid", "discount"),
    [
        (date(2026, 3, 14), 11_662, 238),
        (date(2026, 3, 15), 11_662, 238),  # issue plus 14 days, that day included
        (date(2026, 3, 16), 11_662, 0),
        (date(2026, 3, 15), 11_661, 0),  # a cent less than the reduced amount
        (date(2026, 3, 15), 11_663, 238),
    ],
)
def test_the_discount_for_early_payment(received_on: date, paid: int, discount: int) -> None:
    plan = allocate_payment(paid, received_on, [invoice(11_900, terms=TWO_PERCENT)])
    (allocation,) = plan.allocations
    assert allocation.discount_minor == discount
    assert plan.credit_minor == paid - allocation.amount_minor
    if discount:
        assert allocation.discounts == (TaxSubtotal("S", Decimal("19"), 200, 38),)
        assert allocation.settled_minor == 11_900


def test_a_discount_is_never_more_than_what_is_open() -> None:
    """Most of the invoice was credited or paid before; a discount of the whole would pay the customer."""
    almost_paid = PayableInvoice("R-1", 200, ISSUED, TWO_PERCENT, invoice(11_900).taxes)
    assert early_payment_discount(almost_paid, ISSUED) == ()


# Credits


def test_the_oldest_credit_is_used_first() -> None:
    credits = [credit("b", 50, 2), credit("a", 20, 1), credit("c", 0, 1)]
    assert use_credits(60, credits) == (CreditUse("a", 20), CreditUse("b", 40))
    assert use_credits(10, credits) == (CreditUse("a", 10),)
    assert use_credits(0, credits) == ()


def test_more_than_there_is_cannot_be_used() -> None:
    credits = [credit("a", 20, 1), credit("b", 50, 2)]
    assert use_amount_of_credits(70, credits) == (CreditUse("a", 20), CreditUse("b", 50))
    with pytest.raises(CreditTooSmall, match="credit is smaller"):
        use_amount_of_credits(71, credits)
    with pytest.raises(CreditTooSmall, match="Less is open"):
        use_amount_of_credits(31, credits, open_minor=30)


def test_a_credit_note_on_a_paid_invoice_is_a_credit() -> None:
    assert allocate_credit_note(700, invoice(500)).credit_minor == 200
    assert allocate_credit_note(700, invoice(0)).allocations == ()


def test_the_last_credit_note_settles_what_its_tax_rounded_away() -> None:
    given = {"paid_minor": 0, "discount_minor": 0}
    assert plan_credit_note(2, invoice(5), left_minor=5, is_rest=False, **given).taken_minor == 2
    last = plan_credit_note(2, invoice(3), left_minor=3, is_rest=True, **given)
    assert last == CreditNotePlan(3, 0, 0, 1)
    more = plan_credit_note(60, invoice(0), left_minor=59, is_rest=True, paid_minor=179, discount_minor=0)
    assert more == CreditNotePlan(0, 59, 0, -1)


# Reversal


def test_a_reversal_takes_the_credit_first_then_the_newest_allocation() -> None:
    paid = [Allocation("R-1", 500), Allocation("R-2", 20)]
    part = plan_reversal(paid, credit_left_minor=30, amount_minor=60)
    assert (part.credit_minor, part.allocations, part.owed_minor) == (
        30,
        (Allocation("R-2", 20), Allocation("R-1", 10)),
        0,
    )


def test_a_reversal_takes_the_discount_back() -> None:
    paid = allocate_payment(11_662, ISSUED, [invoice(11_900, terms=TWO_PERCENT)]).allocations
    taken = plan_reversal(paid, credit_left_minor=0)
    assert [one.settled_minor for one in taken.allocations] == [11_900]


def test_what_was_paid_out_of_a_reversed_payment_is_owed() -> None:
    taken = plan_reversal([Allocation("R-1", 100)], credit_left_minor=10, paid_out_minor=40)
    assert (taken.credit_minor, taken.owed_minor) == (10, 40)


@pytest.mark.parametrize("amount", [0, 151])
def test_nothing_and_more_than_was_paid_cannot_be_taken_back(amount: int) -> None:
    with pytest.raises(InvalidPayment):
        plan_reversal([Allocation("R-1", 100)], credit_left_minor=50, amount_minor=amount)


# Any payments

amounts = st.integers(1, 100_000)
terms = st.none() | st.builds(EarlyPayment, st.integers(0, 30), st.decimals("0", "20", places=2))
invoices = st.lists(
    st.builds(
        lambda open_minor, terms, rate: invoice(open_minor, terms=terms, rate=rate),
        st.integers(0, 100_000),
        terms,
        st.sampled_from(["0", "7", "19"]),
    ),
    max_size=5,
).map(
    lambda found: [
        PayableInvoice(f"R-{number}", one.open_minor, one.issued_on, one.early_payment, one.taxes)
        for number, one in enumerate(found)
    ]
)


@given(amounts, st.integers(0, 40), invoices)
def test_what_is_divided_sums_to_the_payment(amount: int, days: int, named: list[PayableInvoice]) -> None:
    plan = allocate_payment(amount, ISSUED + timedelta(days=days), named)
    open_minor = {one.id: one.open_minor for one in named}
    assert sum(one.amount_minor for one in plan.allocations) + plan.credit_minor == amount
    assert plan.credit_minor >= 0
    assert all(0 < one.settled_minor <= open_minor[one.invoice] for one in plan.allocations)
    assert all(one.amount_minor >= 0 for one in plan.allocations)
    if plan.credit_minor:
        settled = {one.invoice: one.settled_minor for one in plan.allocations}
        assert all(settled.get(one.id, 0) == one.open_minor for one in named)


@given(amounts, invoices, st.data())
def test_a_payment_taken_back_in_parts_leaves_nothing(
    amount: int, named: list[PayableInvoice], data: st.DataObject
) -> None:
    plan = allocate_payment(amount, ISSUED, named)
    part = data.draw(st.integers(1, amount))
    first = plan_reversal(plan.allocations, credit_left_minor=plan.credit_minor, amount_minor=part)
    taken = first.credit_minor + sum(one.amount_minor for one in first.allocations)
    assert (taken, first.owed_minor) == (part, 0)
    back = {one.invoice: one.amount_minor for one in first.allocations}
    left = [Allocation(one.invoice, one.amount_minor - back.get(one.invoice, 0)) for one in plan.allocations]
    assert all(one.amount_minor >= 0 for one in left)
    if part < amount:
        rest = plan_reversal(left, credit_left_minor=plan.credit_minor - first.credit_minor)
        assert rest.credit_minor + sum(one.amount_minor for one in rest.allocations) == amount - part


@given(st.integers(0, 10_000), st.lists(st.integers(0, 5_000), max_size=6))
def test_credits_are_used_as_far_as_there_are_any(open_minor: int, left: list[int]) -> None:
    credits = [credit(str(number), one, number + 1) for number, one in enumerate(left)]
    uses = use_credits(open_minor, credits)
    assert sum(one.amount_minor for one in uses) == min(open_minor, sum(left))
    assert all(0 < one.amount_minor <= left[int(one.credit)] for one in uses)

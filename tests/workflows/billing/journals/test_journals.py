"""What invoices, payments and credit post: each event, and random desks on which all sums agree."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from tests.support.billing import Billing, line
from tests.support.sample_desk import SampleDesk
from workflows.billing.journals.accounts import read_aged_receivables, read_trial_balance
from workflows.core.errors import NotAllowed
from workflows.reports.audit import audit_desk
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def balances(billing: Billing) -> dict[str, int]:
    """Every money account's balance now, in debit."""
    view = billing.sample.see_as(billing.sample.finance, read_trial_balance)
    return {one.account: one.debit.amount_minor - one.credit.amount_minor for one in view.accounts}


def test_an_invoice_by_hand_is_revenue_with_its_tax(billing: Billing) -> None:
    billing.issue(line(10_000), line(5_000, rate="Reduced"), line(1_000, rate="Exempt"))
    assert balances(billing) == {"receivable": 18_250, "revenue": -16_000, "tax": -2_250}


def test_a_draft_posts_nothing(billing: Billing) -> None:
    billing.draft()
    assert balances(billing) == {}


def test_what_is_paid_too_much_is_credit_and_is_used_on_the_next_invoice(billing: Billing) -> None:
    billing.pay(billing.issue()["id"], 13_000)
    assert balances(billing) == {"cash": 13_000, "customer_credit": -1_100, "revenue": -10_000, "tax": -1_900}
    billing.issue()
    assert balances(billing) == {
        "receivable": 10_800,
        "cash": 13_000,
        "revenue": -20_000,
        "tax": -3_800,
    }


def test_a_discount_for_early_payment_takes_its_tax_along(billing: Billing) -> None:
    billing.pay(billing.issue(early_payment={"days": 10, "percent": "2"})["id"], 11_662)
    assert balances(billing) == {"cash": 11_662, "discount": 200, "revenue": -10_000, "tax": -1_862}


def test_a_payment_that_is_taken_back_leaves_the_invoice_open(billing: Billing) -> None:
    payment = billing.pay(billing.issue()["id"], 13_000)
    other = billing.issue()
    billing.ask(billing.finance, "POST", f"/payments/{payment['id']}/reverse", {"reason": "Bounced"})
    assert balances(billing) == {"receivable": 23_800, "revenue": -20_000, "tax": -3_800}
    assert billing.invoice(other["id"])["payment"] == "unpaid"


def test_a_paid_invoice_that_is_credited_becomes_credit_of_the_customer(billing: Billing) -> None:
    invoice = billing.issue(early_payment={"days": 10, "percent": "2"})
    billing.pay(invoice["id"], 11_662)
    billing.credit(invoice["id"])
    assert balances(billing) == {"cash": 11_662, "customer_credit": -11_662}


def test_a_voided_invoice_leaves_nothing(billing: Billing) -> None:
    invoice = billing.issue()
    billing.ask(billing.finance, "POST", f"/invoices/{invoice['id']}/void", {"reason": "Wrong"})
    assert balances(billing) == {}


def test_who_reads_the_accounts(billing: Billing) -> None:
    for actor in (billing.sample.supervisor, billing.sample.technician):
        for query in (read_trial_balance, read_aged_receivables):
            with pytest.raises(NotAllowed):
                billing.sample.see_as(actor, query)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE invoice SET open_minor = open_minor - 1", "open amount of invoices"),
        ("UPDATE customer_credit SET open_minor = open_minor - 1", "open customer credit"),
    ],
)
def test_the_audit_finds_what_was_changed_behind_the_desk(
    billing: Billing, statement: str, what: str
) -> None:
    billing.issue(line(20_000))
    billing.pay(billing.issue()["id"], 12_000)
    assert billing.sample.see(audit_desk).ok
    with billing.sample.desk.database.engine.begin() as connection:
        connection.execute(text(f"{statement} WHERE open_minor > 0"))
    found = billing.sample.see(audit_desk)
    assert [one.what for one in found.differences] == [what]


amounts = st.integers(1, 50_000)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("issue"), amounts, st.sampled_from(["Standard", "Reduced", "Exempt"])),
        st.tuples(st.just("pay"), amounts, st.integers(0, 9)),
        st.tuples(st.just("reverse"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("credit"), amounts, st.integers(0, 9)),
    ),
    min_size=1,
    max_size=12,
)


def test_the_ledger_agrees_with_the_invoices_after_anything(billing: Billing) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def check(given_steps: list[tuple[str, int, Any]]) -> None:
        invoices: list[str] = []
        payments: list[str] = []
        for kind, amount, more in given_steps:
            if kind == "issue":
                terms = {"early_payment": {"days": 10, "percent": "2"}} if amount % 2 else {}
                discount = [{"reason": "Agreed", "percent": "10"}] if amount % 3 == 0 else []
                invoices.append(
                    billing.issue(line(amount, rate=more), line(777), discounts=discount, **terms)["id"]
                )
            elif kind == "pay" and invoices:
                payments.append(billing.pay(invoices[more % len(invoices)], amount)["id"])
            elif kind == "reverse" and payments:
                place = amount % len(payments)
                billing.ask(
                    billing.finance, "POST", f"/payments/{payments.pop(place)}/reverse", {"reason": "Bounced"}
                )
            elif kind == "credit" and invoices:
                invoice = billing.invoice(invoices[more % len(invoices)])
                body = {
                    "reason": "Agreed",
                    "lines": [{"line": invoice["lines"][0]["id"], "amount": {"amount_minor": amount}}],
                }
                billing.finance.call("POST", f"/invoices/{invoice['id']}/credit", body)
        assert_agrees(billing)

    check()
    assert billing.sample.see(audit_desk).ok


def assert_agrees(billing: Billing) -> None:
    found = balances(billing)
    assert sum(found.values()) == 0
    with billing.sample.desk.read() as tx:
        i, credit = t.invoice.c, t.customer_credit.c
        open_minor = tx.connection.execute(select(func.sum(i.open_minor)).where(i.state == "issued")).scalar()
        credit_minor = tx.connection.execute(select(func.sum(credit.open_minor))).scalar()
    assert found.get("receivable", 0) == int(open_minor or 0)
    assert found.get("customer_credit", 0) == -int(credit_minor or 0)
    aged = billing.sample.see_as(billing.sample.finance, read_aged_receivables)
    assert sum(one.total.amount_minor for one in aged.items) == found.get("receivable", 0)

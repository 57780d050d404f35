"""What is owed, discounted, credited and deferred as of a day, whatever comes late or is taken back.

Each of these was found by a random history (tests/support/billing_histories).
"""

from datetime import date, timedelta

import pytest

from tests.support.billing import Billing, line
from tests.support.sample_desk import SampleDesk
from tests.workflows.billing.journals.test_journals import balances
from tests.workflows.billing.journals.test_revenue import accounts, at, close, invoice_sold
from workflows.accounting_periods.use_cases import reopen_period
from workflows.billing.journals.accounts import read_aged_receivables, read_trial_balance
from workflows.billing.payments.use_cases import Received, record_receipt
from workflows.billing.sold.recurring_sales import create_recurring_sale
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.selling import NewRecurringSale
from workflows.jobs.definitions import JOBS, run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

EARLY = {"early_payment": {"days": 10, "percent": "2"}}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def reverse(billing: Billing, payment_id: str) -> None:
    billing.ask(billing.finance, "POST", f"/payments/{payment_id}/reverse", {"reason": "Bounced"})


def receivable(billing: Billing, day: date) -> int:
    """What is owed by the end of a day: the account, and the list of who owes it say the same."""
    view = billing.sample.see_as(billing.sample.finance, read_trial_balance, as_of=day)
    [account] = [
        one.debit.amount_minor - one.credit.amount_minor
        for one in view.accounts
        if one.account == "receivable"
    ] or [0]
    aged = billing.sample.see_as(billing.sample.finance, read_aged_receivables, as_of=day)
    assert sum(one.amount_minor for one in aged.totals) == account
    return account


def test_a_late_payment_does_not_count_while_another_one_had_settled_the_invoice(billing: Billing) -> None:
    invoice = billing.issue()["id"]
    at(billing, 3, 5)
    first = billing.pay(invoice, 11_900)
    at(billing, 3, 12)
    reverse(billing, first["id"])
    at(billing, 3, 20)
    billing.pay(invoice, 11_900, received_on="2026-03-08")
    days = {day: receivable(billing, date(2026, 3, day)) for day in (4, 5, 8, 11, 12, 20)}
    assert days == {4: 11_900, 5: 0, 8: 0, 11: 0, 12: 0, 20: 0}


def test_what_is_owed_at_the_end_of_a_closed_month_stays(billing: Billing) -> None:
    invoice = billing.issue()["id"]
    at(billing, 4, 10)
    close(billing, "2026-03")
    billing.pay(invoice, 11_900, received_on="2026-03-20")
    assert [receivable(billing, date(2026, 3, 31)), receivable(billing, date(2026, 4, 1))] == [11_900, 0]
    billing.sample.do_as(billing.sample.finance, reopen_period, "2026-03", ChangePeriod(reason="Early"))
    billing.sample.desk.refresh()
    assert [receivable(billing, date(2026, 3, day)) for day in (19, 20)] == [11_900, 0]


def test_a_late_fee_does_not_use_credit_that_came_after_it(billing: Billing) -> None:
    billing.sample.set(dunning_levels=[{"days": 7, "fee_minor": 500}])
    billing.issue()
    at(billing, 4, 10)
    billing.pay(billing.issue()["id"], 20_000)
    run_job(billing.sample.desk, "invoice_reminders")
    [fee] = [one for one in billing.read("/invoices")["items"] if one["total"]["amount_minor"] == 500]
    assert (fee["issued_on"], fee["open"]["amount_minor"]) == ("2026-03-23", 500)
    view = billing.sample.see_as(billing.sample.finance, read_trial_balance, as_of=date(2026, 4, 1))
    assert "customer_credit" not in {one.account for one in view.accounts}


@pytest.mark.parametrize(("price", "total"), [(2, 7), (50, 179)])
@pytest.mark.parametrize("paid", [False, True])
def test_lines_that_are_credited_one_by_one_leave_nothing(
    billing: Billing, price: int, total: int, paid: bool
) -> None:
    """The tax of three notes is 0.00 or 0.30, that of the invoice 0.01 or 0.29."""
    invoice = billing.issue(*[line(price)] * 3)
    assert invoice["total"]["amount_minor"] == total
    if paid:
        billing.pay(invoice["id"], total)
    for one in invoice["lines"]:
        billing.credit(invoice["id"], {"line": one["id"]})
    assert billing.invoice(invoice["id"])["open"]["amount_minor"] == 0
    found = balances(billing)
    assert found.pop("write_off") == -found.pop("tax") != 0
    assert found == ({"cash": total, "customer_credit": -total} if paid else {})
    assert billing.sample.see(audit_desk).ok


def test_a_discount_is_given_once(billing: Billing) -> None:
    invoice = billing.issue(**EARLY)["id"]
    first = billing.pay(invoice, 6_000)
    billing.pay(invoice, 5_662)
    reverse(billing, first["id"])
    billing.pay(invoice, 5_900)
    assert billing.invoice(invoice)["open"]["amount_minor"] == 100
    assert balances(billing)["discount"] == 200


def test_a_discount_that_a_credit_note_takes_back_has_the_tax_of_its_invoice(billing: Billing) -> None:
    both = [
        billing.issue(line(price, rate=rate), **EARLY)
        for price, rate in ((10_000, "Standard"), (20_000, "Reduced"))
    ]
    numbers = " ".join(one["number"] for one in both)

    received = Received(11_662 + 20_972, date(2026, 3, 2), "transfer", numbers)
    party = ("customer", billing.sample.ann)
    billing.sample.do_as(billing.sample.finance, record_receipt, party, [one["id"] for one in both], received)
    billing.credit(both[0]["id"])
    taxes: dict[str, int] = {}
    for row in billing.sample.rows(t.ledger_posting, account="tax"):
        taxes[row.owner] = taxes.get(row.owner, 0) + row.amount
    assert taxes == {"S:19": 0, "S:7": -1_372}


def test_a_credit_note_settles_an_invoice_whose_payment_bounced(billing: Billing) -> None:
    invoice = billing.issue(**EARLY)["id"]
    payment = billing.pay(invoice, 11_662)
    billing.credit(invoice)
    reverse(billing, payment["id"])
    assert billing.invoice(invoice)["open"]["amount_minor"] == 0
    assert balances(billing) == {}
    assert billing.sample.see(audit_desk).ok


def test_a_credit_note_settles_what_is_left_of_its_credit(billing: Billing) -> None:
    invoice = billing.issue()["id"]
    payment = billing.pay(invoice, 11_900)
    billing.credit(invoice)
    billing.issue(line(1_000))
    reverse(billing, payment["id"])
    assert billing.invoice(invoice)["open"]["amount_minor"] == 1_190
    assert balances(billing) == {"receivable": 1_190, "revenue": -1_000, "tax": -190}


def test_what_is_credited_and_to_be_invoiced_again_defers_nothing(billing: Billing) -> None:
    contract = billing.sample.sell(
        "subscription", price={"amount_minor": 36_500}, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1)
    )
    invoice = invoice_sold(billing, contract)
    at(billing, 3, 11)
    before = accounts(billing, date(2026, 3, 9))
    [one] = billing.invoice(invoice)["lines"]
    billing.credit(invoice, {"line": one["id"]})
    assert accounts(billing) == (0, 0)
    assert accounts(billing, date(2026, 3, 9)) == before == (35_700, 800)


def test_a_period_that_a_late_job_makes_is_drafted_in_the_same_run(billing: Billing) -> None:
    given = {"customer": billing.sample.ann, "description": "Hosting", "every": "month",
             "unit_price": {"amount_minor": 5_000}}  # fmt: skip
    billing.sample.do(create_recurring_sale, NewRecurringSale.model_validate(given))
    billing.sample.clock.at += timedelta(days=50)
    for name in [one for one in JOBS if one in ("recurring_sales", "draft_sold_items")]:
        run_job(billing.sample.desk, name)
    assert billing.due() == []

"""Time that is invoiced later than it was worked: revenue in the month worked, or in the first open one."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.accounting_periods import month_of
from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk
from workflows.accounting_periods.use_cases import close_period, reopen_period
from workflows.billing.journals.accounts import read_trial_balance
from workflows.commands.accounting_periods import ChangePeriod
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

ENDS = [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)]
WHY = ChangePeriod(reason="Month end")


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """On 2 March 2026: all time of the request is beyond its contract, at 120.00 an hour."""
    found = Billing(sample, time_expired_contract="bill", default_overage_rate_minor=12_000)
    sample.sell("support_hours", minutes=60)
    sample.work(sample.log(), 60)
    return found


def work(billing: Billing, *minutes: int) -> list[str]:
    """Log work now; returns the ids of all entries."""
    (request,) = (row.id for row in billing.sample.rows(t.service_request))
    for one in minutes:
        billing.sample.work(request, one)
    return [row.id for row in sorted(billing.sample.entries(request), key=lambda row: str(row.id))]


def draft(billing: Billing) -> Any:
    """Run the job, and give the one draft that there is."""
    run_job(billing.sample.desk, "bill_overage")
    (found,) = billing.read("/invoices?state=draft")["items"]
    return found


def balances(billing: Billing, day: date) -> dict[str, int]:
    view = billing.sample.see_as(billing.sample.finance, read_trial_balance, as_of=day)
    return {one.account: one.debit.amount_minor - one.credit.amount_minor for one in view.accounts}


def revenue(billing: Billing) -> dict[str, int]:
    """The revenue of each month from February to May, in minor units, by the trial balances at their ends.

    The margin of the contract has the same.
    """
    found: dict[str, int] = {}
    before = 0
    for day in ENDS:
        until = -balances(billing, day).get("revenue", 0)
        if until != before:
            found[month_of(day)] = until - before
        before = until
    margin = {one["month"]: one["revenue_minor"] for one in billing.read("/reports/margin")["months"]}
    assert {month: minor for month, minor in margin.items() if minor} == found
    return found


def test_it_is_revenue_in_the_month_worked(billing: Billing) -> None:
    work(billing, 90)
    billing.move_to(4, 9)
    billing.issued(draft(billing)["id"])
    assert revenue(billing) == {"2026-03": 18_000}
    march = {"deferred_revenue": 18_000, "revenue": -18_000}  # worked, not invoiced yet
    assert balances(billing, ENDS[1]) == march
    assert balances(billing, ENDS[2]) == {"receivable": 21_420, "revenue": -18_000, "tax": -3_420}
    (posted,) = billing.sample.rows(t.ledger_transaction, kind="recognize")
    assert posted.effective_at == datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert billing.sample.see(audit_desk).ok


def test_what_is_invoiced_in_the_month_worked_is_revenue_at_once(billing: Billing) -> None:
    work(billing, 30)
    body = {"customer": billing.sample.ann, "month": "2026-03"}
    made = billing.ask(billing.finance, "POST", "/time-to-bill/draft", body, 201)
    billing.issued(made["id"])
    assert billing.sample.rows(t.ledger_transaction, kind="recognize") == []
    assert revenue(billing) == {"2026-03": 6_000}


def test_a_closed_month_leaves_it_to_the_open_one_until_it_is_opened_again(billing: Billing) -> None:
    work(billing, 90)
    billing.move_to(4, 9)
    found = draft(billing)
    sample = billing.sample
    sample.do_as(sample.finance, close_period, "2026-03", WHY)
    billing.move_to(5, 3)
    billing.issued(found["id"])
    assert revenue(billing) == {"2026-04": 18_000}
    assert sample.see(audit_desk).ok
    sample.do_as(sample.finance, reopen_period, "2026-03", WHY)
    assert revenue(billing) == {"2026-03": 18_000}
    assert sample.see(audit_desk).ok


def test_what_a_line_takes_back_of_an_earlier_month_is_taken_back_there(billing: Billing) -> None:
    _, entry = work(billing, 60)
    billing.move_to(4, 9)
    billing.issued(draft(billing)["id"])
    work(billing, 60)
    billing.ask(billing.api.administrator, "PATCH", f"/work/{entry}", {"minutes": 40})
    billing.move_to(5, 3)
    billing.issued(draft(billing)["id"])
    assert revenue(billing) == {"2026-03": 12_000 - 4_000, "2026-04": 12_000}
    assert balances(billing, ENDS[3]) == {"receivable": 23_800, "revenue": -20_000, "tax": -3_800}
    assert billing.sample.see(audit_desk).ok


def test_a_voided_invoice_takes_the_revenue_of_its_month_back(billing: Billing) -> None:
    work(billing, 90)
    billing.move_to(4, 9)
    issued = billing.issued(draft(billing)["id"])
    billing.move_to(5, 3)
    billing.ask(billing.finance, "POST", f"/invoices/{issued['id']}/void", {"reason": "Wrong address"})
    assert revenue(billing) == {}
    assert balances(billing, ENDS[3]) == {}
    assert billing.sample.see(audit_desk).ok


def test_a_credit_note_takes_it_back_where_it_was_revenue(billing: Billing) -> None:
    work(billing, 90)
    billing.move_to(4, 9)
    issued = billing.issued(draft(billing)["id"])
    billing.move_to(5, 3)
    (line,) = billing.invoice(issued["id"])["lines"]
    billing.credit(issued["id"], {"line": line["id"], "amount": {"amount_minor": 7_000}})
    assert revenue(billing) == {"2026-03": 11_000}
    billing.sample.do_as(billing.sample.finance, close_period, "2026-03", WHY)
    billing.credit(issued["id"])
    assert revenue(billing) == {"2026-03": 11_000, "2026-04": -11_000}
    assert balances(billing, ENDS[3]) == {}
    assert billing.sample.see(audit_desk).ok


def test_time_that_was_billed_too_high_is_taken_back_of_its_own_month(billing: Billing) -> None:
    """The line of April has a discount of March; what is credited of it is April's alone."""
    _, entry = work(billing, 60)
    billing.move_to(4, 9)
    billing.issued(draft(billing)["id"])
    late = work(billing, 60)[-1]
    billing.ask(billing.api.administrator, "PATCH", f"/work/{entry}", {"minutes": 40})
    billing.move_to(5, 3)
    issued = billing.issued(draft(billing)["id"])
    billing.ask(billing.api.administrator, "PATCH", f"/work/{late}", {"minutes": 45})
    billing.move_to(6, 3)
    run_job(billing.sample.desk, "bill_overage")
    path = f"/sold-items/{issued['lines'][0]['sold']}/credit"
    note = billing.ask(billing.finance, "POST", path, {"reason": "Shorter"}, 201)
    assert note["net"]["amount_minor"] == 3_000
    assert revenue(billing) == {"2026-03": 8_000, "2026-04": 9_000}
    assert billing.sample.see(audit_desk).ok

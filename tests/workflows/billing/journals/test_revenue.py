"""Revenue of what was sold: by days, by what was drawn, at the end, and when a month is closed."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk
from workflows.accounting_periods.use_cases import close_period, reopen_period
from workflows.billing.journals.accounts import read_deferred_revenue, read_trial_balance
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.contracts import Adjust, CancelContract, TopUp
from workflows.commands.fields import MoneyGiven
from workflows.commands.work import WorkGiven
from workflows.contracts.use_cases import adjust, cancel_contract, top_up
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.work.use_cases import delete_work, log_work

MARCH_31 = date(2026, 3, 31)
APRIL_30 = date(2026, 4, 30)


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def eur(amount_minor: int) -> MoneyGiven:
    return MoneyGiven(amount_minor=amount_minor, currency="EUR")


def sell(billing: Billing, kind: str, price_minor: int, **terms: Any) -> str:
    """Sell a contract to Ann, and issue its invoice."""
    contract: str = billing.sample.sell(kind, price=eur(price_minor), **terms)
    invoice_sold(billing, contract)
    return contract


def invoice_sold(billing: Billing, contract: str) -> str:
    items = billing.read(f"/sold-items?contract={contract}&state=open")["items"]
    body = {"customer": billing.sample.ann, "sold": [one["id"] for one in items], "tax_rate": "Standard"}
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", body, 201)
    return str(billing.issued(draft["id"])["id"])


def accounts(billing: Billing, as_of: date | None = None) -> tuple[int, int]:
    """What is deferred and what is revenue by the end of a day, as credits."""
    view = billing.sample.see_as(billing.sample.finance, read_trial_balance, as_of=as_of)
    assert sum(one.debit.amount_minor - one.credit.amount_minor for one in view.accounts) == 0
    found = {one.account: one.credit.amount_minor - one.debit.amount_minor for one in view.accounts}
    return found.get("deferred_revenue", 0), found.get("revenue", 0)


def at(billing: Billing, month: int, day: int) -> None:
    billing.sample.clock.at = datetime(2026, month, day, 9, tzinfo=UTC)


def close(billing: Billing, month: str) -> None:
    billing.sample.do_as(billing.sample.finance, close_period, month, ChangePeriod())
    billing.sample.desk.refresh()


def test_a_subscription_is_recognized_by_days(billing: Billing) -> None:
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    assert accounts(billing) == (36_400, 100)
    at(billing, 5, 4)
    assert accounts(billing, MARCH_31) == (33_500, 3_000)
    assert accounts(billing, date(2027, 2, 28)) == (100, 36_400)
    assert accounts(billing, date(2027, 3, 1)) == (0, 36_500)


def test_the_provider_s_revenue_is_no_line_of_a_customer_s_statement(billing: Billing) -> None:
    sample = billing.sample
    block = sell(billing, "support_hours", 60_000, minutes=600)
    sample.work(sample.log(), 60)
    sample.clock.at = datetime(2026, 4, 2, 9, tzinfo=UTC)
    path = f"/contracts/{block}/statement"
    before = billing.ask(billing.ann, "GET", path)["lines"]
    accepted = billing.ask(billing.ann, "POST", f"{path}/accept", {}, 201)
    close(billing, "2026-03")
    assert accounts(billing) == (54_000, 6_000)
    after = billing.ask(billing.ann, "GET", path)
    assert [one["kind"] for one in before] == ["grant", "draw"]
    assert after["lines"] == before
    assert (accepted["lines"], after["acceptance"]["changes"]) == (2, 0)
    of_ann = billing.ask(billing.ann, "GET", f"/customers/{sample.ann}/statement")["lines"]
    assert [one["kind"] for one in of_ann] == ["grant", "draw"]
    again = billing.ask(billing.ann, "POST", f"{path}/accept", {}, 201)
    assert (again["lines"], again["balance"]) == (2, 540)


def test_hours_are_recognized_as_they_are_drawn_and_taken_back(billing: Billing) -> None:
    sell(billing, "support_hours", 60_000, minutes=600)
    request = billing.sample.log()
    entry = billing.sample.do_as(
        billing.sample.technician,
        log_work,
        request,
        WorkGiven(minutes=61, worked_at=billing.sample.clock.now()),
    )
    assert accounts(billing) == (53_900, 6_100)
    billing.sample.do(lambda tx: delete_work(tx, entry, reason="Wrong"))
    assert accounts(billing) == (60_000, 0)


def test_a_period_and_a_block_is_recognized_by_the_larger_share(billing: Billing) -> None:
    terms = {"starts_on": date(2026, 3, 2), "ends_on": date(2026, 6, 9), "minutes": 600}
    sell(billing, "time_limited_subscription", 100_000, **terms)
    billing.sample.work(billing.sample.log(), 300)
    assert accounts(billing) == (50_000, 50_000)
    assert accounts(billing, date(2026, 5, 10)) == (30_000, 70_000)


def test_what_expires_unused_is_breakage_whether_or_not_the_job_ran(billing: Billing) -> None:
    sell(billing, "support_hours", 60_000, minutes=600, ends_on=date(2026, 3, 10))
    request = billing.sample.log()
    billing.sample.work(request, 60)
    at(billing, 3, 20)
    assert accounts(billing) == (0, 60_000)
    assert accounts(billing, date(2026, 3, 9)) == (54_000, 6_000)
    run_job(billing.sample.desk, "expire_contracts")
    assert accounts(billing) == (0, 60_000)
    at(billing, 4, 2)
    close(billing, "2026-03")
    assert posted_by_kind(billing) == {"recognize": 6_000, "breakage": 54_000}
    # work entered later uses what had expired: it was no breakage after all
    billing.sample.work(request, 120, at=datetime(2026, 3, 9, 9, tzinfo=UTC))
    assert accounts(billing) == (0, 60_000)
    at(billing, 5, 2)
    close(billing, "2026-04")
    assert posted_by_kind(billing) == {"recognize": 18_000, "breakage": 42_000}
    assert billing.sample.see(audit_desk).ok


def test_what_was_used_up_leaves_no_breakage(billing: Billing) -> None:
    sell(billing, "support_hours", 60_000, minutes=60, ends_on=date(2026, 3, 10))
    billing.sample.work(billing.sample.log(), 60)
    sell(billing, "subscription", 31_000, starts_on=date(2026, 3, 2), ends_on=date(2026, 4, 1))
    at(billing, 5, 2)
    close(billing, "2026-03")
    close(billing, "2026-04")
    assert posted_by_kind(billing) == {"recognize": 91_000}


def test_a_month_that_expires_unused_is_breakage_while_its_contract_runs(billing: Billing) -> None:
    span = {"starts_on": date(2026, 3, 1), "ends_on": date(2026, 6, 30)}
    sell(billing, "support_hours_by_month", 40_000, minutes=100, **span)
    billing.sample.work(billing.sample.log(), 30)
    at(billing, 4, 2)
    close(billing, "2026-03")
    assert posted_by_kind(billing) == {"recognize": 3_000, "breakage": 7_000}


@pytest.mark.parametrize(
    ("credited", "expected"),
    [
        # the tenth day, that of the cancellation, has gone by
        (0, {"recognize": 1_000, "breakage": 35_500}),
        (35_500, {"recognize": 1_000}),
        (35_000, {"recognize": 1_000, "breakage": 500}),
    ],
)
def test_what_a_cancellation_leaves_unused_and_uncredited_is_breakage(
    billing: Billing, credited: int, expected: dict[str, int]
) -> None:
    contract = billing.sample.sell(
        "subscription", price=eur(36_500), starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1)
    )
    invoice = invoice_sold(billing, contract)
    at(billing, 3, 11)
    billing.sample.do(cancel_contract, contract, CancelContract(reason="Agreed"))
    if credited:
        [one] = billing.invoice(invoice)["lines"]
        billing.credit(invoice, {"line": one["id"], "amount": {"amount_minor": credited}})
    at(billing, 4, 2)
    close(billing, "2026-03")
    assert posted_by_kind(billing) == expected
    assert accounts(billing) == (0, 36_500 - credited)


def test_a_top_up_is_recognized_by_its_own_minutes(billing: Billing) -> None:
    contract = sell(billing, "support_hours", 60_000, minutes=600)
    billing.sample.do(top_up, contract, TopUp(minutes=100, price=eur(5_000)))
    invoice_sold(billing, contract)
    billing.sample.work(billing.sample.log(), 600)
    assert accounts(billing) == (5_000, 60_000)
    billing.sample.work(billing.sample.log("Again"), 50)
    assert accounts(billing) == (2_500, 62_500)


def test_a_withdrawal_makes_the_rest_dearer(billing: Billing) -> None:
    contract = sell(billing, "support_hours", 60_000, minutes=600)
    billing.sample.do(adjust, contract, Adjust(minutes=-300, reason="Agreed"))
    billing.sample.work(billing.sample.log(), 30)
    assert accounts(billing) == (54_000, 6_000)


def test_a_cancelled_contract_is_credited_or_becomes_breakage(billing: Billing) -> None:
    contract = billing.sample.sell(
        "subscription", price=eur(36_500), starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1)
    )
    invoice = invoice_sold(billing, contract)
    at(billing, 3, 11)
    billing.sample.do(cancel_contract, contract, CancelContract(reason="Agreed"))
    assert accounts(billing) == (0, 36_500)
    [one] = billing.invoice(invoice)["lines"]
    billing.credit(invoice, {"line": one["id"], "amount": {"amount_minor": 35_500}})
    assert accounts(billing) == (0, 1_000)


def test_a_closed_month_has_its_revenue_for_ever(billing: Billing) -> None:
    sell(billing, "support_hours", 60_000, minutes=600)
    request = billing.sample.log()
    billing.sample.work(request, 60)
    at(billing, 4, 2)
    before = accounts(billing, MARCH_31)
    assert before == (54_000, 6_000)
    close(billing, "2026-03")
    assert accounts(billing, MARCH_31) == before
    assert len(revenue_postings(billing)) == 1
    billing.sample.work(request, 30, at=datetime(2026, 3, 20, 9, tzinfo=UTC))
    assert accounts(billing, MARCH_31) == before
    assert accounts(billing) == (51_000, 9_000)
    at(billing, 5, 2)
    close(billing, "2026-04")
    assert accounts(billing, APRIL_30) == (51_000, 9_000)
    assert accounts(billing, MARCH_31) == before
    assert billing.sample.see(audit_desk).ok


def test_a_reopened_month_posts_its_revenue_anew(billing: Billing) -> None:
    sell(billing, "support_hours", 60_000, minutes=600)
    request = billing.sample.log()
    billing.sample.work(request, 60)
    at(billing, 4, 2)
    close(billing, "2026-03")
    billing.sample.do_as(billing.sample.finance, reopen_period, "2026-03", ChangePeriod(reason="Early"))
    billing.sample.desk.refresh()
    assert accounts(billing, MARCH_31) == (54_000, 6_000)
    billing.sample.work(request, 30, at=datetime(2026, 3, 20, 9, tzinfo=UTC))
    assert accounts(billing, MARCH_31) == (51_000, 9_000)
    close(billing, "2026-03")
    assert accounts(billing, MARCH_31) == (51_000, 9_000)
    assert len(revenue_postings(billing)) == 3
    assert billing.sample.see(audit_desk).ok


def test_what_is_not_invoiced_has_no_revenue(billing: Billing) -> None:
    billing.sample.sell("support_hours", price=eur(60_000), minutes=600)
    billing.sample.work(billing.sample.log(), 60)
    assert accounts(billing) == (0, 0)


def test_deferred_revenue_by_contract(billing: Billing) -> None:
    contract = sell(billing, "support_hours", 60_000, minutes=600)
    billing.sample.work(billing.sample.log(), 60)
    view = billing.sample.see_as(billing.sample.finance, read_deferred_revenue)
    [found] = view.items
    assert [(one.amount_minor, one.currency) for one in view.totals] == [(54_000, "EUR")]
    assert found.contract == contract
    amounts = (found.invoiced, found.recognized, found.deferred)
    assert [(one.amount_minor, one.currency) for one in amounts] == [
        (60_000, "EUR"),
        (6_000, "EUR"),
        (54_000, "EUR"),
    ]


def posted_by_kind(billing: Billing) -> dict[str, int]:
    """What is posted as revenue, by kind."""
    found: Counter[str] = Counter()
    for one in revenue_postings(billing):
        [deferred] = [leg for leg in one["postings"] if leg["account"] == "deferred_revenue"]
        found[one["kind"]] += deferred["amount"]
    return {kind: amount for kind, amount in found.items() if amount}


def revenue_postings(billing: Billing) -> list[Any]:
    """The transactions that recognize revenue or take it back."""
    found = []
    for kind in ("recognize", "breakage"):
        found += billing.read(f"/ledger/transactions?kind={kind}")["items"]
    return found

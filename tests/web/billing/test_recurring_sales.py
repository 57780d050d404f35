"""Recurring sales: periods made once, in order, by the job; prorated, ended, and invoiced."""

from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.concurrency import run_job_at_once, worker_context, worker_pool
from tests.support.sample_desk import SampleDesk
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.jobs.definitions import run_job
from workflows.store import tables as t

HOSTING = {
    "description": "Hosting",
    "unit_price": {"amount_minor": 3_100},
    "every": "month",
    "billing_day": 1,
    "starts_on": "2026-01-15",
}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample, time_zone="UTC")


def agree(billing: Billing, status: int = 201, path: str = "/recurring-sales", **given: Any) -> Any:
    party = {} if "contract" in given or "org_unit" in given else {"customer": billing.sample.ann}
    return billing.ask(billing.supervisor, "POST", path, {**HOSTING, **party, **given}, status)


def made(billing: Billing, sale: Any) -> list[tuple[str, str, int]]:
    found = billing.read(f"/sold-items?recurring_sale={sale['id']}&order=sold_at")["items"]
    return [(one["service_from"], one["service_to"], *minor(one, "amount")) for one in found]


def end(billing: Billing, sale: Any, last_on: str, path: str = "end", status: int = 200) -> Any:
    return billing.ask(
        billing.finance, "POST", f"/recurring-sales/{sale['id']}/{path}", {"last_on": last_on}, status
    )


def test_periods_are_made_up_in_order_and_invoiced(billing: Billing) -> None:
    """It is 2 March: two whole or partial months have begun before today, and one since yesterday."""
    shown = agree(billing, 200, "/recurring-sales/preview", last_on="2026-04-10")
    assert [minor(one, "amount")[0] for one in shown["upcoming"]] == [1_700, 3_100, 3_100, 1_033]
    assert billing.sample.rows(t.recurring_sale) == []
    sale = agree(billing, last_on="2026-04-10")
    other = agree(billing, timing="arrears", every="quarter", starts_on="2025-12-01", billing_day=None)
    run_job(billing.sample.desk, "recurring_sales")
    run_job(billing.sample.desk, "recurring_sales")
    expected = [
        ("2026-01-15", "2026-01-31", 1_700),
        ("2026-02-01", "2026-02-28", 3_100),
        ("2026-03-01", "2026-03-31", 3_100),
    ]
    assert made(billing, sale) == expected
    assert made(billing, other) == [("2025-12-01", "2026-02-28", 3_100)]
    rows = sorted(billing.sample.rows(t.sold_item), key=lambda row: row.id)
    # each as of the instant it was due, whichever sale it is of
    assert [row.sold_at for row in rows] == sorted(row.sold_at for row in rows)
    assert str(rows[0].sold_at) == "2026-01-15 00:00:00+00:00"
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    assert [(one["description"], one["service_to"], *minor(one, "net")) for one in draft["lines"]][:2] == [
        ("Hosting (17 of 31 days)", "2026-01-31", 1_700),
        ("Hosting", "2026-02-28", 3_100),
    ]
    billing.issued(draft["id"])
    billing.process(draft["id"])
    # of March two days have gone by; what is over is revenue
    deferred = billing.read("/ledger/deferred-revenue")["items"]
    assert [(one["number"], *minor(one, "deferred")) for one in deferred] == [("RS-0001", 2_900)]
    billing.sample.clock.move(days=31)
    billing.sample.do_as(billing.sample.finance, close_period, "2026-03", ChangePeriod())
    assert billing.read("/ledger/deferred-revenue?as_of=2026-03-31")["items"] == []
    # a credit note takes back what is still deferred
    run_job(billing.sample.desk, "recurring_sales")
    assert made(billing, sale)[3:] == [("2026-04-01", "2026-04-10", 1_033)]
    assert billing.read(f"/recurring-sales/{sale['id']}")["upcoming"] == []
    last = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    billing.credit(billing.issued(last["id"])["id"])
    assert billing.read("/ledger/deferred-revenue")["items"] == []
    assert billing.read("/ledger/audit")["differences"] == []


def test_an_end_is_shown_before_and_reduces_what_is_not_invoiced(billing: Billing) -> None:
    sale = agree(billing, every="year", starts_on="2026-01-01")
    run_job(billing.sample.desk, "recurring_sales")
    shown = end(billing, sale, "2026-03-31", "end/preview")
    assert [(one["change"], *minor(one, "before", "after")) for one in shown["periods"]] == [
        ("reduced", 3_100, 764)
    ]
    assert (shown["sale"]["last_on"], shown["sale"]["upcoming"]) == ("2026-03-31", [])
    assert made(billing, sale) == [("2026-01-01", "2026-12-31", 3_100)]
    assert end(billing, sale, "2026-03-31")["last_on"] == "2026-03-31"
    assert made(billing, sale) == [("2026-01-01", "2026-03-31", 764)]
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    shown = end(billing, sale, "2026-02-28", "end/preview")
    assert [(one["change"], one["invoice"]) for one in shown["periods"]] == [("to_credit", draft["id"])]
    assert end(billing, sale, "2026-03-31", status=409)["state"] == "ended"
    assert end(billing, sale, "2025-12-31", status=422)["errors"][0]["pointer"] == "/last_on"
    month = agree(billing, starts_on="2026-02-01")
    run_job(billing.sample.desk, "recurring_sales")
    end(billing, month, "2026-02-28")
    states = [row.waive_reason for row in billing.sample.rows(t.sold_item, recurring_sale_id=month["id"])]
    assert sorted(map(str, states)) == ["None", "RS-0002 ended with 2026-02-28"]
    run_job(billing.sample.desk, "recurring_sales")
    assert len(made(billing, month)) == 2
    assert [one["number"] for one in billing.read("/recurring-sales?state=ended")["items"]] == ["RS-0002"]


def test_a_sale_beside_a_contract_ends_with_it(billing: Billing) -> None:
    contract = billing.sample.sell("subscription", to=("org_unit", billing.sample.site))
    sale = agree(billing, contract=contract, starts_on="2026-03-01", timing="arrears")
    assert (sale["org_unit"], sale["contract"]) == (billing.sample.site, contract)
    billing.sample.clock.move(days=8)
    billing.ask(billing.supervisor, "POST", f"/contracts/{contract}/cancel", {"reason": "Moved"})
    billing.sample.clock.move(days=90)
    run_job(billing.sample.desk, "recurring_sales")
    assert made(billing, sale) == [("2026-03-01", "2026-03-10", 1_000)]
    assert billing.read(f"/recurring-sales/{sale['id']}")["state"] == "ended"
    assert agree(billing, 409, contract=contract, starts_on="2026-04-01")["state"] == "ended"


def test_nothing_is_made_while_invoices_are_off(billing: Billing) -> None:
    sale = agree(billing, starts_on="2026-02-01")
    billing.sample.set(invoices=False)
    assert run_job(billing.sample.desk, "recurring_sales") == 0
    agree(billing, 409)
    billing.sample.set(invoices=True)
    assert run_job(billing.sample.desk, "recurring_sales") == 2
    assert len(made(billing, sale)) == 2


def test_bad_input_is_named(billing: Billing) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"customer": "none"}, "/customer"),
        ({"org_unit": billing.sample.site, "customer": billing.sample.ann}, ""),
        ({"contract": "none"}, "/contract"),
        ({"every": "week"}, "/every"),
        ({"billing_day": 32}, "/billing_day"),
        ({"last_on": "2026-01-14"}, "/last_on"),
        ({"unit_price": {"amount_minor": 0}}, "/quantity"),
        ({"tax_rate": "Unknown"}, "/tax_rate"),
    ]
    found = [agree(billing, 422, **body)["errors"][0]["pointer"] for body, _ in bad]
    assert found == [pointer for _, pointer in bad]
    billing.ask(billing.api.technician, "GET", "/recurring-sales", status=403)
    billing.ask(billing.ann, "POST", "/recurring-sales", {**HOSTING, "customer": billing.sample.ann}, 403)


def test_two_schedulers_make_each_period_once(billing: Billing) -> None:
    sales = [agree(billing, starts_on="2025-09-01") for _ in range(3)]
    with worker_pool("threads", 2) as workers:
        workers.do(run_job_at_once, worker_context(billing.sample), "recurring_sales")
    assert [len(made(billing, sale)) for sale in sales] == [7, 7, 7]

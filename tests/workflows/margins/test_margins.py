"""The margin of contracts: revenue by month, the cost of work by the rate of its day."""

from datetime import date
from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.sample_desk import SampleDesk
from tests.workflows.billing.journals.test_revenue import at, close, sell
from workflows.accounting_periods.use_cases import reopen_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.jobs.definitions import run_job
from workflows.store import tables as t
from workflows.users.accounts import ChangeUser, change_user


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def rate(billing: Billing, per_hour: int, from_on: str, status: int = 201, **more: Any) -> Any:
    whose = {} if "technician" in more else {"role": "technician"}
    body = {**whose, "per_hour": {"amount_minor": per_hour}, "from_on": from_on, **more}
    return billing.ask(billing.finance, "POST", "/cost-rates", body, status)


def months(billing: Billing, **query: str) -> dict[str, tuple[int, int, int]]:
    """Revenue, cost and margin of each month that has any."""
    found = billing.read(f"/reports/margin?{'&'.join(f'{name}={value}' for name, value in query.items())}")
    return {
        one["month"]: (one["revenue_minor"], one["cost_minor"], one["margin_minor"])
        for one in found["months"]
        if one["revenue_minor"] or one["worked"]
    }


def test_revenue_less_the_cost_of_work(billing: Billing) -> None:
    contract = sell(billing, "support_hours", 60_000, minutes=600)
    rate(billing, 3_000, "2026-03-02")
    billing.sample.work(billing.sample.log(), 60)
    assert months(billing) == {"2026-03": (6_000, 3_000, 3_000)}
    [one] = billing.read("/reports/margin")["items"]
    assert (one["contract"], one["worked"], one["unpriced"]) == (contract, 60, 0)


def test_a_closed_month_and_an_open_one(billing: Billing) -> None:
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    at(billing, 4, 10)
    before = months(billing)
    assert before == {"2026-03": (3_000, 0, 3_000), "2026-04": (1_000, 0, 1_000)}
    close(billing, "2026-03")
    assert months(billing) == before
    assert months(billing, **{"from": "2026-04"}) == {"2026-04": (1_000, 0, 1_000)}


def test_a_new_rate_changes_no_past_margin_unless_asked(billing: Billing) -> None:
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    rate(billing, 3_000, "2026-03-02")
    billing.sample.work(billing.sample.log(), 60)
    at(billing, 4, 10)
    before = months(billing)["2026-03"]
    refused = rate(billing, 9_000, "2026-03-02", 422)
    assert refused["errors"][0]["pointer"] == "/from_on"
    rate(billing, 9_000, "2026-04-10")
    assert months(billing)["2026-03"] == before == (3_000, 3_000, 0)
    rate(billing, 6_000, "2026-03-02", changes_past=True, reason="It was wrong")
    assert months(billing)["2026-03"] == (3_000, 6_000, -3_000)


def test_what_a_rate_from_the_past_moves_is_shown_before_and_in_the_audit_trail(billing: Billing) -> None:
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    rate(billing, 3_000, "2026-03-02")
    billing.sample.work(billing.sample.log(), 60)
    at(billing, 4, 10)
    close(billing, "2026-03")
    billing.sample.work(billing.sample.log(), 30)
    body = {"role": "technician", "per_hour": {"amount_minor": 6_000}, "from_on": "2026-03-02"}
    found = billing.ask(billing.finance, "POST", "/cost-rates/preview", body)
    moved = [
        (one["month"], one["worked"], one["cost_minor_before"], one["cost_minor_after"], one["closed"])
        for one in found["months"]
    ]
    assert moved == [("2026-03", 60, 3_000, 6_000, True), ("2026-04", 30, 1_500, 3_000, False)]
    assert (found["asks"], found["contracts"]) == (True, 1)
    assert (found["cost_minor_before"], found["cost_minor_after"]) == (4_500, 9_000)
    assert len(billing.sample.rows(t.cost_rate)) == 1
    later = billing.ask(billing.finance, "POST", "/cost-rates/preview", body | {"from_on": "2026-05-01"})
    assert (later["asks"], later["months"]) == (False, [])
    made = rate(billing, 6_000, "2026-03-02", changes_past=True, reason="It was wrong")
    cost = {month: amounts[1] for month, amounts in months(billing).items()}
    assert cost == {"2026-03": 6_000, "2026-04": 3_000}
    [event] = billing.sample.rows(t.audit_event, subject_id=made["id"], action="past work re-priced")
    assert event.details == {
        "from_on": "2026-03-02",
        "contracts": 1,
        "months": 2,
        "cost": ["EUR 45.00", "EUR 90.00"],
        "reason": "It was wrong",
    }


def test_another_role_changes_no_past_margin(billing: Billing) -> None:
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    rate(billing, 3_000, "2026-03-02")
    rate(billing, 9_000, "2026-03-02", role="supervisor")
    sample = billing.sample
    sample.work(sample.log(), 60)
    sample.do(change_user, str(sample.technician.id), ChangeUser(role="supervisor"))
    assert months(billing)["2026-03"][1] == 3_000


def test_a_rate_of_somebody_else_rounds_nothing_again(billing: Billing) -> None:
    """Two minutes at 0.45 an hour are 1.5 minor units, so 2, also where a rate begins between them."""
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    rate(billing, 45, "2026-03-02")
    request = billing.sample.log()
    billing.sample.work(request, 1)
    at(billing, 3, 10)
    billing.sample.work(request, 1)
    before = months(billing)["2026-03"]
    rate(billing, 9_000, "2026-03-05", role="supervisor", changes_past=True)
    assert months(billing)["2026-03"] == before
    assert before[1] == 2


def test_time_past_a_contract_is_its_revenue_in_the_month_worked(billing: Billing) -> None:
    billing.sample.set(time_expired_contract="bill", default_overage_rate_minor=12_000)
    contract = sell(billing, "support_hours", 60_000, minutes=60)
    billing.sample.work(billing.sample.log(), 90)
    assert months(billing) == {"2026-03": (60_000, 0, 60_000)}
    at(billing, 4, 9)
    run_job(billing.sample.desk, "bill_overage")
    (draft,) = billing.read("/invoices?state=draft")["items"]
    assert months(billing) == {"2026-03": (60_000, 0, 60_000)}
    issued = billing.issued(draft["id"])
    assert months(billing) == {"2026-03": (66_000, 0, 66_000)}
    (sold, time) = billing.read(f"/reports/margin/revenue?contract={contract}")["items"]
    assert (sold["kind"], sold["revenue_minor"], sold["month"]) == ("contract", 60_000, "2026-03")
    assert (time["kind"], time["revenue_minor"], time["invoice"]) == ("overage", 6_000, issued["id"])
    assert time["invoice_number"] == issued["number"]
    (line,) = billing.invoice(issued["id"])["lines"]
    assert time["sold"] == line["sold"]
    text = billing.finance.call("GET", "/reports/margin.csv").text
    assert ",66000,0,66000,EUR,90,90" in text
    text = billing.finance.call("GET", "/reports/margin/revenue.csv").text
    assert f",{issued['number']},6000,EUR" in text
    billing.credit(issued["id"], {"line": line["id"], "amount": {"amount_minor": 1_000}})
    assert months(billing) == {"2026-03": (65_000, 0, 65_000)}


def test_time_of_a_closed_month_is_revenue_of_the_open_one_until_it_is_opened_again(billing: Billing) -> None:
    billing.sample.set(time_expired_contract="bill", default_overage_rate_minor=12_000)
    sell(billing, "support_hours", 60_000, minutes=60)
    billing.sample.work(billing.sample.log(), 90)
    at(billing, 4, 9)
    run_job(billing.sample.desk, "bill_overage")
    (draft,) = billing.read("/invoices?state=draft")["items"]
    close(billing, "2026-03")
    at(billing, 5, 3)
    billing.issued(draft["id"])
    assert {month: one[0] for month, one in months(billing).items()} == {"2026-03": 60_000, "2026-04": 6_000}
    billing.sample.do_as(billing.sample.finance, reopen_period, "2026-03", ChangePeriod(reason="Month end"))
    assert months(billing) == {"2026-03": (66_000, 0, 66_000)}


def test_a_line_of_two_contracts_is_revenue_of_each(billing: Billing) -> None:
    """What is taken back of one contract reduces the line of the other, and its own revenue."""
    billing.sample.set(time_expired_contract="bill", default_overage_rate_minor=12_000)
    sample = billing.sample
    first = sell(billing, "support_hours", 60_000, minutes=60, ends_on=date(2026, 3, 31))
    request = sample.log()
    sample.work(request, 60)
    sample.work(request, 60)
    entry = max(sample.entries(request), key=lambda row: str(row.id)).id
    at(billing, 4, 2)
    second = sell(billing, "support_hours", 60_000, minutes=60)
    run_job(sample.desk, "bill_overage")
    (draft,) = billing.read("/invoices?state=draft")["items"]
    billing.issued(draft["id"])
    billing.ask(billing.api.administrator, "PATCH", f"/work/{entry}", {"minutes": 40})
    sample.work(sample.log(), 120)
    at(billing, 5, 2)
    run_job(sample.desk, "bill_overage")
    (draft,) = billing.read("/invoices?state=draft")["items"]
    assert minor(billing.invoice(draft["id"]), "net") == (8_000,)
    billing.issued(draft["id"])
    found = {one["contract"]: one["revenue_minor"] for one in billing.read("/reports/margin")["items"]}
    assert found == {first: 60_000 + 12_000 - 4_000, second: 60_000 + 12_000}
    by_month = {month: one[0] for month, one in months(billing).items()}
    assert by_month == {"2026-03": 68_000, "2026-04": 72_000}


def test_a_persons_rate_and_work_without_one(billing: Billing) -> None:
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    billing.sample.work(billing.sample.log(), 60)
    [one] = billing.read("/reports/margin")["items"]
    assert (one["cost_minor"], one["unpriced"]) == (0, 60)
    rate(billing, 3_000, "2026-03-02")
    rate(billing, 7_000, "2026-03-02", technician=str(billing.sample.technician.id))
    [one] = billing.read("/reports/margin")["items"]
    assert (one["cost_minor"], one["unpriced"]) == (7_000, 0)


def test_pages_begin_with_the_lowest_margin(billing: Billing) -> None:
    for price in (30_000, 10_000, 20_000):
        sell(billing, "support_hours", price, minutes=600, ends_on=date(2026, 3, 2))
    at(billing, 3, 10)
    first = billing.read("/reports/margin?limit=2")
    second = billing.read(f"/reports/margin?limit=2&cursor={first['next_cursor']}")
    found = [one["margin_minor"] for one in [*first["items"], *second["items"]]]
    assert (found, second["next_cursor"]) == ([10_000, 20_000, 30_000], None)
    answer = billing.finance.call("GET", "/reports/margin.csv")
    assert answer.get_data(as_text=True).count("\r\n") == 4


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"role": "technician", "technician": "x"}, ""),
        ({}, ""),
        ({"technician": "nobody"}, "/technician"),
        ({"role": "customer"}, "/role"),
        ({"role": "technician", "per_hour": {"amount_minor": 1, "currency": "USD"}}, "/per_hour/currency"),
        ({"role": "technician", "per_hour": {"amount_minor": 0}}, "/per_hour/amount_minor"),
    ],
)
def test_a_wrong_rate_is_refused(billing: Billing, body: Any, pointer: str) -> None:
    given = {"per_hour": {"amount_minor": 3_000}, "from_on": "2026-03-02", **body}
    refused = billing.refused(billing.finance, "/cost-rates", given, 422)
    assert refused["errors"][0]["pointer"] == pointer


def test_who_gives_rates_and_reads_margins(billing: Billing) -> None:
    body = {"role": "technician", "per_hour": {"amount_minor": 3_000}, "from_on": "2026-03-02"}
    billing.refused(billing.supervisor, "/cost-rates", body, 403)
    for path in ("/cost-rates", "/reports/margin", "/reports/margin.csv", "/reports/margin/revenue"):
        billing.ask(billing.supervisor, "GET", path, status=403)

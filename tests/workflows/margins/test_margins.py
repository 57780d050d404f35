"""The margin of contracts: revenue by month, the cost of work by the rate of its day."""

from datetime import date
from typing import Any

import pytest

from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk
from tests.workflows.billing.test_revenue import at, close, sell


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
    for path in ("/cost-rates", "/reports/margin", "/reports/margin.csv"):
        billing.ask(billing.supervisor, "GET", path, status=403)

"""The reports of the API, as JSON and CSV, by role."""

import csv
import io
from typing import Any

import pytest

from tests.support.api import ApiClient, app_of, token_of
from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t

REPORTS = ("hours", "uncovered", "service-levels", "utilization", "endings")
ROLES = {"administrator": 200, "finance": 200, "supervisor": 200, "technician": 403, "customer": 403}


class Desk:
    """A desk with work, some of it past the contract, and a client for each role."""

    def __init__(self, sample: SampleDesk) -> None:
        sample.set(time_zone="Europe/Berlin")
        self.sample, self.app = sample, app_of(sample)
        self.contract = sample.sell("support_hours", minutes=60)
        self.request = sample.log("=cmd|' /C calc'!A0")
        sample.work(self.request, 100)

    def client(self, role: str) -> ApiClient:
        sample = self.sample
        actor = sample.person("customer", "Ann", customer=sample.ann) if role == "customer" else None
        return ApiClient(self.app, token_of(sample, actor or getattr(sample, role)))


@pytest.fixture
def desk(sample: SampleDesk) -> Desk:
    return Desk(sample)


def table(client: ApiClient, path: str) -> list[dict[str, str]]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize("role", ROLES)
def test_only_the_office_reads_reports(desk: Desk, role: str) -> None:
    client = desk.client(role)
    for name in REPORTS:
        for path in (f"/reports/{name}", f"/reports/{name}.csv"):
            assert client.get(path).status_code == ROLES[role], path


def test_what_a_report_does_not_know_is_refused(desk: Desk) -> None:
    client = desk.client("finance")
    for name in REPORTS:
        for query in ("nonsense=1", "order=nonsense", "limit=0", "limit=201", "cursor=nonsense"):
            if (name, query) == ("endings", "order=nonsense"):
                continue  # it has one order
            answer: Any = client.get(f"/reports/{name}?{query}")
            assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (
                422,
                f"/{query.partition('=')[0]}",
            ), (name, query)


def test_hours_are_returned_by_customer_and_month(desk: Desk) -> None:
    client = desk.client("finance")
    answer: Any = client.get("/reports/hours?from=2026-02&to=2026-03").json
    moved = {"sold": 60, "used": 60, "held": 0, "expired": 0, "carried": 40, "carried_drawn": 0}
    nothing = dict.fromkeys(moved, 0)
    assert answer["months"] == [{**nothing, "month": "2026-02"}, {**moved, "month": "2026-03"}]
    row = {"party": {"customer": desk.sample.ann}, "party_name": "Ann", "month": "2026-03"}
    assert answer["items"] == [{**moved, **row, "contract": None, "contract_number": None}]
    assert (answer["unit"], answer["next_cursor"]) == ("minutes", None)
    by_contract: Any = client.get(f"/reports/hours?by=contract&party=customer:{desk.sample.ann}").json
    assert [one["contract"] for one in by_contract["items"]] == [desk.contract]
    [line] = table(client, "/reports/hours.csv?from=2026-02&to=2026-03")
    assert line["party"] == f"customer:{desk.sample.ann}"
    assert {name: int(line[name]) for name in moved} == moved


def test_a_name_that_is_a_formula_is_defused(desk: Desk) -> None:
    customer = desk.sample.customer("=Ann")
    desk.sample.sell("support_hours", to=("customer", customer), minutes=60)
    lines = table(desk.client("finance"), "/reports/hours.csv")
    assert "'=Ann" in [one["party_name"] for one in lines]


def test_uncovered_time_is_returned_with_its_price(desk: Desk) -> None:
    bob = desk.sample.customer("Bob")
    sold = desk.sample.sell("support_hours", to=("customer", bob), minutes=10)
    with desk.sample.desk.write() as tx:  # a sale cannot say so before there are invoices
        tx.change(t.contract, sold, time_expired="bill", overage_rate_minor=9_990)
    desk.sample.work(desk.sample.log(customer=bob, item=None), 15)
    client = desk.client("finance")
    answer: Any = client.get("/reports/uncovered?from=2026-03&to=2026-03&order=-overage_minor").json
    # 5 minutes of 99.90 an hour are 8.325, half up 8.33
    found = {"carried": 40, "ignored": 0, "overage": 5, "overage_minor": 833, "month": "2026-03"}
    assert (answer["months"], answer["currency"]) == ([found], "EUR")
    assert [(one["party_name"], one["carried"], one["overage"]) for one in answer["items"]] == [
        ("Bob", 0, 5),
        ("Ann", 40, 0),
    ]
    by_contract: Any = client.get("/reports/uncovered?by=contract&order=-overage").json
    assert [one["contract"] for one in by_contract["items"]] == [sold, desk.contract]
    [ann] = table(client, f"/reports/uncovered.csv?party=customer:{desk.sample.ann}")
    assert (ann["carried"], ann["overage_minor"], ann["currency"]) == ("40", "0", "EUR")


def test_contracts_that_end_are_returned_with_what_their_renewal_is_worth(desk: Desk) -> None:
    price = {"amount_minor": 120_000, "currency": "EUR"}
    sold = desk.sample.sell("subscription", ends_on="2026-04-30", price=price)
    client = desk.client("finance")
    answer: Any = client.get("/reports/endings?months=2").json
    [one] = answer["items"]
    assert (one["contract"], one["last_day"], one["by"]) == (sold, "2026-04-30", "expiry")
    assert one["renewal_value"] == price
    assert [(month["month"], month["not_renewed_minor"]) for month in answer["months"]] == [
        ("2026-03", 0),
        ("2026-04", 120_000),
    ]
    [line] = table(client, "/reports/endings.csv?renewed=false")
    assert (line["number"], line["renewal_value_minor"], line["currency"]) == (one["number"], "120000", "EUR")
    for month, count in (("2026-03", 0), ("2026-04", 1)):
        listed: Any = client.get(f"/reports/endings?months=2&month={month}").json
        assert (len(listed["items"]), listed["months"]) == (count, answer["months"])
    for query in ("months=0", "months=37", "by=nothing", "month=2028-01"):
        refused: Any = client.get(f"/reports/endings?{query}")
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, f"/{query.split('=')[0]}")

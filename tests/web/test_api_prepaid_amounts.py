"""Contracts in money by the API and on the pages."""

import json
from collections.abc import Iterator
from functools import reduce
from itertools import product
from typing import Any

import pytest

from tests.rules.files import shipped_files
from tests.support.api import ApiClients
from tests.support.rate_cards import rate_card
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.web_clients import WebClients
from web.api import ROUTE_GROUPS
from workflows.store import tables as t

AMOUNT = {"amount_minor": 10_000, "currency": "EUR"}


def priced(sample: SampleDesk) -> SampleDesk:
    """The sample with an hourly rate of EUR 100.00."""
    sample.set(time_expired_contract="ignore")
    sample.publish_rules(rate_cards__standard=rate_card(10_000))
    return sample


def sold(sample: SampleDesk, **more: Any) -> dict[str, Any]:
    body = {"type": "prepaid_amount", "holder": {"customer": sample.ann}, "money": AMOUNT, **more}
    answer = ApiClients(sample).supervisor.post("/contracts", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_sale_top_up_work_and_statement(sample: SampleDesk) -> None:
    contract = sold(priced(sample))
    clients = ApiClients(sample)
    assert contract["balance"]["money"] == {
        "purchased": 10_000, "drawn": 0, "held": 0, "available": 10_000, "expired": 0, "currency": "EUR",
    }  # fmt: skip
    path = f"/contracts/{contract['id']}"
    topped = clients.supervisor.post(f"{path}/top-up", {"money": {"amount_minor": 4_000}}).get_json()
    assert topped["balance"]["money"]["available"] == 14_000
    request = sample.log()
    work = f"/service-requests/{request}/work"
    body = {"minutes": 30, "worked_at": MONDAY.isoformat()}
    preview = clients.supervisor.post(f"{work}/preview", body).get_json()
    assert preview["leaves_money"] == {contract["id"]: {"amount_minor": 9_000, "currency": "EUR"}}
    entry = clients.technician.post(work, body).get_json()
    [allocation] = entry["allocations"]
    assert (allocation["minutes"], allocation["amount"]) == (30, None)
    [allocation] = clients.supervisor.get(f"/work/{entry['id']}").get_json()["allocations"]
    assert allocation["amount"] == {"amount_minor": 5_000, "currency": "EUR"}
    assert entry["segments"][0]["rate"] is None, "technicians see no rates"
    lines = clients.supervisor.get(f"{path}/statement").get_json()
    assert (lines["unit"], lines["currency"], lines["closing_balance"]) == ("money", "EUR", 9_000)
    [*_, last] = clients.supervisor.get(f"{path}/statement.csv").text.splitlines()
    assert ",-5000,EUR,9000," in last
    assert clients.supervisor.get(f"{path}/statement.pdf").data.startswith(b"%PDF-")
    found = clients.administrator.get("/ledger/audit").get_json()
    assert (found["ok"], found["differences"]) == (True, [])


@pytest.mark.parametrize(
    ("call", "body", "status", "pointer"),
    [
        ("top-up", {"money": {"amount_minor": 0}}, 422, "/money/amount_minor"),
        ("top-up", {"money": {"amount_minor": -1}}, 422, "/money/amount_minor"),
        ("top-up", {"money": {"amount_minor": 1.5}}, 422, "/money/amount_minor"),
        ("top-up", {"money": {"amount_minor": 10**12 + 1}}, 422, "/money/amount_minor"),
        ("top-up", {"money": {"amount_minor": 1, "currency": "USD"}}, 422, "/money/currency"),
        ("top-up", {"money": {"amount_minor": 1, "currency": "eur"}}, 422, "/money/currency"),
        ("top-up", {"money": 5}, 422, "/money"),
        ("top-up", {}, 422, "/money"),
        ("top-up", {"minutes": 5}, 422, "/minutes"),
        ("adjust", {"money": {"amount_minor": 0}, "reason": "x"}, 422, "/money"),
        ("adjust", {"money": {"amount_minor": -10_001}, "reason": "x"}, 422, "/money"),
    ],
)
def test_amounts_that_do_not_fit_are_named(
    sample: SampleDesk, call: str, body: dict[str, Any], status: int, pointer: str
) -> None:
    contract = sold(priced(sample))
    client = ApiClients(sample).supervisor
    answer = client.post(f"/contracts/{contract['id']}/{call}", body)
    assert answer.status_code == status, answer.text
    assert answer.get_json()["errors"][0]["pointer"] == pointer
    after = client.get(f"/contracts/{contract['id']}").get_json()
    assert after["balance"]["money"]["available"] == 10_000


def test_work_without_a_rate_is_refused_with_its_reason(sample: SampleDesk) -> None:
    sold(priced(sample))
    request = sample.log()
    sample.publish_rules()
    body = {"minutes": 30, "worked_at": MONDAY.isoformat(), "work_type": "travel"}
    for path in ("work", "work/preview"):
        answer = ApiClients(sample).technician.post(f"/service-requests/{request}/{path}", body)
        assert answer.status_code == 409
        detail = answer.get_json()["detail"]
        assert "the rate card “standard” has no rate in EUR for the work from 2026-03-02" in detail
        assert "work type travel" in detail
        assert "rules/rate_cards/standard.json" in detail


def test_a_rate_of_zero_is_refused_by_the_checker(sample: SampleDesk) -> None:
    sample.sell("subscription")
    files = {**sample.desk.config.rule_set.files, "rate_cards/standard.json": rate_card(0)}  # type: ignore[union-attr]
    found = ApiClients(sample).administrator.post("/rules/check", {"files": files}).get_json()
    assert not found["ok"]
    [problem] = [one for one in found["problems"] if one["severity"] == "error"]
    assert (problem["file"], problem["message"].split(".")[0]) == (
        "rate_cards/standard.json",
        "0 is out of range",
    )


def test_the_pages_show_money(web: WebClients) -> None:
    sample = priced(web.sample)
    contract = sold(sample)
    sample.clock.move(hours=1)
    request = sample.log()
    sample.work(request, 30)
    page = web.supervisor.open(f"/contracts/{contract['id']}")
    assert "€50.00 of €100.00 left" in page
    assert "−€50.00" in page
    assert "€50.00 for 0:30 from PA-0001" in web.supervisor.open(f"/requests/{request}")
    page = web.technician.open(f"/requests/{request}")
    assert "0:30 from PA-0001" in page
    assert "€50.00 for" not in page
    assert "€50.00 left" in web.technician.open("/requests?view=all")
    listed = web.supervisor.open("/contracts")
    assert "€50.00 of €100.00 left" in listed
    assert "EUR 50.00" in web.supervisor.open("/contracts?format=csv")
    assert "€50.00 of €100.00 left" in web.ann.open(f"/contracts/{contract['id']}")


BALANCES = {"balance", "money_left", "pending_money", "posted_money"}
"""What is left, which technicians see: they see balances, and no prices."""


def _amounts(body: Any, at: str = "") -> Iterator[str]:
    """Where a JSON value has amounts of money that are no balance."""
    if isinstance(body, list):
        for one in body:
            yield from _amounts(one, at)
    elif isinstance(body, dict):
        for name, value in body.items():
            if name.endswith("_minor") and value is not None:
                yield f"{at}/{name}"
            elif name not in BALANCES:
                yield from _amounts(value, f"{at}/{name}")


def test_a_technician_reads_no_price_in_any_view(sample: SampleDesk) -> None:
    """In every GET for one contract, one request and its records, and in the previews of work on it."""
    coverage = json.loads(shipped_files()["coverage.json"])
    coverage["rules"][-1]["actions"][0]["params"] = {"type": "per_request", "price_minor": 5_000}
    coverage["examples"] = []
    sample.publish_rules(rate_cards__standard=rate_card(10_000), coverage=json.dumps(coverage))
    waiting = sample.log()
    contract = sold(sample, price={"amount_minor": 9_000}, overage_rate={"amount_minor": 12_000})["id"]
    request = sample.log()
    clients = ApiClients(sample)
    work = f"/service-requests/{request}/work"
    body = {"minutes": 30, "worked_at": MONDAY.isoformat()}
    entry = clients.technician.post(work, body).get_json()
    seen = {"entry": entry, "preview": clients.technician.post(f"{work}/preview", body).get_json()}
    decisions = [row.id for row in sample.rows(t.coverage_decision)]
    records: dict[str, list[str]] = {
        "{service_request}": [waiting, request],
        "{contract}": [contract, sample.rows(t.contract, holder_id=waiting)[0].id],
        "{decision}": decisions,
        "{entry}": [entry["id"]],
        "{customer_id}": [sample.ann],
    }
    for group in ROUTE_GROUPS:
        for one in group.operations:
            if one.method != "GET" or one.response is None:
                continue
            names = [f"{{{name}}}" for name in one.path_names]
            for values in product(*(records.get(name, []) for name in names)):
                path = reduce(
                    lambda text, pair: text.replace(*pair), zip(names, values, strict=True), one.path
                )
                answer = clients.technician.get(path)
                if answer.status_code == 200:
                    seen[path] = answer.get_json()
    assert f"/decisions/{decisions[0]}" in seen
    assert "/contracts" in seen
    assert {path: found for path, shown in seen.items() if (found := list(_amounts(shown)))} == {}
    supervisor = clients.supervisor.get(f"/decisions/{decisions[0]}").get_json()
    assert supervisor["params"]["price_minor"] == 5_000
    assert clients.supervisor.get(f"/work/{entry['id']}").get_json()["allocations"][0]["amount"] is not None

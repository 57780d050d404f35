"""From what was sold to a processed invoice: contracts alone, with invoices, and with payment required."""

import json
from typing import Any

import pytest

from tests.support.billing import Billing, line, minor
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk

PRICE = {"amount_minor": 24_000}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def open_items(billing: Billing, query: str = "") -> list[Any]:
    found: list[Any] = billing.read(f"/sold-items?state=open{query}")["items"]
    return found


def sell(billing: Billing, type_key: str = "subscription", **terms: Any) -> Any:
    body = {"type": type_key, "holder": {"customer": billing.sample.ann}, "price": PRICE, **terms}
    return billing.ask(billing.supervisor, "POST", "/contracts", body, 201)


def draft_sold(billing: Billing, **body: Any) -> Any:
    return billing.ask(
        billing.supervisor, "POST", "/sold-items/draft", {"customer": billing.sample.ann, **body}, 201
    )


def contract(billing: Billing, contract_id: str) -> tuple[str, str | None]:
    found = billing.read(f"/contracts/{contract_id}")
    return found["state"], found["pending_reason"]


def test_contracts_without_invoices(billing: Billing) -> None:
    """Agreements are tracked and nothing is charged: a price is noted, and not to be invoiced."""
    billing.sample.set(invoices=False)
    sold = sell(billing)
    assert sold["state"] == "active"
    request = billing.sample.log()
    assert billing.sample.request(request).state == "open"
    assert open_items(billing) == []
    refused = billing.refused(billing.finance, "/sold-items/draft", {"customer": billing.sample.ann}, 409)
    assert "Invoices are off" in refused["detail"]


def test_invoices_without_a_required_payment(billing: Billing) -> None:
    """A contract is active by its dates; one that awaits enabling, when its invoice is processed."""
    sold, waiting = sell(billing), sell(billing, "support_hours", minutes=60, enable=False)
    sell(billing, "support_hours", minutes=60, price={"amount_minor": 0})
    assert contract(billing, waiting["id"]) == ("pending", "awaiting_enable")
    items = open_items(billing)
    assert [(one["contract_number"], one["kind"], *minor(one, "amount")) for one in items] == [
        (sold["number"], "contract", 24_000),
        (waiting["number"], "contract", 24_000),
    ]
    draft = draft_sold(billing)
    assert [(one["contract"], one["service_from"], one["service_to"]) for one in draft["lines"]] == [
        (sold["id"], "2026-03-02", "2027-03-01"),
        (waiting["id"], None, None),
    ]
    assert minor(draft, "net", "tax") == (48_000, 9_120)
    assert open_items(billing) == []
    assert [one["invoice"] for one in billing.read("/sold-items?state=invoiced")["items"]] == [
        draft["id"]
    ] * 2
    billing.issued(draft["id"])
    processed = billing.ask(billing.supervisor, "POST", f"/invoices/{draft['id']}/process")
    assert (processed["delivery"], processed["payment"]) == ("delivered", "unpaid")
    assert contract(billing, waiting["id"]) == ("active", None)
    assert (
        billing.refused(billing.finance, f"/invoices/{draft['id']}/process", {}, 409)["state"] == "delivered"
    )


def test_a_payment_is_required_before_anything_takes_effect(billing: Billing) -> None:
    """From a call without a contract to a paid, processed invoice and an opened request."""
    billing.sample.set(payment_required=True)
    request = billing.sample.log()
    assert billing.sample.request(request).state == "pending_no_contract"
    body = {
        "type": "support_hours",
        "minutes": 60,
        "price": PRICE,
        "holder": {"customer": billing.sample.ann},
    }
    sold = billing.ask(billing.supervisor, "POST", "/contracts", body, 201)
    assert contract(billing, sold["id"]) == ("pending", "awaiting_payment")
    for client in (billing.supervisor, billing.finance):
        refused = billing.refused(client, f"/contracts/{sold['id']}/enable", {}, 409)
        assert "Its invoice has to be paid and processed." in refused["detail"]
        assert "enable" not in refused["allowed_actions"]
    invoice = billing.issued(draft_sold(billing)["id"])
    refused = billing.process(invoice["id"], 409)
    assert refused["missing"] == {"amount_minor": 28_560, "currency": "EUR"}
    billing.pay(invoice["id"], 28_559)
    assert billing.process(invoice["id"], 409)["missing"]["amount_minor"] == 1
    billing.pay(invoice["id"], 1)
    assert contract(billing, sold["id"]) == ("pending", "awaiting_payment")
    processed = billing.ask(billing.supervisor, "POST", f"/invoices/{invoice['id']}/process")
    assert (processed["payment"], processed["delivery"]) == ("paid", "delivered")
    assert contract(billing, sold["id"]) == ("active", None)
    covered = billing.sample.request(request)
    assert (covered.state, covered.contract_id) == ("open", sold["id"])


def test_a_contract_made_through_a_service_request_is_invoiced(billing: Billing) -> None:
    """The rule gives its price; the request opens in the transaction that processes the invoice."""
    rules = json.loads((RULES / "coverage.json").read_text())
    for rule in rules["rules"]:
        for action in rule["actions"]:
            if action["name"] == "create_contract":
                action["params"]["price_minor"] = 24_000
    rules["examples"] = []
    billing.sample.publish_rules(coverage=json.dumps(rules))
    billing.sample.set(payment_required=True)
    request = billing.sample.log()
    [made] = billing.read("/contracts")["items"]
    assert (made["type"], made["pending_reason"]) == ("per_request", "awaiting_payment")
    invoice = billing.issued(draft_sold(billing)["id"])
    billing.pay(invoice["id"], invoice["total"]["amount_minor"])
    assert billing.sample.request(request).state == "pending_no_contract"
    billing.process(invoice["id"])
    opened = billing.sample.request(request)
    assert (opened.state, opened.contract_id) == ("open", made["id"])


def test_top_ups_and_renewals_are_invoiced(billing: Billing) -> None:
    sold = sell(billing, "time_limited_subscription", minutes=60)
    billing.ask(
        billing.finance,
        "POST",
        f"/contracts/{sold['id']}/top-up",
        {"minutes": 60, "price": {"amount_minor": 9_000}},
    )
    billing.ask(billing.finance, "POST", f"/contracts/{sold['id']}/top-up", {"minutes": 60})
    billing.ask(billing.finance, "POST", f"/contracts/{sold['id']}/renew", {})
    assert [(one["kind"], *minor(one, "amount")) for one in open_items(billing)] == [
        ("contract", 24_000),
        ("top_up", 9_000),
        ("renewal", 24_000),
    ]
    draft = draft_sold(billing, tax_rate="reduced", sold=[open_items(billing)[1]["id"]])
    assert [one["description"] for one in draft["lines"]] == [
        f"Top-up of {sold['number']} (Time-limited subscription)"
    ]
    assert minor(draft, "tax") == (630,)
    assert [one["kind"] for one in open_items(billing)] == ["contract", "renewal"]


def test_what_leaves_a_draft_can_be_invoiced_again(billing: Billing) -> None:
    sell(billing)
    [item] = open_items(billing)
    draft = draft_sold(billing)
    taken = billing.refused(
        billing.finance,
        "/invoices",
        {"customer": billing.sample.ann, "lines": [line(sold=item["id"])]},
        422,
    )
    assert taken["errors"][0]["pointer"] == "/lines/0/sold"
    assert billing.refused(billing.finance, "/sold-items/draft", {"customer": billing.sample.ann}, 409)
    path = f"/invoices/{draft['id']}"
    billing.ask(billing.finance, "PATCH", path, {"note": "It stays"})
    assert open_items(billing) == []
    billing.ask(billing.finance, "PATCH", path, {"lines": [line()]})
    assert [one["id"] for one in open_items(billing)] == [item["id"]]
    billing.ask(billing.finance, "PATCH", path, {"lines": [line(sold=item["id"])]})
    assert open_items(billing) == []
    billing.ask(billing.finance, "POST", f"{path}/void", {"reason": "Again"})
    assert [one["id"] for one in open_items(billing)] == [item["id"]]
    issued = billing.issued(draft_sold(billing)["id"])
    billing.ask(billing.finance, "POST", f"/invoices/{issued['id']}/void", {"reason": "Again"})
    assert [one["id"] for one in open_items(billing)] == [item["id"]]


def test_what_was_credited_before_it_was_processed_is_invoiced_again(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    sold = sell(billing)
    [item] = open_items(billing)
    issued = billing.issued(draft_sold(billing)["id"])
    [source] = issued["lines"]
    billing.credit(issued["id"], {"line": source["id"], "amount": {"amount_minor": 1_000}})
    assert open_items(billing) == []
    billing.credit(issued["id"])
    assert [one["id"] for one in open_items(billing)] == [item["id"]]
    billing.process(issued["id"])
    assert contract(billing, sold["id"]) == ("pending", "awaiting_payment")
    again = billing.issued(draft_sold(billing)["id"])
    billing.pay(again["id"], 28_560)
    billing.process(again["id"])
    assert contract(billing, sold["id"]) == ("active", None)
    billing.credit(again["id"])
    assert open_items(billing) == []


def test_what_is_not_to_be_invoiced_is_waived_with_a_reason(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    sold = sell(billing)
    [item] = open_items(billing)
    path = f"/sold-items/{item['id']}/waive"
    assert billing.supervisor.post(path, {"reason": "x"}).status_code == 403
    assert billing.finance.post(path, {}).status_code == 422
    waived = billing.ask(billing.finance, "POST", path, {"reason": "Goodwill"})
    assert (waived["state"], waived["waive_reason"]) == ("waived", "Goodwill")
    assert open_items(billing) == []
    assert billing.refused(billing.finance, path, {"reason": "x"}, 409)["state"] == "waived"
    billing.ask(billing.finance, "POST", f"/contracts/{sold['id']}/enable", {})
    assert contract(billing, sold["id"]) == ("active", None)
    assert billing.finance.post("/sold-items/nothing/waive", {"reason": "x"}).status_code == 404


def test_a_forward_dated_contract_waits_for_its_start(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    sold = sell(billing, starts_on="2026-04-01")
    invoice = billing.issued(draft_sold(billing)["id"])
    billing.pay(invoice["id"], 28_560)
    billing.process(invoice["id"])
    assert contract(billing, sold["id"]) == ("pending", "awaiting_start")
    billing.sample.clock.at = billing.sample.clock.at.replace(month=4, day=1)
    assert contract(billing, sold["id"]) == ("active", None)


def test_who_owes_it_follows_from_the_holder(billing: Billing) -> None:
    sample = billing.sample
    for holder in ({"item": sample.laptop}, {"org_unit": sample.site}, {"customer": sample.ann}):
        sell(billing, holder=holder)
    assert [(one["customer"], one["org_unit"]) for one in open_items(billing)] == [
        (sample.ann, None),
        (None, sample.site),
        (sample.ann, None),
    ]
    assert len(open_items(billing, f"&org_unit={sample.site}")) == 1
    for client in (billing.api.technician, billing.ann):
        assert client.get("/sold-items").status_code == 403
        assert client.post("/sold-items/draft", {"customer": sample.ann}).status_code == 403
    draft = billing.draft()["id"]
    for client, status in ((billing.api.technician, 403), (billing.ann, 403), (billing.supervisor, 409)):
        assert client.post(f"/invoices/{draft}/process").status_code == status

"""Drafts that the rules find unusual wait for finance: refused, confirmed, and waiting again once changed."""

import json
from typing import Any

import pytest

from tests.support.billing import Billing, line
from tests.support.builders import RULES
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from workflows.jobs.definitions import run_job
from workflows.store import tables as t


def rule(rule_id: str, name: str, operator: str, value: Any = None) -> dict[str, Any]:
    condition = {"name": name, "operator": operator, **({} if value is None else {"value": value})}
    return {
        "id": rule_id,
        "why": f"By {rule_id}.",
        "conditions": {"all": [condition]},
        "actions": [{"name": "require_confirmation"}],
    }


CHECKS = {
    "rules": [
        rule("large", "total_minor", "greater_than", 100_000),
        rule("unlike-before", "percent_of_usual", "greater_than", 300),
        rule("not-approved", "has_unapproved_overage", "is_true"),
    ],
    "examples": [
        {"name": "Large", "facts": {"total_minor": 100_001}, "reasons": ["large"]},
        {"name": "As usual", "facts": {"total_minor": 100_000, "percent_of_usual": 300}, "reasons": []},
        {
            "name": "Both",
            "facts": {"total_minor": 200_000, "percent_of_usual": 301, "has_overage": True},
            "reasons": ["large", "unlike-before"],
        },
    ],
}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    found = Billing(sample, time_expired_contract="bill", default_overage_rate_minor=12_000)
    sample.publish_rules(invoice_checks=json.dumps(CHECKS))
    return found


def reasons(draft: Any) -> list[str]:
    return [one["rule"] for one in draft["unusual"]]


def confirm(billing: Billing, draft: Any, status: int = 200) -> Any:
    path = f"/invoices/{draft['id']}/confirm"
    return billing.ask(billing.finance, "POST", path, {"reason": "Agreed"}, status)


def test_a_large_draft_waits_until_finance_confirms_it(billing: Billing) -> None:
    """100,000 minor units with tax are not more than that; 100,001 are."""
    billing.issue(line(100_000, rate="Exempt"))
    draft = billing.draft(line(100_001, rate="Exempt"))
    assert (reasons(draft), draft["waits"]) == (["large"], True)
    assert draft["allowed_actions"] == ["change", "confirm", "void"]
    path = f"/invoices/{draft['id']}"
    refused = billing.refused(billing.api.administrator, f"{path}/issue", {}, 409)
    assert refused["reasons"] == [{"rule": "large", "why": "By large."}]
    listed = billing.read("/invoices?state=draft")["items"]
    assert [one["waits"] for one in listed] == [True]
    billing.refused(billing.supervisor, f"{path}/confirm", {"reason": "Agreed"}, 403)
    billing.refused(billing.finance, f"{path}/confirm", {"reason": ""}, 422)
    confirmed = confirm(billing, draft)
    assert (confirmed["waits"], confirmed["confirm_reason"]) == (False, "Agreed")
    changed = billing.ask(billing.finance, "PATCH", path, {"note": "Thanks"})
    assert changed["waits"]
    confirm(billing, draft)
    assert billing.issued(draft["id"])["state"] == "issued"
    confirm(billing, draft, 409)
    assert len(billing.sample.rows(t.invoice_confirmation)) == 2


def test_more_than_the_usual_counts_from_three_invoices_on(billing: Billing) -> None:
    for _ in range(2):
        billing.issue(line(1_000, rate="Exempt"))
    assert reasons(billing.draft(line(9_000, rate="Exempt"))) == []
    billing.issue(line(1_000, rate="Exempt"))
    assert reasons(billing.draft(line(3_009, rate="Exempt"))) == []
    assert reasons(billing.draft(line(3_010, rate="Exempt"))) == ["unlike-before"]


def test_time_that_nobody_approved(billing: Billing) -> None:
    sample = billing.sample
    sample.sell("support_hours", minutes=60)
    request = sample.log()
    sample.work(request, 90)
    body = {"customer": sample.ann, "month": "2026-03"}
    draft = billing.ask(billing.finance, "POST", "/time-to-bill/draft", body, 201)
    assert reasons(draft) == ["not-approved"]


def test_a_job_leaves_what_is_unusual_a_draft(billing: Billing) -> None:
    sample = billing.sample
    price = {"amount_minor": 150_000}
    terms = {"mode": "issue", "below": 20, "minutes": 60, "price": price}
    body = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 100, "auto_top_up": terms}
    billing.ask(billing.supervisor, "POST", "/contracts", body, 201)
    sample.work(sample.log(), 85)
    run_job(sample.desk, "auto_top_ups")
    (invoice,) = billing.read("/invoices")["items"]
    assert (invoice["state"], invoice["waits"]) == ("draft", True)


def test_a_file_whose_example_fails_is_refused(billing: Billing) -> None:
    wrong = {**CHECKS, "examples": [{"name": "Small", "facts": {"total_minor": 1}, "reasons": ["large"]}]}
    files = {
        path.relative_to(RULES).as_posix(): path.read_text()
        for path in RULES.rglob("*.json")
        if path.parent.name != "schema"
    }
    body = {"files": {**files, "invoice_checks.json": json.dumps(wrong)}}
    found = billing.ask(billing.api.administrator, "POST", "/rules/check", body)
    assert [one["message"] for one in found["problems"] if one["severity"] == "error"] == [
        'Example "Small" expects rule "large", but the result is no rule. Correct the rules or the example.'
    ]


def test_what_goes_past_the_budget_of_an_order_waits_for_finance(billing: Billing) -> None:
    """Of 250.00, 100.00 are invoiced; a second 100.00 is not past it, a third is, until one is credited."""
    path = f"/customers/{billing.sample.ann}/billing"
    for wrong, pointer in (
        ({"amount_minor": 0}, "/order_budget/amount_minor"),
        ({"amount_minor": 100, "currency": "USD"}, "/order_budget/currency"),
    ):
        refused = billing.ask(billing.finance, "PATCH", path, {"order_budget": wrong}, 422)
        assert [one["pointer"] for one in refused["errors"]] == [pointer]
    terms = {"order_number": "PO-77", "order_budget": {"amount_minor": 25_000}}
    assert billing.ask(billing.finance, "PATCH", path, terms)["order_invoiced"]["amount_minor"] == 0
    first, _ = billing.issue(), billing.issue()
    assert billing.read(path)["order_invoiced"]["amount_minor"] == 20_000
    past, other = billing.draft(), billing.draft(order_number="PO-78")
    assert (reasons(past), reasons(other)) == (["order_budget"], [])
    refused = billing.ask(billing.finance, "POST", f"/invoices/{past['id']}/issue", status=409)
    assert "PO-77 has a budget of EUR 250.00; with this invoice, EUR 300.00 without tax" in refused["detail"]
    billing.credit(first["id"], {"line": first["lines"][0]["id"], "amount": {"amount_minor": 5_000}})
    assert reasons(billing.invoice(past["id"])) == []
    billing.ask(billing.finance, "PATCH", path, {"order_budget": {"amount_minor": 100}})
    confirm(billing, past)
    assert billing.issued(past["id"])["order_number"] == "PO-77"
    page = Browser(billing.sample, billing.sample.person("finance")).open(path)
    assert "€250.00 of €1.00 have been invoiced on PO-77" in page
    assert 'value="1.00"' in page.html

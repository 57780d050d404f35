"""What should have been invoiced and was not: listed until a job, or a person, has written the draft."""

from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.sample_desk import SampleDesk
from workflows.jobs.definitions import run_job
from workflows.store import tables as t

PRICE = {"amount_minor": 24_000}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """On 2 March 2026."""
    return Billing(sample)


def sell(billing: Billing, **terms: Any) -> Any:
    holder = {"customer": billing.sample.ann}
    body = {"type": "subscription", "holder": holder, "price": PRICE, **terms}
    return billing.ask(billing.supervisor, "POST", "/contracts", body, 201)


def drafts(billing: Billing) -> list[Any]:
    return list(billing.read("/invoices?state=draft&order=created_at")["items"])


def test_what_was_sold_is_drafted_on_the_next_day_for_each_who_pays(billing: Billing) -> None:
    sell(billing)
    sell(billing, price={"amount_minor": 100})
    sell(billing, holder={"org_unit": billing.sample.site})
    billing.run_jobs()
    assert drafts(billing) == []
    billing.move_to(3, 9)  # a week later: the jobs were stopped
    assert sorted(billing.due()) == [("sale", amount, "2026-03-03") for amount in (100, 24_000, 24_000)]
    billing.run_jobs()
    made = drafts(billing)
    assert sorted(minor(one, "net") for one in made) == [(24_000,), (24_100,)]
    assert {one["created_at"] for one in made} == {"2026-03-03T00:00:00Z"}
    assert run_job(billing.sample.desk, "draft_sold_items") == 0


def test_what_a_person_has_to_decide_is_not_due(billing: Billing) -> None:
    """A contract that awaits being enabled or was cancelled; what is waived; and where drafts are by hand."""
    sell(billing, enable=False)
    cancelled, waived = sell(billing), sell(billing)
    billing.ask(billing.supervisor, "POST", f"/contracts/{cancelled['id']}/cancel", {"reason": "A mistake"})
    (item,) = billing.sample.rows(t.sold_item, contract_id=waived["id"])
    billing.ask(billing.finance, "POST", f"/sold-items/{item.id}/waive", {"reason": "Goodwill"})
    billing.move_to(3, 3)
    billing.run_jobs()
    assert drafts(billing) == []
    billing.sample.set(draft_sold_items=False)
    sell(billing)
    billing.move_to(3, 5)
    assert run_job(billing.sample.desk, "draft_sold_items") == 0
    assert billing.due() == [("sale", 24_000, "2026-03-04")]


def test_what_a_draft_let_go_comes_again_on_the_next_day(billing: Billing) -> None:
    sell(billing)
    billing.move_to(3, 3, 12)
    billing.run_jobs()
    (draft,) = drafts(billing)
    billing.ask(billing.finance, "POST", f"/invoices/{draft['id']}/void", {"reason": "Wrong"})
    billing.run_jobs()
    assert drafts(billing) == []
    billing.move_to(3, 4)
    billing.run_jobs()
    assert [minor(one, "net") for one in drafts(billing)] == [(24_000,)]


def test_a_payment_that_is_required_does_not_keep_it_from_being_invoiced(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    assert sell(billing)["pending_reason"] == "awaiting_payment"
    billing.move_to(3, 3)
    billing.run_jobs()
    assert len(drafts(billing)) == 1


def test_kinds_pages_and_files(billing: Billing) -> None:
    for _ in range(3):
        sell(billing)
    billing.move_to(3, 3)
    first = billing.read("/reports/due-not-raised?limit=2")
    rest = billing.read(f"/reports/due-not-raised?limit=2&cursor={first['next_cursor']}")
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
    assert billing.due("?kind=time") == []
    text = billing.finance.call("GET", "/reports/due-not-raised.csv").text
    assert text.count("sale,customer:") == 3
    refused = billing.ask(billing.finance, "GET", "/reports/due-not-raised?kind=other", status=422)
    assert refused["errors"][0]["pointer"] == "/kind"
    billing.sample.set(invoices=False)
    assert billing.due() == []


def test_what_was_sold_without_a_contract_is_named(billing: Billing) -> None:
    billing.sample.sell("subscription")
    request = billing.sample.log()
    cable = {
        "kind": "part",
        "description": "Network cable",
        "quantity": "1",
        "unit_price": {"amount_minor": 1_000},
    }
    billing.ask(billing.supervisor, "POST", f"/service-requests/{request}/sold-items", cable, 201)
    billing.move_to(3, 3)
    (one,) = billing.read("/reports/due-not-raised")["items"]
    assert (one["contract"], one["description"]) == (None, "Network cable")
    assert "Network cable" in billing.finance.call("GET", "/reports/due-not-raised.csv").text

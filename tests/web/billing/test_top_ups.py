"""Automatic top-ups that are invoiced: the price list's price, the issue, the payment awaited."""

from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.sample_desk import SampleDesk
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """60 minutes more of support hours cost 55.00 by the price list."""
    found = Billing(sample)
    body = {"code": "TOP", "label": "An hour more", "kind": "top_up", "contract_type": "support_hours"}
    product = found.ask(found.finance, "POST", "/products", body, 201)
    price = {"price": {"amount_minor": 5_500}, "first_on": "2026-01-01"}
    found.ask(found.finance, "POST", f"/products/{product['id']}/prices", price, 201)
    return found


def use_up(billing: Billing, mode: str = "issue", **given: Any) -> str:
    """A contract of 100 minutes of which 15 are left, topped up below 20 by the job; returns its id."""
    sample = billing.sample
    terms = {"mode": mode, "below": 20, "minutes": 60, **given}
    body = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 100, "auto_top_up": terms}
    sold = billing.ask(billing.supervisor, "POST", "/contracts", body, 201)
    sample.work(sample.log(), 85)
    assert run_job(sample.desk, "auto_top_ups") == 1
    return str(sold["id"])


def available(billing: Billing, contract: str) -> int:
    return int(billing.read(f"/contracts/{contract}")["balance"]["minutes"]["available"])


def test_it_costs_what_the_price_list_says_and_its_invoice_is_issued(billing: Billing) -> None:
    contract = use_up(billing)
    assert available(billing, contract) == 75
    (invoice,) = billing.read("/invoices")["items"]
    assert (invoice["state"], *minor(invoice, "net")) == ("issued", 5_500)
    (row,) = billing.sample.rows(t.auto_top_up)
    assert (row.state, row.price_minor, row.currency) == ("issued", 5_500, "EUR")
    assert run_job(billing.sample.desk, "auto_top_ups") == 0


@pytest.mark.parametrize("payment_required", [False, True])
def test_one_of_terms_set_while_little_was_left_is_invoiced_too(
    billing: Billing, *, payment_required: bool
) -> None:
    """A supervisor sets them, who may not issue: the job does, once."""
    sample = billing.sample
    sample.set(payment_required=payment_required)
    contract = sample.sell("support_hours", minutes=100)
    sample.work(sample.log(), 85)
    terms = {"auto_top_up": {"mode": "issue", "below": 20, "minutes": 60}}
    billing.ask(billing.supervisor, "POST", f"/contracts/{contract}/auto-top-up", terms)
    assert available(billing, contract) == (15 if payment_required else 75)
    assert run_job(sample.desk, "auto_top_ups") == 1
    (invoice,) = billing.read("/invoices")["items"]
    assert (invoice["state"], *minor(invoice, "net")) == ("issued", 5_500)
    billing.ask(billing.finance, "POST", f"/invoices/{invoice['id']}/void", {"reason": "By hand"})
    assert run_job(sample.desk, "auto_top_ups") == 0
    assert len(billing.read("/invoices?kind=invoice")["items"]) == 1


def test_what_is_left_from_a_day_before_waits_for_people(billing: Billing) -> None:
    sample = billing.sample
    contract = sample.sell("support_hours", minutes=100)
    sample.work(sample.log(), 85)
    terms = {"auto_top_up": {"mode": "issue", "below": 20, "minutes": 60}}
    billing.ask(billing.supervisor, "POST", f"/contracts/{contract}/auto-top-up", terms)
    sample.clock.move(hours=24)
    assert run_job(sample.desk, "auto_top_ups") == 0
    (due,) = billing.read("/sold-items?state=open&kind=top_up")["items"]
    assert due["contract"] == contract


def test_a_price_of_the_terms_comes_first_and_a_refused_issue_leaves_the_draft(billing: Billing) -> None:
    billing.sample.set(tax_rates=[{"name": "R", "percent": "0", "category": "AE", "reason": "Reverse"}])
    use_up(billing, price={"amount_minor": 4_000})
    (invoice,) = billing.read("/invoices")["items"]
    assert (invoice["state"], *minor(invoice, "net")) == ("draft", 4_000)


def test_a_required_payment_is_awaited(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    contract = use_up(billing)
    assert available(billing, contract) == 15
    (invoice,) = billing.read("/invoices")["items"]
    (top_up,) = billing.sample.rows(t.auto_top_up)
    path = f"/contracts/{contract}/auto-top-ups/{top_up.id}"
    for action in ("confirm", "decline"):
        refused = billing.refused(billing.finance, f"{path}/{action}", {}, 409)
        assert refused["state"] == "awaiting_payment"
    billing.process(invoice["id"], 409)
    billing.pay(invoice["id"], minor(invoice, "total")[0])
    billing.process(invoice["id"])
    assert available(billing, contract) == 75
    (item,) = billing.sample.rows(t.sold_item)
    (top_up,) = billing.sample.rows(t.auto_top_up)
    assert (item.grant_id, top_up.state) == (top_up.grant_id, "issued")
    assert run_job(billing.sample.desk, "auto_top_ups") == 0


def test_a_prepared_one_has_the_draft_of_its_invoice_and_is_added_when_confirmed(billing: Billing) -> None:
    contract = use_up(billing, "draft", price={"amount_minor": 4_000})
    assert available(billing, contract) == 15
    (invoice,) = billing.read("/invoices")["items"]
    assert (invoice["state"], *minor(invoice, "net")) == ("draft", 4_000)
    assert run_job(billing.sample.desk, "auto_top_ups") == 0
    (row,) = billing.read(f"/contracts/{contract}/auto-top-ups")["items"]
    assert (row["state"], row["awaits_payment"]) == ("draft", False)
    path = f"/contracts/{contract}/auto-top-ups/{row['id']}"
    assert billing.refused(billing.supervisor, f"{path}/decline", {}, 409)["state"] == "invoiced"
    billing.ask(billing.supervisor, "POST", f"{path}/confirm", {})
    assert available(billing, contract) == 75
    billing.issued(invoice["id"])
    billing.process(invoice["id"])
    assert available(billing, contract) == 75
    assert [one["id"] for one in billing.read("/invoices")["items"]] == [invoice["id"]]
    (item,) = billing.sample.rows(t.sold_item)
    (top_up,) = billing.sample.rows(t.auto_top_up)
    assert (item.grant_id, top_up.state) == (top_up.grant_id, "issued")
    assert billing.sample.see(audit_desk).ok


def test_processing_the_invoice_of_a_prepared_one_adds_it(billing: Billing) -> None:
    contract = use_up(billing, "draft")
    (invoice,) = billing.read("/invoices")["items"]
    billing.issued(invoice["id"])
    billing.process(invoice["id"])
    assert available(billing, contract) == 75


def test_a_prepared_one_is_added_when_paid_or_waived_and_declined_off_its_draft(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    contract = use_up(billing, "draft")
    (top_up,) = billing.sample.rows(t.auto_top_up)
    (item,) = billing.sample.rows(t.sold_item)
    path = f"/contracts/{contract}/auto-top-ups/{top_up.id}"
    for action in ("confirm", "decline"):
        refused = billing.refused(billing.supervisor, f"{path}/{action}", {}, 409)
        assert refused["state"] == "awaiting_payment"
    (invoice,) = billing.read("/invoices")["items"]
    billing.ask(billing.finance, "POST", f"/invoices/{invoice['id']}/void", {})
    billing.ask(billing.finance, "POST", f"/sold-items/{item.id}/waive", {"reason": "Goodwill"})
    billing.ask(billing.supervisor, "POST", f"{path}/confirm", {})
    assert available(billing, contract) == 75
    assert len(billing.sample.rows(t.sold_item)) == 1
    other = use_up_again(billing, contract)
    (draft,) = billing.read("/invoices?state=draft")["items"]
    billing.ask(billing.finance, "POST", f"/invoices/{draft['id']}/void", {})
    billing.ask(billing.supervisor, "POST", f"/contracts/{contract}/auto-top-ups/{other}/decline", {})
    assert billing.read("/sold-items?state=open&kind=top_up")["items"] == []


def use_up_again(billing: Billing, contract: str) -> str:
    """Use the contract up to its threshold once more; returns the id of its next top-up."""
    sample = billing.sample
    sample.clock.move(days=31)
    sample.work(sample.log(), 60)
    assert run_job(sample.desk, "auto_top_ups") == 1
    return str(next(one["id"] for one in billing.read(f"/contracts/{contract}/auto-top-ups")["items"]))


def test_one_by_hand_awaits_a_required_payment(billing: Billing) -> None:
    """It is sold, and added with its terms from the instant of the sale on when its invoice is processed."""
    billing.sample.set(payment_required=True)
    contract = use_up(billing, "warn")
    path = f"/contracts/{contract}/top-up"
    body = {
        "minutes": 30,
        "price": {"amount_minor": 3_000},
        "priority": 5,
        "expires_at": "2026-12-01T00:00:00Z",
        "reason": "Ordered by telephone",
    }
    preview = billing.ask(billing.supervisor, "POST", f"{path}/preview", body)
    (awaited,) = preview["awaited_top_ups"]
    assert (awaited["unit"], awaited["quantity"], *minor(awaited, "price")) == ("minutes", 30, 3_000)
    assert billing.sample.rows(t.sold_item) == []
    for _ in range(2):  # each is its own
        billing.ask(billing.supervisor, "POST", path, body)
    assert available(billing, contract) == 15
    sold_at = billing.sample.clock.now()
    rows = [one for one in billing.read(f"/contracts/{contract}/auto-top-ups")["items"] if one["by_hand"]]
    assert [(one["state"], one["awaits_payment"]) for one in rows] == [("draft", True)] * 2
    refused = billing.refused(
        billing.finance, f"/contracts/{contract}/auto-top-ups/{rows[0]['id']}/confirm", {}, 409
    )
    assert refused["state"] == "awaiting_payment"
    billing.move_to(3, 5)
    run_job(billing.sample.desk, "draft_sold_items")
    (invoice,) = billing.read("/invoices")["items"]
    billing.issued(invoice["id"])
    billing.process(invoice["id"], 409)
    billing.pay(invoice["id"], minor(invoice, "total")[0])
    billing.process(invoice["id"])
    assert available(billing, contract) == 75
    grants = [one for one in billing.sample.rows(t.contract_grant) if one.kind == "top_up"]
    assert [(one.quantity, one.priority, one.price_minor, one.effective_at) for one in grants] == [
        (30, 5, 3_000, sold_at)
    ] * 2
    assert {one.reason for one in grants} == {"Ordered by telephone"}
    assert {one.grant_id for one in billing.sample.rows(t.sold_item)} == {one.id for one in grants}
    assert billing.sample.see(audit_desk).ok


def test_one_by_hand_without_a_price_or_where_payment_is_not_required_is_added_at_once(
    billing: Billing,
) -> None:
    contract = use_up(billing, "warn")
    path, priced = f"/contracts/{contract}/top-up", {"price": {"amount_minor": 3_000}}
    billing.ask(billing.supervisor, "POST", path, {"minutes": 30, **priced})
    billing.sample.set(payment_required=True)
    billing.ask(billing.supervisor, "POST", path, {"minutes": 10})
    assert available(billing, contract) == 55


def test_while_one_by_hand_waits_none_is_added_automatically(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    sample = billing.sample
    terms = {"mode": "issue", "below": 20, "minutes": 60}
    body = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 100, "auto_top_up": terms}
    contract = str(billing.ask(billing.supervisor, "POST", "/contracts", body, 201)["id"])
    billing.ask(
        billing.supervisor,
        "POST",
        f"/contracts/{contract}/top-up",
        {"minutes": 30, "price": {"amount_minor": 3_000}},
    )
    sample.work(sample.log(), 85)
    assert run_job(sample.desk, "auto_top_ups") == 0
    (item,) = sample.rows(t.sold_item)
    billing.ask(billing.finance, "POST", f"/sold-items/{item.id}/waive", {"reason": "Not ordered"})
    (waiting,) = sample.rows(t.auto_top_up)
    billing.ask(billing.supervisor, "POST", f"/contracts/{contract}/auto-top-ups/{waiting.id}/decline", {})
    assert run_job(sample.desk, "auto_top_ups") == 1

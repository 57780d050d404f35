"""What customers buy in the portal: contracts and top-ups that are offered, at the price that was shown."""

from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample, payment_required=True)


def offered(billing: Billing, code: str, kind: str, price: int = 24_000, **more: Any) -> str:
    body = {
        "code": code,
        "label": code,
        "kind": kind,
        "contract_type": "support_hours",
        "offered": True,
        **more,
    }
    made = billing.ask(billing.finance, "POST", "/products", body, 201)["id"]
    prices = {"price": {"amount_minor": price}, "first_on": "2026-01-01"}
    billing.ask(billing.finance, "POST", f"/products/{made}/prices", prices, 201)
    return str(made)


def buy(billing: Billing, product: str, price: int, status: int = 201, who: Any = None, **more: Any) -> Any:
    body = {"price": {"amount_minor": price}, **more}
    return billing.ask(who or billing.ann, "POST", f"/offers/{product}/buy", body, status)


def test_what_is_ordered_for_a_request_is_invoiced_and_its_own_contract_is_not(billing: Billing) -> None:
    for type_key, price in (("per_request", 9_500), ("subscription", 118_000)):
        offered(billing, type_key, "contract_type", price, contract_type=type_key)
    billing.sample.set(payment_required=False)
    request = billing.sample.log()
    ann = Browser(billing.sample, billing.sample.person("customer", "Ann", customer=billing.sample.ann))
    page = ann.open(f"/requests/{request}")
    assert "Price without tax: €95.00." in page
    assert "Price without tax: €1,180.00." in page
    ordered = billing.ask(
        billing.ann, "POST", f"/service-requests/{request}/contracts", {"type": "subscription"}, 201
    )

    def sold(state: str) -> list[tuple[str, str | None]]:
        found = billing.read(f"/sold-items?state={state}")["items"]
        return [(one["contract_type"], one["waive_reason"]) for one in found]

    assert sold("open") == [("subscription", None)]
    assert sold("waived") == [("per_request", f"{ordered['number']} was ordered for the same request.")]
    billing.ask(billing.supervisor, "POST", f"/contracts/{ordered['id']}/cancel", {})
    assert ("per_request", None) in sold("open")
    again = billing.ask(
        billing.ann, "POST", f"/service-requests/{request}/contracts", {"type": "subscription"}, 201
    )
    billing.ask(billing.supervisor, "POST", f"/contracts/{again['id']}/enable")
    assert billing.sample.request(request).contract_id == again["id"]
    assert ("per_request", "Not taken up") in sold("waived")


def test_a_contract_is_bought_invoiced_paid_and_opens_the_request(billing: Billing) -> None:
    request = billing.sample.log()
    block = offered(billing, "BLOCK", "contract_type", quantity=120)
    offered(billing, "HIDDEN", "contract_type", quantity=60, offered=False)
    [offer] = billing.ask(billing.ann, "GET", "/offers")["items"]
    assert (offer["product"], offer["quantity"], *minor(offer, "price")) == (block, 120, 24_000)
    changed = buy(billing, block, 23_999, 409)
    assert "is EUR 240.00 now" in changed["detail"]
    bought = buy(billing, block, 24_000)
    contract = billing.sample.contract(bought["contract"])
    assert (contract.state, contract.holder_id, contract.price_minor) == (
        "pending",
        billing.sample.ann,
        24_000,
    )
    (draft,) = billing.read("/invoices?state=draft")["items"]
    assert (draft["customer"], *minor(draft, "net")) == (billing.sample.ann, 24_000)
    assert billing.read("/sold-items?state=open")["items"] == []
    invoice = billing.issued(draft["id"])
    billing.pay(invoice["id"], invoice["total"]["amount_minor"])
    billing.process(invoice["id"])
    assert billing.sample.contract(bought["contract"]).state == "active"
    assert billing.sample.request(request).state == "open"


def test_a_top_up_is_ordered_once_and_confirmed(billing: Billing) -> None:
    billing.sample.set(payment_required=False)
    mine = billing.sample.sell("support_hours", minutes=60)
    others = billing.sample.sell("support_hours", minutes=60, to=("customer", billing.sample.customer("Bob")))
    hour = offered(billing, "HOUR", "top_up", 9_000, quantity=60)
    offers = billing.ask(billing.ann, "GET", "/offers")["items"]
    assert [(one["contract"], *minor(one, "price")) for one in offers] == [(mine, 9_000)]
    buy(billing, hour, 9_000, 404, contract=others)
    buy(billing, hour, 9_000, 404)
    assert buy(billing, hour, 9_000, contract=mine)["contract"] == mine
    assert buy(billing, hour, 9_000, 409, contract=mine)["state"] == "draft"
    [waiting] = billing.sample.rows(t.auto_top_up)
    path = f"/contracts/{mine}/auto-top-ups/{waiting.id}"
    billing.ask(billing.supervisor, "POST", f"{path}/decline", {"reason": "Not yet"})
    buy(billing, hour, 9_000, contract=mine)
    billing.ask(billing.supervisor, "POST", f"{path}/confirm", {})
    [decided] = billing.sample.rows(t.auto_top_up)
    assert (decided.state, decided.reason) == ("issued", "Ordered by Ann")
    assert sum(row.available for row in billing.sample.grants(mine)) == 120
    items = billing.read("/sold-items?state=open&kind=top_up")["items"]
    assert [minor(one, "amount") for one in items] == [(9_000,)]


def test_an_order_is_drafted_by_hand_where_drafts_are(billing: Billing) -> None:
    billing.sample.set(draft_sold_items=False)
    buy(billing, offered(billing, "BLOCK", "contract_type", quantity=120), 24_000)
    assert billing.read("/invoices")["items"] == []
    assert len(billing.read("/sold-items?state=open")["items"]) == 1


def test_a_contract_that_is_processed_without_payment_is_enabled(billing: Billing) -> None:
    billing.sample.set(payment_required=False)
    bought = buy(billing, offered(billing, "BLOCK", "contract_type", quantity=120), 24_000)
    (draft,) = billing.read("/invoices?state=draft")["items"]
    assert billing.sample.contract(bought["contract"]).state == "pending"
    billing.process(billing.issued(draft["id"])["id"])
    assert billing.sample.contract(bought["contract"]).state == "active"


def test_a_top_up_that_has_to_be_paid_is_invoiced_with_the_order(billing: Billing) -> None:
    billing.sample.set(payment_required=False)
    mine = billing.sample.sell("support_hours", minutes=60)
    billing.sample.set(payment_required=True)
    hour = offered(billing, "HOUR", "top_up", 9_000, quantity=60)
    buy(billing, hour, 9_000, contract=mine)
    assert buy(billing, hour, 9_000, 409, contract=mine)["state"] == "draft"
    (draft,) = billing.read("/invoices?state=draft")["items"]
    assert minor(draft, "net") == (9_000,)
    invoice = billing.issued(draft["id"])
    assert sum(row.available for row in billing.sample.grants(mine)) == 60
    billing.pay(invoice["id"], invoice["total"]["amount_minor"])
    billing.process(invoice["id"])
    assert sum(row.available for row in billing.sample.grants(mine)) == 120


def test_staff_and_desks_without_invoices_buy_nothing(billing: Billing) -> None:
    block = offered(billing, "BLOCK", "contract_type", quantity=120)
    billing.ask(billing.supervisor, "GET", "/offers", status=403)
    buy(billing, block, 24_000, 403, billing.finance)
    buy(billing, "none", 24_000, 404)
    billing.sample.set(invoices=False)
    assert billing.ask(billing.ann, "GET", "/offers")["items"] == []
    assert buy(billing, block, 24_000, 409)["state"] == "invoices_off"


def test_a_contract_is_ordered_on_the_page(billing: Billing) -> None:
    block = offered(billing, "BLOCK", "contract_type", quantity=120)
    ann = billing.sample.person("customer", "Ann", customer=billing.sample.ann)
    customer = Browser(billing.sample, ann, billing.api.app)
    assert f"/offers/{block}" in customer.open("/offers").html
    form = customer.open(f"/offers/{block}")
    assert "Order for €240.00" in form
    changed = customer.send(form, price="1")
    assert changed.status == 422
    assert "The price of “BLOCK” is EUR 240.00 now." in changed
    assert "Ordered." in customer.send(changed)
    assert [row.state for row in billing.sample.rows(t.contract)] == ["pending"]

"""Products, parts, travel and expenses on a service request and beside a contract, up to their invoice."""

from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.sample_desk import SampleDesk

DRIVE = {"code": "D-1", "label": "Hard disk", "kind": "part", "tax_rate": "Reduced"}
CABLE = {
    "description": "A cable",
    "kind": "expense",
    "unit_price": {"amount_minor": 1_999},
    "quantity": "1.5",
}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    sample.sell("subscription")
    return Billing(sample)


def product(billing: Billing) -> str:
    made = billing.ask(billing.finance, "POST", "/products", DRIVE, 201)["id"]
    for price, first, last in ((8_000, "2026-01-01", "2026-03-01"), (9_000, "2026-03-02", None)):
        body = {"price": {"amount_minor": price}, "first_on": first, **({"last_on": last} if last else {})}
        billing.ask(billing.finance, "POST", f"/products/{made}/prices", body, 201)
    return str(made)


def add(billing: Billing, request: str, body: dict[str, Any], status: int = 201, who: Any = None) -> Any:
    path = f"/service-requests/{request}/sold-items"
    return billing.ask(who or billing.api.technician, "POST", path, body, status)


def test_an_item_of_a_request_is_invoiced_with_its_number(billing: Billing) -> None:
    request, disk = billing.sample.log(), product(billing)
    number = billing.sample.request(request).number
    seen = add(billing, request, {"product": disk, "quantity": "2", "sold_on": "2026-03-01"})
    assert (seen["description"], seen["amount"], seen["unit_price"]) == ("Hard disk", None, None)
    add(billing, request, {"product": disk})
    cable = add(billing, request, CABLE)
    listed = billing.read("/sold-items?state=open")["items"]
    of_request = [one for one in listed if one["service_request"] == request]
    # the price is that of the day; 1.5 × 19.99 is rounded half up once
    assert [(one["kind"], *minor(one, "amount")) for one in of_request] == [
        ("part", 16_000),
        ("part", 9_000),
        ("expense", 2_999),
    ]
    mine = billing.ask(billing.ann, "GET", f"/service-requests/{request}/sold-items")["items"]
    assert [minor(one, "amount") for one in mine] == [(16_000,), (9_000,), (2_999,)]
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    lines = [one for one in draft["lines"] if one["description"].startswith(f"{number}: ")]
    assert [(one["quantity"], one["tax_rate"], one["service_from"], *minor(one, "net")) for one in lines] == [
        ("2", "Reduced", "2026-03-01", 16_000),
        ("1", "Reduced", "2026-03-02", 9_000),
        ("1.5", "Standard", "2026-03-02", 2_999),
    ]
    frozen = billing.ask(
        billing.api.technician, "PATCH", f"/sold-items/{cable['id']}", {"quantity": "2"}, 409
    )
    assert frozen["state"] == "invoiced"
    billing.ask(billing.finance, "DELETE", f"/sold-items/{cable['id']}", status=409)
    # what is sold once is revenue at once
    billing.issued(draft["id"])
    revenue = billing.read("/ledger/trial-balance")["accounts"]
    assert {one["account"]: one["credit"]["amount_minor"] for one in revenue}["revenue"] == 27_999
    # a voided draft lets it go; what its line names stays, and is not to be invoiced
    other = add(billing, request, CABLE)
    again = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    billing.ask(billing.finance, "POST", f"/invoices/{again['id']}/void", {"reason": "Wrong"})
    billing.ask(billing.finance, "DELETE", f"/sold-items/{other['id']}", status=204)
    assert billing.read(f"/sold-items/{other['id']}")["state"] == "waived"


def test_an_item_is_changed_and_deleted_until_it_is_invoiced(billing: Billing) -> None:
    request, disk = billing.sample.log(), product(billing)
    made = add(billing, request, {"product": disk, "bill_to": "org_unit"})
    path = f"/sold-items/{made['id']}"
    changed = billing.ask(
        billing.finance, "PATCH", path, {"quantity": "3", "unit_price": {"amount_minor": 1}}
    )
    assert (changed["org_unit"], changed["version"], *minor(changed, "amount")) == (billing.sample.site, 2, 3)
    own_price = billing.ask(billing.api.technician, "PATCH", path, {"unit_price": {"amount_minor": 5}}, 403)
    assert "Leave the price out" in own_price["detail"]
    moved = billing.sample.customer("Carl", billing.sample.parent)
    item = add(billing, request, CABLE)
    body = {"customer": moved, "org_unit": billing.sample.parent, "item": None}
    billing.ask(billing.supervisor, "PATCH", f"/service-requests/{request}", body)
    assert billing.read(path)["org_unit"] == billing.sample.parent
    assert billing.read(f"/sold-items/{item['id']}")["customer"] == moved
    assert billing.ask(billing.ann, "GET", path, status=404)["status"] == 404
    billing.ask(billing.api.technician, "DELETE", path, status=204)
    billing.ask(billing.finance, "GET", path, status=404)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"product": "none"}, "/product"),
    ({"description": "Nothing"}, ""),
    ({**CABLE, "unit_price": {"amount_minor": 0}}, "/quantity"),
    ({**CABLE, "unit_price": {"amount_minor": 5, "currency": "USD"}}, "/unit_price/currency"),
    ({**CABLE, "quantity": "0"}, "/quantity"),
    ({**CABLE, "quantity": "999999999", "unit_price": {"amount_minor": 10**12}}, "/quantity"),
    ({**CABLE, "tax_rate": "Unknown"}, "/tax_rate"),
    ({**CABLE, "sold_on": "2026-03-03"}, "/sold_on"),
]


def test_bad_input_is_named(billing: Billing) -> None:
    request = billing.sample.log()
    found = [add(billing, request, body, 422)["errors"][0]["pointer"] for body, _ in BAD]
    assert found == [pointer for _, pointer in BAD]


def test_what_cannot_be_sold_is_refused(billing: Billing) -> None:
    request = billing.sample.log()
    hours = {"code": "H", "label": "Hours", "kind": "top_up", "contract_type": "support_hours"}
    top_up = billing.ask(billing.finance, "POST", "/products", hours, 201)["id"]
    assert add(billing, request, {"product": top_up}, 422)["errors"][0]["pointer"] == "/product"
    add(billing, request, CABLE, 403, billing.ann)
    billing.sample.fire(request, "cancel", reason="Solved")
    assert add(billing, request, CABLE, 409)["state"] == "cancelled"
    billing.sample.set(invoices=False)
    assert add(billing, billing.sample.log(), CABLE, 409)["state"] == "invoices_off"


def test_items_are_sold_beside_a_contract(billing: Billing) -> None:
    disk = product(billing)
    body = {
        "type": "support_hours",
        "minutes": 60,
        "holder": {"customer": billing.sample.ann},
        "price": {"amount_minor": 24_000},
        "sold_items": [{"product": disk}, CABLE],
    }
    sold = billing.ask(billing.supervisor, "POST", "/contracts", body, 201)
    found = billing.read(f"/sold-items?state=open&contract={sold['id']}")["items"]
    assert sorted(minor(one, "amount")[0] for one in found) == [2_999, 9_000, 24_000]
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    assert {one["contract"] for one in draft["lines"]} == {sold["id"]}
    billing.issued(draft["id"])
    # only the contract is deferred
    deferred = billing.read("/ledger/deferred-revenue")["items"]
    assert [minor(one, "invoiced") for one in deferred] == [(24_000,)]
    refused = billing.ask(
        billing.supervisor, "POST", "/contracts", {**body, "sold_items": [{"product": "x"}]}, 422
    )
    assert refused["errors"][0]["pointer"] == "/sold_items/0/product"

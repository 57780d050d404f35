"""The lines of invoices that sold a contract, on the contract: in the API, and as links on its page."""

from typing import Any

from tests.support.billing import Billing
from tests.support.web_clients import WebClients

PRICE = {"amount_minor": 60_000}


def sell(billing: Billing, **holder: str) -> str:
    body = {"type": "support_hours", "holder": holder, "minutes": 600, "price": PRICE}
    return str(billing.ask(billing.supervisor, "POST", "/contracts", body, 201)["id"])


def links(contract: Any) -> list[tuple[Any, ...]]:
    return [(one["kind"], one["invoice"], one["position"], one["state"]) for one in contract["sold_lines"]]


def test_a_contract_names_the_lines_that_sold_it_and_its_top_ups(web: WebClients) -> None:
    billing = Billing(web.sample)
    contract = sell(billing, customer=billing.sample.ann)
    path = f"/contracts/{contract}"
    new = billing.read(path)
    assert (new["invoice"], new["invoice_line"], new["sold_lines"]) == (None, None, [])
    billing.ask(billing.supervisor, "POST", f"{path}/top-up", {"minutes": 60, "price": PRICE})
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": billing.sample.ann}, 201)
    found = billing.read(f"{path}?expand=invoice")
    assert (found["invoice"]["id"], found["invoice_line"]) == (draft["id"], draft["lines"][0]["id"])
    assert links(found) == [("contract", draft["id"], 1, "draft"), ("top_up", draft["id"], 2, "draft")]
    assert found["sold_lines"][1]["grant"] == found["grants"][1]["id"]
    assert links(billing.ask(billing.ann, "GET", path)) == []
    number = billing.issued(draft["id"])["number"]
    assert links(billing.ask(billing.ann, "GET", path)) == links(billing.read(path))
    assert links(billing.read("/contracts")["items"][0]) == links(billing.read(path))
    assert links(billing.ask(billing.api.technician, "GET", path)) == []
    for client in (web.finance, web.supervisor, web.ann):
        page = client.open(path)
        assert f'href="/invoices/{draft["id"]}#line-2">{number}, line 2</a>' in page.html
        assert 'id="line-2"' in client.open(f"/invoices/{draft['id']}").html
    assert draft["id"] not in web.of_role("technician").open(path).html


def test_a_renewal_and_what_is_invoiced_again_name_their_own_line(web: WebClients) -> None:
    billing = Billing(web.sample)
    sold = sell(billing, customer=billing.sample.ann)
    drafted = {"customer": billing.sample.ann}
    first = billing.issued(billing.ask(billing.finance, "POST", "/sold-items/draft", drafted, 201)["id"])
    billing.credit(first["id"])
    again = billing.ask(billing.finance, "POST", "/sold-items/draft", drafted, 201)["id"]
    contract = billing.read(f"/contracts/{sold}")
    assert contract["invoice"] == again
    assert [one["invoice"] for one in contract["sold_lines"]] == [first["id"], again]
    billing.ask(billing.finance, "POST", f"/invoices/{again}/void", {"reason": "By hand"})
    assert billing.read(f"/contracts/{sold}")["invoice"] == first["id"]


def test_whoever_takes_a_contract_over_does_not_see_the_invoice_of_who_bought_it(web: WebClients) -> None:
    billing = Billing(web.sample)
    bob = billing.sample.customer("Bob", billing.sample.site)
    sold = sell(billing, customer=bob)
    draft = billing.ask(billing.finance, "POST", "/sold-items/draft", {"customer": bob}, 201)
    billing.issued(draft["id"])
    to_ann = {"holder": {"customer": billing.sample.ann}, "reason": "Sold"}
    billing.ask(billing.finance, "POST", f"/contracts/{sold}/transfer", to_ann)
    seen = billing.ask(billing.ann, "GET", f"/contracts/{sold}")
    assert (seen["invoice"], seen["invoice_line"], seen["sold_lines"]) == (None, None, [])
    assert draft["id"] not in web.ann.open(f"/contracts/{sold}").html
    assert billing.read(f"/contracts/{sold}")["invoice"] == draft["id"]

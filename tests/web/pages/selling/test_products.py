"""The price list on the pages and in the API, and sales that take their price from it."""

import csv
import io
from typing import Any

import pytest

from tests.support.api import ApiClient, token_of
from tests.support.web_clients import WebClients
from workflows.store import tables as t

HOURS = {"code": "SUP-20", "label": "Twenty hours", "kind": "contract_type", "contract_type": "support_hours"}
PRICE = {"price": {"amount_minor": 180_000, "currency": "EUR"}, "first_on": "2026-01-01"}


def client(web: WebClients, role: str) -> ApiClient:
    return ApiClient(web.app, token_of(web.sample, getattr(web.sample, role)))


def listed(web: WebClients, **given: Any) -> str:
    """A product with a price from 1 January on; returns its id."""
    finance = client(web, "finance")
    made: Any = finance.post("/products", {**HOURS, "quantity": 1200, **given}).json
    priced = finance.post(f"/products/{made['id']}/prices", PRICE)
    assert priced.status_code == 201, priced.json
    return str(made["id"])


def test_the_api_keeps_the_price_list(web: WebClients) -> None:
    finance = client(web, "finance")
    made = listed(web)
    shown: Any = finance.get(f"/products/{made}")
    etag = shown.headers["ETag"]
    [price] = shown.json["prices"]
    assert (price["first_on"], price["last_on"], price["standing"]) == ("2026-01-01", None, "current")
    assert shown.json["current_price"] == {"amount_minor": 180_000, "currency": "EUR"}
    overlapping: Any = finance.post(f"/products/{made}/prices", {**PRICE, "first_on": "2026-05-01"})
    assert (overlapping.status_code, overlapping.json["type"]) == (409, "/api/docs#prices-overlap")
    assert "EUR 1,800.00 from 2026-01-01 on overlaps" in overlapping.json["detail"]
    path = f"/products/{made}/prices/{price['id']}"
    ended: Any = finance.patch(path, {"last_on": "2026-04-30"}).json
    assert ended["prices"][0]["last_on"] == "2026-04-30"
    after = finance.post(f"/products/{made}/prices", {**PRICE, "first_on": "2026-05-01"})
    later = after.json["prices"][1]["id"]  # type: ignore[index]
    assert finance.delete(f"/products/{made}/prices/{later}").status_code == 200
    assert finance.delete(path).status_code == 409
    renamed = {"label": "Hours"}
    assert finance.patch(f"/products/{made}", renamed, **{"If-Match": etag}).status_code == 412
    assert finance.patch(f"/products/{made}", renamed).json["label"] == "Hours"  # type: ignore[index]
    found: Any = finance.get("/products?priced=now&kind=contract_type&q=hours").json
    assert [one["code"] for one in found["items"]] == ["SUP-20"]
    for role, status in (("supervisor", 200), ("technician", 403)):
        assert client(web, role).get("/products").status_code == status
        assert client(web, role).get("/products.csv").status_code == status
        assert client(web, role).post("/products", {**HOURS, "code": "X"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**PRICE, "first_on": "2026-02-30"}, "/first_on"),
        ({**PRICE, "last_on": "2025-12-31"}, "/last_on"),
        ({**PRICE, "price": {"amount_minor": -1}}, "/price/amount_minor"),
        ({**PRICE, "price": {"amount_minor": 1, "currency": "XXX"}}, "/price/currency"),
        ({"price": {"amount_minor": 1}}, "/first_on"),
    ],
)
def test_a_bad_price_is_named(web: WebClients, body: Any, pointer: str) -> None:
    finance = client(web, "finance")
    made: Any = finance.post("/products", HOURS).json
    answer: Any = finance.post(f"/products/{made['id']}/prices", body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]
    assert web.sample.rows(t.product_price) == []


def test_the_api_imports_what_it_exports(web: WebClients) -> None:
    listed(web, label="=1+1")
    finance = client(web, "finance")
    text = finance.get("/products.csv").text
    assert ",'=1+1," in text  # no spreadsheet runs it
    done: Any = finance.post("/products/import", {"file": text}).json
    assert done == {
        "products_added": 0, "products_changed": 0, "prices_added": 0, "prices_changed": 0, "unchanged": 2,
    }  # fmt: skip
    wrong: Any = finance.post("/products/import", {"file": text.replace("1800.00", "1.800,00")})
    assert (wrong.status_code, wrong.json["line"]) == (422, 2)
    assert wrong.json["errors"][0]["pointer"] == "/file"


def test_a_sale_by_the_api_says_where_its_price_came_from(web: WebClients) -> None:
    listed(web)
    seller = client(web, "supervisor")
    body = {"type": "support_hours", "holder": {"customer": web.sample.ann}, "minutes": 1200}
    request = web.sample.log("Waits for a contract")
    effects: Any = seller.post("/contracts/preview", {**body, "discount_percent": "10"}).json
    [would_be] = [one["after"] for one in effects["contracts"] if one["before"] is None]
    assert would_be["price"]["amount_minor"] == 162_000
    assert [(one["after"]["id"], one["after"]["state"]) for one in effects["requests"]] == [(request, "open")]
    assert len(web.sample.rows(t.contract)) == 1  # the one of the request
    sold: Any = seller.post("/contracts", {**body, "discount_percent": "10"}).json
    assert sold["price"]["amount_minor"] == 162_000
    origin = sold["price_origin"]
    assert (origin["source"], origin["product"], origin["discount_percent"]) == ("price_list", "SUP-20", "10")
    assert origin["list_price"] == {"amount_minor": 180_000, "currency": "EUR"}
    hidden: Any = client(web, "technician").get(f"/contracts/{sold['id']}").json
    assert (hidden["price"], hidden["price_origin"]) == (None, None)
    for discount, status in (("150", 422), ("-1", 422), ("ten", 422)):
        refused = seller.post("/contracts", {**body, "discount_percent": discount})
        assert refused.status_code == status


# ------------------------------------------------------------------ pages


def test_a_product_is_added_priced_and_sold_on_the_pages(web: WebClients) -> None:
    finance = web.finance
    page = finance.open("/products")
    assert "No products yet" in page
    form = finance.open("/products/new")
    wrong = finance.send(form, code="SUP-20", label="Twenty hours", contract_type="")
    assert wrong.status == 422
    assert "needs a contract type" in wrong
    shown = finance.send(wrong, contract_type="support_hours", minutes="20", unit="contract")
    assert "Twenty hours has been added." in shown
    assert "No price yet." in shown
    wrong = finance.send(shown, "/prices", amount="a thousand", first_on="2026-01-01")
    assert wrong.status == 422
    assert "“a thousand” is not an amount in EUR." in wrong
    shown = finance.send(shown, "/prices", amount="1.800,00", first_on="2026-01-01")
    assert "The price has been added." in shown
    assert "€1,800.00" in shown
    wrong = finance.send(shown, "/prices", amount="1900", first_on="2026-06-01", key="another")
    assert wrong.status == 422
    assert "overlaps EUR 1,900.00 from 2026-06-01 on" in wrong
    assert wrong.form("/prices").values["amount"] == "1900"

    sue = web.supervisor
    new = sue.open("/contracts/new?type=support_hours")
    assert "Price list: 20:00 for €1,800.00 (SUP-20)." in new
    sent = {"holder": f"customer:{web.sample.ann}", "minutes": "20", "discount_percent": "10 %"}
    values = {**new.form().values, **sent}
    answer = sue.client.post("/contracts/new/effect", data=values)
    preview = answer.get_data(as_text=True)
    assert "for €1,620.00 (price list SUP-20, €1,800.00 less 10 %)" in preview
    assert web.sample.rows(t.contract) == []
    sold = sue.send(new, **sent)
    assert "€1,620.00" in sold
    assert "At the sale: price list SUP-20, €1,800.00 less 10 %" in sold
    refused = sue.send(new, **{**sent, "discount_percent": "150"}, key="another")
    assert refused.status == 422
    assert "A discount is at most 100 percent." in refused


def test_a_price_is_ended_and_one_to_come_removed(web: WebClients) -> None:
    made = listed(web)
    [price] = web.sample.rows(t.product_price)
    finance = web.finance
    page = finance.open(f"/products/{made}/prices/{price.id}/end")
    wrong = finance.send(page, last_on="2026-01-31")
    assert wrong.status == 422
    assert "2026-01-31 is over" in wrong
    shown = finance.send(wrong, last_on="2026-06-30")
    assert "30 Jun 2026" in shown
    shown = finance.send(shown, "/prices", amount="2000", first_on="2026-07-01")
    assert "To come" in shown
    done = finance.send(shown, "/remove")
    assert "The price has been removed." in done
    assert len(web.sample.rows(t.product_price)) == 1
    assert finance.open(f"/products/{made}/prices/nothing/end").path == f"/products/{made}"
    assert not web.supervisor.open(f"/products/{made}").has_form("/prices")
    assert web.supervisor.open(f"/products/{made}/edit").status == 403


def test_a_product_is_edited(web: WebClients) -> None:
    made = listed(web)
    page = web.finance.open(f"/products/{made}/edit")
    assert page.form().values["minutes"] == "20:00"
    shown = web.finance.send(page, label="Thirty hours", minutes="30", tax_rate="No tax")
    assert "30:00 h" in shown
    [row] = web.sample.rows(t.product)
    assert (row.label, row.quantity, row.unit, row.tax_rate) == ("Thirty hours", 1800, "piece", "No tax")
    web.finance.send(web.finance.open(f"/products/{made}/edit"), tax_rate="")
    assert web.sample.rows(t.product)[0].tax_rate is None


def test_the_list_is_filtered_downloaded_and_imported(web: WebClients) -> None:
    listed(web)
    client(web, "finance").post(
        "/products", {"code": "KM", "label": "By car", "kind": "travel", "unit": "km"}
    )
    finance = web.finance
    page = finance.open("/products?priced=not_now")
    assert "By car" in page
    assert "Twenty hours" not in page
    assert "1 product" in page
    assert "No matching products" in finance.open("/products?q=zzz")
    text = finance.client.get("/products?format=csv").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row[0] for row in rows] == ["code", "KM", "SUP-20"]
    form = finance.open("/products/import")
    done = finance.send(form, file=text.replace("By car", "By train"))
    assert "Imported: 1 product changed." in done
    wrong = finance.send(form, file=text.replace("1800.00", "1,8"), key="another")
    assert wrong.status == 422
    assert "Line 3:" in wrong
    upload = {**form.form().values, "key": "third", "upload": (io.BytesIO(text.encode()), "list.csv")}
    sent = finance.client.post("/products/import", data=upload, content_type="multipart/form-data")
    assert sent.status_code == 302
    assert "By car" in finance.open("/products")

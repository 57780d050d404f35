"""Quotes on the pages, in the portal, by the link of the mail, and in the API."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.api import ApiClient, token_of
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.notifications.mail_links import make_quote_secret
from workflows.store import tables as t

LAST_DAY = "2026-03-31"


def client(web: WebClients, role: str) -> ApiClient:
    return ApiClient(web.app, token_of(web.sample, getattr(web.sample, role)))


def line(web: WebClients, **given: Any) -> dict[str, Any]:
    contract = {"type": "support_hours", "holder": {"customer": web.sample.ann}, "minutes": 600}
    return {"contract": contract, "unit_price": {"amount_minor": 100_000}, **given}


def sent(web: WebClients) -> dict[str, Any]:
    """A quote to Ann that was sent, as the API shows it."""
    seller = client(web, "supervisor")
    body = {"customer": web.sample.ann, "subject": "Hours", "last_on": LAST_DAY, "lines": [line(web)]}
    made: Any = seller.post("/quotes", body).json
    shown: Any = seller.post(f"/quotes/{made['id']}/send").json
    return dict(shown)


def link_of(web: WebClients) -> str:
    [mail] = web.sample.rows(t.outbox, event="quote_sent")
    return str(web.sample.do(make_quote_secret, mail.payload["link"]))


# ------------------------------------------------------------------ the API


def test_the_api_sends_and_accepts_a_quote(web: WebClients) -> None:
    request = web.sample.log("Waits for a contract")
    quote = sent(web)
    assert (quote["number"], quote["state"]) == ("QU-0001", "sent")
    assert quote["versions"][0]["lapses_at"] == "2026-03-31T22:00:00Z"  # midnight in Berlin
    path = f"/quotes/{quote['id']}"
    customer = ApiClient(
        web.app, token_of(web.sample, web.sample.person("customer", customer=web.sample.ann))
    )
    seen: Any = customer.get(path).json
    assert (seen["allowed_actions"], seen["versions"][0]["sent_to"]) == (["accept", "decline"], None)
    effects: Any = client(web, "supervisor").post(f"{path}/accept/preview").json
    assert [one["after"]["id"] for one in effects["requests"]] == [request]
    assert web.sample.rows(t.quote_decision) == []
    done: Any = customer.post(f"{path}/accept", {"comment": "Fine"}, idempotency_key="k").json
    again = customer.post(f"{path}/accept", {"comment": "Fine"}, idempotency_key="k")
    assert (again.json, again.headers["Idempotency-Replayed"]) == (done, "true")
    assert (done["state"], done["versions"][0]["lines"][0]["contract_number"]) == ("accepted", "SH-0001")
    refused: Any = customer.post(f"{path}/decline")
    assert (refused.status_code, refused.json["type"]) == (409, "/api/docs#quote-accepted")
    assert refused.json["state"] == "accepted"
    [decision] = web.sample.rows(t.quote_decision)
    assert (decision.address, decision.way) == ("127.0.0.1", "portal")


def test_the_api_names_what_is_wrong(web: WebClients) -> None:
    seller = client(web, "supervisor")
    good = {"customer": web.sample.ann, "subject": "Hours", "last_on": LAST_DAY}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"lines": [{"quantity": "0", "description": "X", "unit_price": {"amount_minor": 1}}]}, "quantity"),
        ({"lines": [{"description": "X"}]}, "/lines/0"),
        ({"lines": [line(web, quantity="2")]}, "/lines/0"),
        ({"lines": [line(web, discount_percent="150")]}, "/lines/0/discount_percent"),
        ({"lines": [line(web, tax_rate="None such")]}, "/lines/0/tax_rate"),
        ({"lines": [line(web, unit_price={"amount_minor": 1, "currency": "USD"})]}, "/lines/0/unit_price"),
        ({"lines": [{"product": "nothing"}]}, "/lines/0/product"),
        ({"last_on": "2026-02-30"}, "/last_on"),
        ({"org_unit": web.sample.site}, "/customer"),
    ]
    for change, pointer in cases:
        answer: Any = seller.post("/quotes", {**good, **change})
        assert answer.status_code == 422, change
        assert pointer in answer.json["errors"][0]["pointer"], (change, answer.json)
    assert web.sample.rows(t.quote) == []
    assert client(web, "technician").get("/quotes").status_code == 403
    assert client(web, "technician").post("/quotes", good).status_code == 403


def test_another_customers_quote_is_not_found(web: WebClients) -> None:
    quote = sent(web)
    bob = web.sample.person("customer", "Bob", customer=web.sample.customer("Bob"))
    other, page = ApiClient(web.app, token_of(web.sample, bob)), web.browser(bob)
    path = f"/quotes/{quote['id']}"
    assert other.get("/quotes").json == {"items": [], "next_cursor": None}
    for answer in (other.get(path), other.post(f"{path}/accept"), other.post(f"{path}/decline")):
        assert answer.status_code == 404
    assert page.open(path).status == 404
    assert "QU-0001" not in page.open("/quotes")
    assert web.sample.rows(t.contract) == []


# ------------------------------------------------------------------ pages of those who sell


def test_a_quote_is_written_sent_and_recorded_on_the_pages(web: WebClients) -> None:
    sue, sample = web.supervisor, web.sample
    request = sample.log("Waits for a contract")
    assert "No quotes yet" in sue.open("/quotes")
    form = sue.open(f"/quotes/new?party=customer:{sample.ann}")
    wrong = sue.send(form, subject="Hours", last_on="2026-01-01")
    assert wrong.status == 422
    assert "2026-01-01 is over" in wrong
    page = sue.send(wrong, last_on=LAST_DAY)
    assert "The quote has been created." in page
    assert "Nothing is offered yet." in page
    refused = sue.send(page, "/send")
    assert refused.status == 422
    assert "QU-0001 has no line." in refused

    [quote] = sample.rows(t.quote)
    path = f"/quotes/{quote.id}"
    terms = {"holder": f"customer:{sample.ann}", "type": "support_hours", "minutes": "20"}
    form = sue.open(f"{path}/contracts/new")
    wrong = sue.send(form, **terms, starts_on="2026-03-01", price="1000", discount_percent="150")
    assert wrong.status == 422
    assert "A discount is at most 100 percent." in wrong
    wrong = sue.send(form, **{**terms, "type": "subscription"}, price="1000", key="another")
    assert wrong.status == 422
    assert "have no minutes" in wrong
    page = sue.send(form, **terms, price="1000", discount_percent="10 %", key="third")
    assert "The contract has been added." in page
    assert "€900.00" in page
    form = sue.open(f"{path}/lines/new")
    wrong = sue.send(form, description="Setting up", quantity="two", unit_price="50")
    assert wrong.status == 422
    page = sue.send(form, description="Setting up", quantity="2,5", unit_price="50", key="another")
    assert "€125.00" in page
    assert "€1,025.00" in page
    page = sue.send(page, "/lines/1/remove")
    assert "€1,025.00" not in page

    page = sue.send(page, "/send")
    assert "The quote has been sent." in page
    assert "ann@example.com" in page
    edited = sue.send(sue.open(f"{path}/edit"), subject="More hours")
    assert "Version 2" in edited
    assert [row.subject for row in sample.rows(t.quote_version)] == ["Hours", "More hours"]

    decide = edited.form("/accept")
    answer = sue.client.post(f"{path}/accept/effect", data=decide.values, headers={"HX-Request": "true"})
    fragment = answer.get_data(as_text=True)
    assert "for €900.00 (as quoted, €1,000.00 less 10 %)" in fragment
    assert sample.request(request).number in fragment
    assert sample.rows(t.quote_decision) == []
    done = sue.send(edited, "/accept", name="Ann, by phone")
    assert "The quote is accepted." in done
    assert "by Ann, by phone, recorded by the supervisor" in done
    assert sample.request(request).state == "open"
    assert not done.has_form("/accept")
    assert sue.open(f"{path}/lines/9/remove").status in (404, 405)


def test_the_list_is_filtered_and_downloaded(web: WebClients) -> None:
    sent(web)
    page = web.finance.open("/quotes?state=sent&q=hours")
    assert "QU-0001" in page
    assert "1 quote" in page
    assert "No matching quotes" in web.finance.open("/quotes?state=lapsed")
    text = web.finance.client.get("/quotes?format=csv").get_data(as_text=True)
    header, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert (row[0], row[header.index("total")], row[header.index("state")]) == ("QU-0001", "1000.00", "sent")
    assert web.technician.open("/quotes").status == 403


# ------------------------------------------------------------------ the customer, and the link


def test_a_customer_accepts_in_the_portal(web: WebClients) -> None:
    quote = sent(web)
    listed = web.ann.open("/quotes")
    assert "My quotes" in listed
    assert "QU-0001" in listed
    page = web.ann.open(f"/quotes/{quote['id']}")
    assert not page.has_form("/send")
    assert "Preview" not in page
    done = web.ann.send(page, "/accept", comment="Fine")
    assert "The quote is accepted." in done
    again = web.ann.send(page, "/accept", comment="Fine")
    assert "The quote is accepted." in again
    assert len(web.sample.rows(t.contract)) == 1
    [decision] = web.sample.rows(t.quote_decision)
    assert (decision.name, decision.way, decision.comment) == ("Ann", "portal", "Fine")


def by_link(web: WebClients, page: Page, decision: str, **given: str) -> Page:
    values = {**page.form("/quote").values, "decision": decision, **given}
    return Page(web.nobody.client.post("/quote", data=values, follow_redirects=True))


def test_the_link_shows_the_quote_and_decides(web: WebClients) -> None:
    sent(web)
    secret = link_of(web)
    page = web.nobody.open(f"/quote?link={secret}")
    assert page.status == 200
    assert page.answer.headers["Referrer-Policy"] == "no-referrer"
    assert "QU-0001" in page
    assert web.sample.rows(t.quote_decision) == []
    for name in ("", "  "):
        wrong = by_link(web, page, "accept", name=name)
        assert wrong.status == 422
    assert web.sample.rows(t.quote_decision) == []
    done = by_link(web, page, "accept", name="Ann Example")
    assert "The quote is accepted. Thank you." in done
    assert "It can be accepted until" in page
    assert "It can be accepted until" not in done
    [decision] = web.sample.rows(t.quote_decision)
    assert decision.statement == "I accept the quote QU-0001, version 1, of EUR 1,000.00 in total."
    assert f"“{decision.statement}”" in page
    assert not done.has_form("/quote")
    again = by_link(web, page, "accept", name="Ann Example")
    assert again.status == 200
    assert len(web.sample.rows(t.contract)) == 1
    refused = by_link(web, page, "decline", name="Ann Example")
    assert refused.status == 422
    assert "it was accepted" in refused


@pytest.mark.parametrize("link", ["", "nothing", "x" * 5000, "\u0000"])
def test_a_wrong_link_says_so(web: WebClients, link: str) -> None:
    sent(web)
    page = Page(web.nobody.client.get("/quote", query_string={"link": link}))
    assert page.status == 410
    assert "Link not valid" in page


def test_a_lapsed_link_says_so(web: WebClients) -> None:
    sent(web)
    secret = link_of(web)
    page = web.nobody.open(f"/quote?link={secret}")
    web.sample.clock.at = datetime(2026, 3, 31, 22, tzinfo=UTC)
    late = by_link(web, page, "accept", name="Ann Example")
    assert late.status == 422
    assert "its last day is over" in late
    assert "Lapsed" in web.nobody.open(f"/quote?link={secret}")
    assert web.sample.rows(t.contract) == []

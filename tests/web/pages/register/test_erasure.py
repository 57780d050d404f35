"""Erasing a customer in the pages and by the API; what is shown of them afterwards, and what is refused."""

import re
from typing import Any

import pytest

from tests.support.api import ApiClient, app_of, token_of
from tests.support.marked_customer import MARK, NAME, MarkedCustomer
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from workflows.core.actors import Actor
from workflows.store import tables as t

LINK = re.compile(r'href="(/[^"#]*)')
UNSAID = re.compile(r"[?&](list|order|at)=[^&]*")
"""Of an address: from which list it is opened, and the order of a list."""


@pytest.fixture
def marked(sample: SampleDesk) -> MarkedCustomer:
    sample.publish_rules()
    return MarkedCustomer(sample)


def api_of(sample: SampleDesk, actor: Actor) -> ApiClient:
    return ApiClient(app_of(sample), token_of(sample, actor))


def erase_by_page(marked: MarkedCustomer) -> Browser:
    browser = Browser(marked.sample, marked.sample.administrator)
    page = browser.open(f"/customers/{marked.id}/erasure")
    assert "What stops it" not in page
    wrong = browser.send(page, "/erasure", name="Anna", reason="They asked for it")
    assert wrong.status == 422
    assert "This is not the name of the customer." in wrong
    done = browser.send(page, "/erasure", name=NAME, reason="They asked for it")
    assert "The customer has been erased." in done
    assert "Erased 1" in done
    return browser


def test_an_erased_customers_pages_open_and_nothing_new_is_recorded_sold_or_mailed(
    marked: MarkedCustomer,
) -> None:
    marked.mark()
    every_page_opens(marked, erase_by_page(marked))
    nothing_new_is_recorded(marked)


def every_page_opens(marked: MarkedCustomer, browser: Browser) -> None:
    """Each page, list and file that names the customer or a record of theirs."""
    sample, me = marked.sample, marked.id
    kinds = {
        "requests": sample.rows(t.service_request, customer_id=me),
        "contracts": sample.rows(t.contract, holder_id=me),
        "invoices": sample.rows(t.invoice, customer_id=me),
        "quotes": sample.rows(t.quote, customer_id=me),
        "disputes": sample.rows(t.dispute, customer_id=me),
        "payments": sample.rows(t.payment, customer_id=me),
        "items": sample.rows(t.item, owner_customer_id=me),
        "recurring-sales": sample.rows(t.recurring_sale, customer_id=me),
        "bank-entries": sample.rows(t.bank_entry),
    }
    records = {me, str(marked.actor.id), *(row.id for rows in kinds.values() for row in rows)}
    lists = ("", "?format=csv")
    waiting = [
        f"/customers/{me}",
        f"/users/{marked.actor.id}",
        "/audit",
        "/outbox",
        "/search?q=erased",
        "/erasures",
    ]
    waiting += [f"/{kind}/{row.id}" for kind, rows in kinds.items() for row in rows]
    waiting += [f"/{kind}{form}" for kind in ("customers", "erasures", "audit", *kinds) for form in lists]
    seen, wrong = set[str](), {}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = browser.client.get(path, follow_redirects=True)
        body = answer.get_data()
        # an e-invoice without a buyer is none
        expected = {409} if path.endswith(".xml") else {200}
        if answer.status_code not in expected or MARK.encode() in body.lower():
            wrong[path] = (answer.status_code, body[:300])
        if answer.mimetype == "text/html":
            found = {UNSAID.sub("", one.replace("&amp;", "&")) for one in LINK.findall(body.decode())}
            waiting += [one for one in found - seen - set(waiting) if any(id in one for id in records)]
    assert wrong == {}
    assert {path.rpartition("/")[2] for path in seen} >= {"document.pdf", "e-invoice.xml", "statement.csv"}


def nothing_new_is_recorded(marked: MarkedCustomer) -> None:
    sample = marked.sample
    desk, finance = api_of(sample, sample.administrator), api_of(sample, sample.finance)
    quote = sample.rows(t.quote, customer_id=marked.id)[0].id
    line = {"description": "Parts", "quantity": "1", "unit_price": {"amount_minor": 1}, "tax_rate": "No tax"}
    work = {"minutes": 5, "worked_at": sample.clock.now().isoformat()}
    me, note = {"customer": marked.id}, {"body": "Call her", "public": True}
    calls: list[tuple[ApiClient, str, str, dict[str, Any]]] = [
        (desk, "POST", "/service-requests", {**me, "subject": "Again"}),
        (desk, "POST", f"/service-requests/{marked.request}/notes", note),
        (desk, "POST", f"/service-requests/{marked.request}/work", work),
        (
            desk,
            "POST",
            f"/service-requests/{marked.request}/transitions",
            {"trigger": "reopen", "reason": "x"},
        ),
        (desk, "PATCH", f"/service-requests/{marked.request}", {"subject": "Anna's"}),
        (desk, "POST", "/contracts", {"type": "subscription", "holder": me}),
        (desk, "POST", "/contracts", {"type": "subscription", "holder": {"item": marked.item}}),
        (desk, "POST", f"/contracts/{marked.contract}/top-up", {"minutes": 60}),
        (desk, "POST", "/invoices", {**me, "lines": [line]}),
        (desk, "POST", f"/invoices/{marked.invoice}/credit", {"reason": "x"}),
        (
            finance,
            "POST",
            f"/invoices/{marked.invoice}/payments",
            {"amount": {"amount_minor": 1}, "received_on": "2026-03-02"},
        ),
        (desk, "POST", "/quotes", {**me, "subject": "x", "last_on": "2038-01-01", "lines": [line]}),
        (desk, "POST", f"/quotes/{quote}/send", {}),
        (desk, "PATCH", f"/customers/{marked.id}", {"name": NAME}),
        (desk, "PATCH", f"/customers/{marked.id}/billing", {"city": "Bonn"}),
        (desk, "POST", "/items", {"number": "N", "name": "N", "item_type": "x", "owner": me}),
        (desk, "PATCH", f"/users/{marked.actor.id}", {"disabled": False}),
        (desk, "POST", f"/customers/{marked.id}/legal-hold", {"reason": "Case 1"}),
    ]
    before = _rows(sample)
    for client, method, path, body in calls:
        answer = client.call(method, path, body)
        assert (answer.status_code, answer.get_json().get("type")) == (409, "/api/docs#customer-erased"), (
            path,
            answer.get_json(),
        )
    assert _rows(sample) == before


def test_the_api_previews_erases_once_and_shows_the_proof_to_administrators_only(
    marked: MarkedCustomer,
) -> None:
    sample, path = marked.sample, f"/customers/{marked.id}"
    desk = api_of(sample, sample.administrator)
    for actor in (sample.finance, sample.supervisor, sample.technician, marked.actor):
        other = api_of(sample, actor)
        answers = [
            other.post(f"{path}/erasure", {"name": NAME, "reason": "x"}),
            other.post(f"{path}/erasure/preview"),
            other.get(f"{path}/erasure"),
            other.get("/erasures"),
            other.post(f"{path}/legal-hold", {"reason": "x"}),
            other.get(f"{path}/legal-hold"),
            other.delete(f"{path}/legal-hold"),
        ]
        assert {one.status_code for one in answers} == {403}, actor.role
    preview = desk.post(f"{path}/erasure/preview").get_json()
    assert (preview["stops"], preview["erasure"]) == ([], None)
    assert desk.get(f"{path}/erasure").status_code == 404
    wrong = desk.post(f"{path}/erasure", {"name": "Anna", "reason": f"{NAME} asked"})
    assert [one["pointer"] for one in wrong.get_json()["errors"]] == ["/name"]
    named = desk.post(f"{path}/erasure", {"name": NAME, "reason": f"{NAME} asked"})
    assert [one["pointer"] for one in named.get_json()["errors"]] == ["/reason"]
    first = desk.post(f"{path}/erasure", {"name": NAME, "reason": "Asked for it"})
    again = desk.post(f"{path}/erasure", {"name": NAME, "reason": "Asked again"})
    assert (first.status_code, again.get_json()) == (200, first.get_json())
    assert (
        desk.get(f"{path}/erasure").get_json()
        == desk.get("/erasures").get_json()["items"][0]
        == first.get_json()
    )
    # what the preview counted is what was done
    records = desk.post(f"{path}/erasure/preview").get_json()["records"]
    assert records == preview["records"]
    assert desk.get(path).get_json()["name"] == "Erased 1"
    [event] = [one for one in sample.rows(t.audit_event, subject_id=marked.id) if one.action == "erased"]
    assert (event.actor, event.details) == (
        sample.administrator.name,
        {"records": sum(first.get_json()["rows"].values())},
    )


def _rows(sample: SampleDesk) -> dict[str, int]:
    ignored = {"api_token", "login_session", "idempotency_key"}
    return {
        table.name: len(sample.rows(table)) for table in t.metadata.sorted_tables if table.name not in ignored
    }

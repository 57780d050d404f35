"""Approvals of time beyond contracts on the pages, in the portal, by the link of the mail, and in the API."""

import csv
import io
from typing import Any

import pytest

from tests.support.api import ApiClient, token_of
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.notifications.mail_links import make_approval_secret
from workflows.store import tables as t


def client(web: WebClients, role: str) -> ApiClient:
    return ApiClient(web.app, token_of(web.sample, getattr(web.sample, role)))


@pytest.fixture
def request_id(web: WebClients) -> str:
    """A request whose contract has 30 minutes, while customers are asked first."""
    web.sample.set(overage="ask")
    web.sample.sell("support_hours", minutes=30)
    return web.sample.log()


def asked(web: WebClients, request_id: str, **given: Any) -> dict[str, Any]:
    body = {"minutes": 60, "reason": "The disk", **given}
    made = client(web, "technician").post(f"/service-requests/{request_id}/approvals", body)
    assert made.status_code == 201
    return dict(made.json or {})


def link_of(web: WebClients) -> str:
    [mail] = web.sample.rows(t.outbox, event="approval_asked")
    return str(web.sample.do(make_approval_secret, mail.payload["link"]))


def test_the_api_refuses_asks_and_answers(web: WebClients, request_id: str) -> None:
    technician = client(web, "technician")
    work = {"minutes": 50, "worked_at": "2026-03-02T08:00:00Z"}
    refused: Any = technician.post(f"/service-requests/{request_id}/work", work)
    assert (refused.status_code, refused.json["type"]) == (409, "/api/docs#approval-required")
    assert [one["minutes"] for one in refused.json["preview"]["allocations"]] == [30, 20]
    preview: Any = technician.post(f"/service-requests/{request_id}/work/preview", work).json
    assert refused.json["preview"] == {**preview, "approval": None}
    assert "from" in preview["segments"][0]
    approval = asked(web, request_id)
    assert (approval["state"], approval["minutes"]) == ("asked", 60)
    customer = ApiClient(
        web.app, token_of(web.sample, web.sample.person("customer", customer=web.sample.ann))
    )
    found: Any = customer.get("/approvals?state=asked").json
    [listed] = found["items"]
    assert (listed["id"], listed["may_answer"]) == (approval["id"], True)
    path = f"/approvals/{approval['id']}"
    assert customer.post(f"{path}/approve", {"minutes": 100}).status_code == 422
    assert technician.post(f"{path}/approve", {"name": "Ann"}).status_code == 403
    done: Any = customer.post(f"{path}/approve", {"minutes": 30, "comment": "Fine"}).json
    assert (done["state"], done["rest_minutes"], done["way"]) == ("approved", 30, "portal")
    assert technician.post(f"/service-requests/{request_id}/work", work).status_code == 201
    read = technician.get(path)
    assert read.headers["ETag"] == technician.get(path).headers["ETag"]
    left: Any = read.json
    assert left["rest_minutes"] == 10
    assert customer.post(f"{path}/decline", {}).status_code == 409


def test_a_contract_and_the_settings_have_the_terms(web: WebClients) -> None:
    seller = client(web, "supervisor")
    terms = {"overage": "ask", "not_to_exceed": {"minutes": 600, "per": "month"}}
    body = {"type": "subscription", "holder": {"customer": web.sample.ann}, **terms}
    made: Any = seller.post("/contracts", body).json
    limit = {"per": "month", "minutes": 600, "amount": None}
    assert (made["overage"], made["not_to_exceed"]) == ("ask", limit)
    both = {"not_to_exceed": {"minutes": 1, "amount": {"amount_minor": 1}, "per": "month"}}
    assert seller.post("/contracts", {**body, **both}).status_code == 422
    changed: Any = client(web, "administrator").patch("/settings", {"overage": "notify"})
    assert changed.json["overage"] == "notify"


def test_staff_ask_on_the_page_and_the_customer_approves_less_in_the_portal(
    web: WebClients, request_id: str
) -> None:
    page = web.technician.open(f"/requests/{request_id}")
    page = web.technician.send(
        page, f"/requests/{request_id}/approvals", ask_minutes="60", ask_reason="The disk"
    )
    assert "The customer has been asked." in page
    [row] = web.sample.rows(t.approval)
    seen = web.ann.open(f"/requests/{request_id}")
    assert "Waiting for the customer" in seen
    page = web.ann.open(f"/approvals/{row.id}")
    done = web.ann.send(page, f"/approvals/{row.id}/approve", minutes="45", comment="No more")
    assert "Approved. Thank you." in done
    assert [one.minutes for one in web.sample.rows(t.approval_answer)] == [45]
    assert "0:45 of 0:45 left" in web.technician.open(f"/requests/{request_id}")


def test_the_link_answers_without_a_login(web: WebClients, request_id: str) -> None:
    asked(web, request_id)
    secret = link_of(web)
    page = web.nobody.open(f"/approval?link={secret}")
    assert "The disk" in page
    done = web.nobody.send(page, "/approval", name="Ann Jones", answer="decline", comment="Too much")
    assert "Declined. Thank you." in done
    [row] = web.sample.rows(t.approval_answer)
    assert (row.answer, row.way, row.name) == ("declined", "link", "Ann Jones")
    assert web.nobody.open("/approval?link=wrong").status == 410


def test_the_overview_of_the_customer_has_what_waits_for_an_answer(web: WebClients, request_id: str) -> None:
    assert "Waiting for your approval" not in web.ann.open("/")
    asked(web, request_id)
    [row] = web.sample.rows(t.approval)
    overview = web.ann.open("/")
    assert "Waiting for your approval" in overview
    assert f'href="/approvals/{row.id}"' in overview.html
    assert "Waiting for your approval" not in web.technician.open("/")
    form = web.ann.open(f"/approvals/{row.id}").form(f"/approvals/{row.id}/approve")
    web.ann.client.post(form.action, data=form.values)
    assert "Waiting for your approval" not in web.ann.open("/")


def test_what_was_declined_does_not_lapse(web: WebClients, request_id: str) -> None:
    """The list and the approval say when it lapses only as long as it may."""
    asked(web, request_id)
    [row] = web.sample.rows(t.approval)
    page = web.ann.open(f"/approvals/{row.id}")
    assert "Lapses" in page
    form = page.form(f"/approvals/{row.id}/approve")
    web.ann.client.post(f"/approvals/{row.id}/decline", data=form.values)
    assert "Lapses" not in web.ann.open(f"/approvals/{row.id}")
    assert '<td data-label="Lapses">–</td>' in web.ann.open("/approvals").html


def test_an_emergency_is_marked_on_the_page(web: WebClients, request_id: str) -> None:
    page = web.technician.open(f"/requests/{request_id}")
    refused = web.technician.send(page, f"/requests/{request_id}/work", work_minutes="50")
    assert refused.status == 422
    assert "is past what" in refused
    done = web.technician.send(
        page, f"/requests/{request_id}/work", work_minutes="50", work_beyond_approval="The server was down."
    )
    assert "Beyond approval" in done


def test_the_list_has_filters_and_csv(web: WebClients, request_id: str) -> None:
    asked(web, request_id)
    assert "The disk" in web.supervisor.open("/approvals?state=asked")
    assert "No matching approvals" in web.supervisor.open("/approvals?state=lapsed")
    [row] = csv.DictReader(io.StringIO(web.supervisor.open("/approvals?format=csv").html.lstrip("\ufeff")))
    assert (row["state"], row["minutes"]) == ("asked", "1:00")


def test_the_terms_are_on_the_forms_of_contract_and_settings(web: WebClients) -> None:
    contract = web.sample.sell("subscription")
    page = web.supervisor.open(f"/contracts/{contract}")
    web.supervisor.send(
        page,
        f"/contracts/{contract}/amend",
        amend_overage="ask",
        amend_limit_minutes="10",
        amend_limit_per="month",
        amend_reason="As agreed",
    )
    row = web.sample.contract(contract)
    assert (row.overage, row.not_to_exceed["minutes"], row.not_to_exceed["per"]) == ("ask", 600, "month")
    assert "10:00" in web.supervisor.open(f"/contracts/{contract}")
    settings = web.administrator.open("/settings")
    web.administrator.send(settings, "", overage="ask", limit_minutes="5", limit_per="service_request")
    stored = {one.key: one.value for one in web.sample.rows(t.setting)}
    assert stored["overage"] == "ask"
    assert stored["not_to_exceed"]["minutes"] == 300


def test_the_preview_announces_on_the_page_and_in_the_api(web: WebClients, request_id: str) -> None:
    page = web.technician.open(f"/requests/{request_id}")
    seen = web.technician.send(page, f"/requests/{request_id}/work", work_minutes="50", step="preview")
    assert "This cannot be saved yet." in seen
    assert "the customer has not approved 0:20 of it" in seen
    technician = client(web, "technician")
    work = {"minutes": 50, "worked_at": "2026-03-02T08:00:00Z"}
    found: Any = technician.post(f"/service-requests/{request_id}/work/preview", work).json
    assert (found["approval"]["missing_minutes"], found["approval"]["is_refused"]) == (20, True)
    urgent: Any = technician.post(
        f"/service-requests/{request_id}/work/preview", {**work, "beyond_approval": "It is down."}
    ).json
    assert not urgent["approval"]["is_refused"]
    entry: Any = technician.post(f"/service-requests/{request_id}/work", {**work, "minutes": 30}).json
    path = f"/work/{entry['id']}"
    changed: Any = technician.post(f"{path}/preview", {"minutes": 40}).json
    refused: Any = technician.patch(path, {"minutes": 40}, **{"If-Match": f'"{entry["version"]}"'})
    assert refused.status_code == 409
    assert refused.json["missing_minutes"] == changed["approval"]["missing_minutes"] == 10
    assert [one["minutes"] for one in refused.json["preview"]["allocations"]] == [30, 10]


def test_the_preview_of_new_terms_says_what_they_mean(web: WebClients, request_id: str) -> None:
    sample = web.sample
    sample.set(overage="go_on")
    [metered] = [row.id for row in sample.rows(t.contract) if row.type == "support_hours"]
    sample.work(request_id, 30)
    page = web.supervisor.open(f"/contracts/{metered}")
    fields = {"amend_overage": "ask", "amend_limit_minutes": "0:10", "amend_limit_per": "contract"}
    form = page.form("/amend")
    seen = Page(web.supervisor.client.post(f"{form.action}/effect", data={**form.values, **fields}))
    assert "Work beyond what it pays: Go on without asking → Ask the customer first." in seen
    assert "Not to exceed: no limit → 10 minutes in all." in seen
    assert "is refused until the customer approves it" in seen
    assert "20 minutes are past the limit already." in seen

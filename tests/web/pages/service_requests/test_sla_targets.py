"""Targets on the pages, in the API, in lists and in their order agree with each other."""

import csv
import re
from datetime import datetime
from io import StringIO
from typing import Any

import pytest

from tests.support.api import ApiClient, token_of
from tests.support.web_clients import WebClients
from workflows.commands.service_requests import AddNote
from workflows.service_requests.use_cases import add_note

FINISHED = ("resolved", "closed", "cancelled")


@pytest.fixture
def caller(web: WebClients) -> ApiClient:
    return ApiClient(web.app, token_of(web.sample, web.sample.technician))


@pytest.fixture
def requests(web: WebClients) -> dict[str, str]:
    """Requests in every situation that a target can be in, by a name that is their subject."""
    sample = web.sample
    sample.sell("subscription", sla="gold")
    found = {"missed on hold": sample.log("missed on hold", priority="critical")}
    sample.clock.move(hours=2)
    sample.fire(found["missed on hold"], "hold", reason="customer")
    for name, priority in (
        ("overdue", "critical"),
        ("on hold", "low"),
        ("started", "high"),
        ("answered", "critical"),
        ("resolved", "normal"),
        ("closed", "normal"),
        ("cancelled", "low"),
        ("reopened", "normal"),
    ):
        found[name] = sample.log(name, priority=priority)
    sample.clock.move(minutes=5)
    sample.fire(found["on hold"], "hold", reason="supplier")
    sample.fire(found["started"], "start")
    sample.do_as(sample.technician, add_note, found["answered"], AddNote(body="Looking."))
    for name in ("resolved", "closed", "reopened"):
        sample.fire(found[name], "resolve", note="Done")
    sample.fire(found["closed"], "close")
    sample.fire(found["cancelled"], "cancel", reason="Not needed")
    sample.clock.move(minutes=30)
    sample.fire(found["reopened"], "reopen")
    bob = sample.customer("Bob")
    found["waiting"] = sample.log("waiting", customer=bob, item=None)
    found["new"] = sample.log("new", priority="low")
    return found


STATES = {
    "missed on hold": ("missed", "stopped"),
    "overdue": ("missed", "open"),
    "on hold": ("stopped", "stopped"),
    "started": ("met", "open"),
    "answered": ("met", "open"),
    "resolved": ("met", "met"),
    "closed": ("met", "met"),
    "cancelled": ("cancelled", "cancelled"),
    "reopened": ("met", "open"),
    "waiting": (None, None),
    "new": ("open", "open"),
}


def next_due(one: dict[str, Any]) -> str | None:
    """When the next target of a request is due, from its fields in the API; None while it is postponed."""
    response_due_at, resolution_due_at = one["response_due_at"], one["resolution_due_at"]
    waits_for_response = one["responded_at"] is None and response_due_at is not None
    waits_for_response = waits_for_response and response_due_at <= (resolution_due_at or response_due_at)
    name = "response" if waits_for_response else "resolution"
    due_at: str | None = one[f"{name}_due_at"]
    return None if one[f"{name}_state"] == "stopped" else due_at


def test_states_in_lists_and_of_one_request(caller: ApiClient, requests: dict[str, str]) -> None:
    listed = {one["subject"]: one for one in caller.get("/service-requests?limit=200").get_json()["items"]}
    assert {name: (one["response_state"], one["resolution_state"]) for name, one in listed.items()} == STATES
    for name, request_id in requests.items():
        one = caller.get(f"/service-requests/{request_id}").get_json()
        left = {key: one[key] for key in ("response_minutes_left", "resolution_minutes_left")}
        assert one == listed[name] | left
        for target, state in zip(("response", "resolution"), STATES[name], strict=True):
            minutes = left[f"{target}_minutes_left"]
            if state in ("open", "stopped"):
                assert minutes > 0
            else:
                assert minutes == (0 if state == "missed" else None)


@pytest.mark.parametrize("order", ["next_due_at", "-next_due_at"])
def test_the_order_by_the_next_target(caller: ApiClient, requests: dict[str, str], order: str) -> None:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page: Any = caller.get(
            f"/service-requests?limit=3&order={order}{cursor and f'&cursor={cursor}'}"
        ).get_json()
        found += page["items"]
        cursor = page["next_cursor"]
    assert len(found) == len(requests)
    due = [next_due(one) for one in found]
    given = [one for one in due if one is not None]
    assert due == sorted(given, reverse=order.startswith("-")) + [None] * (len(due) - len(given))
    assert {one["subject"] for one in found[len(given) :]} == {"on hold", "waiting"}


def test_the_queue_at_risk(caller: ApiClient, requests: dict[str, str]) -> None:
    found = caller.get("/service-requests?queue=at_risk&order=next_due_at").get_json()["items"]
    assert [one["subject"] for one in found] == ["overdue", "answered"]


def test_the_page_shows_and_sorts_the_same(
    web: WebClients, caller: ApiClient, requests: dict[str, str]
) -> None:
    by_api = caller.get("/service-requests?order=next_due_at&limit=200").get_json()["items"]
    page = web.technician.open("/requests?view=all&order=next_due_at")
    cells = re.findall(r'<td data-label="Time left"[^>]*>(.*?)</td>', page.html, re.DOTALL)
    assert len(cells) == len(by_api)
    for one, cell in zip(by_api, cells, strict=True):
        instants = re.findall(r'datetime="([^"]+)"', cell)
        due = next_due(one)
        assert [datetime.fromisoformat(at) for at in instants] == (
            [datetime.fromisoformat(due)] if due is not None else []
        ), one["subject"]
        text = re.sub(r"<[^>]+>", " ", cell)
        expected = {
            "missed on hold": "overdue by 1 h",
            "overdue": "overdue by 20 min",
            "on hold": "clock stopped",
            "waiting": "no target",
            "cancelled": "cancelled",
            "resolved": "met",
            "closed": "met",
        }
        assert expected.get(one["subject"], "left") in text, one["subject"]
    assert "order=next_due_at" in page.html or "order=-next_due_at" in page.html
    for name, request_id in requests.items():
        shown = web.technician.open(f"/requests/{request_id}")
        assert shown.status == 200
        if name == "missed on hold":
            assert "overdue by 1 h" in shown


def test_the_export_leaves_a_postponed_due_time_out(web: WebClients, requests: dict[str, str]) -> None:
    text = web.technician.open("/requests?view=all&format=csv").html
    rows = {row["subject"]: row for row in csv.DictReader(StringIO(text))}
    assert rows["on hold"]["resolution_due_at"] == rows["missed on hold"]["resolution_due_at"] == ""
    assert rows["started"]["resolution_due_at"] == "2026-03-02T19:00:00+00:00"


def test_a_week_without_hours_is_reported_at_the_days(web: WebClients) -> None:
    page = web.administrator.open("/settings")
    closed = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "")
    refused = web.administrator.send(page, **closed)
    assert refused.status == 422
    assert "The desk is never open" in refused
    assert web.sample.desk.refresh().settings.work_calendar.weekly["mon"]

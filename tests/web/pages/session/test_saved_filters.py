"""Saved list filters."""

import base64
import json

import pytest

from tests.support.pages import new_session
from tests.support.web_clients import WebClients

FILTERED = "/requests?view=open&q=slow&priority=high"


def save(web: WebClients, path: str = FILTERED, name: str = "Slow ones") -> str:
    tech = web.technician
    return tech.send(tech.open(path), "/saved-filters", name=name).html


def test_a_filter_is_saved_shown_and_deleted(web: WebClients) -> None:
    tech = web.technician
    assert "Save filter" not in tech.open("/requests?view=open")
    assert "Save filter" in tech.open(FILTERED)
    assert "Filter “Slow ones” has been saved in this browser." in save(web)
    page = tech.open("/requests")
    assert 'href="/requests?priority=high&amp;q=slow&amp;view=open"' in page.html
    assert "Slow ones" not in tech.open("/contracts")
    filtered = tech.open("/requests?q=slow&view=open&priority=high&state=")
    assert "Delete filter" in filtered
    assert "Filter “Slow ones” has been deleted." in tech.send(filtered, "/forget")
    assert "Slow ones" not in tech.open("/requests")


def test_saving_under_an_existing_name_replaces_the_filter(web: WebClients) -> None:
    save(web)
    save(web, "/requests?view=open&q=fast")
    page = web.technician.open("/requests")
    assert page.html.count(">Slow ones</a>") == 1
    assert "q=fast" in page.html


def test_filters_are_per_user(web: WebClients) -> None:
    save(web)
    with web.technician.client.session_transaction() as session:
        session["_user_id"] = new_session(web.sample.desk, web.sample.supervisor)
    assert "Slow ones" not in web.technician.open("/requests")


def test_the_number_of_filters_is_limited(web: WebClients) -> None:
    for index in range(12):
        save(web, f"/requests?view=open&q=word{index}", f"Filter {index}")
    assert "You already have 12 saved filters." in save(web)
    assert web.technician.open("/requests").html.count(">Filter ") == 12


@pytest.mark.parametrize("name", ["", "   "])
def test_a_filter_needs_a_name(web: WebClients, name: str) -> None:
    assert "Enter a name for the filter." in save(web, name=name)


@pytest.mark.parametrize(
    "rows",
    [
        "no json",
        json.dumps([["https://evil.example", "A", "q=1"]]),
        json.dumps([["queue.queue", 7, "q=1"], ["queue.queue", "B", 7]]),
        json.dumps({"queue.queue": 1}),
        json.dumps([[["queue.queue"], "A", "q=1"]]),
        json.dumps([["queue.queue", "A", "format=csv&cursor=x"]]),
    ],
)
def test_the_cookie_is_validated(web: WebClients, rows: str) -> None:
    cookie = base64.urlsafe_b64encode(rows.encode()).decode()
    web.technician.client.set_cookie(f"coverdesk_filters_{web.sample.technician.id}", cookie)
    page = web.technician.open("/requests")
    assert page.status == 200
    assert "Saved filters" not in page.html

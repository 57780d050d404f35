"""Filters of a list that a reader keeps by a name."""

import base64
import json

import pytest

from tests.support.front import Front

NARROWED = "/requests?view=open&q=slow&priority=high"


def keep(front: Front, path: str = NARROWED, name: str = "Slow ones") -> str:
    tech = front.technician
    return tech.send(tech.open(path), "/saved-filters", name=name).html


def test_a_filter_is_kept_shown_and_forgotten(front: Front) -> None:
    tech = front.technician
    assert "Save this filter" not in tech.open("/requests?view=open")
    assert "Save this filter" in tech.open(NARROWED)
    assert "“Slow ones” is kept" in keep(front)
    page = tech.open("/requests")
    assert 'href="/requests?priority=high&amp;q=slow&amp;view=open"' in page.html
    assert "Slow ones" not in tech.open("/contracts")
    narrowed = tech.open("/requests?q=slow&view=open&priority=high&state=")
    assert "Forget this filter" in narrowed
    assert "is forgotten" in tech.send(narrowed, "/forget")
    assert "Slow ones" not in tech.open("/requests")


def test_a_name_names_one_filter(front: Front) -> None:
    keep(front)
    keep(front, "/requests?view=open&q=fast")
    page = front.technician.open("/requests")
    assert page.html.count(">Slow ones</a>") == 1
    assert "q=fast" in page.html


def test_each_person_has_own_ones(front: Front) -> None:
    keep(front)
    with front.technician.client.session_transaction() as session:
        session["_user_id"] = f"0:{front.office.supervisor.id}"
    assert "Slow ones" not in front.technician.open("/requests")


def test_no_more_than_a_cookie_holds(front: Front) -> None:
    for index in range(12):
        keep(front, f"/requests?view=open&q=word{index}", f"Filter {index}")
    assert "12 filters are kept already" in keep(front)
    assert front.technician.open("/requests").html.count(">Filter ") == 12


@pytest.mark.parametrize("name", ["", "   "])
def test_a_filter_needs_a_name(front: Front, name: str) -> None:
    assert "Give the filter a name" in keep(front, name=name)


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
def test_what_a_cookie_says_is_checked(front: Front, rows: str) -> None:
    cookie = base64.urlsafe_b64encode(rows.encode()).decode()
    front.technician.client.set_cookie(f"coverdesk_filters_{front.office.technician.id}", cookie)
    page = front.technician.open("/requests")
    assert page.status == 200
    assert "Saved filters" not in page.html

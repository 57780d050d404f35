"""The queue: its order, its filters, and the way back to it from a request."""

import csv
import io
import re
from datetime import timedelta

from sqlalchemy import update

from tests.support.pages import Page
from tests.support.sample_desk import MONDAY
from tests.support.web_clients import WebClients
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.service_requests.use_cases import change_service_request
from workflows.store import tables as t


def test_an_overdue_request_is_above_locked_ones(web: WebClients) -> None:
    sample = web.sample
    bob = sample.customer("Bob")
    for number in range(7):
        sample.log(f"Locked {number}", customer=bob, item=None)
    sample.sell("subscription")
    late = sample.log("The ward is offline", priority="critical")
    _make_due(web, late, hours=-2)
    for who in (web.technician, web.supervisor, web.administrator):
        for view in ("open", "unassigned"):
            page = who.open(f"/requests?view={view}")
            assert _subjects(page)[0] == "The ward is offline"
            assert "Most urgent first" in page
    assert _subjects(web.technician.open("/requests?view=open&order=opened_at"))[0] == "Locked 0"


def test_the_state_decides_on_the_view(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    closed = sample.log("Long finished")
    sample.fire(closed, "resolve", note="Done")
    sample.fire(closed, "close")
    sample.log("Still open")
    tom = web.technician
    for query in (
        "state=closed",
        "view=open&state=closed",
        "view=waiting&state=closed",
        "view=all&state=closed",
    ):
        page = tom.open(f"/requests?{query}")
        assert _subjects(page) == ["Long finished"], query
        assert _current_view(page) == "All", query
    assert _subjects(tom.open("/requests?view=mine&state=closed")) == []
    sample.do(
        change_service_request, sample.log("Mine"), ChangeServiceRequest(technician=sample.technician.id)
    )
    page = tom.open("/requests?view=waiting&state=open")
    assert (_current_view(page), set(_subjects(page))) == ("Unresolved", {"Still open", "Mine"})
    page = web.ann.open("/requests?state=closed")
    assert (_current_view(page), _subjects(page)) == ("All", ["Long finished"])


def test_my_closed_requests_are_found(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    request = sample.log("Done by me")
    sample.do(change_service_request, request, ChangeServiceRequest(technician=sample.technician.id))
    sample.fire(request, "resolve", note="Done")
    sample.fire(request, "close")
    page = web.technician.open("/requests?view=mine&state=closed")
    assert (_current_view(page), _subjects(page)) == ("Mine", ["Done by me"])


def test_the_breadcrumb_keeps_view_filters_and_page(web: WebClients) -> None:
    web.sample.sell("subscription")
    for number in range(60):
        web.sample.log(f"Number {number}", priority="high")
    tom = web.technician
    first = tom.open("/requests?view=unassigned&priority=high&order=opened_at")
    second = tom.open(_link(first, "next"))
    shown = _subjects(second)
    assert len(shown) == 10
    page = tom.open(_row_link(second, shown[3]))
    back = tom.open(_breadcrumb(page))
    assert (_subjects(back), _current_view(back)) == (shown, "Unassigned")
    # an action on the page keeps the way back
    moved = tom.send(page, "/moves/start")
    assert "Work started." in moved
    assert _breadcrumb(moved) == _breadcrumb(page)


def test_next_and_previous_follow_the_list_even_after_a_request_has_left_it(web: WebClients) -> None:
    web.sample.sell("subscription")
    for number in range(4):
        web.sample.log(f"Number {number}")
        web.sample.clock.move(minutes=1)
    tom = web.technician
    listed = tom.open("/requests?view=open&order=-opened_at")
    assert _subjects(listed) == ["Number 3", "Number 2", "Number 1", "Number 0"]
    page = tom.open(_row_link(listed, "Number 2"))
    assert "2 of 4" in page
    assert "Number 1" in tom.open(_link(page, "next"))
    assert "Number 3" in tom.open(_link(page, "prev"))
    resolved = tom.send(page, "/moves/resolve", resolve_note="Done")
    assert "Resolved." in resolved
    following = tom.open(_link(resolved, "next"))
    assert "Number 1" in following
    assert "Number 3" in tom.open(_link(following, "prev"))
    last = tom.open(_link(following, "next"))
    assert "Number 0" in last
    assert 'rel="next"' not in last.html


def test_a_request_opened_from_elsewhere_has_no_neighbours(web: WebClients) -> None:
    request = web.records.service_request
    for query in (
        "",
        "?list=view%3Dmine",
        "?list=view%3Dmine&at=broken",
        f"?list=state%3Dlost&at={'x' * 3000}",
    ):
        page = web.technician.open(f"/requests/{request}{query}")
        assert page.status == 200, query
        assert 'rel="next"' not in page.html
    outside = web.technician.open(f"/requests/{request}?list=view%3Dmine%26next%3D%2F%2Fevil.example")
    assert "evil" not in _breadcrumb(outside)


def test_a_customer_steps_through_own_requests_only(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    bob = sample.customer("Bob")
    for number in range(3):
        sample.log(f"Mine {number}")
        sample.clock.move(minutes=1)
        sample.log(f"Bob's {number}", customer=bob, item=None)
    listed = web.ann.open("/requests?view=all")
    seen = [_subjects(listed)[0]]
    page = web.ann.open(_row_link(listed, seen[0]))
    while 'rel="next"' in page.html:
        page = web.ann.open(_link(page, "next"))
        seen.append(page.html.split("<title>")[1].split(" · ")[0].split(" ", 1)[1])
    assert seen == ["Mine 2", "Mine 1", "Mine 0"]


def test_an_item_that_may_not_be_named_is_not_shown_as_none(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    request = sample.log("About the laptop")
    bob = sample.customer("Bob")
    with sample.desk.write() as tx:
        others = update(t.item).where(t.item.c.id == sample.laptop)
        tx.connection.execute(others.values(owner_customer_id=bob))
    text = web.ann.open(f"/requests/{request}").text
    assert "Item Another holder's item Priority" in text
    assert "LAP-1" not in text
    text = web.ann.client.get("/requests?view=all&format=csv").get_data(as_text=True)
    [row] = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]
    assert row[4] == ""


def _make_due(web: WebClients, request_id: str, *, hours: int) -> None:
    with web.sample.desk.write() as tx:
        statement = update(t.service_request).where(t.service_request.c.id == request_id)
        tx.connection.execute(statement.values(resolution_due_at=MONDAY + timedelta(hours=hours)))


def _subjects(page: Page) -> list[str]:
    return re.findall(r'class="wide-cell"><a [^>]*title="([^"]*)"', page.html)


def _current_view(page: Page) -> str:
    return page.html.split('aria-label="Request view"')[1].split('aria-current="true">')[1].split("<")[0]


def _row_link(page: Page, subject: str) -> str:
    [link] = re.findall(rf'<a href="([^"]*)" title="{subject}"', page.html)
    return str(link).replace("&amp;", "&")


def _link(page: Page, rel: str) -> str:
    return page.html.split(f'rel="{rel}" href="')[1].split('"')[0].replace("&amp;", "&")


def _breadcrumb(page: Page) -> str:
    return page.html.split('class="breadcrumbs"><a href="')[1].split('"')[0].replace("&amp;", "&")

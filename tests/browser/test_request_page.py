"""The request page at work: where the focus goes, the keys, the action bar, and the way through a queue."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.web_clients import WebClients

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 375, "height": 700}


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_message_is_in_view_and_has_the_focus(web: WebClients, enter: Open, viewport: Any) -> None:
    web.sample.sell("support_hours", minutes=600)
    request = web.sample.log()
    page = enter(viewport=viewport)
    page.goto(f"/requests/{request}")
    page.get_by_label("Time worked").fill("0:30")
    page.get_by_role("button", name="Save time", exact=True).click()
    _assert_focused(page, "0:30 logged: 0:30 from SH-0001.")
    page.get_by_label("Note", exact=True).fill("We call you")
    page.get_by_role("button", name="Add note").click()
    _assert_focused(page, "The note has been added.")
    page.get_by_role("link", name="Show note").click()
    assert page.locator(".note-body", has_text="We call you").is_visible()


def test_ctrl_enter_sends_the_form_in_which_one_types(web: WebClients, enter: Open) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    page = enter()
    page.goto(f"/requests/{request}")
    page.get_by_label("Note", exact=True).fill("Sent by two keys")
    page.keyboard.press("Control+Enter")
    _assert_focused(page, "The note has been added.")
    page.keyboard.press("l")
    page.keyboard.type("0:20")
    page.keyboard.press("Escape")
    page.locator("summary", has_text="This resolves the request").click()
    page.get_by_label("Resolution of the request").fill("Fixed")
    page.keyboard.press("Control+Enter")
    _assert_focused(page, "Resolved. 0:20 logged")
    assert web.sample.request(request).state == "resolved"


def test_a_question_mark_lists_the_keys_of_the_page(web: WebClients, enter: Open) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    page = enter()
    page.goto(f"/requests/{request}")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    dialog.wait_for()
    text = " ".join(dialog.inner_text().split())
    for words in ("/ Search by number", "Ctrl Enter Send the form", "s Start", "l Time worked", "r Resolve"):
        assert words in text, text
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.get_by_label("Note", exact=True).press_sequentially("Why?")
    assert not dialog.is_visible()


def test_next_and_previous_follow_the_queue_by_keys(web: WebClients, enter: Open) -> None:
    web.sample.sell("subscription")
    for number in range(3):
        web.sample.log(f"Number {number}")
        web.sample.clock.move(minutes=1)
    page = enter()
    page.goto("/requests?view=unassigned&order=opened_at")
    page.get_by_role("link", name="Number 0").click()
    page.get_by_role("heading", name="Number 0").wait_for()
    for key, subject in (("j", "Number 1"), ("j", "Number 2"), ("k", "Number 1")):
        # keys are handled once the scripts are loaded
        page.wait_for_load_state("load")
        page.keyboard.press(key)
        page.get_by_role("heading", name=subject).wait_for()
    page.get_by_role("link", name="Queue", exact=True).last.click()
    page.wait_for_url("**view=unassigned**")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_an_open_action_leaves_the_others_in_place(web: WebClients, enter: Open, viewport: Any) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    page = enter("supervisor", viewport=viewport)
    page.goto(f"/requests/{request}")
    bar = page.locator(".transitions")
    actions = bar.locator("summary, :scope > form button, :scope > a")
    before = _places(actions)
    assert len(before) >= 6
    for name in ("Resolve", "Assign", "Cancel"):
        bar.locator("summary", has_text=name).first.click()
        assert _places(actions) == before, name
        form = bar.locator("details[open] > form")
        assert form.count() == 1
        box = form.bounding_box()
        assert box is not None
        assert box["y"] > max(bottom for *_, bottom in before)
        assert box["width"] > 0.6 * (viewport["width"] - 300 if viewport is DESK else viewport["width"])


def test_the_queue_is_dense(web: WebClients, enter: Open) -> None:
    sample = web.sample
    sample.sell("support_hours", to=("org_unit", sample.parent), minutes=600)
    customer = sample.customer("Someone With A Long Name", sample.site)
    for number in range(12):
        subject = f"{number:x} A subject that is as long as people write them, and then longer"
        request = sample.log(subject, customer=customer, item=None, priority="critical")
        sample.fire(request, "start")
    page = enter()
    for language, overdue in (("de", {"hours": 4, "minutes": 31}), ("en", {"hours": 5})):
        sample.clock.move(**overdue)
        page.set_extra_http_headers({"Accept-Language": language})
        page.goto("/requests?view=open&q=Someone")
        heights = page.locator(".queue tbody tr").evaluate_all(
            "rows => rows.map(row => row.getBoundingClientRect().height)"
        )
        assert len(heights) == 12
        assert max(heights) <= 50, language
    page.set_viewport_size({"width": 375, "height": 700})
    heights = page.locator(".queue tbody tr").evaluate_all(
        "rows => rows.map(row => row.getBoundingClientRect().height)"
    )
    assert max(heights) <= 200


def _assert_focused(page: "Page", text: str) -> None:
    notice = page.locator(".notice", has_text=text)
    notice.wait_for()
    assert notice.evaluate("one => one === document.activeElement")
    top, bottom, height = notice.evaluate(
        "one => { const box = one.getBoundingClientRect(); return [box.top, box.bottom, innerHeight]; }"
    )
    assert top >= 0
    assert bottom <= height


def _places(actions: "Locator") -> list[tuple[str, int, int, int]]:
    """The text and the place of each action in the bar; an open form has buttons of its own."""
    found = actions.evaluate_all(
        """all => all.filter(one => !one.closest("details > form")).map(one => {
            const box = one.getBoundingClientRect();
            const edges = [box.left, box.top + scrollY, box.bottom + scrollY];
            return [one.textContent.trim(), ...edges.map(Math.round)];
        })"""
    )
    return [tuple(one) for one in found]

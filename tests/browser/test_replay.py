"""Replay pages in a real browser."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.browser.test_everyone import AUDIT, LOOKS
from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY
from tests.support.web_clients import WebClients
from workflows.replay import use_cases
from workflows.rule_sets.folder import read_rules_folder
from workflows.store import tables as t

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}


@pytest.fixture
def version(web: WebClients) -> str:
    """The version of the customer-first rules; by the shipped rules, the item's contract covers a request."""
    sample = web.sample
    version = sample.publish(CUSTOMER_FIRST, "Customer first")
    sample.publish(SHIPPED, "Back again")
    sample.desk.refresh()
    sample.sell("support_hours", to=("item", sample.laptop), minutes=600)
    sample.sell("subscription")
    sample.work(sample.log(), 90)
    return version


def start(page: "Page", version: str) -> None:
    page.goto("/rules/replays")
    page.get_by_label("Rule set").select_option(version)
    page.get_by_label("From").fill("2026-03-01")
    page.get_by_label("To (inclusive)").fill("2026-03-31")
    page.get_by_role("button", name="Start replay").click()
    page.get_by_text("Queued or just started.").wait_for()


def let_it_run() -> None:
    use_cases._one_at_a_time.release()
    for thread in threading.enumerate():
        if thread.name == "replay":
            thread.join(30)


def test_the_result_appears_and_links_to_the_differences(web: WebClients, enter: Open, version: str) -> None:
    page = enter("administrator")
    use_cases._one_at_a_time.acquire()
    try:
        start(page, version)
    finally:
        let_it_run()
    page.get_by_text("1 of 1 decision in March 2026 would change.").first.wait_for()
    assert "would change" in page.locator("#replay-status").inner_text()
    page.get_by_role("link", name="1 decision", exact=True).click()
    page.get_by_label("Only from SH-0001").wait_for()
    bar = page.locator(".stream-bar").first.bounding_box()
    assert bar is not None
    assert bar["width"] > 100
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_without_scripts_the_page_is_refreshed_manually(web: WebClients, enter: Open, version: str) -> None:
    page = enter("administrator", java_script_enabled=False, viewport={"width": 360, "height": 740})
    use_cases._one_at_a_time.acquire()
    try:
        start(page, version)
    finally:
        let_it_run()
    page.get_by_role("link", name="Refresh").click()
    page.get_by_text("1 of 1 decision in March 2026 would change.").first.wait_for()
    assert page.get_by_role("link", name="SR-1001").is_visible()


def test_a_running_replay_is_stopped(web: WebClients, enter: Open, version: str) -> None:
    page = enter("administrator")
    use_cases._one_at_a_time.acquire()
    try:
        start(page, version)
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("Cancelled by ").wait_for()
    finally:
        let_it_run()


@pytest.mark.parametrize("look", LOOKS)
def test_the_results_are_accessible(web: WebClients, enter: Open, version: str, look: str) -> None:
    """The replay, and the explorer with two rule sets, are accessible."""
    sample = web.sample
    replay_id, thread = use_cases.start_replay(
        sample.desk, sample.administrator, CUSTOMER_FIRST, MONDAY, MONDAY + timedelta(days=2)
    )
    thread.join(30)
    decision = sample.rows(t.coverage_decision)[0].id
    request = sample.rows(t.service_request)[0].id
    page = enter("administrator", reduced_motion="reduce", **LOOKS[look])
    paths = (
        f"/rules/replays/{replay_id}",
        f"/coverage?decision={decision}&beside=replay:{replay_id}",
        f"/requests/{request}",
    )
    for path in paths:
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        assert page.evaluate(AUDIT) == [], path
        width = LOOKS[look]["viewport"]["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path

"""What someone types comes back in words, and a time that happens twice is asked for, while typing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.web_clients import WebClients
from workflows.store import tables as t

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


def test_hours_and_a_price_come_back_in_words_before_the_sale(web: WebClients, enter: Open) -> None:
    request = web.sample.log("Waits for hours")
    page = enter("supervisor", viewport={"width": 375, "height": 800})
    page.goto(f"/contracts/new?holder=customer:{web.sample.ann}")
    page.get_by_role("radio", name="Support hours A number").check()
    page.get_by_role("textbox", name="Hours").press_sequentially("20")
    page.get_by_text("20 hours", exact=True).wait_for()
    page.get_by_role("textbox", name="Price (EUR)").press_sequentially("1.250,00")
    page.get_by_text("€1,250.00", exact=True).wait_for()
    page.get_by_text("is covered by SH-0001 and opens").wait_for()
    page.get_by_role("button", name="Create contract").click()
    page.get_by_text("SH-0001 has been created for Ann with 20 hours.").wait_for()
    assert web.sample.request(request).state == "open"


def test_an_hour_that_happens_twice_is_asked_for_while_typing(web: WebClients, enter: Open) -> None:
    sample = web.sample
    sample.clock.at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    sample.sell("support_hours", minutes=600, starts_on="2026-10-01")
    request = sample.log()
    page = enter()
    page.goto(f"/requests/{request}")
    page.get_by_label("Time worked").press_sequentially("90")
    page.get_by_text("1 hour 30 minutes", exact=True).wait_for()
    page.get_by_label("When", exact=True).fill("2026-10-25T02:45")
    page.get_by_label("Time worked").focus()
    page.get_by_label("02:45 happens twice on that day. Which one?").select_option("second")
    page.get_by_text("1:30 from SH-0001 (leaves 8:30)").wait_for()
    page.get_by_role("button", name="Save time").click()
    page.get_by_text("1:30 worked").wait_for()
    [entry] = sample.rows(t.work_entry)
    assert entry.started_at == datetime(2026, 10, 25, 1, 45, tzinfo=UTC)

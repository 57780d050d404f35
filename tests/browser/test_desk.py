"""Typical tasks of technicians, administrators and customers, in a real browser."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.support.web_clients import WebClients
from workflows.store import tables as t

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


def test_log_a_request_with_coverage_preview(web: WebClients, enter: Open) -> None:
    contract = web.sample.contract(web.sample.sell("support_hours", minutes=600)).number
    page = enter()
    page.get_by_role("link", name="Log a request").first.click()
    page.get_by_label("Search: Customer").press_sequentially("ann", delay=20)
    page.get_by_role("radio", name="Ann").check()
    coverage = page.get_by_label("Coverage")
    coverage.get_by_text(f"Covered by {contract}").wait_for()
    coverage.get_by_text("10:00 of 10:00 left").wait_for()
    page.get_by_role("radio", name="LAP-1").check()
    page.get_by_label("Subject").fill("The fan is loud")
    page.get_by_label("Priority").select_option("high")
    page.get_by_role("button", name="Log request").click()
    page.get_by_role("heading", name="The fan is loud").wait_for()
    [request] = web.sample.rows(t.service_request)
    assert (request.item_id, request.priority) == (web.sample.laptop, "high")


def test_the_items_contract_is_shown_when_the_item_is_selected(web: WebClients, enter: Open) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    sample.sell("subscription", to=("item", sample.laptop))
    page = enter()
    page.goto(f"/requests/new?customer={sample.ann}")
    coverage = page.get_by_label("Coverage")
    coverage.get_by_text("Covered by SH-0001").wait_for()
    page.get_by_role("radio", name="LAP-1").check()
    coverage.get_by_text("Covered by SUB-0001").wait_for()


def test_assign_start_log_time_and_resolve(web: WebClients, enter: Open) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=30)
    request = sample.log("Slow again")
    page = enter()
    page.goto("/requests?view=unassigned")
    page.get_by_role("button", name="Assign to me").click()
    page.get_by_role("link", name="Mine").click()
    page.get_by_role("link", name="Slow again").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Work started").first.wait_for()
    page.get_by_label("Time worked").press_sequentially("1h30")
    page.get_by_text("0:30 from SH-0001 (leaves 0:00), 1:00 carried to the next contract.").wait_for()
    assert sample.rows(t.work_entry) == []
    page.get_by_label("Work done").fill("Cleaned the fan")
    page.get_by_role("button", name="Save time").click()
    page.get_by_text("1:30 worked").wait_for()
    page.locator("summary[data-key=r]").click()
    page.get_by_label("Resolution", exact=True).fill("A clean fan")
    page.get_by_role("button", name="Resolve").click()
    page.get_by_text("Resolved", exact=True).first.wait_for()
    assert sample.request(request).state == "resolved"


def test_a_request_is_resolved_with_four_keys(web: WebClients, enter: Open) -> None:
    sample = web.sample
    sample.sell("subscription")
    request = sample.log("By keys")
    page = enter()
    page.goto(f"/requests/{request}")
    page.keyboard.press("t")
    page.get_by_text("Assigned to you.").wait_for()
    page.keyboard.press("s")
    page.get_by_text("In progress").first.wait_for()
    page.keyboard.press("l")
    page.keyboard.type("0:20")
    page.keyboard.press("Enter")
    page.get_by_text("0:20 worked").wait_for()
    page.keyboard.press("r")
    page.keyboard.type("Done by keyboard alone")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Done by keyboard alone").first.wait_for()
    assert sample.request(request).state == "resolved"


def test_slash_focuses_the_search_except_while_typing(web: WebClients, enter: Open) -> None:
    number = web.sample.request(web.records.service_request).number
    page = enter()
    page.goto("/customers")
    page.keyboard.press("/")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/requests/{web.records.service_request}")
    page.get_by_label("Note", exact=True).fill("")
    page.get_by_label("Note", exact=True).press_sequentially("either/or")
    assert page.get_by_label("Note", exact=True).input_value() == "either/or"


def test_shortcuts_can_be_switched_off(web: WebClients, enter: Open) -> None:
    page = enter()
    page.goto("/account")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your preferences have been saved").wait_for()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "find"


def test_a_failed_form_focuses_the_error_summary(web: WebClients, enter: Open) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    page = enter()
    page.goto(f"/requests/{request}")
    page.get_by_label("Time worked").fill("soon")
    page.get_by_role("button", name="Save time").click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert page.evaluate("document.activeElement.classList.contains('error-summary')")
    alert.get_by_role("link", name="Time worked").click()
    assert page.evaluate("document.activeElement.id") == page.get_by_label("Time worked").get_attribute("id")
    assert page.get_by_label("Time worked").input_value() == "soon"


def test_a_double_click_saves_once(web: WebClients, enter: Open) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    page = enter()
    page.goto(f"/requests/{request}")
    page.get_by_label("Time worked").fill("0:10")
    page.get_by_role("button", name="Save time").dblclick()
    page.get_by_text("0:10 worked").wait_for()
    assert len(web.sample.entries(request)) == 1


def test_billing_is_activated_in_the_browser(web: WebClients, enter: Open) -> None:
    sample = web.sample
    sample.set(contracts=False, time_expired_contract=None)
    sample.item("G-1")
    sample.item("G-2")
    page = enter("administrator")
    page.goto("/billing")
    page.get_by_label("Select all on this page").check()
    page.get_by_label("Search: New owner").press_sequentially("berlin")
    page.get_by_role("radio", name="Acme-Berlin").check()
    page.get_by_role("button", name="Assign selected").click()
    page.get_by_text("2 items assigned.").wait_for()
    page.get_by_role("radio", name="Rollover").check()
    page.get_by_role("button", name="Activate billing").click()
    page.get_by_role("heading", name="Billing is active").wait_for()
    assert sample.desk.refresh().settings.contracts


def test_a_customer_sees_their_own_overview(web: WebClients, enter: Open) -> None:
    records = web.records
    page = enter("customer")
    page.get_by_role("heading", name="My support").wait_for()
    page.get_by_role("link", name="The laptop is slow").click()
    page.get_by_role("heading", name="The laptop is slow").wait_for()
    page.get_by_label("Note", exact=True).fill("Any news?")
    page.get_by_role("button", name="Add note").click()
    page.get_by_text("Any news?").wait_for()
    answer = page.goto(f"/requests/{records.other_request}")
    assert answer is not None
    assert answer.status == 404


def test_pages_work_without_scripts(web: WebClients, enter: Open) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    page = enter(java_script_enabled=False)
    page.goto("/requests/new")
    page.get_by_label("Search: Customer").fill("ann")
    page.get_by_role("button", name="Search").first.click()
    page.get_by_text("Covered by SH-0001").wait_for()
    page.get_by_role("radio", name="LAP-1").check()
    page.get_by_role("button", name="Preview coverage").click()
    page.get_by_label("Subject").fill("Without scripts")
    # Enter in a field submits the form, not the first button
    page.get_by_label("Subject").press("Enter")
    page.get_by_role("heading", name="Without scripts").wait_for()
    page.locator("summary[data-key=r]").click()
    page.get_by_label("Resolution", exact=True).fill("Nothing needed")
    page.get_by_role("button", name="Resolve").click()
    page.get_by_text("Nothing needed").first.wait_for()
    [request] = sample.rows(t.service_request)
    assert (request.state, request.item_id) == ("resolved", sample.laptop)


def test_the_menu_opens_on_a_phone_without_scripts(web: WebClients, enter: Open) -> None:
    page = enter(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    link = page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Contracts")
    assert not link.is_visible()
    page.get_by_role("button", name="Menu").click()
    link.click()
    page.get_by_role("heading", name="Contracts", exact=True).wait_for()


def test_a_contracts_tables_fit_beside_its_terms_in_german(web: WebClients, enter: Open) -> None:
    """German words are longer: the last column, the balance, is in view without scrolling."""
    contract = web.sample.sell("support_hours", minutes=600)
    web.sample.work(web.sample.log(), 30)
    page = enter("supervisor")
    page.set_extra_http_headers({"Accept-Language": "de"})
    page.goto(f"/contracts/{contract}")
    page.get_by_role("heading", name="Kontoauszug").wait_for()
    hidden = page.evaluate("[...document.querySelectorAll('.list')].map(e => e.scrollWidth - e.clientWidth)")
    assert hidden
    assert not any(hidden)

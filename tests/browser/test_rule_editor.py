"""The rule editor in a real browser: marks, completion, changes, publishing, two who edit at once."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import log_in
from tests.support.front import Front
from workflows.rule_sets.publishing import list_publications, publish_rule_set, rule_set_in_force

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


@pytest.fixture
def page(front: Front, enter: Open) -> "Page":
    """The editor, opened by an administrator, with its first check done."""
    page = enter("administrator")
    open_editor(page)
    return page


def open_editor(page: "Page", address: str = "/rules/edit") -> None:
    page.goto(address)
    page.locator(".cm-editor").wait_for()
    page.locator("#check-status", has_text="Checked").wait_for()


def put_cursor(page: "Page", text: str) -> None:
    """Find a text and select it, by the editor's own search."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+f")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")


def replace(page: "Page", old: str, new: str) -> None:
    put_cursor(page, old)
    page.keyboard.insert_text(new)


def text_of(page: "Page", path: str = "coverage.json") -> str:
    """What the form would send of a file."""
    page.keyboard.press("Control+s")
    page.locator("#check-status", has_text="…").wait_for(state="hidden")
    return page.locator(f'textarea[name="file:{path}"]').input_value()


def publish(front: Front, old: str, new: str, note: str) -> str:
    """Another administrator publishes a change of coverage.json meanwhile."""
    files = dict(front.office.see(rule_set_in_force).files)
    files["coverage.json"] = files["coverage.json"].replace(old, new, 1)
    bob = front.office.person("administrator", "Bob")
    version = front.office.desk.perform(bob, lambda tx: publish_rule_set(tx, files, note))
    front.office.desk.refresh()
    return version


def test_a_mistake_is_marked_as_one_types_and_goes_when_it_is_mended(page: "Page") -> None:
    replace(page, "contract_standing", "contract_standin")
    problem = page.locator("#problems").get_by_text("contract_standing", exact=False).first
    problem.wait_for()
    page.locator(".cm-lintRange-error").first.wait_for()
    page.locator(".cm-gutter-lint .cm-lint-marker-error").first.wait_for()
    page.locator("#files .mark.error").wait_for()
    page.locator("#changes").get_by_text('"name": "contract_standin"').first.wait_for()
    page.locator("#problems a").first.click()
    assert page.evaluate("document.activeElement.classList.contains('cm-content')")
    page.keyboard.press("Control+z")
    page.locator("#problems", has_text="Nothing is wrong").wait_for()
    page.locator(".cm-lintRange-error").wait_for(state="detached")
    page.locator("#changes", has_text="Nothing yet").wait_for()


def test_a_click_on_a_problem_opens_its_file_at_its_place(page: "Page") -> None:
    page.locator("#files a", has_text="slas.json").click()
    page.locator(".rule-file:not([hidden]) h2", has_text="slas.json").wait_for()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("}")
    page.locator("#problems a", has_text="slas.json").wait_for()
    page.locator("#files a", has_text="coverage.json").click()
    page.locator("#problems a", has_text="slas.json").first.click()
    page.locator(".rule-file:not([hidden]) h2", has_text="slas.json").wait_for()
    page.keyboard.press("Backspace")


def test_words_are_completed_from_the_schema_and_from_the_other_files(page: "Page") -> None:
    put_cursor(page, '"value": "item"')
    page.keyboard.insert_text('"value": "')
    page.keyboard.type("s")
    offered = page.locator(".cm-tooltip-autocomplete")
    offered.get_by_text("service_request").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    replace(page, '"name": "contract_holder"', '"name": "')
    page.keyboard.press("Control+Space")
    offered.get_by_text("contract_minutes_available").wait_for()
    page.keyboard.type("request_a")
    offered.locator("li[aria-selected]", has_text="request_age").wait_for()
    page.locator(".cm-completionInfo", has_text="How long ago the service request was logged").wait_for()
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")
    assert '"name": "request_age"' in text_of(page)


def test_an_operator_is_completed_for_its_variable(page: "Page") -> None:
    put_cursor(page, '"operator": "equal_to",')
    page.keyboard.press("Delete")
    page.keyboard.type('"')
    page.locator(".cm-tooltip-autocomplete li", has_text="operator").wait_for()
    page.wait_for_timeout(150)  # the list takes no key that was meant for the text
    page.keyboard.press("Enter")
    offered = page.locator(".cm-tooltip-autocomplete")
    offered.get_by_text("starts_with").wait_for()
    assert offered.get_by_text("greater_than").count() == 0


def test_publish_with_a_note(front: Front, page: "Page") -> None:
    replace(page, "This item has a contract of its own", "The item brings its own contract")
    page.locator("#changes", has_text="brings its own").wait_for()
    page.get_by_role("button", name="Publish this rule set").click()
    page.locator("#form-errors", has_text="Say what changes, and why.").wait_for()
    page.get_by_label("Note", exact=True).fill("Kinder words")
    page.get_by_role("button", name="Publish this rule set").click()
    page.get_by_text("The rule set is in force.").wait_for()
    [newest, _] = front.office.see(list_publications).items
    assert newest.note == "Kinder words"
    text = front.office.see(rule_set_in_force).files["coverage.json"]
    assert "The item brings its own contract" in text
    open_editor(page)
    assert page.locator("#saved-draft .notice").count() == 0


def test_the_second_editor_is_told_and_goes_on_from_what_the_first_published(
    front: Front, page: "Page"
) -> None:
    replace(page, "This item has a contract of its own", "The item brings its own contract")
    page.locator("#changes", has_text="brings its own").wait_for()
    newest = publish(
        front, "The customer has a contract in force.", "A contract of the customer's.", "Bob's words"
    )
    told = page.locator("#published-since")
    page.get_by_label("Note", exact=True).fill("Mine")
    page.get_by_role("button", name="Publish this rule set").click()
    told.get_by_text("Bob published another rule set").wait_for()
    told.get_by_text("Bob's words").wait_for()
    assert front.office.see(rule_set_in_force).version == newest
    told.get_by_text("See what that changed").click()
    told.get_by_text("A contract of the customer's.").wait_for()
    told.get_by_role("button", name="Take it over").click()
    told.get_by_text("What took force meanwhile is in your text now").wait_for()
    assert page.get_by_label("Note", exact=True).input_value() == "Mine"
    assert page.locator("#based-on").inner_text() == newest[:12]
    replace(page, "The item brings its own contract", "The item has brought its own contract")
    page.locator("#changes", has_text="has brought").wait_for()
    assert told.get_by_text("What took force meanwhile is in your text now").is_visible()
    page.get_by_role("button", name="Publish this rule set").click()
    page.get_by_text("The rule set is in force.").wait_for()
    text = front.office.see(rule_set_in_force).files["coverage.json"]
    assert "The item has brought its own contract" in text
    assert "A contract of the customer's." in text


def test_the_second_editor_is_told_without_doing_anything(front: Front, page: "Page") -> None:
    publish(front, "The customer has a contract in force.", "A contract of the customer's.", "Bob's words")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#published-since").get_by_text("Bob published another rule set").wait_for()


def test_what_was_typed_outlives_the_page(page: "Page") -> None:
    replace(page, "This item has a contract of its own", "Half a thou")
    page.locator("#changes", has_text="Half a thou").wait_for()
    page.get_by_role("button", name="As it is in force").click()
    page.locator("#changes", has_text="Nothing yet").wait_for()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+z")
    page.locator("#changes", has_text="Half a thou").wait_for()
    page.goto("/")
    open_editor(page)
    kept = page.locator("#saved-draft")
    kept.get_by_text("coverage.json").wait_for()
    assert re.search(r"on \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d: coverage.json", kept.inner_text())
    kept.get_by_role("button", name="Restore draft").click()
    page.locator("#changes", has_text="Half a thou").wait_for()
    assert "Half a thou" in text_of(page)
    open_editor(page)
    page.locator("#saved-draft").get_by_role("button", name="Discard draft").click()
    open_editor(page)
    assert page.locator("#saved-draft .notice").count() == 0


def test_who_is_signed_out_meanwhile_is_told_and_goes_on_after_signing_in(page: "Page") -> None:
    page.context.clear_cookies()
    replace(page, "This item has a contract of its own", "Half a thou")
    page.locator("#saved-draft").get_by_text("You have been signed out.").wait_for()
    other = page.context.new_page()
    log_in(other, "administrator@staff.example")
    page.get_by_label("Note", exact=True).fill("Signed in again")
    page.get_by_role("button", name="Publish this rule set").click()
    page.get_by_text("The rule set is in force.").wait_for()


def test_a_contract_type_is_added_and_a_file_removed_and_put_back(page: "Page") -> None:
    page.get_by_text("New file", exact=True).click()
    page.get_by_label("Begin with").select_option("contract_types/subscription.json")
    page.get_by_label("Name of the new file").fill("gold")
    page.get_by_role("button", name="Add it").click()
    page.locator(".rule-file:not([hidden]) h2", has_text="contract_types/gold.json").wait_for()
    assert '"key": "gold"' in text_of(page, "contract_types/gold.json")
    page.locator("#problems", has_text="Nothing is wrong").wait_for()
    page.locator("#files li", has_text="gold").get_by_text("new").wait_for()
    page.locator(".rule-file:not([hidden])").get_by_role("button", name="Remove").click()
    page.locator("#problems", has_text="Nothing is wrong").wait_for()
    page.locator("#files a", has_text="slas.json").click()
    page.locator(".rule-file:not([hidden])").get_by_role("button", name="Remove").click()
    page.locator("#files .removed", has_text="slas.json").wait_for()
    page.get_by_role("button", name="Put back").click()
    page.locator("#problems", has_text="Nothing is wrong").wait_for()
    page.locator("#changes", has_text="Nothing yet").wait_for()


def test_try_it_on_history(front: Front, page: "Page") -> None:
    office = front.office
    office.sell("subscription", to=("item", office.laptop))
    office.sell("subscription")
    office.log("On history")
    replace(page, "The customer has a contract in force.", "A contract of the customer is in force.")
    day = office.desk.now().date().isoformat()
    page.get_by_label("From", exact=True).fill(day)
    page.get_by_label("To", exact=True).fill(day)
    page.get_by_role("button", name="Try it").click()
    result = page.locator("#replay")
    result.locator(".headline", has_text="would be").wait_for()
    page.get_by_role("link", name="View all differences").wait_for()

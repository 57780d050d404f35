"""The rule editor in a real browser: marks, completion, differences, publishing, concurrent edits."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import log_in
from tests.support.web_clients import WebClients
from workflows.rule_sets.proposals import submit_rule_set
from workflows.rule_sets.publishing import list_publications, rule_set_in_force

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


@pytest.fixture
def page(web: WebClients, enter: Open) -> "Page":
    """The editor, opened by an administrator, after its first check."""
    page = enter("administrator")
    open_editor(page)
    return page


def open_editor(page: "Page", address: str = "/rules/edit") -> None:
    page.goto(address)
    page.locator(".cm-editor").wait_for()
    page.locator("#check-status", has_text="Checked").wait_for()


def put_cursor(page: "Page", text: str) -> None:
    """Select a text with the editor's search."""
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
    """The text of a file that the form would submit."""
    page.keyboard.press("Control+s")
    page.locator("#check-status", has_text="…").wait_for(state="hidden")
    return page.locator(f'textarea[name="file:{path}"]').input_value()


def publish(web: WebClients, old: str, new: str, note: str) -> str:
    """Publish a change of coverage.json as another administrator."""
    files = dict(web.sample.see(rule_set_in_force).files)
    files["coverage.json"] = files["coverage.json"].replace(old, new, 1)
    bob = web.sample.person("administrator", "Bob")
    version = web.sample.desk.perform(bob, lambda tx: submit_rule_set(tx, files, note).version)
    web.sample.desk.refresh()
    return version


def test_a_mistake_is_marked_while_typing_until_fixed(page: "Page") -> None:
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
    page.locator("#problems", has_text="No problems found").wait_for()
    page.locator(".cm-lintRange-error").wait_for(state="detached")
    page.locator("#changes", has_text="No changes").wait_for()


def test_clicking_a_problem_opens_its_position(page: "Page") -> None:
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


def test_completion_from_the_schema_and_from_other_files(page: "Page") -> None:
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
    page.wait_for_timeout(150)  # the completion list ignores keys for a short time
    page.keyboard.press("Enter")
    offered = page.locator(".cm-tooltip-autocomplete")
    offered.get_by_text("starts_with").wait_for()
    assert offered.get_by_text("greater_than").count() == 0


def test_publish_with_a_note(web: WebClients, page: "Page") -> None:
    replace(page, "This item has a valid contract", "The item brings its own contract")
    page.locator("#changes", has_text="brings its own").wait_for()
    page.get_by_role("button", name="Publish rule set").click()
    page.locator("#form-errors", has_text="Describe what changes, and why.").wait_for()
    page.get_by_label("Note", exact=True).fill("Kinder words")
    page.get_by_role("button", name="Publish rule set").click()
    page.get_by_text("The rule set is in force.").wait_for()
    [newest, _] = web.sample.see(list_publications).items
    assert newest.note == "Kinder words"
    text = web.sample.see(rule_set_in_force).files["coverage.json"]
    assert "The item brings its own contract" in text
    open_editor(page)
    assert page.locator("#saved-draft .notice").count() == 0


def test_a_second_editor_merges_a_newer_publication(web: WebClients, page: "Page") -> None:
    replace(page, "This item has a valid contract", "The item brings its own contract")
    page.locator("#changes", has_text="brings its own").wait_for()
    newest = publish(
        web, "The customer has a valid contract.", "A contract of the customer's.", "Bob's words"
    )
    notice = page.locator("#published-since")
    page.get_by_label("Note", exact=True).fill("Mine")
    page.get_by_role("button", name="Publish rule set").click()
    notice.get_by_text("Bob published another rule set").wait_for()
    notice.get_by_text("Bob's words").wait_for()
    assert web.sample.see(rule_set_in_force).version == newest
    notice.get_by_text("Show changes").click()
    notice.get_by_text("A contract of the customer's.").wait_for()
    notice.get_by_role("button", name="Merge into my draft").click()
    notice.get_by_text("The published changes have been merged into your draft").wait_for()
    assert page.get_by_label("Note", exact=True).input_value() == "Mine"
    assert page.locator("#based-on").inner_text() == newest[:12]
    replace(page, "The item brings its own contract", "The item has brought its own contract")
    page.locator("#changes", has_text="has brought").wait_for()
    assert notice.get_by_text("The published changes have been merged into your draft").is_visible()
    page.get_by_role("button", name="Publish rule set").click()
    page.get_by_text("The rule set is in force.").wait_for()
    text = web.sample.see(rule_set_in_force).files["coverage.json"]
    assert "The item has brought its own contract" in text
    assert "A contract of the customer's." in text


def test_a_second_editor_is_notified_by_polling(web: WebClients, page: "Page") -> None:
    publish(web, "The customer has a valid contract.", "A contract of the customer's.", "Bob's words")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#published-since").get_by_text("Bob published another rule set").wait_for()


def test_a_draft_is_saved_in_the_browser(page: "Page") -> None:
    replace(page, "This item has a valid contract", "Half a thou")
    page.locator("#changes", has_text="Half a thou").wait_for()
    page.get_by_role("button", name="Revert").click()
    page.locator("#changes", has_text="No changes").wait_for()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+z")
    page.locator("#changes", has_text="Half a thou").wait_for()
    page.goto("/")
    open_editor(page)
    draft = page.locator("#saved-draft")
    draft.get_by_text("coverage.json").wait_for()
    assert re.search(r"on \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d: coverage.json", draft.inner_text())
    draft.get_by_role("button", name="Restore draft").click()
    page.locator("#changes", has_text="Half a thou").wait_for()
    assert "Half a thou" in text_of(page)
    open_editor(page)
    page.locator("#saved-draft").get_by_role("button", name="Discard draft").click()
    open_editor(page)
    assert page.locator("#saved-draft .notice").count() == 0


def test_a_signed_out_editor_continues_after_signing_in(page: "Page") -> None:
    page.context.clear_cookies()
    replace(page, "This item has a valid contract", "Half a thou")
    page.locator("#saved-draft").get_by_text("You have been signed out.").wait_for()
    other = page.context.new_page()
    log_in(other, "administrator@staff.example")
    page.get_by_label("Note", exact=True).fill("Signed in again")
    page.get_by_role("button", name="Publish rule set").click()
    page.get_by_text("The rule set is in force.").wait_for()


def test_a_contract_type_is_added_and_a_file_removed_and_restored(page: "Page") -> None:
    page.get_by_text("New file", exact=True).click()
    page.get_by_label("Copy from").select_option("contract_types/subscription.json")
    page.get_by_label("Name of the new file").fill("gold")
    page.get_by_role("button", name="Add file").click()
    page.locator(".rule-file:not([hidden]) h2", has_text="contract_types/gold.json").wait_for()
    assert '"key": "gold"' in text_of(page, "contract_types/gold.json")
    page.locator("#problems", has_text="No problems found").wait_for()
    page.locator("#files li", has_text="gold").get_by_text("new").wait_for()
    page.locator(".rule-file:not([hidden])").get_by_role("button", name="Remove").click()
    page.locator("#files li", has_text="gold").wait_for(state="detached")
    page.locator("#problems", has_text="No problems found").wait_for()
    page.locator("#files a", has_text="slas.json").click()
    page.locator(".rule-file:not([hidden]) h2", has_text="slas.json").wait_for()
    page.locator(".rule-file:not([hidden])").get_by_role("button", name="Remove").click()
    page.locator("#files .removed", has_text="slas.json").wait_for()
    page.get_by_role("button", name="Restore").click()
    page.locator("#problems", has_text="No problems found").wait_for()
    page.locator("#changes", has_text="No changes").wait_for()


def test_a_draft_is_replayed(web: WebClients, page: "Page") -> None:
    sample = web.sample
    sample.sell("subscription", to=("item", sample.laptop))
    sample.sell("subscription")
    sample.log("On history")
    replace(page, "The customer has a valid contract.", "A contract of the customer is in force.")
    day = sample.desk.now().date().isoformat()
    page.get_by_label("From", exact=True).fill(day)
    page.get_by_label("To (inclusive)").fill(day)
    page.get_by_role("button", name="Replay").click()
    result = page.locator("#replay")
    result.locator(".headline", has_text="would").wait_for()
    page.get_by_role("link", name="View all differences").wait_for()

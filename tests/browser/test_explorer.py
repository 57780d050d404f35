"""The coverage explorer in a real browser: results update when the facts change."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import RULES
from tests.support.web_clients import WebClients
from workflows.rule_sets.folder import read_rules_folder

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}


def test_results_update_when_the_item_or_the_rules_change(web: WebClients, enter: Open) -> None:
    sample = web.sample
    version = sample.publish(CUSTOMER_FIRST, "Customer first")
    sample.publish(SHIPPED, "Back again")
    sample.desk.refresh()
    sample.sell("support_hours", to=("item", sample.laptop), minutes=60)
    sample.sell("subscription")
    page = enter("supervisor")
    page.goto("/coverage")
    page.get_by_label("Search: Customer").press_sequentially("ann", delay=20)
    page.get_by_role("radio", name="Ann").check()
    matched = page.locator(".steps li.holds")
    matched.get_by_text("SUB-0001").wait_for()
    page.get_by_role("radio", name="LAP-1").check()
    matched.get_by_text("SH-0001").wait_for()
    page.get_by_label("Compare with").select_option(version)
    page.get_by_text("The rule sets have different results.").wait_for()
    assert matched.count() == 2
    shared = page.url
    assert f"beside={version}" in shared
    other = enter("finance", viewport={"width": 360, "height": 740}, color_scheme="dark")
    other.goto(shared)
    other.get_by_text("The rule sets have different results.").wait_for()
    assert other.evaluate("document.documentElement.scrollWidth") <= 360

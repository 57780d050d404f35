"""Accessibility: on a phone, enlarged, in light and dark, by keyboard and by screen reader."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.share import one_in
from tests.support.web_clients import WebClients
from workflows.commands.register import NewCustomer, NewItem, NewOrgUnit, OwnerGiven
from workflows.register import create_customer, create_item, create_org_unit
from workflows.users.password_links import show_link

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]

AUDIT = (Path(__file__).parent / "audit.js").read_text()
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
# A window of 1280 pixels enlarged to 200 % is laid out as one of 640.
ENLARGED: dict[str, Any] = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
LOOKS = {
    "desk, light": DESK,
    "desk, dark": {**DESK, "color_scheme": "dark"},
    "phone, light": PHONE,
    "phone, dark": {**PHONE, "color_scheme": "dark"},
    "enlarged": ENLARGED,
}
LONG_WORDS = "phone, dark"
"""In which the pages are in German, whose words are the longest."""
PAGES = {
    "administrator": [
        "/",
        "/billing",
        "/settings",
        "/settings/logo",
        "/calendar-data",
        "/bank-statements",
        "/bank-entries",
        "/rules",
        "/rules/edit",
        "/rules/replays",
        "/users",
        "/users/new",
        "/users/{user}",
        "/audit",
        "/jobs",
        "/outbox",
        "/mail-templates",
        "/mail-templates/work_rejected",
        "/webhooks",
        "/webhooks/new",
        "/ledger?audit=run",
        "/org-units",
        "/org-units/new",
        "/customers/new",
        "/items/new",
        "/account",
        "/account/sessions",
    ],
    "supervisor": [
        "/",
        "/invoices",
        "/invoices/new",
        "/to-invoice",
        "/payments",
        "/customers/{customer}/billing",
        "/contracts",
        "/contracts?view=running-out&q=laptop",
        "/contracts/new?holder=customer:{customer}",
        "/contracts/{contract}",
        "/coverage?customer=customer:{customer}",
        "/requests/{other_request}",
        "/customers/{customer}",
        "/org-units/{org_unit}",
        "/items",
    ],
    "technician": [
        "/requests?view=open",
        "/requests?view=mine&q=nothing",
        "/requests/new?customer={customer}",
        "/requests/{service_request}",
        "/requests/{service_request}/edit",
        "/requests/{service_request}/work/{entry}",
        "/search?q=laptop",
        "/nothing-here",
    ],
    "customer": [
        "/",
        "/requests",
        "/requests/{service_request}",
        "/contracts/{contract}",
        "/requests/new",
        "/contracts",
        "/quotes",
        "/invoices",
        "/approvals",
        "/disputes",
    ],
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("role", PAGES)
def test_every_page_is_accessible(web: WebClients, enter: Open, role: str, look: str) -> None:
    ids = {**vars(web.records), "user": str(web.sample.technician.id)}
    page = enter(role, reduced_motion="reduce", **LOOKS[look])
    if look == LONG_WORDS:
        page.set_extra_http_headers({"Accept-Language": "de"})
    complaints = {}
    # each look sees other pages, by `make test`
    for path in one_in(len(LOOKS), PAGES[role], list(LOOKS).index(look)):
        page.goto(path.format(**ids))
        # collapsed sections are checked as well
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        found = page.evaluate(AUDIT)
        if found:
            complaints[path] = found
    assert complaints == {}


def test_the_pages_before_the_login_are_accessible(web: WebClients, address: str, pages: Any) -> None:
    web.sample.desk.smtp_url = "smtp://127.0.0.1:1"
    link = web.sample.do(show_link, str(web.sample.technician.id), "").url
    for look in LOOKS.values():
        page = pages.open(base_url=address, **look)
        for path in (
            "/login",
            "/password/forgotten",
            "/password/new",
            link.removeprefix("http://127.0.0.1:8000"),
        ):
            page.goto(path)
            assert page.evaluate(AUDIT) == [], path


def test_form_errors_are_announced_to_screen_readers(web: WebClients, enter: Open) -> None:
    page = enter("supervisor", color_scheme="dark")
    page.goto("/org-units/new")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_role("alert").wait_for()
    field = page.get_by_label("Code")
    assert field.get_attribute("aria-invalid") == "true"
    described_by = str(field.get_attribute("aria-describedby")).split()
    assert "This field is required." in "".join(page.locator(f"#{one}").inner_text() for one in described_by)
    assert page.evaluate(AUDIT) == []


def test_everything_is_reachable_by_tab_with_visible_focus(web: WebClients, enter: Open) -> None:
    page = enter("supervisor")
    page.goto(f"/requests/{web.records.service_request}")
    page.evaluate("document.body.focus()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const one = document.activeElement;
                const style = getComputedStyle(one);
                return [one.tagName, (one.textContent || one.name || "").trim().slice(0, 30),
                        one === document.body || style.outlineStyle !== "none" || style.boxShadow !== "none"];
            }"""
        )
        assert focused[2], f"the focus is not visible on {focused}"
        reached.add(focused[1])
    assert {"Resolve", "Put on hold", "Save time", "Add note", "Other contracts considered"} <= reached


def test_a_state_has_text_and_icon(web: WebClients, enter: Open) -> None:
    assert web.records
    page = enter("technician")
    page.goto("/requests?view=open")
    states = page.locator("td .state:not(.bare)")
    assert states.count() >= 2
    for index in range(states.count()):
        assert states.nth(index).inner_text().strip()
        assert states.nth(index).locator("svg").count() == 1


def test_a_balance_has_a_text_alternative(web: WebClients, enter: Open) -> None:
    page = enter("technician")
    page.goto(f"/contracts/{web.records.contract}")
    assert page.get_by_role("img", name="9:15 of 10:00 left").first.is_visible()
    shapes = {
        one.get_attribute("fill") or one.get_attribute("class") for one in page.locator(".legend rect").all()
    }
    assert len(shapes) == 4


def test_an_instant_has_its_exact_time_as_tooltip(web: WebClients, enter: Open) -> None:
    page = enter("technician")
    page.goto(f"/requests/{web.records.service_request}")
    time = page.locator(".timeline time").first
    assert time.get_attribute("datetime") == "2026-03-02T09:00:00Z"
    assert time.get_attribute("title") == "2 Mar 2026, 10:00 CET"
    assert time.inner_text() == "now"


def test_the_audit_detects_problems(web: WebClients, enter: Open) -> None:
    page = enter("technician", **PHONE)
    page.goto("/customers")
    page.evaluate(
        """() => {
            document.querySelector("h1").style.color = "#bbb";
            document.querySelector("label[for=q]").remove();
            document.querySelector("#main").insertAdjacentHTML("beforeend", '<h4 id="q">Too deep</h4>');
            document.querySelector("main").style.width = "2000px";
            document.querySelector("main").style.maxWidth = "none";
        }"""
    )
    found = "\n".join(page.evaluate(AUDIT))
    for words in (
        "a contrast of",
        "has no name",
        "the id q is used twice",
        "h1 is followed by h4",
        "wide in a window",
    ):
        assert words in found


@pytest.mark.parametrize("look", ["desk, light", "phone, light"])
def test_long_names_do_not_widen_the_page(web: WebClients, enter: Open, look: str) -> None:
    sample = web.sample
    name = "W" * 120
    unit = sample.do(create_org_unit, NewOrgUnit(code="LONG", name=name))
    customer = NewCustomer(email=f"{'a' * 50}@{'b' * 50}.example", name=name, org_unit=unit)
    person = sample.do(create_customer, customer)
    item = NewItem(number="N" * 50, name=name, item_type="t" * 50, owner=OwnerGiven(customer=person))
    sample.do(create_item, item)
    page = enter("supervisor", **LOOKS[look])
    paths = [f"/customers/{person}", f"/org-units/{unit}", "/org-units", f"/requests/new?customer={person}"]
    for path in paths:
        page.goto(path)
        assert (
            page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        ), path

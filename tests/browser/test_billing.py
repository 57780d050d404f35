"""From a call without a contract to a paid, processed invoice and an opened request, in a real browser."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.support.billing import RATES, Billing, line
from tests.support.web_clients import WebClients
from workflows.store import tables as t

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


@pytest.mark.parametrize("width", [1280, 375])
def test_sell_invoice_pay_and_process(web: WebClients, enter: Open, width: int) -> None:
    sample = web.sample
    sample.set(invoices=True, payment_required=True, tax_rates=RATES)
    waiting = sample.log("It does not start")
    contract = sample.sell("support_hours", minutes=60, price={"amount_minor": 24_000})
    page = enter("finance", viewport={"width": width, "height": 800})

    page.goto("/to-invoice")
    page.get_by_role("button", name="Draft of SH-0001").click()
    page.get_by_text("The draft has been written.").wait_for()
    assert _fits(page)

    page.get_by_role("button", name="Issue", exact=True).click()
    page.get_by_text("It gets the number INV-2026-0001").wait_for()
    page.get_by_text("cannot be changed afterwards").wait_for()
    assert _fits(page)
    page.get_by_role("button", name="Issue", exact=True).click()
    page.get_by_role("heading", name="INV-2026-0001").wait_for()

    page.get_by_role("button", name="Record a payment").click()
    page.get_by_label("Amount").fill("100")
    page.get_by_text("€185.60 stays open.").wait_for()
    page.get_by_label("Amount").fill("285.60")
    page.get_by_text("Nothing stays open.").wait_for()
    page.get_by_role("button", name="Record a payment").click()
    page.get_by_text("Payment recorded.").wait_for()
    assert sample.request(waiting).state == "pending_no_contract"

    page.get_by_role("button", name="Process", exact=True).click()
    page.get_by_text("SH-0001 will be active.").wait_for()
    page.get_by_role("button", name="Process", exact=True).click()
    page.get_by_text("Processed.").wait_for()
    assert _fits(page)
    assert sample.contract(contract).state == "active"
    assert sample.request(waiting).state == "open"
    assert [row.amount_minor for row in sample.rows(t.payment)] == [28_560]


@pytest.mark.parametrize("width", [1280, 375])
def test_a_long_tax_reason_stays_in_its_card(web: WebClients, enter: Open, width: int) -> None:
    sample = web.sample
    reason = "Steuerschuldnerschaft des Leistungsempfängers: reverse charge by article 196 of 2006/112/EC"
    rate = {"name": "Reverse charge", "percent": "0", "category": "AE", "reason": f"{reason}, {'x' * 60}"}
    draft = Billing(sample, tax_rates=[rate]).draft(line(1_234_567_800, rate="Reverse charge"))
    page = enter("finance", viewport={"width": width, "height": 1000})
    page.goto(f"/invoices/{draft['id']}")
    card = page.get_by_role("region", name="Totals")
    assert reason in card.inner_text()
    assert card.evaluate(
        "card => [...card.querySelectorAll('*')].every("
        "one => one.getBoundingClientRect().right <= card.getBoundingClientRect().right)"
    )
    assert _fits(page)


def _fits(page: "Page") -> bool:
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))

"""Quotes and invoices in the global search, and quotes of an org unit, for those who may see them."""

from datetime import date

import pytest

from tests.support.billing import RATES
from tests.support.pages import Browser
from tests.support.web_clients import WebClients
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.commands.billing import InvoiceLineGiven, NewInvoice
from workflows.commands.fields import MoneyGiven
from workflows.commands.quotes import NewQuote, QuoteLineGiven, SendQuote
from workflows.selling.quotes import create_quote, send_quote
from workflows.store import tables as t
from workflows.users.accounts import NewUser, create_user


@pytest.fixture
def desk(web: WebClients) -> WebClients:
    """A quote and an issued invoice to Ann's site, and a draft to Ann."""
    sample = web.sample
    sample.set(invoices=True, tax_rates=RATES, customers_see_org_unit=True)
    visit = QuoteLineGiven(description="A visit", unit_price=MoneyGiven(amount_minor=100))
    quote = NewQuote(org_unit=sample.site, subject="Zebra", last_on=date(2027, 1, 1), lines=[visit])
    sample.do(send_quote, sample.do(create_quote, quote), SendQuote(recipient="site@example.com"))
    line = InvoiceLineGiven(
        description="Support", quantity="1", unit_price=MoneyGiven(amount_minor=1000), tax_rate="Standard"
    )
    sent = NewInvoice(org_unit=sample.site, lines=[line], order_number="PO-4711")
    sample.do(issue_invoice, sample.do(create_invoice, sent))
    sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[line], order_number="PO-4712"))
    return web


def stranger(desk: WebClients) -> Browser:
    return desk.browser(desk.sample.person("customer", "Bob", customer=desk.records.other_customer))


def test_quotes_and_invoices_are_found_by_those_who_may_see_them(desk: WebClients) -> None:
    for browser in (desk.finance, desk.ann):
        assert browser.open("/search?q=qu-0001").path.startswith("/quotes/")
        assert browser.open("/search?q=inv-2026-0001").path.startswith("/invoices/")
        found = browser.open("/search?q=po-471")
        assert "INV-2026-0001" in found
        assert "Zebra" in browser.open("/search?q=zebra")
    assert "Draft" in desk.finance.open("/search?q=po-4712")
    # drafts are nothing to the customer, nor is anything to technicians and to strangers
    for browser, words in (
        (desk.ann, ("po-4712",)),
        (desk.of_role("technician"), ("po-471", "zebra", "qu-0001", "inv-2026-0001")),
        (stranger(desk), ("po-471", "zebra", "qu-0001", "inv-2026-0001")),
    ):
        for word in words:
            assert "No results" in browser.open(f"/search?q={word}")


def test_a_quote_to_an_org_unit_is_decided_in_the_portal(desk: WebClients) -> None:
    [quote] = desk.sample.rows(t.quote)
    assert "Zebra" in desk.ann.open("/quotes")
    page = desk.ann.open(f"/quotes/{quote.id}")
    accepted = desk.ann.send(page, f"/quotes/{quote.id}/accept")
    assert "Accepted" in accepted
    [decision] = desk.sample.rows(t.quote_decision)
    assert (decision.way, decision.name) == (
        "portal",
        desk.sample.rows(t.customer, id=desk.sample.ann)[0].name,
    )
    assert stranger(desk).open(f"/quotes/{quote.id}").status == 404
    desk.sample.set(customers_see_org_unit=False)
    assert desk.ann.open(f"/quotes/{quote.id}").status == 404
    assert "Zebra" not in desk.ann.open("/quotes")


def test_users_are_found_by_administrators_and_those_of_customers_by_staff(desk: WebClients) -> None:
    sample = desk.sample
    for name, role in (("Tom Weber", "technician"), ("Ann Zuse", "customer")):
        email = "ann@example.com" if role == "customer" else "tom@staff.example"
        sample.do(create_user, NewUser.model_validate({"email": email, "name": name, "role": role}))
    assert "tom@staff.example" in desk.administrator.open("/search?q=weber")
    found = desk.administrator.open("/search?q=tom@staff")
    assert "Tom Weber" in found
    assert "/users/" in found.html
    for browser, seen in ((desk.technician, True), (desk.finance, True), (stranger(desk), False)):
        assert "No results" in browser.open("/search?q=weber")
        assert ("Ann Zuse" in browser.open("/search?q=zuse")) is seen
    own = desk.technician.open("/search?q=zuse").html
    assert f"/customers/{sample.ann}" in own
    assert "/users/" not in own

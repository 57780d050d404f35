"""The checklist on a month's page: words and links by role, and closing with a reason."""

from datetime import UTC, datetime

from tests.support.billing import RATES, Billing, minor
from tests.support.web_clients import WebClients
from workflows.billing.invoicing.drafts import create_invoice
from workflows.commands.billing import InvoiceLineGiven, NewInvoice
from workflows.commands.fields import MoneyGiven


def test_the_revenue_to_recognize_links_to_the_lines_of_which_it_is(web: WebClients) -> None:
    """As many as are counted, with their sum: also what is used up, and not what is deferred alone."""
    billing = Billing(web.sample)
    price = {"amount_minor": 9_200}
    first = web.sample.sell("subscription", starts_on="2026-03-01", ends_on="2026-05-31", price=price)
    over = web.sample.sell("subscription", starts_on="2026-03-01", ends_on="2026-03-31", price=price)
    web.sample.sell("subscription", starts_on="2026-05-01", ends_on="2026-05-31", price=price)
    drafted = {"customer": web.sample.ann}
    billing.issued(billing.ask(billing.finance, "POST", "/sold-items/draft", drafted, 201)["id"])
    web.sample.clock.at = datetime(2026, 4, 2, 9, tzinfo=UTC)
    page = web.finance.open("/accounting-periods/2026-03")
    href = "/accounts/deferred-revenue?as_of=2026-03-31&amp;due=1"
    assert page.html.count(f'href="{href}"') == 3
    assert "2 Recognize revenue €123.00" in page
    path = "/ledger/deferred-revenue?as_of=2026-03-31"
    found = billing.read(f"{path}&due=true")
    assert {one["contract"]: minor(one, "due", "deferred") for one in found["items"]} == {
        first: (3_100, 6_100),
        over: (9_200, 0),
    }
    assert found["due_totals"] == [{"amount_minor": 12_300, "currency": "EUR"}]
    assert len(billing.read(path)["items"]) == 2
    listed = web.finance.open(href.replace("&amp;", "&"))
    assert "2 lines" in listed
    assert "Total EUR €123.00" in listed


def test_what_is_not_done_is_said_and_linked(web: WebClients) -> None:
    sample = web.sample
    sample.set(invoices=True, tax_rates=RATES)
    line = InvoiceLineGiven(
        description="Parts", quantity="1", unit_price=MoneyGiven(amount_minor=100), tax_rate="Standard"
    )
    sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[line]))
    sample.clock.at = datetime(2026, 4, 2, 9, tzinfo=UTC)
    home = web.finance.open("/")
    assert "1 step of its checklist is not done." in " ".join(home.text.split())
    page = web.finance.open("/accounting-periods/2026-03")
    assert "Issue drafts of invoices" in page
    assert "Not done" in page
    assert "/invoices?view=draft" in page.html
    assert "/jobs" not in page.html
    assert 'href="/jobs"' in web.administrator.open("/accounting-periods/2026-03").html
    refused = web.finance.send(page, "/close")
    assert refused.status == 422
    assert "not done: “Issue drafts of invoices”. Do them first, or give a reason" in refused
    done = web.finance.send(page, "/close", reason="It is of April")
    assert "2026-03 is closed." in done
    assert "Checklist" not in done

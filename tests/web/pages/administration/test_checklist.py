"""The checklist on a month's page: words and links by role, and closing with a reason."""

from datetime import UTC, datetime

from tests.support.billing import RATES
from tests.support.web_clients import WebClients
from workflows.billing.invoicing.drafts import create_invoice
from workflows.commands.billing import InvoiceLineGiven, NewInvoice
from workflows.commands.fields import MoneyGiven


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

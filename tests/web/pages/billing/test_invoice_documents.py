"""Documents of invoices on the pages: links, downloads, and what keeps an invoice from being issued."""

from io import BytesIO

import pytest
from PIL import Image
from pypdf import PdfReader

from tests.support.billing import RATES
from tests.support.pages import Browser
from tests.support.web_clients import WebClients
from tests.web.billing.test_documents import BUYER, SELLER
from workflows.billing.documents.validation import RULES_VERSION
from workflows.commands.billing import ChangeBilling
from workflows.register.billing_details import change_billing_details
from workflows.store import tables as t

FILES = ("document.pdf", "e-invoice.xml", "e-invoice.ubl.xml")


@pytest.fixture
def billing(web: WebClients) -> WebClients:
    web.sample.set(invoices=True, tax_rates=RATES, company=SELLER, e_invoices="xrechnung")
    web.sample.do(change_billing_details, "customer", web.sample.ann, ChangeBilling(**BUYER))
    return web


def a_draft(web: WebClients) -> str:
    """The address of a draft of what was sold to Ann."""
    web.sample.sell("subscription", price={"amount_minor": 24_000})
    return web.finance.send(web.finance.open("/to-invoice"), "/to-invoice").path


def issued(web: WebClients) -> str:
    path = a_draft(web)
    done = web.finance.send(web.finance.open(f"{path}/issue"), f"{path}/issue")
    assert "Issued." in done
    return path


def links(browser: Browser, path: str) -> list[str]:
    page = browser.open(path)
    return [name for name in FILES if f'href="{path}/{name}"' in page.html]


def test_a_draft_has_no_documents(billing: WebClients) -> None:
    path = a_draft(billing)
    assert links(billing.finance, path) == []
    assert billing.finance.open(f"{path}/document.pdf").status == 409


def test_staff_and_customer_download_what_was_issued(billing: WebClients) -> None:
    path = issued(billing)
    assert RULES_VERSION in billing.finance.open(path)
    assert RULES_VERSION not in billing.ann.open(path).text
    for browser in (billing.finance, billing.ann):
        assert links(browser, path) == list(FILES)
        for name, saved_as in zip(FILES, (".pdf", ".xml", ".ubl.xml"), strict=True):
            found = browser.client.get(f"{path}/{name}")
            assert found.status_code == 200
            assert found.headers["Content-Disposition"] == f'attachment; filename="INV-2026-0001{saved_as}"'
    sample = billing.sample
    bob = billing.browser(sample.person("customer", "Bob", customer=sample.customer("Bob")))
    for name in FILES:
        assert billing.technician.client.get(f"{path}/{name}").status_code == 403
        assert bob.client.get(f"{path}/{name}").status_code == 404


def test_without_e_invoices_there_is_a_pdf_with_the_logo(billing: WebClients) -> None:
    billing.sample.set(e_invoices="off")
    made = BytesIO()
    Image.new("RGB", (80, 40), "navy").save(made, "PNG")
    page = billing.administrator.open("/settings/logo")
    assert "stored" in billing.administrator.send(page, content=(BytesIO(made.getvalue()), "logo.png"))
    path = issued(billing)
    assert links(billing.ann, path) == ["document.pdf"]
    reader = PdfReader(BytesIO(billing.ann.client.get(f"{path}/document.pdf").data))
    assert len(reader.pages[0].images) == 1
    assert reader.attachments == {}
    assert billing.ann.open(f"{path}/e-invoice.xml").status == 409


def test_what_is_wrong_is_said_by_field(billing: WebClients) -> None:
    billing.sample.set(company={**SELLER, "phone": "", "city": ""})
    path = a_draft(billing)
    refused = billing.finance.send(billing.finance.open(f"{path}/issue"), f"{path}/issue")
    assert refused.status == 422
    assert "Seller city: An XRechnung needs the city of the seller." in refused
    assert "Seller phone number: An XRechnung needs a phone number of the seller." in refused
    assert billing.sample.rows(t.invoice)[0].state == "draft"


def test_the_setting_is_on_the_page(billing: WebClients) -> None:
    page = billing.administrator.open("/settings")
    assert billing.administrator.send(page, e_invoices="en16931").status == 200
    assert billing.sample.desk.refresh().settings.e_invoices == "en16931"

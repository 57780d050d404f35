"""Documents of invoices through the API: e-invoices are checked before the issue, and downloaded after it."""

from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.support.billing import Billing, line
from tests.support.e_invoice_schemas import schema_errors, texts
from tests.support.sample_desk import SampleDesk
from workflows.billing.documents.validation import RULES_VERSION
from workflows.store import tables as t

SELLER = {
    "name": "Northwind Support GmbH",
    "email": "billing@northwind.example",
    "street": "Hauptstraße 1",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
    "vat_id": "DE136695976",
    "contact_name": "Ada",
    "phone": "+49 30 123456",
    "iban": "DE89370400440532013000",
}
BUYER: dict[str, Any] = {
    "name": "Acme Ltd",
    "street": "Marktplatz 2",
    "postal_code": "80331",
    "city": "München",
    "country": "DE",
    "email": "invoices@acme.example",
    "buyer_reference": "04011000-12345-34",
}
FILES = {".pdf": "application/pdf", ".xml": "application/xml", ".ubl.xml": "application/xml"}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    made = Billing(sample, company=SELLER, e_invoices="xrechnung")
    made.ask(made.finance, "PATCH", f"/customers/{sample.ann}/billing", BUYER)
    return made


def file_of(billing: Billing, invoice: Any, ending: str) -> bytes:
    answer: Any = billing.finance.get(f"/invoices/{invoice['id']}{ending}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == FILES[ending]
    content: bytes = answer.data
    return content


def missing(billing: Billing, draft: Any) -> dict[str, str]:
    """The field and the rule of each thing because of which a draft is not issued."""
    answer: Any = billing.ask(billing.finance, "POST", f"/invoices/{draft['id']}/issue", status=409)
    assert answer["type"].endswith("state-forbids")
    assert answer["rules_version"] == RULES_VERSION
    assert billing.invoice(draft["id"])["state"] == "draft"
    return {one["field"]: one["rule"] for one in answer["missing"]}


def test_an_issued_invoice_has_its_documents(billing: Billing) -> None:
    """The e-invoice of both syntaxes is valid, is in the PDF, and says the invoice's number and total."""
    invoice = billing.issue(line(12_345, "2", "Reduced"), order_number="PO-7", note="Thank you")
    assert invoice["e_invoice_profile"] == "xrechnung"
    assert invoice["e_invoice_rules"] == RULES_VERSION
    cii, ubl = file_of(billing, invoice, ".xml"), file_of(billing, invoice, ".ubl.xml")
    assert schema_errors(cii) == schema_errors(ubl) == []
    assert texts(cii, "//rsm:ExchangedDocument/ram:ID") == [invoice["number"]]
    assert texts(cii, "//ram:GrandTotalAmount") == ["264.18"]
    assert texts(ubl, "/*/cbc:ID") == [invoice["number"]]
    assert texts(ubl, "//cbc:TaxInclusiveAmount") == ["264.18"]
    reader = PdfReader(BytesIO(file_of(billing, invoice, ".pdf")))
    assert reader.attachments == {"xrechnung.xml": [cii]}
    text = reader.pages[0].extract_text()
    for part in (f"Invoice {invoice['number']}", "Acme Ltd", "PO-7", "Thank you", "264.18"):
        assert part in text


def test_what_is_wrong_is_said_by_field_and_nothing_is_issued(billing: Billing) -> None:
    sample = billing.sample
    sample.set(company={**SELLER, "phone": "", "city": ""})
    billing.ask(
        billing.finance, "PATCH", f"/customers/{sample.ann}/billing", {"buyer_reference": "", "country": ""}
    )
    draft = billing.draft()
    assert missing(billing, draft) == {
        "seller phone number": "BR-DE-6",
        "seller city": "BR-DE-3",
        "buyer country": "BR-11",
        "buyer reference": "BR-DE-15",
    }
    sample.set(company=SELLER)
    billing.ask(billing.finance, "PATCH", f"/customers/{sample.ann}/billing", BUYER)
    draft = billing.ask(
        billing.finance, "PATCH", f"/invoices/{draft['id']}", {"buyer_reference": BUYER["buyer_reference"]}
    )
    assert billing.issued(draft["id"])["number"] == "INV-2026-0001"


def test_lines_are_named_by_their_number(billing: Billing) -> None:
    assert missing(billing, billing.draft(line(), line(unit="XXX"))) == {"line 2, unit": "BR-CL-23"}


def test_peppol_needs_less(billing: Billing) -> None:
    """Without a phone number, an invoice is no XRechnung, but one by Peppol."""
    billing.sample.set(company={**SELLER, "phone": ""}, e_invoices="en16931")
    invoice = billing.issue()
    assert invoice["e_invoice_profile"] == "en16931"
    customization = texts(file_of(billing, invoice, ".ubl.xml"), "//cbc:CustomizationID")
    assert customization == ["urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"]
    assert PdfReader(BytesIO(file_of(billing, invoice, ".pdf"))).attachments.keys() == {"factur-x.xml"}


def test_off_an_invoice_without_addresses_is_issued(sample: SampleDesk) -> None:
    """It has a PDF, and no e-invoice even after they are switched on; neither has its credit note."""
    billing = Billing(sample)
    invoice = billing.issue()
    assert invoice["e_invoice_profile"] is invoice["e_invoice_rules"] is None
    sample.set(e_invoices="xrechnung")
    note = billing.credit(invoice["id"])
    for one in (invoice, note):
        assert PdfReader(BytesIO(file_of(billing, one, ".pdf"))).attachments == {}
        for ending in (".xml", ".ubl.xml"):
            answer: Any = billing.finance.get(f"/invoices/{one['id']}{ending}")
            assert answer.status_code == 409
            assert answer.json["detail"].startswith(f"{one['number']} has no e-invoice")


def test_a_credit_note_is_an_e_invoice_as_its_invoice_was(billing: Billing) -> None:
    """Also after another setting, whole and in part, with what it corrects and why."""
    whole, part = (
        billing.issue(discounts=[{"reason": "Loyalty", "percent": "10"}]),
        billing.issue(line(), line()),
    )
    billing.sample.set(e_invoices="off", company={**SELLER, "phone": ""})
    for invoice, lines in ((whole, ()), (part, ({"line": part["lines"][0]["id"]},))):
        note = billing.credit(invoice["id"], *lines, reason="Not delivered")
        assert note["e_invoice_profile"] == "xrechnung"
        cii, ubl = file_of(billing, note, ".xml"), file_of(billing, note, ".ubl.xml")
        assert schema_errors(cii) == schema_errors(ubl) == []
        assert texts(cii, "//rsm:ExchangedDocument/ram:TypeCode") == ["381"]
        assert texts(cii, "//ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == [invoice["number"]]
        assert texts(ubl, "//cbc:CreditNoteTypeCode") == ["381"]
        text = PdfReader(BytesIO(file_of(billing, note, ".pdf"))).pages[0].extract_text()
        assert f"Credit note {note['number']}" in text
        assert "Not delivered" in text


def test_documents_never_change(billing: Billing) -> None:
    """Neither by a payment nor by what seller, buyer and setting become: the same bytes."""
    invoice = billing.issue()
    before = {ending: file_of(billing, invoice, ending) for ending in FILES}
    billing.pay(invoice["id"], 5_000)
    billing.sample.set(company={"name": "Other"}, e_invoices="off")
    billing.ask(billing.finance, "PATCH", f"/customers/{billing.sample.ann}/billing", {"name": "New"})
    assert {ending: file_of(billing, invoice, ending) for ending in FILES} == before


def test_who_may_download(billing: Billing) -> None:
    """Customers their own that are issued; another customer's is a 404, and technicians have none."""
    sample = billing.sample
    invoice, draft = billing.issue(), billing.draft()
    ben = billing.api.client_of(sample.person("customer", "Ben", customer=sample.customer("Ben")))
    for ending in FILES:
        path = f"/invoices/{invoice['id']}{ending}"
        assert billing.ann.get(path).status_code == 200
        assert billing.supervisor.get(path).status_code == 200
        assert ben.get(path).status_code == 404
        assert billing.api.technician.get(path).status_code == 403
        assert billing.finance.get(f"/invoices/unknown{ending}").status_code == 404
        assert billing.ann.get(f"/invoices/{draft['id']}{ending}").status_code == 404
        refused: Any = billing.finance.get(f"/invoices/{draft['id']}{ending}")
        assert (refused.status_code, refused.json["detail"]) == (
            409,
            "A draft has no documents. Issue it first.",
        )


def test_a_refused_issue_takes_no_number(billing: Billing) -> None:
    """And leaves nothing else behind."""
    assert missing(billing, billing.draft(line(unit="XXX")))
    assert billing.issue()["number"] == "INV-2026-0001"
    states = select(t.invoice.c.state, t.invoice.c.number).order_by(t.invoice.c.id)
    with billing.sample.desk.database.read() as connection:
        assert list(connection.execute(states)) == [("draft", None), ("issued", "INV-2026-0001")]


def test_credit_that_is_used_at_the_issue_is_on_it(billing: Billing) -> None:
    first = billing.issue()
    billing.pay(first["id"], 15_000)
    second = billing.issue(line(20_000))
    cii = file_of(billing, second, ".xml")
    assert texts(cii, "//ram:TotalPrepaidAmount") == ["31.00"]
    assert texts(cii, "//ram:DuePayableAmount") == ["207.00"]

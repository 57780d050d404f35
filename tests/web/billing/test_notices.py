"""Invoices and payments: mail to who pays, with the document, and webhooks."""

from typing import Any

import pytest

from tests.support.billing import Billing
from tests.support.mail_server import mail_server
from tests.support.sample_desk import SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, listen
from workflows.jobs.definitions import run_job
from workflows.store import tables as t

EVENTS = ("invoice.", "credit_note.", "payment.")


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    made = Billing(sample, company={"name": "Example Support"})
    made.ask(made.finance, "PATCH", f"/customers/{sample.ann}/billing", {"email": "accounts@ann.example"})
    return made


def mails(billing: Billing) -> list[Any]:
    return [row for row in billing.sample.rows(t.outbox) if row.subject_kind in ("invoice", "payment")]


def test_each_event_is_a_mail_to_the_billing_address_and_a_webhook(billing: Billing) -> None:
    listen(billing.sample)
    issued = billing.issue()
    paid = billing.pay(issued["id"], 1900)
    billing.ask(billing.finance, "POST", f"/payments/{paid['id']}/reverse", {"reason": "Internal: bounced"})
    note = billing.credit(issued["id"], reason="Ordered twice")
    other = billing.issue()
    billing.ask(billing.finance, "POST", f"/invoices/{other['id']}/void", {"reason": "Wrong customer"})
    void = billing.invoice(other["id"])["credit_notes"][0]
    written = mails(billing)
    assert [(row.event, row.recipient, row.subject) for row in written if row.recipient] == [
        ("invoice_issued", "accounts@ann.example", "Invoice INV-2026-0001 from Example Support"),
        ("payment_received", "accounts@ann.example", "Your payment of EUR 19.00"),
        ("payment_reversed", "accounts@ann.example", "Your payment of EUR 19.00 was taken back"),
        ("credit_note_issued", "accounts@ann.example", "Credit note CN-2026-0001 from Example Support"),
        ("invoice_issued", "accounts@ann.example", "Invoice INV-2026-0002 from Example Support"),
        ("invoice_voided", "accounts@ann.example", "Invoice INV-2026-0002 is void"),
    ]
    assert "EUR 119.00, by 2026-03-16" in written[0].body
    assert not any("Internal" in row.body for row in written)
    assert data(billing.sample, "invoice.issued")[0] == {
        "invoice": issued["id"],
        "number": "INV-2026-0001",
        "due_on": "2026-03-16",
    }
    about = {"payment": paid["id"], "invoices": [issued["id"]]}
    assert data(billing.sample, "payment.received", "payment.reversed") == [about, about]
    assert [one["credit_note"] for one in data(billing.sample, "credit_note.issued")] == [
        note["id"],
        void["id"],
    ]
    assert [one["credit_note"] for one in data(billing.sample, "invoice.voided")] == [void["id"]]


def test_mail_to_a_german_customer_has_german_amounts_and_days(billing: Billing) -> None:
    billing.ask(billing.finance, "PATCH", f"/customers/{billing.sample.ann}/billing", {"language": "de"})
    issued = billing.issue()
    billing.pay(issued["id"], 1900)
    invoice, payment = [row for row in mails(billing) if row.recipient]
    assert invoice.subject == "Rechnung INV-2026-0001 von Example Support"
    assert "119,00\xa0EUR, bis 16.03.2026" in invoice.body
    assert payment.subject == "Ihre Zahlung von 19,00\xa0EUR"


def test_a_draft_that_is_voided_and_what_is_refused_write_nothing(billing: Billing) -> None:
    draft = billing.draft()["id"]
    billing.ask(billing.finance, "POST", f"/invoices/{draft}/void", {"reason": "Not needed"})
    billing.ask(billing.finance, "POST", f"/invoices/{draft}/issue", status=409)
    assert mails(billing) == []


def test_the_mail_of_an_invoice_brings_its_pdf_which_the_outbox_does_not_keep(billing: Billing) -> None:
    billing.issue()
    [row] = mails(billing)
    assert row.payload["document"]["number"] == "INV-2026-0001"
    assert "%PDF" not in str(row.payload)
    desk = billing.sample.desk
    with mail_server() as inbox:
        desk.smtp_url = f"smtp://127.0.0.1:{inbox.port}/?from=desk@example.com"
        run_job(desk, "deliver_outbox")
    [message] = [one for one in inbox.messages if one["To"] == "accounts@ann.example"]
    [attached] = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("INV-2026-0001.pdf", "application/pdf")
    assert attached.get_content().startswith(b"%PDF")
    text = message.get_body()
    assert text is not None
    assert "The invoice is attached" in text.get_content()


def test_an_org_unit_without_a_mail_address_gets_none_and_the_event_is_recorded(billing: Billing) -> None:
    billing.issue(org_unit=billing.sample.site)
    assert [(row.event, row.recipient) for row in mails(billing)] == [("invoice_issued", None)]

"""Pages of disputes: objecting where the record is, the list, the decision with its effect, the statement."""

from csv import DictReader
from io import BytesIO, StringIO
from typing import Any

import pytest
from pypdf import PdfReader

from tests.support.api import ApiClient, token_of
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.commands.billing import ChangeBilling, InvoiceLineGiven, NewInvoice
from workflows.commands.disputes import AcceptDispute, OpenDispute
from workflows.commands.fields import MoneyGiven
from workflows.disputes.use_cases import accept_dispute, open_dispute
from workflows.register.billing_details import change_billing_details
from workflows.store import tables as t


@pytest.fixture
def desk(web: WebClients) -> WebClients:
    """Ann's request with an entry."""
    return web


def objected(desk: WebClients, reason: str = "The call took ten minutes.") -> str:
    """Ann objects to the entry by its link; returns the address of the dispute."""
    page = desk.ann.open(f"/requests/{desk.records.service_request}")
    address = f"/disputes/new?work_entry={desk.records.entry}"
    assert address in page.html
    form = desk.ann.open(address).form("/disputes/new")
    assert desk.ann.client.post(address, data={**form.values, "reason": ""}).status_code == 422
    answer = desk.ann.client.post(address, data={**form.values, "reason": reason})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def test_a_customer_objects_and_reads_the_decision(desk: WebClients) -> None:
    address = objected(desk)
    shown = desk.ann.open(address)
    assert "The call took ten minutes." in shown
    assert "/accept" not in shown.html
    assert "In dispute" in desk.ann.open(f"/requests/{desk.records.service_request}")
    assert "In dispute" in desk.supervisor.open(f"/requests/{desk.records.service_request}")
    assert "Open disputes" in desk.finance.open("/")
    listed = desk.finance.open("/disputes")
    assert "1 dispute" in listed
    csv = desk.finance.client.get("/disputes?format=csv").get_data(as_text=True)
    assert "work_entry" in csv
    assert "No matching disputes" in desk.finance.open("/disputes?q=nothing-like-it")
    page = desk.supervisor.open(f"{address}/decline")
    sent = {**page.form("/decline").values, "reason": "It is in the log."}
    done = Page(desk.supervisor.client.post(f"{address}/decline", data=sent, follow_redirects=True))
    assert "The dispute is declined." in done
    assert "It is in the log." in desk.ann.open(address)
    assert "It is decided already." in desk.supervisor.open(f"{address}/decline")
    again = {**desk.supervisor.open(f"{address}/decline").form("/decline").values, "reason": "Once more"}
    assert desk.supervisor.client.post(f"{address}/decline", data=again).status_code == 422


def test_the_acceptance_is_previewed(desk: WebClients) -> None:
    address = objected(desk)
    page = desk.supervisor.open(f"{address}/accept")
    sent = {**page.form("/accept").values, "minutes": "0:10", "reason": "You are right."}
    shown = Page(desk.supervisor.client.post(f"{address}/accept/preview", data=sent))
    assert desk.records.entry
    assert shown.status == 200
    wrong = {**sent, "minutes": "99:00"}
    assert "Give fewer" in Page(desk.supervisor.client.post(f"{address}/accept", data=wrong))
    done = Page(desk.supervisor.client.post(f"{address}/accept", data=sent, follow_redirects=True))
    assert "The dispute is accepted." in done
    assert "0:10 of the entry is left." in done


def test_a_statement_is_accepted_and_its_changes_shown(desk: WebClients) -> None:
    address = f"/contracts/{desk.records.contract}"
    page = desk.ann.open(address)
    form = page.form("/statement/accept")
    done = Page(desk.ann.client.post(f"{address}/statement/accept", data=form.values, follow_redirects=True))
    assert "The statement is accepted." in done
    assert "Accepted up to" in done
    assert "It rests on transaction" in desk.finance.open(address)
    dispute = objected(desk)
    sent = desk.supervisor.open(f"{dispute}/accept").form("/accept").values
    desk.supervisor.client.post(f"{dispute}/accept", data=sent)
    after = desk.ann.open(address)
    assert "changed it since" in after
    assert "Changes what was accepted" in after
    assert not desk.supervisor.open(address).has_form("/statement/accept")


def test_what_others_have_is_not_found(desk: WebClients) -> None:
    address = objected(desk)
    assert desk.ann.open(f"{address}/accept").status == 403
    assert desk.ann.open("/disputes/nothing").status == 404
    assert desk.ann.open("/disputes/new?work_entry=nothing").status == 404
    assert desk.ann.open("/disputes/new").status == 404
    assert desk.ann.open("/disputes/new?invoice_line=nothing").status == 404


def text_of(document: bytes) -> str:
    return " ".join("\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages).split())


def accepted_and_disputed(desk: WebClients) -> str:
    """Ann accepts the statement, and objects to the entry, of which a part is taken back; its contract."""
    contract = f"/contracts/{desk.records.contract}"
    form = desk.ann.open(contract).form("/statement/accept")
    desk.ann.client.post(f"{contract}/statement/accept", data=form.values)
    dispute = objected(desk)
    sent = desk.supervisor.open(f"{dispute}/accept").form("/accept").values
    desk.supervisor.client.post(f"{dispute}/accept", data={**sent, "minutes": "0:10"})
    return contract


@pytest.mark.parametrize("role", ["technician", "supervisor", "finance"])
def test_staff_open_a_dispute_for_the_customer(desk: WebClients, role: str) -> None:
    staff, address = desk.of_role(role), f"/disputes/new?work_entry={desk.records.entry}"
    assert address in staff.open(f"/requests/{desk.records.service_request}").html
    page = staff.open(address)
    assert "It is opened for the customer whom this concerns" in page
    sent = {**page.form("/disputes/new").values, "reason": "Ann called: it took ten minutes."}
    done = Page(staff.client.post(address, data=sent, follow_redirects=True))
    assert "The dispute is open." in done
    [dispute] = desk.sample.rows(t.dispute)
    assert dispute.customer_id == desk.records.customer
    assert "Ann called" in desk.ann.open(f"/disputes/{dispute.id}")
    shown = staff.open(f"/requests/{desk.records.service_request}")
    assert "In dispute" in shown
    assert address not in shown.html


def test_staff_open_a_dispute_about_a_line_of_an_invoice(desk: WebClients) -> None:
    desk.sample.set(invoices=True)
    line = InvoiceLineGiven(
        description="Parts", quantity="1", unit_price=MoneyGiven(amount_minor=1000), tax_rate="No tax"
    )
    invoice = desk.sample.do(create_invoice, NewInvoice(customer=desk.records.customer, lines=[line]))
    assert "Open a dispute" not in desk.finance.open(f"/invoices/{invoice}")
    desk.sample.do(issue_invoice, invoice)
    [stored] = desk.sample.rows(t.invoice_line, invoice_id=invoice)
    address = f"/disputes/new?invoice_line={stored.id}"
    assert address in desk.finance.open(f"/invoices/{invoice}").html
    sent = {**desk.finance.open(address).form("/disputes/new").values, "reason": "Ann did not order it."}
    assert desk.finance.client.post(address, data=sent).status_code == 302
    assert "In dispute" in desk.ann.open(f"/invoices/{invoice}")


def test_a_line_drawn_for_an_entry_in_dispute_is_in_dispute(desk: WebClients) -> None:
    objected(desk)
    contract, holder = f"/contracts/{desk.records.contract}", f"/customers/{desk.records.customer}"
    for path in (contract, f"{holder}/statement"):
        for browser in (desk.ann, desk.supervisor):
            shown = browser.open(path)
            assert "In dispute" in shown
            assert "/disputes/new?statement_line=" in shown.html
    for path in (f"{contract}/statement", f"{holder}/statement"):
        rows = list(DictReader(StringIO(desk.ann.client.get(f"{path}.csv").text)))
        assert [(row["kind"], row["dispute"]) for row in rows] == [("grant", ""), ("draw", "open")]
        assert {row["since_acceptance"] for row in rows} == {"false"}
        assert "In dispute" in text_of(desk.ann.client.get(f"{path}.pdf").data)


def test_others_do_not_see_that_a_line_is_in_dispute(desk: WebClients) -> None:
    """Of a contract that two customers use, each sees their own disputes."""
    desk.sample.set(customers_see_org_unit=True)
    dora = desk.sample.customer("Dora", desk.records.org_unit)
    other = desk.browser(desk.sample.person("customer", "Dora", customer=dora))
    contract = desk.sample.sell("support_hours", to=("org_unit", desk.records.org_unit), minutes=600)
    request = desk.sample.log("Dora's printer", customer=dora, item=None)
    desk.sample.work(request, 30)
    [entry] = desk.sample.entries(request)
    address = f"/disputes/new?work_entry={entry.id}"
    sent = {**other.open(address).form("/disputes/new").values, "reason": "No"}
    assert other.client.post(address, data=sent).status_code == 302
    assert desk.sample.rows(t.work_allocation, work_entry_id=entry.id)[0].contract_id == contract
    path = f"/contracts/{contract}/statement.csv"
    assert ",open,false" in desk.supervisor.client.get(path).text
    assert ",open,false" in other.client.get(path).text
    assert ",open,false" not in desk.ann.client.get(path).text


def test_a_holders_statement_has_the_acceptance_and_what_changed_since(desk: WebClients) -> None:
    contract = accepted_and_disputed(desk)
    holder = f"/customers/{desk.records.customer}/statement"
    shown = desk.ann.open(holder)
    assert "Accepted up to" in shown
    assert "changed it since" in shown
    assert "Changes what was accepted" in shown
    for path in (holder, f"{contract}/statement"):
        text = text_of(desk.finance.client.get(f"{path}.pdf").data)
        for said in ("Accepted up to", "changed it since", "Changes what was accepted", "Dispute accepted"):
            assert said in text, path
        rows = list(DictReader(StringIO(desk.finance.client.get(f"{path}.csv").text)))
        assert "accepted" in {row["dispute"] for row in rows if row["kind"] == "draw"}
        assert "true" in {row["since_acceptance"] for row in rows}


def test_the_files_of_the_api_have_the_same_columns(desk: WebClients) -> None:
    accepted_and_disputed(desk)
    client = ApiClient(desk.app, token_of(desk.sample, desk.sample.finance))
    for path in (f"/contracts/{desk.records.contract}", f"/customers/{desk.records.customer}"):
        rows = list(DictReader(StringIO(client.get(f"{path}/statement.csv").text)))
        assert "accepted" in {row["dispute"] for row in rows}
        assert "true" in {row["since_acceptance"] for row in rows}
    found: Any = client.get(f"/customers/{desk.records.customer}/statement").json
    assert any(line["since_acceptance"] for line in found["lines"])


def test_a_reason_that_nobody_gave_is_in_the_language_of_the_invoice(desk: WebClients) -> None:
    desk.sample.set(invoices=True)
    desk.sample.do(change_billing_details, "customer", desk.records.customer, ChangeBilling(language="de"))
    line = InvoiceLineGiven(
        description="Teile", quantity="1", unit_price=MoneyGiven(amount_minor=1000), tax_rate="No tax"
    )
    invoice = desk.sample.do(create_invoice, NewInvoice(customer=desk.records.customer, lines=[line]))
    desk.sample.do(issue_invoice, invoice)
    [stored] = desk.sample.rows(t.invoice_line, invoice_id=invoice)
    opened = desk.sample.do(open_dispute, OpenDispute(invoice_line=stored.id, reason="Nicht bestellt"))
    desk.sample.do(accept_dispute, opened, AcceptDispute())
    [note] = desk.sample.rows(t.invoice, kind="credit_note")
    assert note.reason == "Einwand angenommen: Nicht bestellt"

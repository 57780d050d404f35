"""Invoices on the pages: from what was sold to a paid, processed invoice, by form, without JavaScript."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.support.api import ApiClient, token_of
from tests.support.billing import RATES
from tests.support.pages import Browser, Page
from tests.support.web_clients import WebClients
from workflows.billing.figures import read_billing_figures
from workflows.store import tables as t

PRICE = {"amount_minor": 24_000}


@pytest.fixture
def billing(web: WebClients) -> WebClients:
    web.sample.set(invoices=True, tax_rates=RATES)
    return web


def the_invoice(web: WebClients) -> Any:
    return web.sample.rows(t.invoice)[-1]


def preview(browser: Browser, page: Page, path: str, **values: Any) -> Page:
    """What the button Preview of a form shows."""
    form = page.form(path)
    return Page(browser.client.post(f"{path}/effect", data={**form.values, **values}))


def test_an_invoice_that_credit_pays_whole_is_not_announced_as_due(billing: WebClients) -> None:
    for received in ("600.00", ""):
        billing.sample.sell("support_hours", minutes=60, price=PRICE)
        listed = billing.finance.open("/to-invoice")
        billing.finance.send(listed, "/to-invoice", sold=billing.sample.rows(t.sold_item)[-1].id)
        path = f"/invoices/{the_invoice(billing).id}"
        confirm = billing.finance.open(f"{path}/issue")
        shown = preview(billing.finance, confirm, f"{path}/issue")
        assert ("is due on" in shown) == bool(received)
        assert ("€285.60 of the customer's credit is used." in shown) != bool(received)
        billing.finance.send(confirm, f"{path}/issue")
        if received:
            pay = billing.finance.open(f"{path}/pay")
            billing.finance.send(pay, f"{path}/pay", amount=received)


def test_from_what_was_sold_to_a_processed_invoice(billing: WebClients) -> None:
    sample = billing.sample
    sample.set(payment_required=True)
    contract = sample.sell("support_hours", minutes=60, price=PRICE)
    waiting = sample.log()
    home = billing.finance.open("/")
    assert "To invoice" in home
    listed = billing.finance.open("/to-invoice")
    assert "SH-0001" in listed
    draft = billing.finance.send(listed, "/to-invoice", sold=sample.rows(t.sold_item)[0].id)
    assert "The draft has been written." in draft
    assert "€285.60" in draft
    path = f"/invoices/{the_invoice(billing).id}"

    confirm = billing.finance.open(f"{path}/issue")
    shown = preview(billing.finance, confirm, f"{path}/issue")
    assert "It gets the number INV-2026-0001" in shown
    assert the_invoice(billing).number is None
    issued = billing.finance.send(confirm, f"{path}/issue")
    assert "Issued." in issued
    assert "INV-2026-0001" in issued

    early = billing.finance.open(f"{path}/process")
    refused = billing.finance.send(early, f"{path}/process")
    assert refused.status == 422
    assert "cannot be processed before it is paid: EUR 285.60 is missing" in refused

    pay = billing.finance.open(f"{path}/pay")
    assert pay.form(f"{path}/pay").values["amount"] == "285.60"
    shown = preview(billing.finance, pay, f"{path}/pay", amount="300.00")
    assert "Nothing stays open. What is too much becomes credit" in shown
    assert sample.rows(t.payment) == []
    paid = billing.finance.send(pay, f"{path}/pay", reference="TX-1")
    assert "Payment recorded." in paid
    assert "Paid" in paid

    process = billing.supervisor.open(f"{path}/process")
    shown = preview(billing.supervisor, process, f"{path}/process")
    assert "SH-0001" in shown.text.partition("Preview")[2]
    assert sample.request(waiting).state == "pending_no_contract"
    assert "Processed." in billing.supervisor.send(process, f"{path}/process")
    assert (sample.contract(contract).state, sample.request(waiting).state) == ("active", "open")
    mine = billing.ann.open("/invoices")
    assert "INV-2026-0001" in mine
    assert "Lines" in billing.ann.open(path)
    assert "Process" not in billing.ann.open(path).text


def test_a_draft_is_written_and_changed_by_form(billing: WebClients) -> None:
    new = billing.finance.open("/invoices/new")
    more = billing.finance.send(new, step="more", line0_description="Travel")
    assert "Line 8" in more
    assert more.form().values["line0_description"] == "Travel"
    wrong = billing.finance.send(more, line0_price="ten", line0_quantity="-1", line1_description="Parts")
    assert wrong.status == 422
    assert "“ten” is not an amount in EUR" in wrong
    assert "It must be more than 0" in wrong
    party = f"customer:{billing.sample.ann}"
    written = billing.finance.send(
        wrong,
        party=party,
        line0_price="10,00",
        line0_quantity="2",
        line0_discount="10%",
        line1_price="5",
        line1_discount="1.00",
        line1_tax_rate="Reduced",
        discount_percent="50",
        early_percent="2",
        early_days="14",
    )
    assert "The draft has been written." in written
    row = the_invoice(billing)
    assert (row.net_minor, row.tax_minor, row.early_payment_days) == (1100, 185, 14)
    edit = billing.supervisor.open(f"/invoices/{row.id}/edit")
    values = edit.form().values
    assert (values["line0_discount"], values["line1_discount"], values["discount_percent"]) == (
        "10%",
        "1.00",
        "50",
    )
    other = billing.finance.open(f"/invoices/{row.id}/edit")
    saved = billing.supervisor.send(edit, discount_percent="", early_percent="", early_days="", note="Thanks")
    assert "Saved." in saved
    row = the_invoice(billing)
    assert (row.net_minor, row.early_payment_days, row.note) == (2200, None, "Thanks")
    late = billing.finance.send(other, note="Too late")
    assert late.status == 422
    assert "changed in the meantime" in late


def test_discounts_that_the_form_cannot_show_stay(billing: WebClients) -> None:
    api = ApiClient(billing.app, token_of(billing.sample, billing.sample.finance))
    line = {"description": "x", "quantity": "1", "unit_price": {"amount_minor": 1000}, "tax_rate": "Standard"}
    discounts = [{"reason": "Round", "amount": {"amount_minor": 100}}, {"reason": "Loyal", "percent": "10"}]
    body = {"customer": billing.sample.ann, "lines": [line], "discounts": discounts}
    assert api.post("/invoices", body).status_code == 201
    edit = billing.finance.open(f"/invoices/{the_invoice(billing).id}/edit")
    assert "discount_percent" not in edit.form().values
    assert "Saved." in billing.finance.send(edit, note="x")
    assert the_invoice(billing).net_minor == 800


def test_credit_void_and_reversal_by_form(billing: WebClients) -> None:
    billing.sample.sell("subscription", price=PRICE)
    listed = billing.finance.open("/to-invoice")
    billing.finance.send(listed, "/to-invoice")
    path = f"/invoices/{the_invoice(billing).id}"
    billing.finance.send(billing.finance.open(f"{path}/issue"), f"{path}/issue")
    billing.finance.send(billing.finance.open(f"{path}/pay"), f"{path}/pay", amount="100")
    credit = billing.finance.open(f"{path}/credit")
    wrong = billing.finance.send(credit, f"{path}/credit", reason="Agreed", line0="much")
    assert "“much” is not an amount" in wrong
    shown = preview(billing.finance, credit, f"{path}/credit", line0="40")
    assert "A credit note of €47.60 is issued" in shown
    note = billing.finance.send(credit, f"{path}/credit", reason="Agreed", line0="40")
    assert "CN-2026-0001" in note
    assert "Credit note for Ann" in note
    [payment] = billing.sample.rows(t.payment)
    page = billing.finance.open(f"/payments/{payment.id}")
    assert "Reverse this payment" not in billing.supervisor.open(f"/payments/{payment.id}")
    reversed_page = billing.finance.send(page, "/reverse", reason="Returned by the bank")
    assert "Reversed" in reversed_page
    assert "What it had settled is open again:" in reversed_page
    assert "reversed: Returned by the bank" in billing.finance.open("/payments")
    refused = billing.finance.send(billing.finance.open(f"{path}/void"), f"{path}/void", reason="x")
    assert "a part of it has been paid or credited" in refused
    assert billing.supervisor.open(f"{path}/credit").status == 403
    assert billing.finance.open(f"{path}/nothing").status == 404


def test_what_is_not_to_be_invoiced_is_waived_by_form(billing: WebClients) -> None:
    billing.sample.sell("subscription", price=PRICE)
    [item] = billing.sample.rows(t.sold_item)
    page = billing.finance.open(f"/to-invoice/{item.id}/waive")
    assert "It is not to be invoiced." in billing.finance.send(page, reason="Goodwill")
    assert "Goodwill" in billing.finance.open("/to-invoice?view=waived")
    assert "Nothing to invoice" in billing.finance.open("/to-invoice")
    assert billing.supervisor.open(f"/to-invoice/{item.id}/waive").status == 403


def test_billing_details_by_form(billing: WebClients) -> None:
    path = f"/customers/{billing.sample.ann}/billing"
    page = billing.finance.open(path)
    wrong = billing.finance.send(page, vat_id="DE1", country="Germany")
    assert "This is not a valid VAT id of DE" in wrong
    assert "not a country code" in wrong
    assert "Saved." in billing.finance.send(page, vat_id="DE136695976", country="de", name="=Acme")
    assert billing.finance.open(path).form().values["country"] == "DE"
    assert billing.technician.open(path).status == 403


def test_exports_are_defused(billing: WebClients) -> None:
    evil = billing.sample.customer("=SUM")
    billing.sample.sell("subscription", to=("customer", evil), price=PRICE)
    export = billing.finance.client.get("/to-invoice?format=csv").get_data(as_text=True)
    assert "'=SUM" in export
    page = billing.finance.send(billing.finance.open("/to-invoice"), "/to-invoice")
    assert "The draft has been written." in page
    export = billing.finance.client.get("/invoices?format=csv").get_data(as_text=True)
    assert "'=SUM" in export


def test_the_menu_has_invoices_while_they_are_on(billing: WebClients) -> None:
    assert "To invoice" in billing.supervisor.open("/")
    assert "My invoices" in billing.ann.open("/")
    assert "Payments" not in billing.technician.open("/requests").text
    billing.sample.set(invoices=False)
    assert "My invoices" not in billing.ann.open("/")


def test_the_menu_leads_to_the_invoices_there_are_also_once_they_are_off(billing: WebClients) -> None:
    """What was issued still has to be paid, matched, exported; nothing more is sold."""
    sample = billing.sample
    sample.sell("subscription", price=PRICE)
    billing.finance.send(billing.finance.open("/to-invoice"), "/to-invoice")
    path = f"/invoices/{the_invoice(billing).id}"
    billing.finance.send(billing.finance.open(f"{path}/issue"), f"{path}/issue")
    sample.set(invoices=False)
    mine, office = (one.client.get("/").get_data(as_text=True) for one in (billing.ann, billing.finance))
    assert 'href="/invoices"' in mine
    assert "Buy support" not in mine
    for path in ("/invoices", "/payments", "/bank-statements", "/accounts", "/accounting-exports"):
        assert f'href="{path}' in office, path
    assert "issued and not due yet" in office
    for label in ("To invoice", "Time to bill", "Recurring sales"):
        assert label not in office, label


def test_what_is_to_be_processed_sold_something(billing: WebClients) -> None:
    """Neither a fee nor what was written by hand takes effect by processing."""
    sample = billing.sample
    sample.sell("subscription", price=PRICE)
    billing.finance.send(billing.finance.open("/to-invoice"), "/to-invoice")
    sold = the_invoice(billing).id
    api = ApiClient(billing.app, token_of(sample, sample.finance))
    line = {"description": "x", "quantity": "1", "unit_price": {"amount_minor": 1000}, "tax_rate": "Standard"}
    assert api.post("/invoices", {"customer": sample.ann, "lines": [line]}).status_code == 201
    other = the_invoice(billing).id
    for one in (sold, other):
        assert api.post(f"/invoices/{one}/issue", {}).status_code == 200
    assert sample.see_as(sample.finance, read_billing_figures).to_process == 1
    listed = billing.finance.open("/invoices?view=to-process")
    assert "INV-2026-0001" in listed
    assert "INV-2026-0002" not in listed
    assert api.post(f"/invoices/{other}/process", {}).status_code == 200
    left: Any = api.get("/invoices?delivery=to_process").json
    assert [one["id"] for one in left["items"]] == [sold]
    assert api.post(f"/invoices/{sold}/process", {}).status_code == 200
    assert sample.see_as(sample.finance, read_billing_figures).to_process == 0


def test_a_draft_says_what_the_billing_details_have_by_now(billing: WebClients) -> None:
    sample = billing.sample
    api = ApiClient(billing.app, token_of(sample, sample.finance))
    details = f"/customers/{sample.ann}/billing"
    line = {"description": "x", "quantity": "1", "unit_price": {"amount_minor": 1000}, "tax_rate": "Standard"}
    assert api.patch(details, {"order_number": "PO-1", "language": "fr"}).status_code == 200
    assert api.post("/invoices", {"customer": sample.ann, "lines": [line]}).status_code == 201
    path = f"/invoices/{the_invoice(billing).id}"
    assert "The billing details differ" not in billing.supervisor.open(path).text
    assert api.patch(details, {"order_number": "", "language": "de"}).status_code == 200
    assert "differ from this draft: Order number: none; Language: German." in billing.supervisor.open(path)
    edit = billing.supervisor.open(f"{path}/edit")
    assert "Saved." in billing.supervisor.send(edit, order_number="", language="")
    row = the_invoice(billing)
    assert (row.order_number, row.language) == (None, "de")
    assert "The billing details differ" not in billing.supervisor.open(path).text


def test_a_logo_is_uploaded_and_shown_on_invoices(billing: WebClients) -> None:
    made = BytesIO()
    Image.new("RGB", (8, 4), "navy").save(made, "PNG")
    page = billing.administrator.open("/settings/logo")
    refused = billing.administrator.send(page, content=(BytesIO(b"no picture"), "logo.png"))
    assert "This is not a PNG or JPEG picture" in refused
    assert "Select a file." in billing.administrator.send(refused, content=None)
    page = billing.administrator.open("/settings/logo")
    stored = billing.administrator.send(page, content=(BytesIO(made.getvalue()), "logo.png"))
    assert "The logo has been stored." in stored
    shown = billing.ann.client.get("/settings/logo/picture")
    assert (shown.mimetype, shown.data) == ("image/png", made.getvalue())
    billing.sample.sell("subscription", price=PRICE)
    draft = billing.finance.send(billing.finance.open("/to-invoice"), "/to-invoice")
    assert 'src="/settings/logo/picture"' in draft.html
    assert "The logo has been deleted." in billing.administrator.send(stored, "/delete")
    assert "/settings/logo/picture" not in billing.finance.open(draft.path).html

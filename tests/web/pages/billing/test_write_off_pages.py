"""A write-off on the pages: shown before it happens, listed, and reversed."""

from tests.support.billing import Billing
from tests.support.web_clients import WebClients
from tests.web.pages.billing.test_invoice_pages import preview


def test_a_write_off_by_form_and_back(web: WebClients) -> None:
    issued = Billing(web.sample).issue()["id"]
    path = f"/invoices/{issued}"
    form = web.finance.open(f"{path}/write_off")
    assert "€119.00 is written off: debit write-offs, credit receivables." in preview(
        web.finance, form, f"{path}/write_off"
    )
    assert web.finance.send(form, f"{path}/write_off").status == 422
    done = web.finance.send(form, f"{path}/write_off", reason="They are insolvent")
    for text in ("Written off.", "They are insolvent", "Reverse the write-off"):
        assert text in done, text
    assert "INV-2026-0001" in web.finance.open("/invoices?view=written-off")
    form = web.finance.open(f"{path}/reverse_write_off")
    back = web.finance.send(form, f"{path}/reverse_write_off", reason="They pay after all")
    assert "The write-off has been reversed." in back
    assert "No matching invoices" in web.finance.open("/invoices?view=written-off")
    assert web.supervisor.open(f"{path}/write_off").status == 403

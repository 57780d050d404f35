"""A currency that a country gives up is refused from that day on; notes are in its successor."""

from datetime import UTC, datetime

from tests.support.billing import Billing, line, minor
from tests.support.sample_desk import SampleDesk
from tests.support.web_clients import WebClients

IN_LEVA = datetime(2025, 12, 1, 9, tzinfo=UTC)


def test_a_currency_is_refused_from_the_day_it_is_given_up(sample: SampleDesk) -> None:
    billing = Billing(sample)
    admin = billing.api.administrator
    for currency, said in (("BGN", "BGN was replaced by EUR on 2026-01-01. Use EUR."), ("ANG", "Use XCG.")):
        for call in ("POST /settings/preview", "PATCH /settings"):
            method, path = call.split()
            answer = admin.call(method, path, {"currency": currency})
            assert (answer.status_code, said in answer.text) == (422, True), answer.text
        body = {"customer": sample.ann, "currency": currency, "lines": [line()]}
        refused = billing.finance.call("POST", "/invoices", body)
        assert (refused.status_code, "/currency" in refused.text) == (422, True), refused.text
    assert admin.call("PATCH", "/settings", {"currency": "XCG"}).status_code == 200


def test_a_note_of_an_old_invoice_is_in_the_successor(web: WebClients) -> None:
    sample = web.sample
    sample.clock.at = IN_LEVA
    billing = Billing(sample, currency="BGN")
    old = billing.issue()
    assert minor(old, "total") == (11_900,)
    waiting = billing.draft()
    sample.clock.at = datetime(2026, 3, 2, 9, tzinfo=UTC)

    refused = billing.finance.call("POST", f"/invoices/{waiting['id']}/issue")
    assert refused.status_code == 409
    assert "BGN was replaced by EUR" in refused.text
    read = billing.invoice(old["id"])
    assert (read["currency"], read["total"]) == ("BGN", {"amount_minor": 11_900, "currency": "BGN"})

    note = billing.credit(old["id"])
    # 100.00 BGN are 51.13 EUR, with 19 % tax 60.84
    assert note["currency"] == "EUR"
    assert minor(note, "net", "tax", "total") == (5_113, 971, 6_084)
    assert note["former_total"] == {"amount_minor": 11_900, "currency": "BGN"}
    assert note["lines"][0]["net"] == {"amount_minor": 5_113, "currency": "EUR"}
    listed = next(one for one in billing.read("/invoices?kind=credit_note")["items"])
    assert (listed["currency"], listed["total"]["amount_minor"]) == ("EUR", 6_084)
    after = billing.invoice(old["id"])
    assert (after["payment"], after["open"]["amount_minor"]) == ("paid", 0)
    assert after["credit_notes"][0]["total"] == {"amount_minor": 6_084, "currency": "EUR"}

    page = web.finance.open(f"/invoices/{note['id']}")
    assert "€60.84" in page
    assert "In the currency of the invoice BGN" in page.text.replace("\u00a0", " ")
    pdf = billing.finance.call("GET", f"/invoices/{note['id']}.pdf")
    assert pdf.status_code == 200

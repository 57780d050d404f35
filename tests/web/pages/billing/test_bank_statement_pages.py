"""Bank statements on the pages: upload, decide, set aside; who sees what."""

import json
from io import BytesIO

import pytest

from tests.support.bank_statements import ACCOUNT, Detail, Entry, camt
from tests.support.billing import Billing
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.store import tables as t


@pytest.fixture
def billing(web: WebClients) -> Billing:
    return Billing(web.sample, company={"iban": ACCOUNT})


def entry(billing: Billing, amount: str, *texts: str, payer: str = "Ann") -> Entry:
    return Entry(amount, (Detail(None, texts, payer),), booked_on=billing.today)


def upload(web: WebClients, data: bytes, name: str = "May.xml", **more: str) -> Page:
    page = web.finance.open("/bank-statements")
    return web.finance.send(page, "/bank-statements", upload=(BytesIO(data), name), **more)


def path_of(web: WebClients, state: str) -> str:
    (row,) = [one for one in web.sample.rows(t.bank_entry) if one.state == state]
    return f"/bank-entries/{row.id}"


def test_a_file_is_uploaded_and_what_is_offered_is_accepted(web: WebClients, billing: Billing) -> None:
    paid, offered = billing.issue(), billing.issue()
    data = camt(
        [
            entry(billing, "119.00", paid["number"]),
            entry(billing, "119.00", "Support"),
            entry(billing, "7.00", "Cheers", payer="Somebody"),
            entry(billing, "-20.00", "Rent"),
        ]
    ).encode()
    shown = upload(web, data)
    assert "1 entry has been recorded as paid; 2 to decide." in shown
    assert "Offered (1)" in shown
    assert offered["number"] in shown
    assert "The amount, from this customer" in shown
    again = upload(web, data)
    assert again.path == shown.path
    assert "This file was uploaded before, and adds nothing." in again
    assert "recorded as paid" not in again.text
    assert len(web.sample.rows(t.bank_statement)) == 1
    done = web.finance.send(web.finance.open(path_of(web, "offered")), "/assign")
    assert "The payment is recorded." in done
    assert billing.invoice(offered["id"])["payment"] == "paid"


def test_invoices_are_named_by_hand_with_their_amounts(web: WebClients, billing: Billing) -> None:
    first, second = billing.issue(), billing.issue()
    upload(web, camt([entry(billing, "150.00", "Cheers", payer="Somebody")]).encode())
    path = path_of(web, "left")
    page = web.finance.open(path)
    wrong = web.finance.send(page, "/assign", assign_invoices="INV-9")
    assert "There is no invoice INV-9." in wrong
    wrong = web.finance.send(page, "/assign", assign_invoices=f"{first['number']} much")
    assert "“much” is not an amount in EUR." in wrong
    wrong = web.finance.send(page, "/assign", assign_invoices=f"{first['number']} 119.00")
    assert "The amounts sum to EUR 119.00, and the entry is EUR 150.00." in wrong
    assert "Name at least one invoice." in web.finance.send(page, "/assign", assign_invoices=" ")
    lines = f"{first['number'].lower()} 119,00\n{second['number']} 31.00"
    done = web.finance.send(page, "/assign", assign_invoices=lines, assign_reason="By phone")
    assert "The payment is recorded." in done
    assert billing.invoice(second["id"])["open"]["amount_minor"] == 8_800
    shown = web.finance.open(path)
    assert "By phone" in shown
    assert "Record as payment" not in shown


def test_the_entries_to_decide_are_exported(web: WebClients, billing: Billing) -> None:
    upload(web, camt([entry(billing, "17.00", "Nothing known")]).encode())
    answer = web.finance.client.get("/bank-entries?format=csv").get_data(as_text=True)
    header, row = answer.strip().splitlines()
    assert header.lstrip("\ufeff").startswith("statement,number,")
    assert "Nothing known" in row
    assert "format=csv" in web.finance.open("/bank-entries").html


def test_an_entry_is_set_aside(web: WebClients, billing: Billing) -> None:
    upload(web, camt([entry(billing, "7.00", "Interest", payer="Bank")]).encode())
    path = path_of(web, "left")
    assert "Interest" in web.finance.open("/bank-entries")
    page = web.finance.open(path)
    assert "This field is required." in web.finance.send(page, "/set-aside")
    done = web.finance.send(page, "/set-aside", aside_reason="Interest of the bank")
    assert "The entry is set aside." in done
    assert "Nothing to decide" in web.finance.open("/bank-entries")


def test_what_is_wrong_is_said_at_the_form(
    web: WebClients, billing: Billing, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = web.finance.open("/bank-statements")
    assert "Choose a file." in web.finance.send(page, "/bank-statements")
    cut = camt([entry(billing, "7.00")]).encode()[:300]
    assert "The file ends in the middle" in upload(web, cut)
    monkeypatch.setattr("workflows.billing.bank.statement_formats.reading.MOST_BYTES", 1000)
    assert "more than 1,000 bytes" in upload(web, b"<" * 1001)
    assert web.sample.rows(t.bank_statement) == []


def test_a_csv_file_by_a_profile_of_the_settings_page(web: WebClients, billing: Billing) -> None:
    invoice = billing.issue()
    settings = web.administrator.open("/settings")
    columns = {"booked_on": "Tag", "amount": "Betrag", "texts": ["Text"]}
    profile = json.dumps([{"name": "My bank", "account": ACCOUNT, "currency": "EUR", "columns": columns}])
    wrong = web.administrator.send(settings, bank_csv_profiles=profile[:-1])
    assert "This is not JSON" in wrong
    wrong = web.administrator.send(settings, bank_csv_profiles=profile.replace("Betrag", ""))
    assert wrong.status == 422
    wrong = web.administrator.send(settings, bank_accounts="DE1")
    assert "This is not a valid IBAN" in wrong
    saved = web.administrator.send(
        settings, bank_csv_profiles=profile, bank_accounts="DE89 3704 0044 0532 0130 00"
    )
    assert saved.status == 200
    again = web.administrator.open("/settings")
    assert '"name": "My bank"' in str(again.form().values["bank_csv_profiles"])
    day = web.sample.clock.now().strftime("%d.%m.%Y")
    data = f"Tag;Text;Betrag\n{day};{invoice['number']};119,00\nSaldo;;119,00\n".encode()
    shown = upload(web, data, "May.csv", profile="My bank")
    assert "1 entry has been recorded as paid; 0 to decide." in shown
    assert "1 line at the end of the file is no entry and was left out: Saldo; 119,00" in shown
    assert web.finance.open(f"{shown.path}?format=csv").status == 200


def test_finance_alone_uploads_and_others_see_nothing(web: WebClients, billing: Billing) -> None:
    upload(web, camt([entry(billing, "7.00", "Interest", payer="Bank")]).encode())
    path = path_of(web, "left")
    statement = f"/bank-statements/{web.sample.rows(t.bank_statement)[0].id}"
    for name in ("/bank-statements", "/bank-entries", statement, path):
        assert web.finance.open(name).status == 200
        assert web.administrator.open(name).status == 200
        for role in ("supervisor", "technician", "customer"):
            assert web.of_role(role).open(name).status == 403, (name, role)
    assert not web.administrator.open("/bank-statements").has_form("/bank-statements")
    assert "Set aside" not in web.administrator.open(path)
    assert web.finance.open("/bank-statements/nothing").status == 404
    assert web.finance.open("/bank-entries/nothing").status == 404

"""Exports of journals: each transaction once in each format, the same bytes again, and what is refused."""

import csv
from datetime import date
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from tests.support.billing import Billing, line
from tests.support.sample_desk import SampleDesk
from tests.workflows.billing.journals.test_revenue import at, close, sell
from workflows.accounting_exports.queries import export_file
from workflows.accounting_exports.use_cases import export_journals
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.core.errors import StateForbids
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

CODES = {
    "receivable": "10000",
    "cash": "1200",
    "customer_credit": "1718",
    "deferred_revenue": "0990",
    "revenue": "8400",
    "tax": "1770",
    "discount": "8730",
}
MAPPED: dict[str, Any] = {
    "account_codes": [
        *({"account": account, "code": code} for account, code in CODES.items()),
        {"account": "tax", "rate": "S:19", "code": "1776"},
    ],
    "datev_consultant": 1001,
    "datev_client": 7,
}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample, **MAPPED)


def export(billing: Billing, format: str, to_on: str, status: int = 201, **more: Any) -> Any:
    body = {"format": format, "to_on": to_on, **more}
    answer = billing.ask(billing.finance, "POST", "/accounting-exports", body, status)
    return answer["items"] if status == 201 else answer


def content(billing: Billing, export_id: str) -> bytes:
    answer = billing.finance.call("GET", f"/accounting-exports/{export_id}/file")
    assert answer.status_code == 200
    return bytes(answer.data)


def datev_rows(billing: Billing, export_id: str) -> list[list[str]]:
    lines = content(billing, export_id).decode("cp1252").splitlines()
    return list(csv.reader(lines[2:], delimiter=";"))


def test_each_transaction_is_exported_once_in_each_format(billing: Billing) -> None:
    billing.pay(billing.issue(line(10_000), line(1_000, rate="Reduced"))["id"], 12_970)
    [datev] = export(billing, "datev", "2026-03-02")
    assert (datev["number"], datev["transactions"], datev["rows"]) == ("DATEV-0001", 2, 4)
    assert (datev["from_on"], datev["to_on"]) == ("2026-03-01", "2026-03-02")
    rows = datev_rows(billing, datev["id"])
    assert sorted((one[0], one[6], one[7], one[9], one[10]) for one in rows) == [
        ("0,70", "10000", "1770", "0203", "INV-2026-0001"),
        ("110,00", "10000", "8400", "0203", "INV-2026-0001"),
        ("129,70", "1200", "10000", "0203", "INV-2026-0001"),
        ("19,00", "10000", "1776", "0203", "INV-2026-0001"),
    ]
    assert {one[13] for one in rows} == {"Ann INV-2026-0001", "Ann Payment for INV-2026-0001"}
    export(billing, "datev", "2026-03-02", 409)
    [table] = export(billing, "csv", "2026-03-02")
    found = list(csv.DictReader(content(billing, table["id"]).decode().splitlines()))
    assert sorted((one["account"], one["account_number"], one["debit"], one["credit"]) for one in found) == [
        ("cash", "1200", "129.70", ""),
        ("receivable", "10000", "", "129.70"),
        ("receivable", "10000", "129.70", ""),
        ("revenue", "8400", "", "110.00"),
        ("tax S:19", "1776", "", "19.00"),
        ("tax S:7", "1770", "", "0.70"),
    ]


def test_late_postings_go_into_the_next_batch_and_a_batch_stays_as_it_is(billing: Billing) -> None:
    billing.issue()
    [first] = export(billing, "datev", "2026-03-02")
    before = content(billing, first["id"])
    billing.sample.do_as(billing.sample.administrator, rename, billing.sample.ann)
    billing.issue(line(500))
    assert content(billing, first["id"]) == before
    at(billing, 4, 20)
    billing.issue(line(700))
    again = export(billing, "datev", "2026-04-20")
    assert [(one["number"], one["from_on"], one["transactions"]) for one in again] == [
        ("DATEV-0002", "2026-03-01", 1),
        ("DATEV-0003", "2026-04-01", 1),
    ]
    listed = billing.read("/accounting-exports?format=datev&order=number")["items"]
    assert [one["number"] for one in listed] == ["DATEV-0001", "DATEV-0002", "DATEV-0003"]


def rename(tx: Any, customer: str) -> None:
    tx.change(t.customer, customer, name="=Ann & Söhne")


def test_revenue_is_exported_when_its_month_is_closed(billing: Billing) -> None:
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    [first] = export(billing, "csv", "2026-03-02")
    at(billing, 4, 2)
    pending = billing.read("/accounting-exports/pending?format=csv&to_on=2026-03-31")
    assert pending["months"] == []
    close(billing, "2026-03")
    [second] = export(billing, "csv", "2026-03-31")
    found = list(csv.DictReader(content(billing, second["id"]).decode().splitlines()))
    assert [(one["date"], one["kind"], one["document"], one["debit"]) for one in found] == [
        ("2026-03-31", "recognize", "SUB-0001", "30.00"),
        ("2026-03-31", "recognize", "SUB-0001", ""),
    ]
    assert first["transactions"] == second["transactions"] == 1
    assert billing.sample.see(audit_desk).ok


def test_nothing_is_made_while_an_account_or_a_setting_is_missing(billing: Billing) -> None:
    billing.issue()
    billing.sample.set(account_codes=[{"account": "receivable", "code": "10000"}], datev_client=None)
    pending = billing.read("/accounting-exports/pending?format=datev&to_on=2026-03-02")
    assert (pending["unmapped"], pending["missing"]) == (["revenue", "tax S:19"], ["datev_client"])
    assert pending["months"] == [{"month": "2026-03", "transactions": 1, "is_closed": False}]
    assert export(billing, "datev", "2026-03-02", 409)["missing"][0]["field"] == "datev_client"
    refused = export(billing, "csv", "2026-03-02", 409)
    assert (refused["type"], refused["accounts"]) == (
        "/api/docs#accounts-not-mapped",
        ["revenue", "tax S:19"],
    )
    billing.sample.set(**MAPPED, datev_account_length=6)
    assert export(billing, "datev", "2026-03-02", 409)["type"] == "/api/docs#datev-forbids"
    assert billing.sample.rows(t.accounting_export) == []
    billing.sample.set(datev_account_length=4)
    assert export(billing, "datev", "2026-03-02")[0]["number"] == "DATEV-0001"


def test_another_currency_is_left_out_of_datev(billing: Billing) -> None:
    billing.issue(line(100), currency="USD")
    pending = billing.read("/accounting-exports/pending?format=datev&to_on=2026-03-02")
    assert (pending["months"], pending["left_out"]) == ([], 1)
    export(billing, "datev", "2026-03-02", 409)
    assert export(billing, "csv", "2026-03-02")[0]["transactions"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"format": "datev", "to_on": "2026-03-03"}, "/to_on"),
        ({"format": "xml", "to_on": "2026-03-02"}, "/format"),
        ({"format": "csv", "to_on": "2026-03-02", "from_on": "2026-03-03"}, "/to_on"),
    ],
)
def test_a_wrong_span_or_format_is_refused(billing: Billing, body: Any, pointer: str) -> None:
    refused = billing.refused(billing.finance, "/accounting-exports", body, 422)
    assert refused["errors"][0]["pointer"] == pointer
    billing.refused(billing.supervisor, "/accounting-exports", {"format": "csv", "to_on": "2026-03-02"}, 403)


def test_a_batch_cannot_be_changed(billing: Billing) -> None:
    billing.issue()
    export(billing, "csv", "2026-03-02")
    for table in (t.accounting_export, t.accounting_export_entry):
        with pytest.raises(DBAPIError), billing.sample.desk.database.write() as connection:
            connection.execute(table.delete())


def test_of_two_who_export_one_has_each_transaction(billing: Billing) -> None:
    billing.issue()
    sample = billing.sample
    command = NewAccountingExport(format="csv", to_on=date(2026, 3, 2))
    [made] = sample.do_as(sample.finance, export_journals, command)
    with pytest.raises(StateForbids):
        sample.do_as(sample.finance, export_journals, command)
    found = sample.see_as(sample.finance, export_file, made)
    assert (found.name, found.body.count(b"\r\n")) == ("journals-CSV-0001-2026-03.csv", 4)

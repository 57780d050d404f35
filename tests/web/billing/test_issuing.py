"""Issued invoices: number, days, what never changes, what is missing, and voiding."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from tests.support.billing import EXEMPT, REVERSE, STANDARD, Billing, line, minor
from tests.support.sample_desk import SampleDesk
from workflows.billing.invoicing.queries import invoice_document
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.billing_triggers import FROZEN, PARTS
from workflows.store.ids import new_id

COMPANY = {
    "name": "Northwind",
    "vat_id": "DE136695976",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample, company=COMPANY, time_zone="Europe/Berlin")


def test_an_invoice_gets_its_number_its_days_and_who_it_is_from(billing: Billing) -> None:
    billing.ask(
        billing.finance,
        "PATCH",
        f"/customers/{billing.sample.ann}/billing",
        {
            "name": "Acme Ltd",
            "street": "Main St 1",
            "city": "Bonn",
            "country": "DE",
            "buyer_reference": "04-1",
        },
    )
    first = billing.issue(early_payment={"days": 10, "percent": "2.5"}, terms="Net 14 days")
    assert (first["number"], first["state"], first["payment"]) == ("INV-2026-0001", "issued", "unpaid")
    assert (first["issued_on"], first["due_on"]) == ("2026-03-02", "2026-03-16")
    assert first["early_payment"] == {"days": 10, "percent": "2.5", "until": "2026-03-12"}
    assert first["allowed_actions"] == ["void", "credit", "pay", "process", "pause", "write_off"]
    assert billing.issue(due_on="2026-05-01")["due_on"] == "2026-05-01"
    found = billing.sample.see(invoice_document, first["id"])
    assert (found.seller.name, found.seller.vat_id, found.iban) == (
        "Northwind",
        "DE136695976",
        "DE89370400440532013000",
    )
    assert (found.buyer.name, found.buyer.city, found.buyer_reference) == ("Acme Ltd", "Bonn", "04-1")
    assert (found.number, found.total_minor, found.payable_minor, found.terms) == (
        "INV-2026-0001",
        11900,
        11900,
        "Net 14 days",
    )
    billing.ask(billing.finance, "PATCH", f"/customers/{billing.sample.ann}/billing", {"name": "Other"})
    assert billing.sample.see(invoice_document, first["id"]) == found


def test_a_year_has_its_own_numbers_by_the_providers_day(billing: Billing) -> None:
    assert billing.issue()["number"] == "INV-2026-0001"
    billing.sample.clock.at = billing.sample.clock.at.replace(month=12, day=31, hour=23, minute=30)
    in_berlin = billing.issue()
    assert (in_berlin["number"], in_berlin["issued_on"]) == ("INV-2027-0001", "2027-01-01")


def test_numbers_are_gapless_when_some_fail_and_many_issue_at_once(billing: Billing) -> None:
    drafts = [billing.draft()["id"] for _ in range(12)]
    refused = billing.draft(line(rate="Reverse charge"))["id"]
    wanted = [*drafts, refused, *drafts]

    def issue(invoice_id: str) -> bool:
        return billing.finance.post(f"/invoices/{invoice_id}/issue").status_code == 200

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(issue, wanted))
    assert sum(done) == 12
    numbers = sorted(billing.invoice(one)["number"] for one in drafts)
    assert numbers == [f"INV-2026-{n:04d}" for n in range(1, 13)]
    assert billing.invoice(refused)["number"] is None
    assert billing.issue()["number"] == "INV-2026-0013"


def test_an_invoice_is_overdue_from_the_day_after_it_was_due(billing: Billing) -> None:
    invoice_id = billing.issue()["id"]
    billing.sample.clock.at = billing.sample.clock.at.replace(day=16, hour=22, minute=59)
    assert billing.invoice(invoice_id)["payment"] == "unpaid"
    assert billing.read("/invoices?payment=overdue")["items"] == []
    billing.sample.clock.move(minutes=1)  # midnight in Berlin
    assert billing.invoice(invoice_id)["payment"] == "overdue"
    assert [one["id"] for one in billing.read("/invoices?payment=overdue")["items"]] == [invoice_id]
    assert billing.read("/invoices?payment=unpaid")["items"] == []


def test_what_is_missing_is_listed_and_nothing_is_issued(billing: Billing) -> None:
    draft = billing.draft(line(), line(rate="Reverse charge"))["id"]
    refused = billing.refused(billing.finance, f"/invoices/{draft}/issue", {}, 409)
    assert [one["field"] for one in refused["missing"]] == ["buyer.vat_id"]
    path = f"/customers/{billing.sample.ann}/billing"
    billing.ask(billing.finance, "PATCH", path, {"vat_id": "ATU13585627"})
    billing.sample.set(tax_rates=[{**STANDARD, "percent": "20"}, REVERSE])
    refused = billing.refused(billing.finance, f"/invoices/{draft}/issue", {}, 409)
    assert [one["field"] for one in refused["missing"]] == ["lines.1"]
    assert "has changed" in refused["detail"]
    saved = billing.ask(billing.finance, "PATCH", f"/invoices/{draft}", {"note": "At the rate of now"})
    assert minor(saved, "tax") == (2000,)
    issued = billing.issued(draft)
    assert [(one["category"], one["reason"], *minor(one, "tax")) for one in issued["taxes"]] == [
        ("AE", "Reverse charge", 0),
        ("S", "", 2000),
    ]
    late = billing.draft(due_on="2026-03-01")["id"]
    assert (
        "before it is issued"
        in billing.refused(billing.finance, f"/invoices/{late}/issue", {}, 409)["detail"]
    )


def test_a_rate_of_zero_has_its_reason(billing: Billing) -> None:
    issued = billing.issue(line(rate="Exempt"), line(), line(rate="Reduced"))
    assert [(one["category"], one["percent"], one["reason"]) for one in issued["taxes"]] == [
        ("E", "0", EXEMPT["reason"]),
        ("S", "7", ""),
        ("S", "19", ""),
    ]


def test_who_may_issue_and_what_customers_see(billing: Billing) -> None:
    draft = billing.draft()["id"]
    for client, status in (
        (billing.supervisor, 403),
        (billing.api.technician, 403),
        (billing.ann, 403),
        (billing.api.nobody, 401),
    ):
        assert client.post(f"/invoices/{draft}/issue").status_code == status
    assert billing.api.administrator.post(f"/invoices/{draft}/issue").status_code == 200
    assert billing.refused(billing.finance, f"/invoices/{draft}/issue", {}, 409)["state"] == "issued"
    seen = billing.ask(billing.ann, "GET", f"/invoices/{draft}")
    assert seen["allowed_actions"] == []
    other = billing.draft(customer=billing.sample.customer("Ben"))["id"]
    billing.issued(other)
    of_unit = billing.issue(org_unit=billing.sample.site)["id"]
    assert billing.ann.get(f"/invoices/{other}").status_code == 404
    assert billing.ann.get(f"/invoices/{of_unit}").status_code == 404
    assert [one["id"] for one in billing.ask(billing.ann, "GET", "/invoices")["items"]] == [draft]
    billing.sample.set(customers_see_org_unit=True)
    assert billing.ann.get(f"/invoices/{of_unit}").status_code == 200


def test_an_issued_invoice_and_its_parts_never_change(billing: Billing) -> None:
    invoice_id = billing.issue(line(), discounts=[{"reason": "Loyal", "percent": "1"}])["id"]
    assert billing.finance.patch(f"/invoices/{invoice_id}", {"note": "x"}).status_code == 409
    sample = billing.sample
    before = {name: sample.rows(t.metadata.tables[name]) for name in ("invoice", *PARTS)}
    values: dict[str, Any] = {name: None for name in FROZEN if t.invoice.c[name].nullable}
    values |= {"note": "x", "number": "INV-2026-0009", "customer_id": sample.customer("Ben")}
    values |= dict.fromkeys(("net_minor", "tax_minor", "total_minor"), 1)
    statements: list[Any] = [
        update(t.invoice).values({name: value})
        for name, value in values.items()
        if getattr(before["invoice"][0], name) != value
    ]
    statements += [update(t.invoice).values(state="draft"), delete(t.invoice)]
    for name in PARTS:
        table = t.metadata.tables[name]
        row = before[name][0]._asdict()
        statements += [delete(table), update(table).values(invoice_id=invoice_id)]
        statements += [insert(table).values(**row | {"id": new_id()} if "id" in row else row)]
    if not sample.desk.database.is_sqlite:
        statements += [text(f"TRUNCATE {name} CASCADE") for name in ("invoice", *PARTS)]
    else:
        everything = "SELECT * FROM {0} WHERE true"
        statements += [
            text(f"INSERT OR REPLACE INTO {name} {everything.format(name)}") for name in ("invoice", *PARTS)
        ]
    assert len(statements) > 25
    for statement in statements:
        with pytest.raises(DBAPIError), sample.desk.write() as tx:
            tx.connection.execute(statement)
    assert {name: sample.rows(t.metadata.tables[name]) for name in ("invoice", *PARTS)} == before


def test_a_draft_is_voided_without_a_number(billing: Billing) -> None:
    draft = billing.draft()["id"]
    voided = billing.ask(billing.supervisor, "POST", f"/invoices/{draft}/void", {"reason": "A mistake"})
    assert (voided["state"], voided["number"], voided["void_reason"]) == ("void", None, "A mistake")
    assert billing.ann.get(f"/invoices/{draft}").status_code == 404
    for action, body in (
        ("void", {"reason": "x"}),
        ("issue", {}),
        ("process", {}),
        ("credit", {"reason": "x"}),
    ):
        assert billing.refused(billing.finance, f"/invoices/{draft}/{action}", body, 409)["state"] == "void"
    assert billing.finance.patch(f"/invoices/{draft}", {"note": "x"}).status_code == 409
    assert billing.finance.post(f"/invoices/{draft}/void", {"why": "x"}).status_code == 422
    assert billing.issue()["number"] == "INV-2026-0001"


def test_an_issued_invoice_is_voided_by_a_credit_note_for_all_of_it(billing: Billing) -> None:
    issued = billing.issue(
        line(3333), line(6667, rate="Reduced"), discounts=[{"reason": "x", "percent": "10"}]
    )
    path = f"/invoices/{issued['id']}/void"
    assert billing.supervisor.post(path, {"reason": "x"}).status_code == 403
    voided = billing.ask(billing.finance, "POST", path, {"reason": "Wrong customer"})
    assert (voided["state"], voided["number"], voided["payment"]) == ("void", "INV-2026-0001", None)
    [note] = [billing.invoice(one["id"]) for one in voided["credit_notes"]]
    assert (note["number"], note["corrects"]["number"]) == ("CN-2026-0001", "INV-2026-0001")
    assert minor(note, "net", "tax", "total") == minor(issued, "net", "tax", "total") == (9000, 990, 9990)
    assert billing.ask(billing.ann, "GET", f"/invoices/{issued['id']}")["state"] == "void"
    paid = billing.issue()["id"]
    billing.pay(paid, 1)
    assert (
        "paid or credited"
        in billing.refused(billing.finance, f"/invoices/{paid}/void", {"reason": "x"}, 409)["detail"]
    )
    assert billing.refused(billing.finance, f"/invoices/{note['id']}/void", {"reason": "x"}, 409)
    processed = billing.issue()["id"]
    billing.process(processed)
    assert (
        "processed"
        in billing.refused(billing.finance, f"/invoices/{processed}/void", {"reason": "x"}, 409)["detail"]
    )


def test_the_same_key_issues_once(billing: Billing) -> None:
    draft = billing.draft()["id"]
    first, again = (
        billing.finance.post(f"/invoices/{draft}/issue", {}, Idempotency_Key="issue-1") for _ in range(2)
    )
    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"


def test_issue_is_one_transaction(billing: Billing) -> None:
    """A use case that fails after the number was taken gives it back."""
    draft = billing.draft()["id"]

    def issue_and_fail(tx: Transaction) -> None:
        issue_invoice(tx, draft)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        billing.sample.do_as(billing.sample.finance, issue_and_fail)
    assert billing.invoice(draft)["state"] == "draft"
    assert billing.issued(draft)["number"] == "INV-2026-0001"

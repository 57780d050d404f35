"""Credit notes: whole, in part and by line; what they settle, and what becomes credit of the customer."""

import pytest

from tests.support.billing import Billing, line, minor
from tests.support.sample_desk import SampleDesk
from workflows.billing.invoicing.queries import invoice_document
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def test_a_whole_credit_note_mirrors_the_invoice(billing: Billing) -> None:
    issued = billing.issue(
        line(3333, discount_percent="10"),
        line(6667, "1.5", rate="Reduced"),
        discounts=[{"reason": "Loyal", "percent": "10"}, {"reason": "Round", "amount": {"amount_minor": 7}}],
    )
    note = billing.credit(issued["id"], reason="Returned")
    assert (note["kind"], note["number"], note["state"], note["reason"]) == (
        "credit_note",
        "CN-2026-0001",
        "issued",
        "Returned",
    )
    assert minor(note, "net", "tax", "total") == minor(issued, "net", "tax", "total")
    assert note["taxes"] == issued["taxes"]
    assert note["discounts"] == issued["discounts"]
    assert [one["credits"] for one in note["lines"]] == [one["id"] for one in issued["lines"]]
    assert (note["payment"], note["allowed_actions"]) == (None, [])
    after = billing.invoice(issued["id"])
    assert (after["payment"], *minor(after, "open")) == ("paid", 0)
    assert [one["number"] for one in after["credit_notes"]] == ["CN-2026-0001"]
    assert "credit" not in after["allowed_actions"]
    assert billing.refused(billing.finance, f"/invoices/{issued['id']}/credit", {"reason": "x"}, 409)
    document = billing.sample.see(invoice_document, note["id"])
    assert (document.kind, document.corrects) == (
        "credit_note",
        ("INV-2026-0001", billing.sample.clock.now().date()),
    )


def test_lines_are_credited_by_quantity_by_amount_and_wholly(billing: Billing) -> None:
    issued = billing.issue(line(1000, "10", discount_percent="10"), line(5000, rate="Reduced"), line(700))
    first, second, third = (one["id"] for one in issued["lines"])
    note = billing.credit(
        issued["id"],
        {"line": first, "quantity": "4"},
        {"line": second, "amount": {"amount_minor": 1250}},
        {"line": third},
    )
    assert [minor(one, "net") for one in note["lines"]] == [(3600,), (1250,), (700,)]
    assert minor(note, "net", "tax", "total") == (5550, 905, 6455)
    rest = billing.credit(issued["id"])
    assert [minor(one, "net") for one in rest["lines"]] == [(5400,), (3750,)]
    assert minor(rest, "net")[0] + 5550 == minor(issued, "net")[0]
    assert minor(billing.invoice(issued["id"]), "open") == (0,)


def test_parts_share_the_discounts_of_the_document_without_a_rest(billing: Billing) -> None:
    issued = billing.issue(
        line(100), line(100), line(100), discounts=[{"reason": "x", "amount": {"amount_minor": 100}}]
    )
    notes = [billing.credit(issued["id"], {"line": one["id"]}) for one in issued["lines"]]
    assert [minor(one["discounts"][0], "amount") for one in notes] == [(33,), (34,), (33,)]
    assert sum(minor(one, "net")[0] for one in notes) == minor(issued, "net")[0] == 200


def test_what_was_paid_becomes_credit_and_never_more(billing: Billing) -> None:
    issued = billing.issue()
    billing.pay(issued["id"], 5000)
    billing.credit(issued["id"])
    [credit] = billing.sample.rows(t.customer_credit)
    assert (credit.amount_minor, credit.open_minor) == (5000, 5000)
    billing.sample.clock.move(days=1)
    following = billing.issue(line(2000))
    assert (following["payment"], *minor(following, "total", "paid", "open")) == ("paid", 2380, 2380, 0)
    assert [(one["kind"], *minor(one, "amount")) for one in following["allocations"]] == [("credit", 2380)]
    assert billing.sample.see(invoice_document, following["id"]).payable_minor == 0


def test_a_discount_for_early_payment_is_not_given_back_as_money(billing: Billing) -> None:
    issued = billing.issue(early_payment={"days": 10, "percent": "2"})
    billing.pay(issued["id"], 11662)
    assert billing.invoice(issued["id"])["payment"] == "paid"
    billing.credit(issued["id"])
    assert [row.amount_minor for row in billing.sample.rows(t.customer_credit)] == [11662]


def test_credit_is_used_oldest_first_and_only_in_its_currency(billing: Billing) -> None:
    for amount in (3000, 4000):
        paid = billing.issue(line(1000))["id"]
        billing.pay(paid, 1190 + amount)
        billing.sample.clock.move(days=1)
    billing.sample.set(currency="USD")
    assert minor(billing.issue(line(1000)), "open") == (1190,)
    billing.sample.set(currency="EUR")
    assert minor(billing.issue(line(3000)), "open") == (0,)
    assert [row.open_minor for row in billing.sample.rows(t.customer_credit)] == [0, 3430]
    assert minor(billing.issue(line(10000)), "open") == (8470,)
    assert [row.open_minor for row in billing.sample.rows(t.customer_credit)] == [0, 0]


def test_what_cannot_be_credited_is_refused(billing: Billing) -> None:
    issued = billing.issue(line(1000, "2"))
    [source] = issued["lines"]
    path = f"/invoices/{issued['id']}/credit"
    other = billing.issue()["lines"][0]["id"]
    for lines, pointer in (
        ([], "/lines"),
        ([{"line": "nothing"}], "/lines/0/line"),
        ([{"line": other}], "/lines/0/line"),
        ([{"line": source["id"]}, {"line": source["id"]}], "/lines/1/line"),
        ([{"line": source["id"], "quantity": "3"}], "/lines/0/quantity"),
        ([{"line": source["id"], "quantity": "0"}], "/lines/0/quantity"),
        ([{"line": source["id"], "amount": {"amount_minor": 2001}}], "/lines/0"),
        ([{"line": source["id"], "amount": {"amount_minor": 0}}], "/lines/0/amount/amount_minor"),
        (
            [{"line": source["id"], "amount": {"amount_minor": 1, "currency": "USD"}}],
            "/lines/0/amount/currency",
        ),
        ([{"line": source["id"], "amount": {"amount_minor": 1}, "quantity": "1"}], "/lines/0"),
    ):
        refused = billing.refused(billing.finance, path, {"reason": "x", "lines": lines}, 422)
        assert pointer in [one["pointer"] for one in refused["errors"]], lines
    assert billing.finance.post(path, {}).status_code == 422
    for client, status in ((billing.supervisor, 403), (billing.ann, 403), (billing.api.technician, 403)):
        assert client.post(path, {"reason": "x"}).status_code == status
    draft = billing.draft()["id"]
    assert (
        billing.refused(billing.finance, f"/invoices/{draft}/credit", {"reason": "x"}, 409)["state"]
        == "draft"
    )
    note = billing.credit(issued["id"], {"line": source["id"], "quantity": "1"})
    billing.refused(billing.finance, f"/invoices/{note['id']}/credit", {"reason": "x"}, 409)
    billing.refused(
        billing.finance, path, {"reason": "x", "lines": [{"line": source["id"], "quantity": "2"}]}, 422
    )
    assert billing.finance.post("/invoices/nothing/credit", {"reason": "x"}).status_code == 404

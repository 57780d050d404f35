"""Payments: in part, too much, early, reversed, by whom, twice; and what is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.billing import Billing, line, minor
from tests.support.sample_desk import SampleDesk
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def test_a_part_the_rest_and_too_much(billing: Billing) -> None:
    invoice_id = billing.issue()["id"]
    first = billing.pay(invoice_id, 4000, method="card", reference="C-1")
    assert (first["method"], first["reference"], first["state"], first["party_name"]) == (
        "card",
        "C-1",
        "recorded",
        "Ann",
    )
    after = billing.invoice(invoice_id)
    assert (after["payment"], *minor(after, "paid", "open")) == ("part_paid", 4000, 7900)
    last = billing.pay(invoice_id, 8000)
    assert [(one["number"], one["kind"], *minor(one, "amount")) for one in last["invoices"]] == [
        ("INV-2026-0001", "payment", 7900)
    ]
    assert minor(last, "credit") == (100,)
    assert billing.invoice(invoice_id)["payment"] == "paid"
    more = billing.pay(invoice_id, 50)
    assert (more["invoices"], *minor(more, "credit")) == ([], 50)
    listed = billing.read("/payments")["items"]
    assert [one["id"] for one in listed] == [more["id"], last["id"], first["id"]]
    found = billing.read(f"/payments?invoice={invoice_id}")["items"]
    assert [one["id"] for one in found] == [last["id"], first["id"]]
    assert billing.read("/payments?state=reversed&customer=nobody")["items"] == []
    following = billing.issue(line(1000))
    assert minor(following, "paid", "open") == (150, 1040)
    used = billing.read(f"/payments/{last['id']}")
    assert [(one["kind"], *minor(one, "amount")) for one in used["invoices"]] == [
        ("payment", 7900),
        ("credit", 100),
    ]
    assert minor(used, "credit") == (0,)


def test_a_part_of_an_overdue_invoice_leaves_it_overdue(billing: Billing) -> None:
    invoice_id = billing.issue()["id"]
    billing.pay(invoice_id, 1)
    billing.sample.clock.move(days=15)
    assert billing.invoice(invoice_id)["payment"] == "overdue"
    assert billing.read("/invoices?payment=part_paid")["items"] == []
    billing.pay(invoice_id, 11899)
    assert billing.invoice(invoice_id)["payment"] == "paid"


def test_a_reversal_opens_what_the_payment_and_its_surplus_settled(billing: Billing) -> None:
    first = billing.issue()["id"]
    paid = billing.pay(first, 13000)
    second = billing.issue(line(500))["id"]
    assert minor(billing.invoice(second), "open") == (0,)
    third = billing.issue(line(1000))["id"]
    assert minor(billing.invoice(third), "paid") == (505,)
    back = billing.ask(
        billing.finance, "POST", f"/payments/{paid['id']}/reverse", {"reason": "Returned by the bank"}
    )
    assert (back["state"], back["reversal_reason"], back["invoices"]) == (
        "reversed",
        "Returned by the bank",
        [],
    )
    assert minor(back, "credit") == (0,)
    opened = [(one["invoice"], one["kind"], *minor(one, "amount")) for one in back["opened_invoices"]]
    assert sorted(opened) == sorted(
        [(first, "payment", 11900), (second, "credit", 595), (third, "credit", 505)]
    )
    for invoice_id in (first, second, third):
        found = billing.invoice(invoice_id)
        assert (found["payment"], *minor(found, "paid")) == ("unpaid", 0)
    again = billing.refused(billing.finance, f"/payments/{paid['id']}/reverse", {"reason": "x"}, 409)
    assert again["state"] == "reversed"
    assert [one["id"] for one in billing.read("/payments?state=reversed")["items"]] == [paid["id"]]
    assert minor(billing.issue(line(100)), "paid") == (0,)


def test_the_api_asks_for_no_reason_to_void_or_reverse(billing: Billing) -> None:
    invoice_id = billing.issue()["id"]
    paid = billing.pay(invoice_id, 5000)
    back = billing.ask(billing.finance, "POST", f"/payments/{paid['id']}/reverse", {})
    assert (back["state"], back["reversal_reason"]) == ("reversed", "")
    other = billing.issue()
    voided = billing.ask(billing.finance, "POST", f"/invoices/{other['id']}/void", {})
    assert (voided["state"], voided["void_reason"]) == ("void", "")
    (note,) = billing.read("/invoices?kind=credit_note")["items"]
    assert billing.invoice(note["id"])["reason"] == f"{other['number']} is void."


def test_a_reversal_takes_an_unused_surplus_and_a_discount_back(billing: Billing) -> None:
    invoice_id = billing.issue(early_payment={"days": 10, "percent": "2"})["id"]
    billing.sample.clock.move(days=10)
    paid = billing.pay(invoice_id, 11700)
    found = billing.invoice(invoice_id)
    assert [(one["kind"], *minor(one, "amount")) for one in found["allocations"]] == [
        ("payment", 11662),
        ("early_payment", 238),
    ]
    assert minor(paid, "credit") == (38,)
    billing.ask(billing.finance, "POST", f"/payments/{paid['id']}/reverse", {"reason": "Returned"})
    assert minor(billing.invoice(invoice_id), "open") == (11900,)
    assert [row.open_minor for row in billing.sample.rows(t.customer_credit)] == [0]
    [tax] = [row.tax_minor for row in billing.sample.rows(t.payment_allocation) if (row.tax_minor or 0) > 0]
    assert tax == 38


@pytest.mark.parametrize(
    ("days", "amount", "open_minor"), [(10, 11662, 0), (11, 11662, 238), (10, 11661, 239)]
)
def test_the_discount_for_early_payment_has_a_last_day_and_an_amount(
    billing: Billing, days: int, amount: int, open_minor: int
) -> None:
    invoice_id = billing.issue(early_payment={"days": 10, "percent": "2"})["id"]
    billing.sample.clock.move(days=days)
    billing.pay(invoice_id, amount)
    assert minor(billing.invoice(invoice_id), "open") == (open_minor,)


def test_the_discount_is_of_what_was_not_credited(billing: Billing) -> None:
    issued = billing.issue(line(5000), line(5000), early_payment={"days": 10, "percent": "2"})
    billing.credit(issued["id"], {"line": issued["lines"][0]["id"]})
    billing.pay(issued["id"], 5831)
    assert minor(billing.invoice(issued["id"]), "open") == (0,)


def test_finance_alone_records_and_reverses(billing: Billing) -> None:
    invoice_id = billing.issue()["id"]
    body = {"amount": {"amount_minor": 100}, "received_on": billing.today}
    path = f"/invoices/{invoice_id}/payments"
    others = (billing.api.administrator, billing.supervisor, billing.api.technician, billing.ann)
    for client in others:
        assert client.post(path, body).status_code == 403
    assert billing.api.nobody.post(path, body).status_code == 401
    paid = billing.pay(invoice_id, 100)["id"]
    for client in others:
        assert client.post(f"/payments/{paid}/reverse", {"reason": "x"}).status_code == 403
    assert billing.supervisor.get(f"/payments/{paid}").status_code == 200
    for client in (billing.api.technician, billing.ann):
        assert client.get("/payments").status_code == client.get(f"/payments/{paid}").status_code == 403
    assert billing.finance.get("/payments/nothing").status_code == 404
    assert billing.finance.post("/payments/nothing/reverse", {"reason": "x"}).status_code == 404
    assert billing.finance.post("/invoices/nothing/payments", body).status_code == 404
    seen = billing.ask(billing.ann, "GET", f"/invoices/{invoice_id}")
    assert [one["recorded_by"] for one in seen["allocations"]] == [""]


def test_wrong_payments_are_refused_and_nothing_is_stored(billing: Billing) -> None:
    invoice_id = billing.issue()["id"]
    body = {"amount": {"amount_minor": 100}, "received_on": billing.today}
    path = f"/invoices/{invoice_id}/payments"
    for wrong, pointer in (
        ({"amount": {"amount_minor": 0}}, "/amount/amount_minor"),
        ({"amount": {"amount_minor": -5}}, "/amount/amount_minor"),
        ({"amount": {"amount_minor": 100, "currency": "USD"}}, "/amount/currency"),
        ({"amount": "100"}, "/amount"),
        ({"received_on": "2026-03-03"}, "/received_on"),
        ({"received_on": "yesterday"}, "/received_on"),
        ({"method": "barter"}, "/method"),
    ):
        refused = billing.refused(billing.finance, path, body | wrong, 422)
        assert pointer in [one["pointer"] for one in refused["errors"]], wrong
    draft, void, other = billing.draft()["id"], billing.issue()["id"], billing.issue()["id"]
    billing.ask(billing.finance, "POST", f"/invoices/{void}/void", {"reason": "x"})
    note = billing.credit(other)["id"]
    for one, state in ((draft, "draft"), (void, "void"), (note, "issued")):
        assert billing.refused(billing.finance, f"/invoices/{one}/payments", body, 409)["state"] == state
    assert billing.sample.rows(t.payment) == []


def test_one_click_twice_is_one_payment(billing: Billing) -> None:
    invoice_id = billing.issue()["id"]
    body = {"amount": {"amount_minor": 100}, "received_on": billing.today}

    def click(_: int) -> int:
        return billing.finance.post(
            f"/invoices/{invoice_id}/payments", body, Idempotency_Key="click"
        ).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(click, range(4))) == [201] * 4
    assert len(billing.sample.rows(t.payment)) == 1
    assert minor(billing.invoice(invoice_id), "open") == (11800,)


def test_payments_issues_credits_and_reversals_at_once_add_up(billing: Billing) -> None:
    """Whatever their order: no payment is lost or used twice, and none waits for another in a circle."""
    issued = [billing.issue(line(1000)) for _ in range(3)]
    drafts = [billing.draft(line(1000))["id"] for _ in range(3)]
    to_reverse = billing.pay(issued[0]["id"], 3000)["id"]
    body = {"amount": {"amount_minor": 2000}, "received_on": billing.today}
    calls = [
        *((f"/invoices/{one['id']}/payments", body) for one in issued),
        *((f"/invoices/{one}/issue", {}) for one in drafts),
        (f"/invoices/{issued[1]['id']}/credit", {"reason": "x"}),
        (f"/payments/{to_reverse}/reverse", {"reason": "x"}),
    ]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda call: billing.finance.post(*call).status_code, calls))
    assert all(status in (200, 201) for status in done), done
    sample = billing.sample
    settled = sum(row.amount_minor for row in sample.rows(t.payment_allocation) if row.kind != "credit_note")
    credit = sum(row.open_minor for row in sample.rows(t.customer_credit))
    from_notes = sum(row.amount_minor for row in sample.rows(t.customer_credit) if row.credit_note_id)
    assert settled + credit == 6000 + from_notes
    for row in sample.rows(t.invoice, kind="invoice"):
        of_it = sum(one.amount_minor for one in sample.rows(t.payment_allocation, invoice_id=row.id))
        assert row.open_minor == row.total_minor - of_it

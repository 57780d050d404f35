"""A service request that the job cancels since it is unpaid: what becomes of the invoice of its contract."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.billing import Billing, line, minor
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.billing.journals.accounts import read_trial_balance
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

PRICE = 24_000


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """A request of Ann, for which a rule made a contract of 240.00; it is cancelled after 72 hours unpaid."""
    rules = json.loads((RULES / "coverage.json").read_text())
    for rule in rules["rules"]:
        for action in rule["actions"]:
            if action["name"] == "create_contract":
                action["params"]["price_minor"] = PRICE
    rules["examples"] = []
    sample.publish_rules(coverage=json.dumps(rules))
    found = Billing(sample, payment_required=True, unpaid_request_cancel_hours=72, draft_sold_items=False)
    sample.log()
    return found


def draft(billing: Billing, *more: dict[str, Any]) -> Any:
    """A draft of what was sold, with other lines."""
    (sold,) = billing.read("/sold-items")["items"]
    body = {"customer": billing.sample.ann, "sold": [sold["id"]]}
    made = billing.ask(billing.finance, "POST", "/sold-items/draft", body, 201)
    if more:
        lines = [*({**one, "sold": sold["id"]} for one in [line(PRICE)]), *more]
        made = billing.ask(billing.finance, "PATCH", f"/invoices/{made['id']}", {"lines": lines})
    return made


def cancel_when_due(billing: Billing) -> str:
    """Run the job after five days; returns the reason that everything has."""
    billing.move_to(3, 7, 12)
    assert run_job(billing.sample.desk, "unpaid_requests") == 1
    (request,) = billing.sample.rows(t.service_request)
    (contract,) = billing.sample.rows(t.contract)
    assert (request.state, contract.state) == ("cancelled", "cancelled")
    assert run_job(billing.sample.desk, "unpaid_requests") == 0
    assert billing.sample.see(audit_desk).ok
    return f"Service request {request.number} was cancelled: it was not paid."


def balances(billing: Billing) -> dict[str, int]:
    view = billing.sample.see_as(billing.sample.finance, read_trial_balance)
    return {one.account: one.debit.amount_minor - one.credit.amount_minor for one in view.accounts}


def assert_waived(billing: Billing, reason: str) -> None:
    (sold,) = billing.sample.rows(t.sold_item)
    assert (sold.invoice_id, sold.waive_reason) == (None, reason)
    assert billing.read("/sold-items?state=open")["items"] == []


def test_an_unpaid_invoice_is_voided_by_a_credit_note(billing: Billing) -> None:
    issued = billing.issued(draft(billing)["id"])
    reason = cancel_when_due(billing)
    found = billing.invoice(issued["id"])
    assert (found["state"], *minor(found, "open")) == ("void", 0)
    (note,) = billing.sample.rows(t.invoice, kind="credit_note")
    assert (note.corrects_id, note.reason, note.total_minor) == (
        issued["id"],
        reason,
        issued["total"]["amount_minor"],
    )
    assert balances(billing) == {}
    assert_waived(billing, reason)
    mails = [one.event for one in billing.sample.rows(t.outbox) if one.recipient is not None]
    assert mails.count("invoice_voided") == 1


def test_a_draft_is_voided(billing: Billing) -> None:
    made = draft(billing)
    reason = cancel_when_due(billing)
    found = billing.invoice(made["id"])
    assert (found["state"], found["number"], found["void_reason"]) == ("void", None, reason)
    assert_waived(billing, reason)


def test_what_is_on_no_invoice_is_not_to_be_invoiced(billing: Billing) -> None:
    assert_waived(billing, cancel_when_due(billing))


def test_other_lines_of_a_draft_stay(billing: Billing) -> None:
    made = draft(billing, line(1_000))
    reason = cancel_when_due(billing)
    found = billing.invoice(made["id"])
    assert (found["state"], *minor(found, "net")) == ("draft", 1_000)
    assert_waived(billing, reason)


def test_other_lines_of_an_issued_invoice_stay_and_a_part_payment_stays(billing: Billing) -> None:
    issued = billing.issued(draft(billing, line(10_000))["id"])
    billing.pay(issued["id"], 2_000)
    reason = cancel_when_due(billing)
    found = billing.invoice(issued["id"])
    assert (found["state"], *minor(found, "open")) == ("issued", 9_900)
    (note,) = billing.sample.rows(t.invoice, kind="credit_note")
    assert (note.reason, note.net_minor) == (reason, PRICE)
    assert balances(billing) == {"receivable": 9_900, "cash": 2_000, "revenue": -10_000, "tax": -1_900}
    assert_waived(billing, reason)


def test_the_customer_reads_the_reason_in_the_language_of_the_invoice(billing: Billing) -> None:
    made = draft(billing)
    billing.ask(billing.finance, "PATCH", f"/invoices/{made['id']}", {"language": "de"})
    billing.issued(made["id"])
    cancel_when_due(billing)
    (note,) = billing.sample.rows(t.invoice, kind="credit_note")
    assert note.reason.endswith("wurde storniert: Sie wurde nicht bezahlt.")


def test_a_late_job_does_not_credit_before_the_invoice_was_issued(billing: Billing) -> None:
    billing.move_to(3, 6, 12)
    issued = billing.issued(draft(billing)["id"])
    cancel_when_due(billing)
    (note,) = billing.sample.rows(t.invoice, kind="credit_note")
    assert note.issued_at == datetime(2026, 3, 6, 12, tzinfo=UTC)
    (request,) = billing.sample.rows(t.service_request)
    assert request.closed_at < note.issued_at
    assert billing.invoice(issued["id"])["state"] == "void"


def test_an_invoice_that_is_voided_after_its_contract_was_cancelled_leaves_nothing(billing: Billing) -> None:
    issued = billing.issued(draft(billing)["id"])
    billing.move_to(3, 3)
    (request,) = billing.sample.rows(t.service_request)
    path = f"/service-requests/{request.id}/transitions"
    billing.ask(billing.supervisor, "POST", path, {"trigger": "cancel", "reason": "Not needed"})
    billing.ask(billing.finance, "POST", f"/invoices/{issued['id']}/void", {"reason": "Not needed"})
    assert balances(billing) == {}


@pytest.mark.parametrize("state", ["draft", "issued", "paid"])
def test_what_is_invoiced_of_a_contract_that_was_not_taken_up_is_taken_back(
    billing: Billing, state: str
) -> None:
    """The customer has another contract by now: nothing of the request's own one stays to be paid."""
    invoice = draft(billing)["id"]
    if state != "draft":
        billing.issued(invoice)
    if state == "paid":
        billing.pay(invoice, 28_560)
    billing.sample.sell("subscription", enable=True)
    (request,) = billing.sample.rows(t.service_request)
    assert request.state == "open"
    billing.move_to(3, 3, 12)
    assert [run_job(billing.sample.desk, "unpaid_requests") for _ in range(2)] == [1, 0]
    found = billing.invoice(invoice)
    assert found["state"] == ("issued" if state == "paid" else "void")
    rest = {one: amount for one, amount in balances(billing).items() if amount}
    assert rest == ({"cash": 28_560, "customer_credit": -28_560} if state == "paid" else {})
    if state != "draft":
        (note,) = billing.sample.rows(t.invoice, kind="credit_note")
        assert (note.reason, note.total_minor) == ("PR-0001 was not taken up.", 28_560)
        assert minor(found, "open") == (0,)
    assert billing.sample.see(audit_desk).ok

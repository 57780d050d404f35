"""Write-offs: what is open is no longer owed, until it is paid after all; the accounts agree throughout."""

from datetime import date
from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.sample_desk import SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, listen
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def write_off(billing: Billing, invoice_id: str, status: int = 200) -> Any:
    body = {"reason": "Insolvent"}
    return billing.ask(billing.finance, "POST", f"/invoices/{invoice_id}/write-off", body, status)


def balances(billing: Billing, as_of: date | None = None) -> dict[str, int]:
    """The balance of each account; the audit and the aged receivables agree with it."""
    at = f"?as_of={as_of}" if as_of is not None else ""
    accounts = billing.read(f"/ledger/trial-balance{at}")["accounts"]
    found = {one["account"]: one["debit"]["amount_minor"] - one["credit"]["amount_minor"] for one in accounts}
    owed = billing.read(f"/ledger/aged-receivables{at}")["totals"]
    assert sum(one["amount_minor"] for one in owed) == found.get("receivable", 0)
    assert billing.sample.see(audit_desk).differences == []
    return found


def test_what_is_open_is_written_off_and_posted(billing: Billing) -> None:
    listen(billing.sample, "invoice.written_off")
    issued = billing.issue()["id"]
    billing.pay(issued, 1_900)
    after = write_off(billing, issued)
    assert minor(after, "total", "paid", "open", "written_off") == (11_900, 1_900, 0, 10_000)
    assert (after["payment"], after["allocations"][-1]["reason"]) == ("written_off", "Insolvent")
    assert balances(billing) == {"cash": 1_900, "revenue": -10_000, "tax": -1_900, "write_off": 10_000}
    assert [one["invoice"] for one in data(billing.sample)] == [issued]
    assert [one["id"] for one in billing.read("/invoices?payment=written_off")["items"]] == [issued]
    assert billing.read("/invoices?payment=paid")["items"] == []
    billing.sample.clock.move(days=60)
    assert run_job(billing.sample.desk, "invoice_reminders") == 0
    seen = billing.ask(billing.ann, "GET", f"/invoices/{issued}")
    assert seen["allocations"][-1]["reason"] is None


def test_a_payment_after_all_takes_as_much_of_it_back(billing: Billing) -> None:
    issued = billing.issue()["id"]
    billing.sample.clock.move(days=10)
    write_off(billing, issued)
    billing.sample.clock.move(days=10)
    billing.pay(issued, 900, received_on="2026-03-05")
    part = billing.invoice(issued)
    assert minor(part, "paid", "open", "written_off") == (900, 0, 11_000)
    assert balances(billing)["write_off"] == 11_000
    for day in (date(2026, 3, 6), date(2026, 3, 12), date(2026, 3, 20)):
        assert balances(billing, day).get("receivable", 0) >= 0
    last = billing.pay(issued, 12_000)
    whole = billing.invoice(issued)
    assert (whole["payment"], *minor(whole, "paid", "open", "written_off")) == ("paid", 11_900, 0, 0)
    assert minor(last, "credit") == (1_000,)
    assert "write_off" not in balances(billing)
    billing.ask(billing.finance, "POST", f"/payments/{last['id']}/reverse", {"reason": "Bounced"})
    assert minor(billing.invoice(issued), "open", "written_off") == (11_000, 0)
    assert balances(billing)["receivable"] == 11_000


def test_it_is_reversed_by_hand_and_can_be_done_again(billing: Billing) -> None:
    issued = billing.issue()["id"]
    write_off(billing, issued)
    path = f"/invoices/{issued}/write-off/reverse"
    after = billing.ask(billing.finance, "POST", path, {"reason": "A mistake"})
    assert (after["payment"], *minor(after, "open", "written_off")) == ("unpaid", 11_900, 0)
    assert "write_off" not in balances(billing)
    billing.ask(billing.finance, "POST", path, {"reason": "A mistake"}, 409)
    assert minor(write_off(billing, issued), "open", "written_off") == (0, 11_900)
    assert balances(billing)["write_off"] == 11_900


def test_it_is_not_processed_credited_voided_or_written_off_twice(billing: Billing) -> None:
    billing.sample.set(payment_required=True)
    issued, draft = billing.issue()["id"], billing.draft()["id"]
    after = write_off(billing, issued)
    assert set(after["allowed_actions"]) == {"pay", "process", "reverse_write_off"}
    refused = billing.process(issued, 409)
    assert "EUR 119.00 is missing" in refused["detail"]
    for action in ("credit", "void"):
        refused = billing.refused(billing.finance, f"/invoices/{issued}/{action}", {"reason": "x"}, 409)
    write_off(billing, issued, 409)
    write_off(billing, draft, 409)
    note = billing.credit(billing.issue()["id"])["id"]
    write_off(billing, note, 409)
    body = {"reason": "x"}
    for client in (billing.supervisor, billing.api.technician, billing.ann):
        assert client.post(f"/invoices/{issued}/write-off", body).status_code == 403
    assert billing.finance.post("/invoices/nothing/write-off", body).status_code == 404
    billing.refused(billing.finance, f"/invoices/{issued}/write-off", {"reason": " "}, 422)
    kinds = [row.kind for row in billing.sample.rows(t.payment_allocation, invoice_id=issued)]
    assert kinds == ["write_off"]

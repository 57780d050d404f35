"""Reminders of invoices: each once, at its instant, with its fee; what stops and pauses them."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.billing import Billing, line, minor
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, heard, listen
from workflows.jobs.definitions import run_job
from workflows.jobs.sandbox_clock import set_clock
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

LEVELS = [
    {"days": 7, "fee_minor": 0, "text": "Please pay within a week."},
    {"days": 14, "fee_minor": 500, "text": "This is the last reminder."},
]
ISSUED = MONDAY
"""An invoice of this day is due on 2026-03-16."""


def midnight(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=ZoneInfo("UTC"))


STAGES = [
    ("due_soon", 0, midnight(3, 13)),
    ("overdue", 0, midnight(3, 17)),
    ("level", 1, midnight(3, 23)),
    ("level", 2, midnight(3, 30)),
]


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    sample.desk.sandbox = True
    return Billing(sample, dunning_levels=LEVELS)


def run(billing: Billing) -> int:
    return run_job(billing.sample.desk, "invoice_reminders")


def move(billing: Billing, at: datetime) -> None:
    """Set the sandbox clock, which runs what is due in between."""
    set_clock(billing.sample.desk, billing.sample.administrator, at)


def sent(billing: Billing, invoice_id: str) -> list[tuple[str, int, datetime]]:
    found = billing.invoice(invoice_id)["reminders"]
    return [(one["kind"], one["level"], datetime.fromisoformat(one["due_at"])) for one in found]


def pause(billing: Billing, invoice_id: str, until: str, status: int = 200) -> Any:
    body = {"until": until, "reason": "Asked for time"}
    return billing.ask(billing.finance, "POST", f"/invoices/{invoice_id}/dunning/pause", body, status)


def test_the_sandbox_clock_sends_each_at_its_instant_with_its_fee(billing: Billing) -> None:
    listen(billing.sample, "invoice.due_soon", "invoice.overdue", "invoice.dunned")
    issued = billing.issue()
    move(billing, midnight(4, 5))
    assert sent(billing, issued["id"]) == STAGES
    found = billing.invoice(issued["id"])
    assert (found["payment"], found["dunning_level"]) == ("overdue", 2)
    fee = billing.invoice(found["reminders"][-1]["fee_invoice"]["id"])
    assert (fee["number"], fee["issued_on"], fee["state"]) == ("INV-2026-0002", "2026-03-30", "issued")
    assert minor(fee, "net", "tax", "total", "open") == (500, 0, 500, 500)
    assert [one["description"] for one in fee["lines"]] == ["Fee for reminder 2 of invoice INV-2026-0001"]
    mails = [
        (row.event, row.created_at)
        for row in billing.sample.rows(t.outbox)
        if row.recipient and row.subject_id == issued["id"]
    ]
    assert mails == [
        ("invoice_issued", ISSUED),
        ("invoice_due_soon", midnight(3, 13)),
        ("invoice_overdue", midnight(3, 17)),
        ("invoice_dunned", midnight(3, 23)),
        ("invoice_dunned", midnight(3, 30)),
    ]
    last = billing.sample.rows(t.outbox, event="invoice_dunned", subject_id=issued["id"])[-1]
    assert "This is the last reminder." in last.body
    assert "Invoice INV-2026-0002 charges EUR 5.00 for this reminder." in last.body
    assert [one["type"] for one in heard(billing.sample)] == [
        "invoice.due_soon",
        "invoice.overdue",
        "invoice.dunned",
        "invoice.dunned",
    ]
    assert [one["fee_invoice"] for one in data(billing.sample, "invoice.dunned")] == [None, fee["id"]]
    assert billing.sample.see(audit_desk).differences == []


def test_after_a_stop_all_come_in_order_once_stamped_with_their_instants(billing: Billing) -> None:
    first = billing.issue()["id"]
    billing.sample.clock.move(days=1)
    second = billing.issue()["id"]
    billing.sample.clock.at = midnight(4, 5)
    assert [run(billing), run(billing)] == [8, 0]
    assert sent(billing, first) == STAGES
    assert sent(billing, second) == [(kind, level, at + timedelta(days=1)) for kind, level, at in STAGES]
    rows = sorted(billing.sample.rows(t.invoice_reminder), key=lambda row: row.id)
    assert [row.due_at for row in rows] == sorted(row.due_at for row in rows)


def test_two_that_run_the_job_at_once_send_each_once(billing: Billing) -> None:
    for _ in range(3):
        billing.issue()
    billing.sample.clock.at = midnight(4, 5)
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: run(billing), range(2)))
    assert sum(counts) == len(billing.sample.rows(t.invoice_reminder)) == 12
    assert len(billing.sample.rows(t.invoice)) == 6


def test_a_fee_is_no_ground_for_another_fee(billing: Billing) -> None:
    billing.issue()
    move(billing, midnight(6, 1))
    invoices = billing.sample.rows(t.invoice)
    assert len(invoices) == 2
    assert {row.reminder_stage for row in invoices} == {2}


def test_a_fee_waits_for_nobody_and_is_on_no_order(billing: Billing) -> None:
    terms = {"order_number": "PO-77", "order_budget": {"amount_minor": 10_000}}
    path = f"/customers/{billing.sample.ann}/billing"
    billing.ask(billing.finance, "PATCH", path, terms)
    billing.issue()
    unusual = {
        "rules": [
            {
                "id": "any",
                "why": "Any.",
                "conditions": {"all": [{"name": "total_minor", "operator": "greater_than", "value": 1}]},
                "actions": [{"name": "require_confirmation"}],
            }
        ],
        "examples": [{"name": "Any", "facts": {"total_minor": 2}, "reasons": ["any"]}],
    }
    billing.sample.publish_rules(invoice_checks=json.dumps(unusual))
    move(billing, midnight(4, 1))
    assert [(one.state, one.order_number) for one in billing.sample.rows(t.invoice)] == [
        ("issued", "PO-77"),
        ("issued", None),
    ]
    assert billing.read(path)["order_invoiced"]["amount_minor"] == 10_000


def test_what_is_paid_voided_or_credited_gets_none(billing: Billing) -> None:
    paid, void, credited, part = (billing.issue()["id"] for _ in range(4))
    billing.pay(paid, 11_900)
    billing.ask(billing.finance, "POST", f"/invoices/{void}/void", {"reason": "x"})
    billing.credit(credited)
    billing.pay(part, 1)
    billing.sample.clock.at = midnight(3, 18)
    assert run(billing) == 2
    assert [sent(billing, one) for one in (paid, void, credited)] == [[], [], []]
    assert sent(billing, part) == STAGES[:2]


def test_what_is_open_again_goes_on_with_the_next_level(billing: Billing) -> None:
    issued = billing.issue()["id"]
    move(billing, midnight(3, 24))
    payment = billing.pay(issued, 11_900)
    move(billing, midnight(4, 20))
    billing.ask(billing.finance, "POST", f"/payments/{payment['id']}/reverse", {"reason": "Bounced"})
    assert run(billing) == 1
    assert sent(billing, issued) == [*STAGES[:3], ("level", 2, midnight(4, 20))]


def test_a_pause_holds_them_back_and_the_levels_keep_their_distance(billing: Billing) -> None:
    issued = billing.issue()["id"]
    move(billing, midnight(3, 18))
    paused = pause(billing, issued, "2026-04-10")
    assert (paused["dunning_paused_until"], paused["dunning_pause_reason"]) == (
        "2026-04-10",
        "Asked for time",
    )
    assert "resume" in paused["allowed_actions"]
    seen = billing.ask(billing.ann, "GET", f"/invoices/{issued}")
    assert (seen["dunning_pause_reason"], seen["reminders"][0]["recipient"]) == (None, None)
    move(billing, midnight(5, 1))
    assert sent(billing, issued) == [
        *STAGES[:2],
        ("level", 1, midnight(4, 11)),
        ("level", 2, midnight(4, 18)),
    ]
    assert "resume" not in billing.invoice(issued)["allowed_actions"]


def test_a_pause_ends_early_when_it_is_resumed(billing: Billing) -> None:
    issued = billing.issue()["id"]
    pause(billing, issued, "2026-12-31")
    move(billing, midnight(3, 20))
    assert sent(billing, issued) == []
    billing.ask(billing.finance, "POST", f"/invoices/{issued}/dunning/resume")
    assert run(billing) == 1
    assert sent(billing, issued) == [("overdue", 0, midnight(3, 20))]
    billing.ask(billing.finance, "POST", f"/invoices/{issued}/dunning/resume", status=409)


def test_levels_that_are_set_later_begin_then(sample: SampleDesk) -> None:
    billing = Billing(sample)
    issued = billing.issue()["id"]
    sample.clock.at = midnight(6, 1)
    assert run(billing) == 2
    billing.ask(billing.api.administrator, "PATCH", "/settings", {"dunning_levels": LEVELS})
    assert run(billing) == 1
    assert sent(billing, issued)[-1] == ("level", 1, midnight(6, 1))


def test_an_invoice_in_another_currency_is_reminded_of_without_a_fee(billing: Billing) -> None:
    issued = billing.issue(currency="CHF")["id"]
    billing.sample.clock.at = midnight(4, 5)
    run(billing)
    assert sent(billing, issued) == STAGES
    assert len(billing.sample.rows(t.invoice)) == 1


def test_overdue_invoices_are_found_by_their_level(billing: Billing) -> None:
    first, second = billing.issue()["id"], billing.issue(line(5), due_on="2026-03-27")["id"]
    move(billing, midnight(3, 28))
    for level, expected in ((0, [second]), (1, [first]), (2, [])):
        found = billing.read(f"/invoices?dunning_level={level}")["items"]
        assert [one["id"] for one in found] == expected
    billing.ask(billing.finance, "GET", "/invoices?dunning_level=x", status=422)


def test_wrong_pauses_and_levels_are_refused(billing: Billing) -> None:
    issued, draft, paid = billing.issue()["id"], billing.draft()["id"], billing.issue()["id"]
    billing.pay(paid, 11_900)
    path = f"/invoices/{issued}/dunning/pause"
    for body, pointer in (
        ({"until": "2026-03-01", "reason": "x"}, "/until"),
        ({"until": "soon", "reason": "x"}, "/until"),
        ({"until": "2026-03-20", "reason": " "}, "/reason"),
        ({"reason": "x"}, "/until"),
    ):
        refused = billing.refused(billing.finance, path, body, 422)
        assert [one["pointer"] for one in refused["errors"]] == [pointer]
    for one in (draft, paid):
        pause(billing, one, "2026-03-20", 409)
    body = {"until": "2026-03-20", "reason": "x"}
    for client in (billing.supervisor, billing.api.technician, billing.ann):
        assert client.post(path, body).status_code == 403
    assert billing.finance.post("/invoices/nothing/dunning/pause", body).status_code == 404
    for levels in (
        [{"days": 7}, {"days": 7}],
        [{"days": 0}],
        [{"days": 7, "fee_minor": -1}],
        [{"days": 7, "interest": 5}],
    ):
        changes = {"dunning_levels": levels}
        billing.ask(billing.api.administrator, "PATCH", "/settings", changes, 422)

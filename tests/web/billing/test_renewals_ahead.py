"""Renewals ahead of the end, by the setting: the successor and the draft of its invoice."""

from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.sample_desk import SampleDesk
from workflows.jobs.definitions import run_job
from workflows.store import tables as t

PRICE = {"amount_minor": 24_000}


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """On 2 March 2026; renewals are made 30 days ahead."""
    return Billing(sample, renewal_lead_days=30)


def sell(billing: Billing, ends_on: str, **terms: Any) -> Any:
    holder = {"customer": billing.sample.ann}
    body = {"type": "subscription", "holder": holder, "price": PRICE, "ends_on": ends_on, **terms}
    sold = billing.ask(billing.supervisor, "POST", "/contracts", body, 201)
    return billing.read(f"/contracts/{sold['id']}")


def successors(billing: Billing) -> list[Any]:
    rows = [row for row in billing.sample.rows(t.contract) if row.renewal_of_id is not None]
    return [billing.read(f"/contracts/{row.id}") for row in rows]


def test_the_successor_and_its_draft_come_ahead_and_take_effect_when_processed(billing: Billing) -> None:
    sold = sell(billing, "2026-06-30")
    sell(billing, "2026-06-30", price={"amount_minor": 0})
    billing.move_to(5, 31)
    billing.run_jobs()
    assert successors(billing) == []
    billing.move_to(6, 8)  # a week later
    assert billing.due() == [("renewal", 24_000, "2026-06-01")]
    billing.run_jobs()
    billing.run_jobs()
    (successor,) = successors(billing)
    assert (successor["starts_at"], successor["renewal_of"]) == (sold["expires_at"], sold["id"])
    assert (successor["state"], successor["pending_reason"]) == ("pending", "awaiting_enable")
    (draft,) = [
        one for one in billing.read("/invoices?state=draft")["items"] if one["created_at"] > "2026-05"
    ]
    (line,) = billing.invoice(draft["id"])["lines"]
    assert (draft["created_at"], line["contract"], *minor(line, "net")) == (
        "2026-06-01T00:00:00Z",
        successor["id"],
        24_000,
    )
    assert (line["service_from"], line["service_to"]) == ("2026-07-01", "2026-10-29")
    billing.issued(draft["id"])
    billing.process(draft["id"])
    billing.move_to(7, 1)
    assert successors(billing)[0]["state"] == "active"


def test_a_stop_over_the_end_is_caught_up(billing: Billing) -> None:
    sell(billing, "2026-06-30")
    billing.move_to(5, 20)
    billing.run_jobs()
    billing.move_to(7, 2)
    billing.run_jobs()
    assert len(successors(billing)) == 1


def test_what_is_not_renewed(billing: Billing) -> None:
    """What ended before the jobs ran first; what was renewed, also where the renewal was cancelled."""
    sell(billing, "2026-03-10")
    renewed = sell(billing, "2026-06-30")
    billing.move_to(3, 20)
    billing.run_jobs()
    made = billing.ask(billing.supervisor, "POST", f"/contracts/{renewed['id']}/renew", {})
    billing.ask(billing.supervisor, "POST", f"/contracts/{made['id']}/cancel", {"reason": "Notice given"})
    billing.move_to(6, 8)
    billing.run_jobs()
    assert [one["state"] for one in successors(billing)] == ["cancelled"]
    billing.sample.set(renewal_lead_days=None)
    sell(billing, "2026-06-30")
    assert run_job(billing.sample.desk, "draft_renewals") == 0

"""Time to be billed: drafts by customer and month, each piece of work once, corrected by differences."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.billing import Billing, minor
from tests.support.pages import Browser, Page
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import AmendContract
from workflows.commands.fields import RateGiven
from workflows.contracts.amending import amend_contract
from workflows.jobs.billing import next_overage_due
from workflows.jobs.definitions import run_job
from workflows.store import tables as t

RATE = 12_000
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """On 2 March 2026, with a contract of 60 minutes that bills what is beyond them."""
    found = Billing(sample, time_expired_contract="bill", default_overage_rate_minor=RATE)
    sample.sell("support_hours", minutes=60)
    for _ in range(3):
        sample.log()
    return found


def work(billing: Billing, *minutes: int, on: int = 0) -> list[str]:
    """Log work of one of the requests, now; returns the ids of its entries."""
    sample = billing.sample
    request = sorted(row.id for row in sample.rows(t.service_request))[on]
    for one in minutes:
        sample.work(request, one)
    return [row.id for row in sorted(sample.entries(request), key=lambda row: str(row.id))]


def to_bill(billing: Billing) -> list[Any]:
    rows = billing.read("/time-to-bill")["items"]
    return [(one["month"], one["minutes"], *minor(one, "amount"), one["due_on"]) for one in rows]


def drafts(billing: Billing) -> list[Any]:
    found = billing.read("/invoices?state=draft&order=created_at")["items"]
    return [billing.invoice(one["id"]) for one in found]


def change(billing: Billing, entry: str, **fields: Any) -> None:
    billing.ask(billing.api.administrator, "PATCH", f"/work/{entry}", fields)


def test_a_month_gathers_into_one_draft_when_it_is_over(billing: Billing) -> None:
    work(billing, 60, 50)
    work(billing, 40, on=1)
    assert to_bill(billing) == [("2026-03", 90, 18_000, "2026-04-01")]
    assert run_job(billing.sample.desk, "bill_overage") == 0
    with billing.sample.desk.read() as tx:
        assert next_overage_due(tx) == APRIL
    assert billing.due() == []
    assert billing.due("?as_of=2026-04-01T00:00:00Z") == [("time", 18_000, "2026-04-01")]
    billing.move_to(4, 9)  # the job was stopped for a week
    assert run_job(billing.sample.desk, "bill_overage") == 1
    assert run_job(billing.sample.desk, "bill_overage") == 0
    (draft,) = drafts(billing)
    assert draft["created_at"] == "2026-04-01T00:00:00Z"
    (line,) = draft["lines"]
    assert (line["quantity"], line["unit"], *minor(line, "unit_price", "net")) == ("1.5", "HUR", RATE, 18_000)
    assert (line["service_from"], line["service_to"]) == ("2026-03-01", "2026-03-31")
    numbers = sorted(row.number for row in billing.sample.rows(t.service_request))[:2]
    assert all(number in line["description"] for number in numbers)
    assert "March 2026, 1:30 h at EUR 120.00 an hour" in line["description"]
    made_of = billing.read(f"/sold-items/{line['sold']}/work")["items"]
    assert sorted((one["service_request_number"], one["minutes"]) for one in made_of) == sorted(
        zip(numbers, (50, 40), strict=True)
    )
    assert to_bill(billing) == []


def test_time_costs_what_the_settings_said_when_it_was_worked(billing: Billing) -> None:
    """However late it is recorded, and as the report of uncovered time says."""
    sample, admin = billing.sample, billing.api.administrator
    work(billing, 60, 60)
    billing.move_to(3, 10)
    billing.ask(admin, "PATCH", "/settings", {"default_overage_rate_minor": 2 * RATE})
    request = min(row.id for row in sample.rows(t.service_request))
    sample.work(request, 30, at=MONDAY)
    sample.work(request, 10)
    billing.move_to(4, 2)
    (row,) = billing.read("/reports/uncovered?from=2026-03&to=2026-03")["items"]
    billing.run_jobs()
    (draft,) = drafts(billing)
    assert sorted(minor(line, "unit_price", "net") for line in draft["lines"]) == [
        (4_000, 4_000),  # one piece of ten minutes
        (RATE, 18_000),
    ]
    assert row["overage_minor"] == 22_000


def test_time_costs_what_its_contract_said_when_it_was_worked(billing: Billing) -> None:
    """By the report as by the invoice, before it is charged and afterwards."""
    sample = billing.sample
    work(billing, 60, 60)
    (contract,) = sample.rows(t.contract)
    sample.clock.move(days=1)
    rate = RateGiven(amount_minor=2 * RATE, currency="EUR")
    sample.do(amend_contract, contract.id, AmendContract(overage_rate=rate, reason="Agreed"))
    sample.clock.move(days=1)
    request = min(row.id for row in sample.rows(t.service_request))
    sample.work(request, 30)
    billing.move_to(4, 2)
    for _ in range(2):
        (row,) = billing.read("/reports/uncovered?from=2026-03&to=2026-03")["items"]
        assert row["overage_minor"] == RATE + RATE
        billing.run_jobs()
    (draft,) = drafts(billing)
    assert sorted(minor(line, "unit_price", "net") for line in draft["lines"]) == [
        (RATE, RATE),
        (2 * RATE, RATE),
    ]


def test_what_changes_is_a_difference_of_the_draft_and_then_of_the_next(billing: Billing) -> None:
    _, first, second = work(billing, 60, 60, 30)
    billing.move_to(4, 2)
    run_job(billing.sample.desk, "bill_overage")
    (draft,) = drafts(billing)
    assert minor(draft, "net") == (18_000,)
    change(billing, first, minutes=40)  # while it is a draft: the line itself, at once
    assert to_bill(billing) == [("2026-03", -20, -4_000, "2026-04-02")]
    assert run_job(billing.sample.desk, "bill_overage") == 1
    (again,) = drafts(billing)
    assert (again["id"], *minor(again, "net")) == (draft["id"], 14_000)
    issued = billing.issued(draft["id"])
    change(billing, second, minutes=10)  # 20 minutes less than was billed
    assert [one[1:3] for one in to_bill(billing)] == [(-20, -4_000)]
    body = {"customer": billing.sample.ann, "month": "2026-04"}
    refused = billing.refused(billing.finance, "/time-to-bill/draft", body, 409)
    assert "is to be billed" in refused["detail"]
    work(billing, 60)
    billing.move_to(5, 1)
    assert sorted(billing.due()) == [("time", -4_000, "2026-05-01"), ("time", 12_000, "2026-05-01")]
    billing.run_jobs()
    (next_draft,) = drafts(billing)
    (line,) = next_draft["lines"]
    assert minor(line, "unit_price", "discount", "net") == (RATE, 4_000, 8_000)
    assert "less 0:20 h billed before for March 2026" in line["description"]
    assert billing.invoice(issued["id"])["lines"] == issued["lines"]
    assert to_bill(billing) == []


def test_nothing_is_left_of_a_draft_whose_work_is_deleted(billing: Billing) -> None:
    _, entry = work(billing, 60, 30)
    body = {"customer": billing.sample.ann, "month": "2026-03"}
    draft = billing.ask(billing.supervisor, "POST", "/time-to-bill/draft", body, 201)
    billing.ask(billing.api.administrator, "DELETE", f"/work/{entry}", status=204)
    void = billing.ask(billing.supervisor, "POST", "/time-to-bill/draft", body, 201)
    assert (void["id"], void["state"], void["lines"]) == (draft["id"], "void", [])
    assert [one["state"] for one in billing.read("/sold-items")["items"]] == ["waived"]


def test_of_waived_time_nothing_is_owed_and_only_what_it_has_become_more_is_billed(
    billing: Billing,
) -> None:
    _, entry = work(billing, 60, 60)
    billing.move_to(4, 2)
    billing.run_jobs()
    (draft,) = drafts(billing)
    billing.ask(billing.finance, "POST", f"/invoices/{draft['id']}/void", {"reason": "Goodwill"})
    (item,) = billing.read("/sold-items?state=open")["items"]
    billing.ask(billing.finance, "POST", f"/sold-items/{item['id']}/waive", {"reason": "Goodwill"})
    change(billing, entry, minutes=40)
    assert (to_bill(billing), billing.due()) == ([], [])
    billing.move_to(5, 2)
    billing.run_jobs()
    assert (drafts(billing), to_bill(billing), billing.due()) == ([], [], [])
    change(billing, entry, minutes=70)
    billing.move_to(6, 2)
    billing.run_jobs()
    (draft,) = drafts(billing)
    assert minor(draft, "net") == (6_000,)  # half an hour more


def test_what_fits_on_no_later_draft_is_credited_where_it_was_billed(billing: Billing) -> None:
    _, entry = work(billing, 60, 60)
    billing.move_to(4, 2)
    billing.run_jobs()
    (draft,) = drafts(billing)
    issued = billing.issued(draft["id"])
    change(billing, entry, minutes=40)
    assert billing.due() == []
    assert billing.due("?as_of=2026-05-01T00:00:00Z") == [("credit", -4_000, "2026-05-01")]
    billing.move_to(5, 1)
    run_job(billing.sample.desk, "bill_overage")
    (row,) = billing.read("/reports/due-not-raised?kind=credit")["items"]
    (line,) = issued["lines"]
    assert (row["sold"], row["invoice"], row["description"]) == (line["sold"], issued["id"], issued["number"])
    text = billing.finance.call("GET", "/reports/due-not-raised.csv").text
    assert f",-4000,EUR,2026-05-01T00:00:00Z,2026-05-01,{issued['number']},{line['sold']}," in text
    path = f"/sold-items/{line['sold']}/credit"
    billing.ask(billing.supervisor, "POST", path, {"reason": "Shorter"}, 403)
    note = billing.ask(billing.finance, "POST", path, {"reason": "Shorter"}, 201)
    assert (note["kind"], note["reason"], *minor(note, "net", "total")) == (
        "credit_note",
        "Shorter",
        4_000,
        4_760,
    )
    assert minor(billing.invoice(issued["id"]), "open") == (14_280 - 4_760,)
    assert (billing.due(), to_bill(billing)) == ([], [])
    again = billing.ask(billing.finance, "POST", path, {"reason": "Shorter"}, 409)
    assert again["state"] == "settled"
    work(billing, 60)
    billing.move_to(6, 1)
    billing.run_jobs()
    (next_draft,) = drafts(billing)
    assert minor(next_draft, "net") == (12_000,)


def test_no_more_is_credited_than_was_charged_for_it_and_is_left(billing: Billing) -> None:
    """20 of 60 minutes, that cost a tenth less and of which 95.00 was credited before: 13.00 is left."""
    _, entry = work(billing, 60, 60)
    billing.move_to(4, 2)
    billing.run_jobs()
    (draft,) = drafts(billing)
    (line,) = draft["lines"]
    same = {name: line[name] for name in ("description", "sold", "tax_rate")}
    reduced = {**same, "quantity": "1", "unit_price": {"amount_minor": 12_000}, "discount_percent": "10"}
    billing.ask(billing.finance, "PATCH", f"/invoices/{draft['id']}", {"lines": [reduced]})
    issued = billing.issued(draft["id"])
    assert minor(issued, "net") == (10_800,)
    change(billing, entry, minutes=40)
    billing.move_to(5, 1)
    assert billing.due() == [("credit", -3_600, "2026-05-01")]
    (line,) = issued["lines"]
    billing.credit(issued["id"], {"line": line["id"], "amount": {"amount_minor": 9_500}})
    assert billing.due() == [("credit", -1_300, "2026-05-01")]
    billing.credit(issued["id"])
    assert billing.due() == []


def test_time_is_credited_on_the_page(billing: Billing) -> None:
    _, entry = work(billing, 60, 60)
    billing.move_to(4, 2)
    billing.run_jobs()
    issued = billing.issued(drafts(billing)[0]["id"])
    change(billing, entry, minutes=40)
    billing.move_to(5, 1)
    finance = Browser(billing.sample, billing.sample.finance, billing.api.app)
    report = finance.open("/reports/due-not-raised")
    path = f"/to-invoice/{issued['lines'][0]['sold']}/credit"
    assert path in report.html
    assert "−€40.00" in report
    page = finance.open(path)
    shown = Page(finance.client.post(f"{path}/effect", data=page.form(path).values))
    assert "A credit note of €47.60 is issued" in shown
    done = finance.send(page, path)
    assert "The credit note has been issued." in done
    assert "Less time than was billed" in done
    assert "Everything that is due" in finance.open("/reports/due-not-raised")


def test_work_that_awaits_approval_is_not_billed(billing: Billing) -> None:
    billing.sample.set(work_approval=True)
    (entry,) = work(billing, 90)
    assert to_bill(billing) == []
    billing.ask(billing.supervisor, "POST", f"/work/{entry}/approve", {})
    assert [one[1] for one in to_bill(billing)] == [30]


def test_overage_is_revenue_at_once_and_credited_for_good(billing: Billing) -> None:
    """It has been delivered: nothing is deferred, and what was credited is not billed again."""
    work(billing, 90)
    body = {"customer": billing.sample.ann, "month": "2026-03"}
    draft = billing.ask(billing.finance, "POST", "/time-to-bill/draft", body, 201)
    billing.issued(draft["id"])
    sums: dict[str, int] = {}
    for row in billing.sample.rows(t.ledger_posting, unit="EUR"):
        sums[row.account] = sums.get(row.account, 0) + row.amount
    assert sums == {"receivable": 7_140, "revenue": -6_000, "tax": -1_140}
    billing.credit(draft["id"])
    assert [one["state"] for one in billing.read("/sold-items")["items"]] == ["invoiced"]
    assert to_bill(billing) == []


def test_the_contract_s_own_price_and_the_one_who_pays(billing: Billing) -> None:
    sample = billing.sample
    sample.sell(
        "support_hours",
        to=("item", sample.laptop),
        minutes=1,
        overage_rate={"amount_minor": 6_000},
        time_expired="bill",
    )
    sample.work(sample.log(), 61)
    rows = billing.read("/time-to-bill")["items"]
    assert [(one["customer"], one["minutes"], *minor(one, "rate", "amount")) for one in rows] == [
        (sample.ann, 60, 6_000, 6_000)
    ]


def test_two_at_once_bill_each_piece_once(billing: Billing) -> None:
    work(billing, 60, 30)
    work(billing, 30, on=1)
    billing.move_to(4, 1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run_job(billing.sample.desk, "bill_overage"), range(4)))
    (draft,) = drafts(billing)
    assert minor(draft, "net") == (12_000,)
    assert len(billing.sample.rows(t.overage_charge)) == 2


def test_what_is_refused(billing: Billing) -> None:
    ann = billing.sample.ann
    wrong = [
        ({}, "/customer"),
        ({"customer": "nobody"}, "/customer"),
        ({"customer": ann, "month": "2026-13"}, "/month"),
        ({"customer": ann, "month": "2026-03", "tax_rate": "Nothing"}, "/tax_rate"),
    ]
    for body, pointer in wrong:
        refused = billing.refused(billing.finance, "/time-to-bill/draft", body, 422)
        assert [one["pointer"] for one in refused["errors"]] == [pointer], body
    billing.sample.set(invoices=False, time_expired_contract="ignore")
    refused = billing.refused(billing.finance, "/time-to-bill/draft", {"customer": ann}, 409)
    assert "Invoices are off" in refused["detail"]
    assert run_job(billing.sample.desk, "bill_overage") == 0

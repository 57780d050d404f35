"""Disputes: what is objected to is held up, and decisions change it; accepted statements stay known."""

from typing import Any

import pytest

from tests.support.api import ApiClient
from tests.support.billing import Billing, line, minor
from tests.support.sample_desk import SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, listen
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

WHY = "The call took ten minutes."


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    """A contract of 60 minutes that bills what is beyond them, with 90 minutes of work."""
    levels = [{"days": 7, "fee_minor": 0, "text": "Please pay."}]
    found = Billing(
        sample, time_expired_contract="bill", default_overage_rate_minor=12_000, dunning_levels=levels
    )
    sample.sell("support_hours", minutes=60)
    sample.log()
    request = request_of(found)
    sample.work(request, 60)
    sample.work(request, 30)
    return found


def request_of(billing: Billing) -> str:
    return str(billing.sample.rows(t.service_request)[0].id)


def entries(billing: Billing) -> list[str]:
    rows = billing.sample.entries(request_of(billing))
    return [row.id for row in sorted(rows, key=lambda row: str(row.id))]


def contract_of(billing: Billing) -> str:
    return str(billing.sample.rows(t.contract)[0].id)


def opened(billing: Billing, client: ApiClient | None = None, status: int = 201, **about: str) -> Any:
    body = {"reason": WHY, **about}
    return billing.ask(client or billing.ann, "POST", "/disputes", body, status)


def accepted(billing: Billing, dispute: Any, status: int = 200, **body: Any) -> Any:
    return billing.ask(billing.finance, "POST", f"/disputes/{dispute['id']}/accept", body, status)


def declined(billing: Billing, dispute: Any, status: int = 200) -> Any:
    body = {"reason": "It is in the log."}
    return billing.ask(billing.supervisor, "POST", f"/disputes/{dispute['id']}/decline", body, status)


def to_bill(billing: Billing) -> list[Any]:
    return [one["minutes"] for one in billing.read("/time-to-bill")["items"]]


def available(billing: Billing) -> int:
    found = billing.read(f"/contracts/{contract_of(billing)}")
    return int(found["balance"]["minutes"]["available"])


def test_an_entry_in_dispute_is_not_billed_until_it_is_declined(billing: Billing) -> None:
    assert to_bill(billing) == [30]
    listen(billing.sample, "dispute.opened", "dispute.declined")
    dispute = opened(billing, work_entry=entries(billing)[1])
    assert (dispute["state"], dispute["kind"], dispute["opened_by"]) == ("open", "work_entry", "Ann")
    assert (dispute["subject"]["worked_minutes"], dispute["customer"]) == (30, billing.sample.ann)
    assert dispute["allowed_actions"] == []
    assert to_bill(billing) == []
    billing.move_to(4, 1)
    billing.run_jobs()
    assert billing.read("/invoices")["items"] == []
    billing.sample.clock.move(hours=1)
    done = declined(billing, dispute)
    assert (done["state"], done["decision_reason"]) == ("declined", "It is in the log.")
    assert to_bill(billing) == [30]
    [row] = billing.read("/time-to-bill")["items"]
    assert row["due_on"] == "2026-05-01"
    assert [one["dispute"] for one in data(billing.sample)] == [dispute["id"]] * 2
    mails = billing.sample.rows(t.outbox)
    to_staff = [one for one in mails if one.event == "dispute_opened"]
    assert to_staff
    assert all(WHY in one.body for one in to_staff)
    [to_ann] = [one for one in mails if one.event == "dispute_declined"]
    assert to_ann.recipient
    assert "It is in the log." in to_ann.body
    seen = billing.ask(billing.ann, "GET", f"/disputes/{dispute['id']}")
    assert seen["decision_reason"] == "It is in the log."
    declined(billing, dispute, 409)


def test_an_accepted_entry_is_not_billable_and_drawn_again(billing: Billing) -> None:
    first, second = entries(billing)
    preview = billing.ask(
        billing.finance,
        "POST",
        f"/disputes/{opened(billing, work_entry=first)['id']}/accept/preview",
        {},
    )
    assert [one["after"]["balance"]["available"] for one in preview["contracts"]] == [30]
    [dispute] = billing.read("/disputes?state=open")["items"]
    done = accepted(billing, dispute, reason="You are right.")
    assert (done["state"], done["minutes_left"], done["decided_by"]) == ("accepted", 0, "the finance")
    assert available(billing) == 30
    assert to_bill(billing) == []
    [entry] = billing.sample.rows(t.work_entry, id=first)
    assert (entry.billable, entry.not_billable_reason) == (False, "You are right.")
    again = opened(billing, work_entry=second)
    accepted(billing, again, 422, minutes=30)
    assert accepted(billing, again, minutes=10)["minutes_left"] == 10
    assert available(billing) == 50
    assert billing.sample.see(audit_desk).differences == []


def test_a_draft_with_work_in_dispute_is_not_issued(billing: Billing) -> None:
    billing.move_to(4, 1)
    billing.run_jobs()
    [draft] = billing.read("/invoices")["items"]
    dispute = opened(billing, work_entry=entries(billing)[1])
    refused = billing.ask(billing.finance, "POST", f"/invoices/{draft['id']}/issue", status=409)
    assert "objects" in refused["detail"]
    declined(billing, dispute)
    billing.issued(draft["id"])


def test_an_invoice_in_dispute_is_not_reminded_of(billing: Billing) -> None:
    issued = billing.issue(line(), line(5_000))
    dispute = opened(billing, invoice_line=issued["lines"][1]["id"])
    assert minor(dispute["subject"], "net") == (5_000,)
    billing.move_to(4, 20)
    assert run_job(billing.sample.desk, "invoice_reminders") == 0
    done = accepted(billing, dispute)
    assert done["credit_note_number"].startswith("CN-")
    note = billing.invoice(done["credit_note"])
    assert minor(note, "net") == (5_000,)
    assert billing.invoice(issued["id"])["open"]["amount_minor"] == 11_900
    assert run_job(billing.sample.desk, "invoice_reminders") > 0
    opened(billing, status=409, invoice_line=issued["lines"][1]["id"])
    assert billing.sample.see(audit_desk).differences == []


def test_a_part_of_an_invoice_line_is_credited(billing: Billing) -> None:
    issued = billing.issue(line())
    dispute = opened(billing, invoice_line=issued["lines"][0]["id"])
    refused = accepted(billing, dispute, 422, amount={"amount_minor": 10_001})
    assert refused["errors"][0]["pointer"] == "/amount"
    accepted(billing, dispute, 422, minutes=5)
    supervisor = billing.ask(
        billing.supervisor,
        "POST",
        f"/disputes/{dispute['id']}/accept",
        {"amount": {"amount_minor": 2_500}},
    )
    assert minor(billing.invoice(supervisor["credit_note"]), "net") == (2_500,)


def test_a_line_of_a_statement_is_one_subject_with_its_work(billing: Billing) -> None:
    statement = billing.ask(billing.ann, "GET", f"/contracts/{contract_of(billing)}/statement")
    grant, draw = statement["lines"][0], statement["lines"][1]
    dispute = opened(billing, statement_line=draw["transaction"])
    assert (dispute["work_entry"], dispute["subject"]["moved"]) == (entries(billing)[0], -60)
    assert opened(billing, status=409, work_entry=entries(billing)[0])["type"].endswith("conflict")
    assert opened(billing, status=409, statement_line=draw["transaction"])["detail"]
    accepted(billing, dispute, minutes=20)
    assert available(billing) == 10
    added = opened(billing, statement_line=grant["transaction"])
    assert added["work_entry"] is None
    accepted(billing, added, 422, minutes=20)
    assert accepted(billing, added)["returned"] is None


def test_what_another_line_took_is_given_back(billing: Billing) -> None:
    body: dict[str, Any] = {"minutes": 300, "reason": "Goodwill"}
    contract = contract_of(billing)
    billing.ask(billing.finance, "POST", f"/contracts/{contract}/adjust", body)
    before = available(billing)
    body = {"minutes": -100, "reason": "Taken back"}
    billing.ask(billing.finance, "POST", f"/contracts/{contract}/adjust", body)
    last = billing.read(f"/contracts/{contract}/statement")["lines"][-1]
    dispute = opened(billing, statement_line=last["transaction"])
    assert accepted(billing, dispute)["returned"] == 100
    assert available(billing) == before


def test_what_another_customer_has_is_not_there(billing: Billing) -> None:
    issued = billing.issue()
    stranger = billing.api.client_of(
        billing.sample.person("customer", "Bob", customer=billing.sample.customer("Bob"))
    )
    statement = billing.read(f"/contracts/{contract_of(billing)}/statement")
    abouts = (
        {"work_entry": entries(billing)[0]},
        {"statement_line": statement["lines"][0]["transaction"]},
        {"invoice_line": issued["lines"][0]["id"]},
        {"work_entry": "nothing"},
        {"statement_line": "nothing"},
        {"invoice_line": "nothing"},
    )
    for about in abouts:
        opened(billing, stranger, 404, **about)
    dispute = opened(billing, work_entry=entries(billing)[0])
    billing.ask(stranger, "GET", f"/disputes/{dispute['id']}", status=404)
    assert billing.ask(stranger, "GET", "/disputes")["items"] == []
    billing.ask(stranger, "POST", f"/disputes/{dispute['id']}/accept", {}, 403)
    billing.ask(billing.ann, "POST", f"/disputes/{dispute['id']}/decline", {"reason": "no"}, 403)
    path = f"/contracts/{contract_of(billing)}/statement/accept"
    billing.ask(stranger, "POST", path, {}, 404)
    billing.ask(billing.finance, "POST", path, {}, 403)


def test_bad_input_is_named(billing: Billing) -> None:
    for body in (
        {},
        {"reason": WHY},
        {"reason": WHY, "work_entry": "a", "invoice_line": "b"},
        {"reason": " ", "work_entry": "a"},
        {"reason": WHY, "work_entry": "a", "more": 1},
    ):
        billing.ask(billing.ann, "POST", "/disputes", body, 422)
    billing.ask(billing.finance, "GET", "/disputes?state=lost", status=422)
    billing.ask(billing.finance, "POST", "/disputes/nothing/accept", {}, 404)
    technician = billing.api.technician
    opened(billing, technician, 403, invoice_line=billing.issue()["lines"][0]["id"])
    assert opened(billing, technician, work_entry=entries(billing)[0])["customer"] == billing.sample.ann


def test_an_accepted_statement_is_stored_and_changes_are_differences(billing: Billing) -> None:
    contract = contract_of(billing)
    path = f"/contracts/{contract}/statement"
    listen(billing.sample, "statement.accepted")
    made = billing.ask(billing.ann, "POST", f"{path}/accept", {}, 201)
    [head] = billing.sample.rows(t.ledger_chain, id=contract)
    assert made["heads"] == [{"chain": contract, "sequence": head.sequence, "hash": head.hash.hex()}]
    assert (made["balance"], made["changes"], made["difference"]) == (0, 0, 0)
    assert made["intact"]
    assert [one["number"] for one in data(billing.sample)] == ["SH-0001"]
    billing.sample.clock.move(days=1)
    dispute = opened(billing, work_entry=entries(billing)[0])
    accepted(billing, dispute, minutes=20)
    statement = billing.read(path)
    found = statement["acceptance"]
    assert (found["id"], found["difference"], found["intact"]) == (made["id"], 10, True)
    assert (
        found["changes"]
        == len(found["differences"])
        == sum(one["since_acceptance"] for one in statement["lines"])
    )
    assert found["differences"][-1]["balance_after"] == 10
    again = billing.ask(billing.ann, "POST", f"{path}/accept", {}, 201)
    assert (again["balance"], again["changes"]) == (10, 0)
    late = {"up_to": "2027-01-01T00:00:00Z"}
    assert billing.ask(billing.ann, "POST", f"{path}/accept", late, 422)["errors"][0]["pointer"] == "/up_to"
    billing.ask(billing.ann, "POST", f"{path}/accept", {"up_to": "2020-01-01T00:00:00Z"}, 409)

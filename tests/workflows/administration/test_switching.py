"""Switching contracts off and on, and invoices on: what opens, and what they need."""

from typing import Any

from tests.support.builders import DeskFixture
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from workflows.administration.activation import activate_billing, billing_checklist
from workflows.administration.settings import change_settings
from workflows.commands.administration import ActivateBilling
from workflows.jobs.definitions import run_job
from workflows.store import tables as t

COMPANY = {
    "name": "Northwind",
    "street": "Hafenstrasse 12",
    "city": "Hamburg",
    "country": "DE",
    "tax_number": "12/345",
    "iban": "DE89370400440532013000",
}


def states(sample: SampleDesk, *requests: str) -> list[tuple[str, str | None]]:
    return [(row.state, row.contract_id) for row in map(sample.request, requests)]


def test_what_waits_opens_with_contracts_off_and_is_searched_when_they_are_on_again(
    sample: SampleDesk,
) -> None:
    bob = sample.customer("Bob")
    created, awaited = sample.log(), sample.log(item=None, customer=bob)
    pending = sample.sell("subscription", enable=False)
    sample.do(change_settings, {"contracts": False})
    assert states(sample, created, awaited) == [("open", None)] * 2
    line = sample.rows(t.service_request_history, service_request_id=created)[-1]
    assert (line.trigger, line.note) == ("open_uncovered", "Contracts are off, so it opens without one.")
    mails = sample.rows(t.outbox, event="service_request_opened")
    assert sorted(row.subject_id for row in mails if row.recipient) == sorted([created, awaited])
    assert {row.subject for row in mails} >= {f"Your request {sample.request(created).number} is open"}
    assert "Opened without a contract" in Browser(sample, sample.technician).open(f"/requests/{created}")
    assert sample.fire(created, "start") == "in_progress"
    sample.do(activate_billing, ActivateBilling(time_expired_contract="ignore"))
    assert run_job(sample.desk, "open_waiting") == 0
    valid = sample.sell("subscription", to=("customer", bob))
    sample.set(contracts=False)
    item = sample.sell("subscription", to=("item", sample.laptop))
    sample.set(contracts=True)
    assert run_job(sample.desk, "open_waiting") == 1
    assert states(sample, created, awaited) == [("in_progress", item), ("open", valid)]
    assert sample.contract(pending).state == "pending"


def test_what_an_earlier_program_left_waiting_is_opened_by_the_job(sample: SampleDesk) -> None:
    request = sample.log()
    sample.set(contracts=False)
    assert run_job(sample.desk, "open_waiting") == 1
    assert states(sample, request) == [("open", None)]
    assert run_job(sample.desk, "open_waiting") == 0


def test_the_checklist_has_what_invoices_need(new_desk: DeskFixture) -> None:
    def step() -> Any:
        steps = new_desk.see(billing_checklist).steps
        return next((one for one in steps if one.id == "invoice_settings"), None)

    assert step() is None
    new_desk.do(change_settings, {"invoices": True, "company": {**COMPANY, "iban": "", "tax_number": ""}})
    assert step().left == (
        "Invoices are on, and these settings are missing: its VAT id or tax number and its IBAN, or a "
        "provider of payment links."
    )
    # it is advice: billing is activated, and invoices are issued, without it as well
    assert new_desk.do(activate_billing, ActivateBilling(time_expired_contract="ignore")).active
    new_desk.do(change_settings, {"company": COMPANY})
    assert step().done

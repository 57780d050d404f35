"""What a contract excludes, who may do what, and how targets follow a change."""

from datetime import timedelta

import pytest

from tests.support.office import MONDAY, Office
from workflows.commands.contracts import Exclusions
from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.core.errors import NotAllowed
from workflows.service_requests.use_cases import change_service_request, fire_trigger


def test_excluded_work_is_paid_by_no_contract(office: Office) -> None:
    office.sell("support_hours", minutes=60, exclusions=Exclusions(work_types=["on_site"]))
    request = office.log()
    assert office.work(request, 10, work_type="on_site") == [("ignored", 10)]
    assert office.work(request, 10) == [("grant", 10)]


def test_work_of_an_excluded_role_is_paid_by_no_contract(office: Office) -> None:
    office.sell("subscription", exclusions=Exclusions(roles=["technician"]))
    assert office.work(office.log(), 10) == [("ignored", 10)]


def test_a_contract_sold_for_the_past_was_in_force_then(office: Office) -> None:
    start = MONDAY - timedelta(days=30)
    contract = office.sell("support_hours", minutes=60, starts_at=start)
    assert office.see(read_contract, contract, as_of=start).state == "active"
    assert office.see(read_contract, contract, as_of=start - timedelta(seconds=1)).state == "pending"


def test_finance_moves_no_request(office: Office) -> None:
    office.sell("subscription")
    request = office.log()
    with pytest.raises(NotAllowed):
        office.do_as(office.finance, fire_trigger, request, FireTrigger(trigger="start"))


def test_a_new_priority_moves_the_targets_and_keeps_a_used_up_contract(office: Office) -> None:
    contract = office.sell("support_hours", minutes=10, sla="standard")
    request = office.log()
    office.work(request, 10)
    before = office.request(request)
    office.clock.move(minutes=30)
    change = ChangeServiceRequest(priority="critical")
    office.do_as(office.technician, change_service_request, request, change)
    after = office.request(request)
    assert after.contract_id == contract
    assert after.sla_clock_at == before.sla_clock_at == MONDAY
    assert after.resolution_due_at < before.resolution_due_at
    assert office.work(request, 5) == [("carried", 5)]


def test_a_hold_moves_the_targets_on_by_its_length(office: Office) -> None:
    office.sell("subscription", sla="gold")
    request = office.log()
    office.clock.move(minutes=10)
    office.fire(request, "hold", reason="customer")
    due = office.request(request).resolution_due_at
    office.clock.move(minutes=50)
    office.fire(request, "resume")
    assert office.request(request).resolution_due_at == due + timedelta(minutes=50)


def test_an_incident_released_after_the_end_expires_at_its_release(office: Office) -> None:
    pack = office.sell("incident_pack", incidents=1, ends_on=MONDAY.date())
    request = office.log()
    office.clock.move(days=3)
    office.fire(request, "cancel", reason="solved itself")
    statement = office.see(read_statement, pack)
    assert [line.balance_after for line in statement.lines if line.balance_after < 0] == []
    assert statement.closing_balance == 0

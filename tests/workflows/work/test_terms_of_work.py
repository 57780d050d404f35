"""What a contract excludes, who may do what, and how targets follow a change."""

from datetime import timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Exclusions
from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.core.errors import NotAllowed
from workflows.service_requests.use_cases import change_service_request, fire_trigger


def test_excluded_work_is_paid_by_no_contract(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=60, exclusions=Exclusions(work_types=["on_site"]))
    request = sample.log()
    assert sample.work(request, 10, work_type="on_site") == [("ignored", 10)]
    assert sample.work(request, 10) == [("grant", 10)]


def test_work_of_an_excluded_role_is_paid_by_no_contract(sample: SampleDesk) -> None:
    sample.sell("subscription", exclusions=Exclusions(roles=["technician"]))
    assert sample.work(sample.log(), 10) == [("ignored", 10)]


def test_a_contract_sold_for_the_past_was_in_force_then(sample: SampleDesk) -> None:
    start = MONDAY - timedelta(days=30)
    contract = sample.sell("support_hours", minutes=60, starts_at=start)
    assert sample.see(read_contract, contract, as_of=start).state == "active"
    assert sample.see(read_contract, contract, as_of=start - timedelta(seconds=1)).state == "pending"


def test_finance_moves_no_request(sample: SampleDesk) -> None:
    sample.sell("subscription")
    request = sample.log()
    with pytest.raises(NotAllowed):
        sample.do_as(sample.finance, fire_trigger, request, FireTrigger(trigger="start"))


def test_a_new_priority_moves_the_targets_and_keeps_a_used_up_contract(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=10, sla="standard")
    request = sample.log()
    sample.work(request, 10)
    before = sample.request(request)
    sample.clock.move(minutes=30)
    change = ChangeServiceRequest(priority="critical")
    sample.do_as(sample.technician, change_service_request, request, change)
    after = sample.request(request)
    assert after.contract_id == contract
    assert after.sla_clock_at == before.sla_clock_at == MONDAY
    assert after.resolution_due_at < before.resolution_due_at
    assert sample.work(request, 5) == [("carried", 5)]


def test_a_hold_moves_the_targets_on_by_its_length(sample: SampleDesk) -> None:
    sample.sell("subscription", sla="gold")
    request = sample.log()
    sample.clock.move(minutes=10)
    sample.fire(request, "hold", reason="customer")
    due = sample.request(request).resolution_due_at
    sample.clock.move(minutes=50)
    sample.fire(request, "resume")
    assert sample.request(request).resolution_due_at == due + timedelta(minutes=50)


def test_an_incident_released_after_the_end_expires_at_its_release(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=1, ends_on=MONDAY.date())
    request = sample.log()
    sample.clock.move(days=3)
    sample.fire(request, "cancel", reason="solved itself")
    statement = sample.see(read_statement, pack)
    assert [line.balance_after for line in statement.lines if (line.balance_after or 0) < 0] == []
    assert statement.closing_balance == 0

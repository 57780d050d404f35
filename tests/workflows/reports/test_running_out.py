"""Contracts that run out of minutes soon at their recent pace."""

from datetime import date, timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.contracts.queries import list_contracts
from workflows.core.errors import NotAllowed
from workflows.jobs.definitions import run_job
from workflows.reports.running_out import list_running_out


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """The sample of a provider in Berlin."""
    sample.set(time_zone="Europe/Berlin")
    return sample


def test_a_contract_that_is_drawn_fast_runs_out_soon(sample: SampleDesk) -> None:
    fast = sample.sell("support_hours", minutes=600, starts_at=MONDAY - timedelta(days=40))
    slow = sample.sell("support_hours", minutes=6000, to=("org_unit", sample.parent))
    sample.work(sample.log(), 300)
    sample.work(sample.log(customer=sample.customer("Dee", sample.parent), item=None), 60)
    [found] = sample.see(list_running_out)
    # 300 minutes in 30 days: the remaining 300 last for 30 more days
    assert (found.contract, found.runs_out_at) == (fast, MONDAY + timedelta(days=30))
    assert [one.contract for one in sample.see(list_running_out, within_days=3650)] == [fast, slow]
    assert sample.see(list_running_out, within_days=29) == []


def test_a_contract_that_ends_before_it_is_used_up_does_not_run_out(sample: SampleDesk) -> None:
    sample.sell(
        "support_hours", minutes=600, starts_at=MONDAY - timedelta(days=40), ends_on=date(2026, 3, 20)
    )
    sample.work(sample.log(), 300)
    assert sample.see(list_running_out) == []


def test_a_contract_without_recent_work_has_no_pace(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    sample.work(sample.log(), 590)
    sample.clock.at += timedelta(days=31)
    assert sample.see(list_running_out) == []


def test_customers_cannot_list_it(sample: SampleDesk) -> None:
    with (
        pytest.raises(NotAllowed),
        sample.desk.read(sample.person("customer", "Ann", customer=sample.ann)) as tx,
    ):
        list_running_out(tx)


def test_contracts_can_be_listed_by_ids(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    wanted = sample.sell("subscription")
    assert [one.id for one in sample.see(list_contracts, ids=[wanted]).items] == [wanted]
    assert sample.see(list_contracts, ids=[]).items == []


def test_what_a_new_month_draws_first_is_taken_off(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours_by_month", minutes=200, starts_on=date(2026, 3, 1))
    request = sample.log()
    sample.clock.at = MONDAY + timedelta(days=18)
    sample.work(request, 260)
    assert sample.see(list_running_out) == []
    sample.clock.at = MONDAY + timedelta(days=31)
    before = sample.see(list_running_out, within_days=3650)
    assert [one.contract for one in before] == [contract]
    run_job(sample.desk, "settle_contracts")
    assert sample.carried(f"customer:{sample.ann}") == 0
    assert sample.see(list_running_out, within_days=3650) == before

"""Contracts that run out of minutes soon at their recent pace."""

from datetime import date, timedelta

import pytest

from tests.support.office import MONDAY, Office
from workflows.contracts.queries import list_contracts
from workflows.core.errors import NotAllowed
from workflows.reports.running_out import list_running_out


@pytest.fixture
def office(office: Office) -> Office:
    """The office of a provider in Berlin."""
    office.set(time_zone="Europe/Berlin")
    return office


def test_a_contract_that_is_drawn_fast_runs_out_soon(office: Office) -> None:
    fast = office.sell("support_hours", minutes=600, starts_at=MONDAY - timedelta(days=40))
    slow = office.sell("support_hours", minutes=6000, to=("org_unit", office.parent))
    office.work(office.log(), 300)
    office.work(office.log(customer=office.customer("Dee", office.parent), item=None), 60)
    [found] = office.see(list_running_out)
    # 300 minutes in 30 days: the remaining 300 last for 30 more days
    assert (found.contract, found.runs_out_at) == (fast, MONDAY + timedelta(days=30))
    assert [one.contract for one in office.see(list_running_out, within_days=3650)] == [fast, slow]
    assert office.see(list_running_out, within_days=29) == []


def test_a_contract_that_ends_before_it_is_used_up_does_not_run_out(office: Office) -> None:
    office.sell(
        "support_hours", minutes=600, starts_at=MONDAY - timedelta(days=40), ends_on=date(2026, 3, 20)
    )
    office.work(office.log(), 300)
    assert office.see(list_running_out) == []


def test_a_contract_without_recent_work_has_no_pace(office: Office) -> None:
    office.sell("support_hours", minutes=600)
    office.work(office.log(), 590)
    office.clock.at += timedelta(days=31)
    assert office.see(list_running_out) == []


def test_customers_cannot_list_it(office: Office) -> None:
    with (
        pytest.raises(NotAllowed),
        office.desk.read(office.person("customer", "Ann", customer=office.ann)) as tx,
    ):
        list_running_out(tx)


def test_contracts_can_be_listed_by_ids(office: Office) -> None:
    office.sell("support_hours", minutes=600)
    wanted = office.sell("subscription")
    assert [one.id for one in office.see(list_contracts, ids=[wanted]).items] == [wanted]
    assert office.see(list_contracts, ids=[]).items == []

"""Worked and chargeable time by technician, contract, customer and month."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.work import DecideEntries
from workflows.core.errors import NotAllowed
from workflows.core.transaction import Transaction
from workflows.reports.utilization import SUMS, read_utilization
from workflows.work.approval import reject_work
from workflows.work.use_cases import delete_work


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """A desk in Berlin that rounds up to a quarter of an hour, where work needs no contract."""
    rounding = {"increment_minutes": 15, "minimum_minutes": 0, "grace_minutes": 0, "scope": "entry"}
    sample.set(time_zone="Europe/Berlin", contract_validation=False, rounding=rounding)
    return sample


def rows(tx: Transaction, by: str, /, **filters: Any) -> list[tuple[Any, ...]]:
    names = ("technician", "contract", "party_name", "month", *SUMS)
    found = read_utilization(tx, **filters).list_by(by).rows(order="-worked")
    return [tuple(getattr(one, name) for name in names) for one in found]


def entries(tx: Transaction, /, **filters: Any) -> list[int]:
    return [one.worked for one in read_utilization(tx, **filters).entries().rows(order="worked")]


def test_work_is_summed_by_technician_contract_and_customer(sample: SampleDesk) -> None:
    contract, tom = sample.sell("support_hours", minutes=20), sample.technician.id
    request = sample.log()
    sample.work(request, 20)
    sample.work(request, 5, billable=False)
    free = sample.log(customer=sample.customer("Bob"), item=None)
    sample.clock.at = MONDAY + timedelta(days=31)
    sample.work(free, 7)
    assert sample.see(rows, "technician") == [(tom, None, None, None, 32, 45, 5)]
    # the contract covered all of the work, although it did not pay for all of it
    assert sample.see(rows, "contract") == [
        (None, contract, None, None, 25, 30, 5),
        (None, None, None, None, 7, 15, 0),
    ]
    assert [one[2:] for one in sample.see(rows, "customer")] == [
        ("Ann", None, 25, 30, 5),
        ("Bob", None, 7, 15, 0),
    ]
    assert [one[3:] for one in sample.see(rows, "technician_and_month")] == [
        ("2026-03", 25, 30, 5),
        ("2026-04", 7, 15, 0),
    ]
    assert sample.see(entries) == [5, 7, 20]
    assert sample.see(entries, contract="-") == sample.see(entries, from_="2026-04", to="2026-04") == [7]
    assert sample.see(entries, contract=contract, technician=tom, party=f"customer:{sample.ann}") == [5, 20]
    assert sample.see(entries, technician="nobody") == []


def test_deleted_and_rejected_work_does_not_count(sample: SampleDesk) -> None:
    sample.set(work_approval=True)
    request = sample.log()
    for minutes in (10, 20, 40):
        sample.work(request, minutes)
    by_minutes = {one.worked_minutes: one.id for one in sample.entries(request)}
    sample.do(lambda tx: delete_work(tx, by_minutes[10], reason="Twice"))
    sample.do(reject_work, DecideEntries(ids=[by_minutes[20]], reason="Not this"))
    assert sample.see(entries) == [40]


def test_only_the_office_reads_it(sample: SampleDesk) -> None:
    with pytest.raises(NotAllowed):
        sample.see_as(sample.technician, entries)

"""A contract ends before the instant of its cancellation: who pays for work at that very instant."""

from datetime import timedelta

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import CancelContract
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import cancel_contract
from workflows.ledger.audit import audit_ledger

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("is_entered_first", [True, False])
def test_work_at_the_instant_of_a_cancellation_is_paid_by_the_contract_that_covers_from_then_on(
    sample: SampleDesk, is_entered_first: bool
) -> None:
    contract = sample.sell("support_hours", minutes=180)
    following = sample.sell("support_hours", minutes=100, to=("org_unit", sample.site))
    request = sample.log()
    assert sample.request(request).contract_id == contract
    sample.clock.move(hours=1)
    sample.work(request, 20, at=sample.clock.now() - timedelta(seconds=1))
    if is_entered_first:
        sample.work(request, 60)
    sample.do(cancel_contract, contract, CancelContract(reason="Agreed"))
    if not is_entered_first:
        sample.work(request, 60)
    assert sample.request(request).contract_id == following
    assert [grant.consumed for one in (contract, following) for grant in sample.grants(one)] == [20, 60]
    before, at_it = sorted(sample.entries(request), key=lambda row: row.started_at)
    assert [before.charged_by["contract"], at_it.charged_by["contract"]] == [contract, following]
    assert sample.see(audit_ledger).ok


def test_work_at_the_instant_of_a_cancellation_without_another_contract_is_uncovered(
    sample: SampleDesk,
) -> None:
    contract = sample.sell("support_hours", minutes=180)
    request = sample.log()
    sample.clock.move(hours=1)
    ended = sample.clock.now()
    sample.work_span(request, ended - HOUR, minutes=60)
    sample.work(request, 30)
    sample.do(cancel_contract, contract, CancelContract(reason="Agreed"))
    entries = sorted(sample.entries(request), key=lambda row: row.started_at)
    assert [sample.allocations(row.id) for row in entries] == [[("grant", 60)], [("ignored", 30)]]
    assert sample.see(read_contract, contract).carried_minutes == 0
    sample.clock.move(hours=1)
    following = sample.sell("support_hours", minutes=100)
    assert sample.request(request).contract_id == following
    assert sample.work(request, 5, at=ended) == [("ignored", 5)]
    assert [grant.consumed for grant in sample.grants(following)] == [0]
    assert sample.see(audit_ledger).ok

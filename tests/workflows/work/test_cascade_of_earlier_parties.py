"""Work cascades to the contracts of those whom its request had when it was worked."""

from datetime import timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.commands.work import ChangeWork
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import change_service_request
from workflows.work.use_cases import change_work


@pytest.fixture
def spent(sample: SampleDesk) -> tuple[SampleDesk, str]:
    """A request without an item, whose hours are used up, beside a subscription of an item."""
    sample.set(cascade=True)
    sample.sell("support_hours", minutes=10)
    sample.sell("subscription", to=("item", sample.laptop))
    request = sample.log(item=None)
    sample.work(request, 10)
    return sample, request


def give_item(sample: SampleDesk, request: str) -> None:
    sample.do(change_service_request, request, ChangeServiceRequest(item=sample.laptop))


@pytest.mark.parametrize("hours", [0, 1])
def test_work_from_before_a_change_of_the_item_stays_where_it_is(
    spent: tuple[SampleDesk, str], hours: int
) -> None:
    sample, request = spent
    assert sample.work(request, 5) == [("carried", 5)]
    sample.clock.move(hours=hours)
    give_item(sample, request)
    assert sample.see(audit_desk).differences == []
    [entry] = [one for one in sample.entries(request) if one.worked_minutes == 5]
    sample.do(change_work, entry.id, ChangeWork(minutes=6, worked_at=MONDAY))
    assert sample.allocations(entry.id) == [("carried", 6)]
    assert sample.see(audit_desk).differences == []


def test_late_work_cascades_as_the_request_was(spent: tuple[SampleDesk, str]) -> None:
    sample, request = spent
    sample.clock.move(hours=1)
    give_item(sample, request)
    sample.clock.move(hours=1)
    before = sample.clock.at - timedelta(minutes=90)
    assert sample.work(request, 5, at=before) == [("carried", 5)]
    assert sample.work(request, 5) == [("covered", 5)]
    assert sample.see(audit_desk).differences == []

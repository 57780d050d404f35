"""An assignment holds from now on, or from an earlier instant back to the logging."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.service_requests import SearchCoverage
from workflows.core.errors import InvalidInput
from workflows.coverage.decisions import decisions_of
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t

DAY = timedelta(days=1)


def assign(sample: SampleDesk, request: str, contract: str, **more: Any) -> None:
    command = SearchCoverage.model_validate({"contract": contract, "reason": "Agreed", **more})
    sample.do_as(sample.supervisor, search_or_assign, request, command)


@pytest.fixture
def contracts(sample: SampleDesk) -> tuple[str, str]:
    """Two blocks of hours; a search takes the first."""
    return sample.sell("support_hours", minutes=600), sample.sell("support_hours", minutes=600)


def drawn(sample: SampleDesk, contracts: tuple[str, str]) -> list[int]:
    return [sum(row.consumed for row in sample.grants(one)) for one in contracts]


def test_an_assignment_holds_from_its_instant(sample: SampleDesk, contracts: tuple[str, str]) -> None:
    """A late entry is paid by the contract that covered the request when it was worked."""
    request = sample.log()
    sample.clock.move(days=1)
    sample.work(request, 10)
    sample.clock.move(days=4)
    assign(sample, request, contracts[1], **{"from": MONDAY + 2 * DAY})
    sample.work(request, 20, at=MONDAY + 2 * DAY - timedelta(minutes=1))
    sample.work(request, 40, at=MONDAY + 2 * DAY)
    sample.work(request, 80)
    assert drawn(sample, contracts) == [30, 120]
    newest = sample.see(decisions_of, request)[0]
    assert (newest.holds_from, newest.decided_at) == (MONDAY + 2 * DAY, MONDAY + 5 * DAY)


def test_an_assignment_without_an_instant_holds_from_now_on(
    sample: SampleDesk, contracts: tuple[str, str]
) -> None:
    request = sample.log()
    sample.clock.move(days=5)
    assign(sample, request, contracts[1])
    sample.work(request, 20, at=MONDAY + 2 * DAY)
    sample.work(request, 40)
    assert drawn(sample, contracts) == [20, 40]
    assert sample.see(decisions_of, request)[0].holds_from is None


def test_the_last_of_two_assignments_counts_from_its_instant(
    sample: SampleDesk, contracts: tuple[str, str]
) -> None:
    request = sample.log()
    sample.clock.move(days=5)
    assign(sample, request, contracts[1], **{"from": MONDAY + 2 * DAY})
    sample.clock.move(days=1)
    assign(sample, request, contracts[0], **{"from": MONDAY + 4 * DAY})
    for day in (1, 3, 4, 6):
        sample.work(request, 10 * day, at=MONDAY + day * DAY)
    assert drawn(sample, contracts) == [110, 30]


@pytest.mark.parametrize(
    ("instant", "refused"),
    [
        (MONDAY - DAY, "was logged after that"),
        (MONDAY + 9 * DAY, "cannot begin in the future"),
        (MONDAY + DAY, "Work since then has already been drawn: 30 min on 2026-03-04 09:00"),
        (MONDAY + 2 * DAY, "Work since then has already been drawn"),
    ],
)
def test_instants_from_which_nothing_can_change(
    sample: SampleDesk, contracts: tuple[str, str], instant: Any, refused: str
) -> None:
    request = sample.log()
    sample.clock.move(days=5)
    sample.work(request, 30, at=MONDAY + 2 * DAY)
    decisions = len(sample.rows(t.coverage_decision))
    with pytest.raises(InvalidInput, match=refused) as error:
        assign(sample, request, contracts[1], **{"from": instant})
    assert error.value.values["pointer"] == "/from"
    assert len(sample.rows(t.coverage_decision)) == decisions
    assert drawn(sample, contracts) == [30, 0]


def test_a_search_holds_from_now_on(sample: SampleDesk, contracts: tuple[str, str]) -> None:
    request = sample.log()
    assert sample.request(request).contract_id == contracts[0]
    command = SearchCoverage.model_validate({"from": MONDAY})
    with pytest.raises(InvalidInput, match="Only an assignment can hold from an earlier instant"):
        sample.do_as(sample.supervisor, search_or_assign, request, command)

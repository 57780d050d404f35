"""An assignment holds from now on, or from an earlier instant back to the logging."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.queries import read_contract
from workflows.core.errors import InvalidInput
from workflows.coverage.decisions import decisions_of
from workflows.ledger.audit import audit_ledger
from workflows.reports.impact_preview import preview_impact
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
    [(MONDAY - DAY, "was logged after that"), (MONDAY + 9 * DAY, "cannot begin in the future")],
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


def test_work_since_the_instant_moves_as_the_preview_says(
    sample: SampleDesk, contracts: tuple[str, str]
) -> None:
    request = sample.log()
    sample.clock.move(days=5)
    for day in (1, 2, 3):
        sample.work(request, 10 * day, at=MONDAY + day * DAY)
    command = SearchCoverage.model_validate(
        {"contract": contracts[1], "reason": "Agreed", "from": MONDAY + 2 * DAY}
    )
    seen = preview_impact(sample.desk, sample.supervisor, lambda tx: search_or_assign(tx, request, command))
    assert [one.started_at for one in seen.moves] == [MONDAY + 2 * DAY, MONDAY + 3 * DAY]
    assert {(one.before[0].contract, one.after[0].contract) for one in seen.moves} == {contracts}
    assert drawn(sample, contracts) == [60, 0]
    sample.do_as(sample.supervisor, search_or_assign, request, command)
    assert drawn(sample, contracts) == [10, 50]
    balances = [sample.see(read_contract, one).balance.minutes for one in contracts]
    assert [one.after.balance for one in seen.contracts] == balances
    moved = [row for row in sample.rows(t.audit_event) if row.subject_kind == "work_entry"]
    assert [(row.action, row.details["contract"]) for row in moved] == [("moved", [*contracts])] * 2
    assert sample.see(audit_ledger).ok


def test_what_was_worked_moves_with_an_assignment_from_the_logging(
    sample: SampleDesk, contracts: tuple[str, str]
) -> None:
    """Work from before the logging, too: it is covered as at the logging."""
    sample.clock.move(days=1)
    request = sample.log()
    sample.clock.move(days=3)
    for day in (0, 2):
        sample.work(request, 30, at=MONDAY + day * DAY)
    assign(sample, request, contracts[1], **{"from": sample.request(request).opened_at})
    assert drawn(sample, contracts) == [0, 60]
    sample.work(request, 5, at=MONDAY)
    assert drawn(sample, contracts) == [0, 65]


def test_other_work_is_drawn_from_what_is_given_back(sample: SampleDesk) -> None:
    """What the moved entry took is free for later work that found the block used up."""
    first, second = (sample.sell("support_hours", minutes=60, time_expired="ignore") for _ in range(2))
    moved, stays = sample.log(), sample.log()
    sample.clock.move(days=5)
    sample.work(moved, 50, at=MONDAY + DAY)
    assert sample.work(stays, 30, at=MONDAY + 2 * DAY) == [("grant", 10), ("ignored", 20)]
    assign(sample, moved, second, **{"from": MONDAY})
    assert drawn(sample, (first, second)) == [30, 50]
    (entry,) = sample.entries(stays)
    assert sample.allocations(entry.id) == [("grant", 30)]
    assert sample.see(audit_ledger).ok


@pytest.mark.parametrize("assigned_last", [False, True])
def test_the_order_of_entry_and_assignment_does_not_matter(
    sample: SampleDesk, contracts: tuple[str, str], assigned_last: bool
) -> None:
    request = sample.log()
    sample.clock.move(days=5)
    for done in ("assign", "work") if not assigned_last else ("work", "assign"):
        if done == "assign":
            assign(sample, request, contracts[1], **{"from": MONDAY + 2 * DAY})
        else:
            for day in (1, 2, 3):
                sample.work(request, 10 * day, at=MONDAY + day * DAY)
    assert drawn(sample, contracts) == [10, 50]


def test_a_search_holds_from_now_on(sample: SampleDesk, contracts: tuple[str, str]) -> None:
    request = sample.log()
    assert sample.request(request).contract_id == contracts[0]
    command = SearchCoverage.model_validate({"from": MONDAY})
    with pytest.raises(InvalidInput, match="Only an assignment can hold from an earlier instant"):
        sample.do_as(sample.supervisor, search_or_assign, request, command)

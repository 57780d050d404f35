"""Of decisions on a service request, the one made last counts, whatever the clocks of the machines say."""

import time
from datetime import timedelta

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import SearchCoverage
from workflows.coverage.decisions import decisions_of
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import ids
from workflows.store import tables as t


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(seconds=3)])
def test_the_decision_made_last_counts_where_another_machine_has_an_earlier_clock(
    sample: SampleDesk, monkeypatch: pytest.MonkeyPatch, behind: timedelta
) -> None:
    """Both are made at one instant, or the second at an earlier one; its id is the lower one."""
    first, second = (
        sample.sell("support_hours", minutes=600, to=("org_unit", sample.site)) for _ in range(2)
    )
    request = sample.log()
    sample.clock.move(hours=1)
    assign(sample, request, second)
    sample.clock.move(hours=1)
    assign(sample, request, first)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 60 * 10**9)
    monkeypatch.setattr(ids, "_last", 0)  # as in another process
    sample.clock.at -= behind
    assign(sample, request, second)
    monkeypatch.undo()
    rows = sorted(sample.rows(t.coverage_decision), key=lambda row: row.sequence)
    assert [row.sequence for row in rows] == [1, 2, 3, 4]
    assert rows[3].id < rows[2].id
    sample.clock.move(hours=1)
    sample.work(request, 30)
    drawn = {grant.contract_id: grant.consumed for one in (first, second) for grant in sample.grants(one)}
    assert drawn == {first: 0, second: 30}
    assert sample.see(decisions_of, request)[0].contract == second
    assert sample.request(request).decision_id == rows[3].id
    assert sample.see(audit_desk).ok


def assign(sample: SampleDesk, request: str, contract: str) -> None:
    command = SearchCoverage(contract=contract, reason="As agreed")
    sample.do_as(sample.supervisor, search_or_assign, request, command)

"""A resolved request closes at its due instant, whether or not the job has run."""

from datetime import datetime, timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.service_requests import AddNote, ChangeServiceRequest, SearchCoverage
from workflows.commands.work import WorkGiven
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import enable_contract
from workflows.core.errors import StateForbids
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.service_requests.history import history_of
from workflows.service_requests.queries import list_service_requests, read_service_request
from workflows.service_requests.use_cases import add_note, change_service_request, search_or_assign
from workflows.store import tables as t
from workflows.work.use_cases import log_work, preview_work

TICK = timedelta(microseconds=1)
DUE = MONDAY + timedelta(days=7)


def resolved(sample: SampleDesk) -> tuple[str, str]:
    """A service request covered by its own contract and resolved on Monday, and the contract."""
    request = sample.log()
    [made] = sample.rows(t.contract, holder_id=request)
    sample.do(enable_contract, made.id)
    sample.fire(request, "resolve", note="done")
    return request, made.id


def listed(sample: SampleDesk, state: str) -> list[str]:
    page = sample.see(list_service_requests, state=state)
    assert all(one.state == state for one in page.items)
    return [one.id for one in page.items]


def moves(sample: SampleDesk, request: str) -> list[tuple[str, datetime, str]]:
    return [(one.trigger, one.at, one.actor) for one in sample.see(history_of, request)]


def test_work_is_accepted_until_the_close_is_due_whether_or_not_the_job_has_run(sample: SampleDesk) -> None:
    request, _ = resolved(sample)
    sample.clock.at = DUE - TICK
    assert sample.work(request, 10) == [("covered", 10)]
    sample.clock.at = DUE
    work = WorkGiven(minutes=10, worked_at=DUE - TICK)
    for use_case in (preview_work, log_work):
        with pytest.raises(StateForbids, match=r"Work cannot be logged on SR-.*: it is closed"):
            sample.do_as(sample.technician, use_case, request, work)
    assert sample.request(request).state == "resolved"
    sample.clock.move(days=1)
    run_job(sample.desk, "auto_close")
    assert (sample.request(request).state, sample.request(request).closed_at) == ("closed", DUE)


def test_a_trigger_after_the_due_instant_starts_from_closed(sample: SampleDesk) -> None:
    request, contract = resolved(sample)
    sample.clock.at = DUE + timedelta(days=13)
    with pytest.raises(StateForbids) as refused:
        sample.fire(request, "close")
    assert refused.value.values["allowed_triggers"] == ["reopen"]
    with pytest.raises(StateForbids, match="is closed"):
        sample.do(change_service_request, request, ChangeServiceRequest(priority="high"))
    with pytest.raises(StateForbids, match="is closed"):
        sample.do(search_or_assign, request, SearchCoverage())
    sample.do(change_service_request, request, ChangeServiceRequest(subject="It does not start at all"))
    sample.do(add_note, request, AddNote(body="Still quiet"))
    assert sample.fire(request, "reopen") == "in_progress"
    assert [one[:2] for one in moves(sample, request)[-2:]] == [("close", DUE), ("reopen", sample.clock.at)]
    assert moves(sample, request)[-2][2] == "Coverdesk"
    between = sample.see(read_contract, contract, as_of=DUE)
    assert (between.state, sample.see(read_contract, contract).state) == ("expired", "active")
    assert run_job(sample.desk, "auto_close") == 0
    assert sample.see(audit_desk).ok


def test_the_reopen_window_counts_from_the_due_instant(sample: SampleDesk) -> None:
    request, _ = resolved(sample)
    sample.clock.at = DUE + timedelta(days=14)
    assert sample.fire(request, "reopen") == "pending_no_contract"


def test_readers_see_it_closed(sample: SampleDesk) -> None:
    request, contract = resolved(sample)
    sample.clock.at = DUE - TICK
    assert (listed(sample, "resolved"), listed(sample, "closed")) == ([request], [])
    sample.clock.at = DUE + timedelta(hours=1)
    assert (listed(sample, "resolved"), listed(sample, "closed")) == ([], [request])
    assert sample.request(request).state == "resolved"
    view = sample.see(read_service_request, request)
    assert (view.state, view.closed_at, view.allowed_triggers) == ("closed", DUE, ["reopen"])
    assert moves(sample, request)[-1] == ("close", DUE, "Coverdesk")
    assert sample.see(read_contract, contract).state == "expired"


def test_a_per_request_contract_ends_when_its_request_is_due_to_close(sample: SampleDesk) -> None:
    request, contract = resolved(sample)
    pack = sample.sell("incident_pack", incidents=1)
    held = sample.log()
    sample.fire(held, "resolve", note="done")
    sample.clock.at = DUE + timedelta(hours=1)
    assert sample.see(read_contract, contract).state == "expired"
    assert sample.see(read_contract, pack).state == "exhausted"
    assert [sample.request(one).closed_at for one in (request, held)] == [DUE, DUE]
    assert moves(sample, held)[-1] == ("close", DUE, "Coverdesk")

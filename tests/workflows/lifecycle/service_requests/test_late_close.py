"""A resolved request closes at its due instant: what is done and asked after it does not wait for the job."""

from datetime import datetime, timedelta

import pytest

from tests.support.office import MONDAY, Office
from workflows.commands.service_requests import AddNote, ChangeServiceRequest, SearchCoverage
from workflows.commands.work import WorkGiven
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import enable_contract
from workflows.core.errors import StateForbids
from workflows.jobs.definitions import run_job
from workflows.ledger.audit import audit_ledger
from workflows.service_requests.queries import history_of, list_service_requests, read_service_request
from workflows.service_requests.use_cases import add_note, change_service_request, search_or_assign
from workflows.store import tables as t
from workflows.work.use_cases import log_work, preview_work

TICK = timedelta(microseconds=1)
DUE = MONDAY + timedelta(days=7)


def resolved(office: Office) -> tuple[str, str]:
    """A service request that its own contract covers, resolved on Monday; and the contract."""
    request = office.log()
    [made] = office.rows(t.contract, holder_id=request)
    office.do(enable_contract, made.id)
    office.fire(request, "resolve", note="done")
    return request, made.id


def listed(office: Office, state: str) -> list[str]:
    page = office.see(list_service_requests, state=state)
    assert all(one.state == state for one in page.items)
    return [one.id for one in page.items]


def moves(office: Office, request: str) -> list[tuple[str, datetime, str]]:
    return [(one.trigger, one.at, one.actor) for one in office.see(history_of, request)]


def test_work_is_taken_until_the_close_was_due_whether_or_not_the_job_has_run(office: Office) -> None:
    request, _ = resolved(office)
    office.clock.at = DUE - TICK
    assert office.work(request, 10) == [("covered", 10)]
    office.clock.at = DUE
    work = WorkGiven(minutes=10, worked_at=DUE - TICK)
    for use_case in (preview_work, log_work):
        with pytest.raises(StateForbids, match=r"Work cannot be logged on SR-.*: it is closed"):
            office.do_as(office.technician, use_case, request, work)
    assert office.request(request).state == "resolved"
    office.clock.move(days=1)
    run_job(office.desk, "auto_close")
    assert (office.request(request).state, office.request(request).closed_at) == ("closed", DUE)


def test_what_is_moved_after_the_due_instant_is_moved_from_closed(office: Office) -> None:
    request, contract = resolved(office)
    office.clock.at = DUE + timedelta(days=13)
    with pytest.raises(StateForbids) as refused:
        office.fire(request, "close")
    assert refused.value.values["allowed_triggers"] == ["reopen"]
    with pytest.raises(StateForbids, match="is closed"):
        office.do(change_service_request, request, ChangeServiceRequest(priority="high"))
    with pytest.raises(StateForbids, match="is closed"):
        office.do(search_or_assign, request, SearchCoverage())
    office.do(change_service_request, request, ChangeServiceRequest(subject="It does not start at all"))
    office.do(add_note, request, AddNote(body="Still quiet"))
    assert office.fire(request, "reopen") == "in_progress"
    assert [one[:2] for one in moves(office, request)[-2:]] == [("close", DUE), ("reopen", office.clock.at)]
    assert moves(office, request)[-2][2] == "Coverdesk"
    between = office.see(read_contract, contract, as_of=DUE)
    assert (between.state, office.see(read_contract, contract).state) == ("expired", "active")
    assert run_job(office.desk, "auto_close") == 0
    assert office.see(audit_ledger).ok


def test_past_the_window_counted_from_the_due_instant_it_is_searched_anew(office: Office) -> None:
    request, _ = resolved(office)
    office.clock.at = DUE + timedelta(days=14)
    assert office.fire(request, "reopen") == "pending_no_contract"


def test_readers_see_it_closed(office: Office) -> None:
    request, contract = resolved(office)
    office.clock.at = DUE - TICK
    assert (listed(office, "resolved"), listed(office, "closed")) == ([request], [])
    office.clock.at = DUE + timedelta(hours=1)
    assert (listed(office, "resolved"), listed(office, "closed")) == ([], [request])
    assert office.request(request).state == "resolved"
    view = office.see(read_service_request, request)
    assert (view.state, view.closed_at, view.allowed_triggers) == ("closed", DUE, ["reopen"])
    assert moves(office, request)[-1] == ("close", DUE, "Coverdesk")
    assert office.see(read_contract, contract).state == "expired"


def test_a_contract_ends_when_its_request_was_due_to_close(office: Office) -> None:
    request, contract = resolved(office)
    pack = office.sell("incident_pack", incidents=1)
    held = office.log()
    office.fire(held, "resolve", note="done")
    office.clock.at = DUE + timedelta(hours=1)
    assert office.see(read_contract, contract).state == "expired"
    assert office.see(read_contract, pack).state == "exhausted"
    assert [office.request(one).closed_at for one in (request, held)] == [DUE, DUE]
    assert moves(office, held)[-1] == ("close", DUE, "Coverdesk")

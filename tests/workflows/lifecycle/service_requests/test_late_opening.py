"""A waiting request opens when its contract starts, whether or not the job has run."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.support.front import Front
from tests.support.office import MONDAY, Office
from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger
from workflows.commands.work import WorkGiven
from workflows.core.errors import StateForbids
from workflows.jobs.definitions import JOBS, run_job
from workflows.service_requests.queries import history_of, read_service_request
from workflows.service_requests.use_cases import change_service_request, fire_trigger
from workflows.store import tables as t
from workflows.work.use_cases import log_work, preview_work

TICK = timedelta(microseconds=1)
START = MONDAY + timedelta(days=3)


def waiting(office: Office) -> tuple[str, str]:
    """A request that waits for its customer's contract, which starts on Thursday, and the contract."""
    contract = office.sell("support_hours", starts_at=START, minutes=60)
    request = office.log()
    assert office.request(request).state == "pending_no_contract"
    return request, contract


def start(office: Office, request: str) -> None:
    office.do_as(office.technician, fire_trigger, request, FireTrigger(trigger="start"))


def log(office: Office, request: str) -> None:
    work = WorkGiven(minutes=10, worked_at=START)
    with office.desk.read(office.technician) as tx:
        assert [one.minutes for one in preview_work(tx, request, work).slices] == [10]
    office.do_as(office.technician, log_work, request, work)


def edit(office: Office, request: str) -> None:
    office.do_as(
        office.technician, change_service_request, request, ChangeServiceRequest(subject="Still nothing")
    )


@pytest.mark.parametrize("act", [start, log, edit])
def test_actions_find_it_open_from_the_start_on(office: Office, act: Callable[[Office, str], None]) -> None:
    request, contract = waiting(office)
    office.clock.at = START - TICK
    with pytest.raises(StateForbids):
        start(office, request)
    office.clock.at = START
    act(office, request)
    moves = [(one.trigger, one.at, one.actor) for one in office.see(history_of, request)]
    assert moves[1] == ("cover", START, "Coverdesk")
    assert office.request(request).contract_id == contract
    assert office.contract(contract).state == "active"
    before = [
        sorted(office.rows(table), key=str) for table in (t.service_request, t.contract, t.grant_balance)
    ]
    for name in JOBS:
        run_job(office.desk, name)
    after = [
        sorted(office.rows(table), key=str) for table in (t.service_request, t.contract, t.grant_balance)
    ]
    assert after == before


def test_readers_see_it_open(office: Office) -> None:
    request, contract = waiting(office)
    office.clock.at = START
    view = office.see(read_service_request, request)
    assert view.state == "open"
    assert "start" in view.allowed_triggers
    assert view.coverage is not None
    assert (view.coverage.outcome, view.coverage.contract) == ("covered", contract)


def test_a_contract_that_it_did_not_wait_for_opens_it_too(office: Office) -> None:
    request = office.log()
    contract = office.sell("subscription", starts_at=START)
    assert office.request(request).outcome == "created"
    office.clock.at = START
    start(office, request)
    assert office.request(request).contract_id == contract


def test_its_page_shows_it_open_with_its_new_decision(front: Front) -> None:
    request, contract = waiting(front.office)
    front.office.clock.at = START
    page = front.technician.open(f"/requests/{request}")
    assert "No work can start yet" not in page
    assert f"Covered by {front.office.contract(contract).number}" in page
    assert "Opened: now covered by a contract" in page
    assert page.form("/moves/start")

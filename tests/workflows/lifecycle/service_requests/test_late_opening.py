"""A waiting request opens when its contract starts, whether or not the job has run."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.web_clients import WebClients
from workflows.commands.service_requests import ChangeServiceRequest, FireTrigger
from workflows.commands.work import WorkGiven
from workflows.core.errors import StateForbids
from workflows.jobs.definitions import JOBS, run_job
from workflows.service_requests.history import history_of
from workflows.service_requests.queries import read_service_request
from workflows.service_requests.use_cases import change_service_request, fire_trigger
from workflows.store import tables as t
from workflows.work.use_cases import log_work, preview_work

TICK = timedelta(microseconds=1)
START = MONDAY + timedelta(days=3)


def waiting(sample: SampleDesk) -> tuple[str, str]:
    """A request that waits for its customer's contract, which starts on Thursday, and the contract."""
    contract = sample.sell("support_hours", starts_at=START, minutes=60)
    request = sample.log()
    assert sample.request(request).state == "pending_no_contract"
    return request, contract


def start(sample: SampleDesk, request: str) -> None:
    sample.do_as(sample.technician, fire_trigger, request, FireTrigger(trigger="start"))


def log(sample: SampleDesk, request: str) -> None:
    work = WorkGiven(minutes=10, worked_at=START)
    with sample.desk.read(sample.technician) as tx:
        assert [one.minutes for one in preview_work(tx, request, work).slices] == [10]
    sample.do_as(sample.technician, log_work, request, work)


def edit(sample: SampleDesk, request: str) -> None:
    sample.do_as(
        sample.technician, change_service_request, request, ChangeServiceRequest(subject="Still nothing")
    )


@pytest.mark.parametrize("act", [start, log, edit])
def test_actions_find_it_open_from_the_start_on(
    sample: SampleDesk, act: Callable[[SampleDesk, str], None]
) -> None:
    request, contract = waiting(sample)
    sample.clock.at = START - TICK
    with pytest.raises(StateForbids):
        start(sample, request)
    sample.clock.at = START
    act(sample, request)
    moves = [(one.trigger, one.at, one.actor) for one in sample.see(history_of, request)]
    assert moves[1] == ("cover", START, "Coverdesk")
    assert sample.request(request).contract_id == contract
    assert sample.contract(contract).state == "active"
    before = [
        sorted(sample.rows(table), key=str) for table in (t.service_request, t.contract, t.grant_balance)
    ]
    for name in JOBS:
        run_job(sample.desk, name)
    after = [
        sorted(sample.rows(table), key=str) for table in (t.service_request, t.contract, t.grant_balance)
    ]
    assert after == before


def test_readers_see_it_open(sample: SampleDesk) -> None:
    request, contract = waiting(sample)
    sample.clock.at = START
    view = sample.see(read_service_request, request)
    assert view.state == "open"
    assert "start" in view.allowed_triggers
    assert view.coverage is not None
    assert (view.coverage.outcome, view.coverage.contract) == ("covered", contract)


def test_a_contract_that_it_did_not_wait_for_opens_it_too(sample: SampleDesk) -> None:
    request = sample.log()
    contract = sample.sell("subscription", starts_at=START)
    assert sample.request(request).outcome == "created"
    sample.clock.at = START
    start(sample, request)
    assert sample.request(request).contract_id == contract


def test_its_page_shows_it_open_with_its_new_decision(web: WebClients) -> None:
    request, contract = waiting(web.sample)
    web.sample.clock.at = START
    page = web.technician.open(f"/requests/{request}")
    assert "No work can start yet" not in page
    assert f"Covered by {web.sample.contract(contract).number}" in page
    assert "Opened: now covered by a contract" in page
    assert page.form("/moves/start")

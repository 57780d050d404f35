"""Many at once, threads and processes, on both databases: as many are served as there is, each thing once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.support.concurrency import (
    WorkerPool,
    fire_once,
    log_minutes,
    log_requests,
    run_every_job,
    search_once,
    tick_every_job,
    worker_context,
    worker_pool,
)
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import CancelContract, HolderGiven, TakeContract, TransferContract
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.amending import transfer_contract
from workflows.contracts.offers import take_contract
from workflows.contracts.use_cases import cancel_contract, enable_contract
from workflows.core.errors import StateForbids
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t

WORKERS = 3
DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=["threads", "processes"])
def workers(request: pytest.FixtureRequest) -> Iterator[WorkerPool]:
    """Those who contend; processes take long to start, so they stay for the whole file."""
    with worker_pool(request.param, WORKERS) as those:
        yield those


def audit_is_clean(sample: SampleDesk) -> bool:
    view = sample.see(audit_desk)
    assert view.differences == []
    return view.ok


def test_exactly_as_many_are_covered_as_the_pack_has(sample: SampleDesk, workers: WorkerPool) -> None:
    pack = sample.sell("incident_pack", incidents=5)
    logged = [one for some in workers.do(log_requests, worker_context(sample), 4) for one in some]
    requests = [sample.request(one) for one in logged]
    assert len({row.number for row in requests}) == 4 * WORKERS
    covered = [row for row in requests if row.contract_id == pack]
    assert Counter(row.outcome for row in requests) == {"covered": 5, "created": 4 * WORKERS - 5}
    assert {row.state for row in covered} == {"open"}
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held) == (0, 5)
    made = sample.rows(t.contract, holder_kind="service_request")
    assert sorted(one.holder_id for one in made) == sorted(
        row.id for row in requests if row.outcome == "created"
    )
    assert len({one.number for one in made}) == len(made)
    assert audit_is_clean(sample)


@pytest.mark.parametrize("on_one", [True, False], ids=["one request", "a request each"])
def test_no_more_is_drawn_than_there_is_and_no_minute_is_lost(
    sample: SampleDesk, workers: WorkerPool, on_one: bool
) -> None:
    hours = sample.sell("support_hours", minutes=100)
    requests = [sample.log() for _ in range(1 if on_one else WORKERS)]
    entries = workers.do(log_minutes, worker_context(sample), requests, 7, 8)
    total = 7 * 8 * WORKERS
    [grant] = sample.grants(hours)
    assert (grant.available, grant.consumed) == (0, 100)
    assert sample.carried(f"customer:{sample.ann}") == total - 100
    allocated = [sum(minutes for _, minutes in sample.allocations(one)) for some in entries for one in some]
    assert allocated == [7] * 8 * WORKERS
    assert sum(sample.request(one).worked_minutes for one in requests) == total
    assert sample.contract(hours).state == "exhausted"
    assert audit_is_clean(sample)


def test_of_many_who_fire_the_same_trigger_one_succeeds_and_the_others_get_an_error(
    sample: SampleDesk, workers: WorkerPool
) -> None:
    sample.sell("incident_pack", incidents=1)
    request = sample.log()
    for trigger, reason in (("start", ""), ("hold", "customer"), ("resolve", "done"), ("close", "")):
        answers = workers.do(fire_once, worker_context(sample), request, trigger, reason)
        assert Counter(answers) == {"done": 1, "state-forbids": WORKERS - 1}
    history = sample.rows(t.service_request_history, service_request_id=request)
    assert Counter(line.trigger for line in history) == dict.fromkeys(
        ("log", "start", "hold", "resolve", "close"), 1
    )
    assert len(sample.rows(t.ledger_transaction, kind="settle")) == 1
    assert audit_is_clean(sample)


def test_a_request_gets_one_contract_of_its_own(sample: SampleDesk, workers: WorkerPool) -> None:
    sample.set(contracts=False)
    request = sample.log()
    sample.set(contracts=True)
    assert workers.do(search_once, worker_context(sample), request) == ["done"] * WORKERS
    assert len(sample.rows(t.contract, holder_id=request)) == 1


def test_many_who_order_a_contract_for_a_request_get_one(sample: SampleDesk) -> None:
    request = sample.log()

    def take(_: int) -> str:
        try:
            return sample.desk.perform(
                sample.supervisor, lambda tx: take_contract(tx, request, TakeContract(type="per_request"))
            )
        except StateForbids:
            return "refused"

    with ThreadPoolExecutor(WORKERS) as pool:
        taken = list(pool.map(take, range(WORKERS)))
    assert taken.count("refused") == WORKERS - 1
    [made] = sample.rows(t.contract, holder_id=request)
    assert (made.id in taken, made.state) == (True, "active")


def test_no_request_keeps_waiting_for_a_contract_enabled_in_the_meantime(
    sample: SampleDesk, workers: WorkerPool
) -> None:
    pending = sample.sell("subscription", enable=False)
    logging = workers.start(log_requests, worker_context(sample), 5)
    while len(sample.rows(t.service_request)) < WORKERS:
        time.sleep(0.01)
    sample.do(enable_contract, pending)
    requests = [one for future in logging for one in future.result()]
    run_job(sample.desk, "open_waiting")
    assert {sample.request(one).contract_id for one in requests} == {pending}
    assert {sample.request(one).state for one in requests} == {"open"}
    covers = Counter(
        line.service_request_id for line in sample.rows(t.service_request_history, trigger="cover")
    )
    assert not covers or max(covers.values()) == 1


def test_work_and_the_cancellation_of_its_contract_do_not_deadlock(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours", minutes=1_000)
    following = sample.sell("support_hours", minutes=1_000, to=("org_unit", sample.site))
    requests = [sample.log() for _ in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS + 1) as pool:
        working = [pool.submit(log_minutes, worker_context(sample), [one], 5, 6) for one in requests]
        while len(sample.rows(t.work_entry)) < WORKERS:
            time.sleep(0.01)
        sample.do(cancel_contract, hours, CancelContract(reason="sold by mistake"))
        for future in working:
            future.result()
    drawn = sum(grant.consumed for contract in (hours, following) for grant in sample.grants(contract))
    # the clock stands: what was entered before is work at the very instant of the cancellation
    assert drawn == 5 * 6 * WORKERS
    assert [grant.consumed for grant in sample.grants(hours)] == [0]
    assert {sample.request(one).contract_id for one in requests} == {following}
    assert audit_is_clean(sample)


def test_work_assignments_and_a_transfer_at_once_end_as_one_after_the_other(sample: SampleDesk) -> None:
    """All work moves to the contract that is assigned from the logging, and no other holder pays for it."""
    hours = sample.sell("support_hours", minutes=1_000)
    following = sample.sell("support_hours", minutes=1_000, to=("org_unit", sample.site))
    requests = [sample.log() for _ in range(WORKERS)]
    sample.clock.move(hours=1)
    since = sample.clock.now() - timedelta(minutes=30)
    with ThreadPoolExecutor(2 * WORKERS) as pool:
        working = [pool.submit(log_minutes, worker_context(sample), [one], 5, 6) for one in requests]
        while len(sample.rows(t.work_entry)) < WORKERS:
            time.sleep(0.01)
        moving = [
            pool.submit(
                sample.do,
                search_or_assign,
                one,
                SearchCoverage.model_validate({"contract": following, "reason": "Agreed", "from": since}),
            )
            for one in requests
        ]
        given = TransferContract(
            holder=HolderGiven(item=sample.laptop), reason="Sold by mistake", effective_at=since
        )
        moving.append(pool.submit(sample.do, transfer_contract, hours, given))
        for worker in working:
            worker.result()
        for move in moving:
            move.result()
    entries = [row for one in requests for row in sample.entries(one)]
    covering = {sample.request(one).contract_id for one in requests}
    assert {row.charged_by["contract"] for row in entries} == covering
    assert sum(row.consumed for one in covering for row in sample.grants(str(one))) == 5 * 6 * WORKERS
    assert audit_is_clean(sample)


def busy_day(sample: SampleDesk) -> dict[str, list[str]]:
    """A day after which much is due: contracts that start or end, closes, and waiting requests."""
    starting = [sample.sell("subscription", to=("org_unit", sample.site), starts_at=MONDAY + DAY)]
    waiting = [sample.log(item=None) for _ in range(3)]
    pack = sample.sell("incident_pack", to=("item", sample.laptop), incidents=6)
    resolved = [sample.log() for _ in range(6)]
    for one in resolved:
        sample.fire(one, "resolve", note="done")
    bob = sample.customer("Bob", sample.site)
    ending = [
        sample.sell("time_limited_subscription", minutes=5, ends_on=MONDAY.date(), to=("customer", bob))
        for _ in range(6)
    ]
    sample.clock.at = MONDAY + 9 * DAY
    return {
        "starting": starting,
        "waiting": waiting,
        "resolved": resolved,
        "ending": ending,
        "pack": [pack],
    }


def everything_happened_once(sample: SampleDesk, day: dict[str, list[str]]) -> None:
    for contract, action, event in (
        *((one, "active", "contract_activated") for one in day["starting"]),
        *((one, "expired", "contract_expired") for one in day["ending"]),
    ):
        assert len(sample.rows(t.audit_event, subject_id=contract, action=action)) == 1
        assert len(sample.rows(t.outbox, subject_id=contract, event=event)) == 1
        assert sample.contract(contract).state == action
    assert len(sample.rows(t.ledger_transaction, kind="expire")) == len(day["ending"])
    for one in day["resolved"]:
        assert len(sample.rows(t.service_request_history, service_request_id=one, trigger="close")) == 1
    assert len(sample.rows(t.ledger_transaction, kind="settle")) == len(day["resolved"])
    for one in day["waiting"]:
        assert len(sample.rows(t.service_request_history, service_request_id=one, trigger="cover")) == 1
        assert sample.request(one).contract_id in day["starting"]
    assert sample.contract(day["pack"][0]).state == "exhausted"
    assert audit_is_clean(sample)


def test_many_concurrent_job_runs_do_everything_once(sample: SampleDesk, workers: WorkerPool) -> None:
    day = busy_day(sample)
    workers.do(run_every_job, worker_context(sample), 2)
    everything_happened_once(sample, day)


def test_of_many_schedulers_one_runs_each_job_of_a_slot(sample: SampleDesk, workers: WorkerPool) -> None:
    day = busy_day(sample)
    ran = [name for some in workers.do(tick_every_job, worker_context(sample)) for name in some]
    assert max(Counter(ran).values()) == 1
    assert {"settle_contracts", "expire_contracts", "auto_close"} <= set(ran)
    sample.clock.move(minutes=1)
    run_every_job(worker_context(sample), 1)
    everything_happened_once(sample, day)


# Killed in the middle


@pytest.mark.parametrize("after", [1, 17])
def test_after_a_kill_acknowledged_work_is_stored_and_nothing_is_half_stored(
    sample: SampleDesk, tmp_path: Path, after: int
) -> None:
    pack = sample.sell("incident_pack", to=("item", sample.laptop), incidents=4)
    hours = sample.sell("support_hours", minutes=60)
    worked_on = sample.log(item=None)
    acknowledged = {name: tmp_path / name for name in ("requests", "entries")}
    spawn = get_context("spawn")
    post = worker_context(sample)
    children = [
        spawn.Process(target=log_requests, args=(post, 10_000, str(acknowledged["requests"]))),
        spawn.Process(target=log_minutes, args=(post, [worked_on], 7, 10_000, str(acknowledged["entries"]))),
    ]
    for child in children:
        child.start()
    deadline = time.monotonic() + 120
    while any(len(lines(path)) < after for path in acknowledged.values()):
        assert time.monotonic() < deadline
        assert all(child.is_alive() for child in children)
        time.sleep(0.002)
    for child in children:
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    # On PostgreSQL the last transaction of a killed process may still be running: a new one waits for it.
    sample.work(worked_on, 1)
    requests = {row.id: row for row in sample.rows(t.service_request)}
    entries = {row.id: row for row in sample.rows(t.work_entry)}
    assert set(lines(acknowledged["requests"])) <= requests.keys()
    assert set(lines(acknowledged["entries"])) <= entries.keys()
    for request_id, row in requests.items():
        [first, *_] = sample.rows(t.service_request_history, service_request_id=request_id)
        assert first.trigger == "log"
        [decision] = sample.rows(t.coverage_decision, service_request_id=request_id)
        assert (decision.id, decision.outcome) == (row.decision_id, row.outcome)
        holds = sample.rows(t.incident_hold, service_request_id=request_id)
        assert len(holds) == (row.contract_id == pack)
    for entry_id, entry in entries.items():
        assert sum(minutes for _, minutes in sample.allocations(entry_id)) == entry.chargeable_minutes
    assert requests[worked_on].worked_minutes == sum(entry.worked_minutes for entry in entries.values())
    [grant] = sample.grants(hours)
    drawn = min(60, requests[worked_on].chargeable_minutes)
    assert (grant.available, grant.consumed) == (60 - drawn, drawn)
    assert audit_is_clean(sample)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []

"""The background jobs, with a test clock and real databases: late, twice, and several at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
import time_machine
from sqlalchemy import select

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.contracts.queries import read_contract
from workflows.core.clock import SystemClock
from workflows.core.desk import Desk
from workflows.jobs import scheduler
from workflows.jobs.definitions import ANY_MACHINE, JOBS, Job, claim_slot, run_job
from workflows.jobs.sandbox_clock import set_clock
from workflows.ledger.queries import list_ledger_transactions
from workflows.reports.audit import audit_desk
from workflows.store import tables as t


def run_all(sample: SampleDesk) -> int:
    return sum(run_job(sample.desk, name) for name in JOBS if not name.startswith("deliver_"))


def audit_is_clean(sample: SampleDesk) -> bool:
    view = sample.see(audit_desk)
    assert view.differences == []
    return view.ok


def test_a_contract_becomes_active_on_its_day_and_opens_waiting_requests(sample: SampleDesk) -> None:
    start = MONDAY + timedelta(days=1)
    contract = sample.sell("subscription", starts_at=start)
    request = sample.log()
    sample.clock.at = start - timedelta(seconds=1)
    assert run_all(sample) == 0
    assert sample.request(request).state == "pending_no_contract"
    sample.clock.at = start + timedelta(hours=7)
    assert run_all(sample) > 0
    assert sample.request(request).contract_id == contract
    assert sample.contract(contract).activated_at == start
    assert run_all(sample) == 0


def test_a_posting_names_the_job_that_recorded_it(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=90, ends_on=MONDAY.date())
    sample.work(sample.log(), 30)
    sample.clock.move(days=2)
    assert run_job(sample.desk, "expire_contracts") == 1
    found = sample.see_as(sample.finance, lambda tx: list_ledger_transactions(tx, order="recorded_at"))
    assert [(one.kind, one.job) for one in found.items] == [
        ("grant", None),
        ("draw", None),
        ("expire", "expire_contracts"),
    ]
    assert audit_is_clean(sample)


def test_a_contract_expires_with_its_ledger_row_and_a_second_run_adds_nothing(sample: SampleDesk) -> None:
    contract = sample.sell("time_limited_subscription", minutes=90, ends_on=MONDAY.date())
    sample.sell("subscription", to=("org_unit", sample.site), ends_on=MONDAY.date())
    end = MONDAY.replace(hour=0) + timedelta(days=1)
    sample.clock.at = end + timedelta(days=3)
    before = sample.see(read_contract, contract)
    assert (before.state, before.balance.minutes.expired) == ("expired", 90)
    # reading the contract has already brought its holder up to date; the other is the day's checkpoint
    assert run_all(sample) == 2
    [expired] = sample.rows(t.ledger_transaction, kind="expire")
    assert expired.effective_at == end
    assert sample.contract(contract).state == "expired"
    assert sample.see(read_contract, contract).balance == before.balance
    assert run_all(sample) == 0
    assert audit_is_clean(sample)


def test_a_late_job_changes_no_result(sample: SampleDesk) -> None:
    """Queries before and after the late run of the jobs return the same."""
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.work(request, 50)
    start = MONDAY + timedelta(days=1)
    following = sample.sell("support_hours", minutes=60, starts_at=start)
    sample.clock.at = start + timedelta(hours=1)
    view = sample.see(read_contract, following)
    assert (view.state, view.balance.minutes.available, view.carried_minutes) == ("active", 40, 0)
    run_all(sample)
    after = sample.see(read_contract, following)
    assert (after.state, after.balance) == (view.state, view.balance)
    assert sample.contract(following).activated_at == start


def test_resolved_requests_close_when_due_not_when_the_job_ran(sample: SampleDesk) -> None:
    sample.sell("incident_pack", incidents=1)
    request = sample.log()
    sample.fire(request, "resolve", note="done")
    sample.clock.move(days=10)
    run_all(sample)
    closed = sample.request(request)
    assert (closed.state, closed.closed_at) == ("closed", MONDAY + timedelta(days=7))
    [hold] = sample.rows(t.incident_hold)
    assert (hold.state, hold.ended_at) == ("settled", MONDAY + timedelta(days=7))


def test_of_many_schedulers_one_gets_a_slot(sample: SampleDesk) -> None:
    def claim(begins_at: datetime, machine: str = ANY_MACHINE) -> bool:
        return claim_slot(sample.desk, "auto_close", begins_at, machine)

    slots = [MONDAY + timedelta(seconds=30 * number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for begins_at in slots:
            sample.clock.at = begins_at
            assert sum(pool.map(claim, [begins_at] * 8)) == 1
        assert sum(pool.map(claim, slots)) == 0, "older than the last"
        assert list(pool.map(claim, slots[-1:] * 2, ("one", "two"))) == [True, True]
    claimed = sample.rows(t.job_slot, job="auto_close")
    assert {row.slot: row.claimed_at for row in claimed} == dict.fromkeys(("", "one", "two"), slots[-1])


@pytest.mark.parametrize("ahead", [timedelta(seconds=11), timedelta(minutes=30), timedelta(days=4000)])
def test_a_claim_by_a_clock_that_was_ahead_does_not_count(sample: SampleDesk, ahead: timedelta) -> None:
    sample.clock.at = MONDAY
    assert claim_slot(sample.desk, "auto_close", MONDAY + ahead)
    assert claim_slot(sample.desk, "auto_close", MONDAY)
    assert not claim_slot(sample.desk, "auto_close", MONDAY)


def test_a_claim_by_a_clock_that_is_a_little_ahead_counts(sample: SampleDesk) -> None:
    sample.clock.at = MONDAY
    assert claim_slot(sample.desk, "auto_close", MONDAY + timedelta(seconds=10))
    assert not claim_slot(sample.desk, "auto_close", MONDAY)


def test_jobs_go_on_when_the_system_clock_is_set_back(sample: SampleDesk) -> None:
    """A real scheduler; the clock of its process goes back by two hours, as a system's may."""

    def last_run_at() -> datetime | None:
        with desk.read() as tx:
            query = select(t.job_status.c.last_run_at).where(t.job_status.c.job == "settle_contracts")
            found: datetime | None = tx.connection.execute(query).scalar()
            return found

    def wait_for(condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < ends, "no job has run"
            time.sleep(0.1)

    desk = Desk(sample.desk.database, SystemClock())
    started = datetime.now(UTC)
    with time_machine.travel(started, tick=True) as system_clock, scheduler.running_scheduler(desk):
        wait_for(lambda: last_run_at() is not None)
        system_clock.shift(timedelta(hours=-2))
        wait_for(lambda: (last_run_at() or started) < started)


def test_a_slow_job_is_run_once_more_without_warnings(
    sample: SampleDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    began, may_end = Event(), Event()
    seen: list[str] = []

    def slow_tick(desk: Desk, name: str, every_seconds: int) -> None:
        seen.append(name)
        began.set()
        assert may_end.wait(20)

    monkeypatch.setattr(scheduler, "tick", slow_tick)
    monkeypatch.setattr(scheduler, "JOBS", {"slow": Job("slow", 1, lambda desk, at: 0)})
    sample.desk.clock = SystemClock()
    with caplog.at_level("WARNING", logger="apscheduler"):
        running = scheduler.build_scheduler(sample.desk)
        running.start()
        assert began.wait(20)
        time.sleep(2.5)
        assert seen == ["slow"], "one at a time"
        running.pause()
        may_end.set()
        running.shutdown(wait=True)
    assert seen == ["slow", "slow"], "once for all ticks in the meantime"
    assert caplog.records == []


def test_many_contracts_expire_in_bulk(sample: SampleDesk) -> None:
    contracts = [
        sample.sell("time_limited_subscription", minutes=5, ends_on=MONDAY.date()) for _ in range(25)
    ]
    sample.clock.move(days=2)
    assert run_job(sample.desk, "expire_contracts") == len(contracts)
    assert {sample.contract(one).state for one in contracts} == {"expired"}
    assert len(sample.rows(t.ledger_transaction, kind="expire")) == len(contracts)
    assert run_job(sample.desk, "expire_contracts") == 0
    assert audit_is_clean(sample)


def test_the_sandbox_clock_runs_what_is_due_in_order_each_at_its_instant(sample: SampleDesk) -> None:
    sample.desk.sandbox = True
    first = sample.sell("support_hours", minutes=30, ends_on=(MONDAY + timedelta(days=9)).date())
    request = sample.log()
    sample.work(request, 50)
    following = sample.sell("support_hours", minutes=60, starts_at=MONDAY + timedelta(days=30))
    view = set_clock(sample.desk, sample.administrator, MONDAY + timedelta(days=365))
    assert view.ran > 0
    assert sample.contract(first).state == "expired"
    assert sample.contract(following).activated_at == MONDAY + timedelta(days=30)
    [taken] = sample.rows(t.ledger_transaction, kind="draw_carried")
    assert taken.effective_at == MONDAY + timedelta(days=30)
    assert audit_is_clean(sample)

"""Asked as of any instant, the answer is right: around each event, whether or not jobs have run."""

import shutil
from datetime import datetime, timedelta
from typing import Any

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Adjust, CancelContract, GrantGiven, TopUp
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import adjust, cancel_contract, enable_contract, top_up
from workflows.jobs.definitions import JOBS, run_job

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def state(sample: SampleDesk, contract: str, at: datetime) -> tuple[str, str | None]:
    view = sample.see(read_contract, contract, as_of=at)
    assert view.as_of == at
    return view.state, view.pending_reason


def minutes(sample: SampleDesk, contract: str, at: datetime) -> tuple[int, int, int, int]:
    """Purchased, drawn, available, expired."""
    balance = sample.see(read_contract, contract, as_of=at).balance.minutes
    return balance.purchased, balance.drawn, balance.available, balance.expired


def test_the_state_before_at_and_after_start_and_end(sample: SampleDesk) -> None:
    start, end = MONDAY + DAY, MONDAY.replace(hour=0) + 4 * DAY
    contract = sample.sell("subscription", starts_at=start, ends_on=(MONDAY + 3 * DAY).date())
    asked = {
        MONDAY: ("pending", "awaiting_start"),
        start - TICK: ("pending", "awaiting_start"),
        start: ("active", None),
        end - TICK: ("active", None),
        end: ("expired", None),
        end + 100 * DAY: ("expired", None),
    }
    for now in (MONDAY, start - TICK, start, end - TICK, end, end + 100 * DAY):
        sample.clock.at = now
        assert {at: state(sample, contract, at) for at in asked} == asked, now


def test_enabling_and_cancelling_change_nothing_before_them(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", enable=False)
    enabled = sample.clock.move(hours=2)
    sample.do(enable_contract, contract)
    cancelled = sample.clock.move(hours=2)
    sample.do(cancel_contract, contract, CancelContract(reason="sold by mistake"))
    sample.clock.move(days=1)
    assert {
        at: state(sample, contract, at)
        for at in (enabled - TICK, enabled, cancelled - TICK, cancelled, cancelled + TICK)
    } == {
        enabled - TICK: ("pending", "awaiting_enable"),
        enabled: ("active", None),
        cancelled - TICK: ("active", None),
        cancelled: ("cancelled", None),
        cancelled + TICK: ("cancelled", None),
    }


def test_enabling_early_moves_the_start_and_the_past_stays_pending(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60, starts_at=MONDAY + 10 * DAY)
    enabled = sample.clock.move(days=1)
    sample.do(enable_contract, contract)
    sample.clock.move(days=20)
    assert state(sample, contract, enabled - TICK)[0] == "pending"
    assert state(sample, contract, enabled) == ("active", None)
    assert minutes(sample, contract, enabled) == (60, 0, 60, 0)


def test_work_draws_at_the_instant_worked(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    request = sample.log()
    worked = sample.clock.move(hours=1)
    sample.clock.move(hours=1)
    sample.work(request, 25, at=worked)
    used_up = sample.clock.move(hours=1)
    sample.work(request, 35)
    sample.clock.move(hours=1)
    assert {at: minutes(sample, contract, at) for at in (worked - TICK, worked, used_up - TICK, used_up)} == {
        worked - TICK: (60, 0, 60, 0),
        worked: (60, 25, 35, 0),
        used_up - TICK: (60, 25, 35, 0),
        used_up: (60, 60, 0, 0),
    }
    assert state(sample, contract, used_up - TICK)[0] == "active"
    assert state(sample, contract, used_up)[0] == "exhausted"


def test_a_grant_counts_from_its_beginning_and_expires_at_its_end(sample: SampleDesk) -> None:
    contract = sample.sell(
        "support_hours",
        grants=[
            GrantGiven(minutes=10),
            GrantGiven(minutes=20, effective_at=MONDAY + DAY, expires_at=MONDAY + 2 * DAY),
        ],
    )
    for now in (MONDAY, MONDAY + 3 * DAY):
        sample.clock.at = now
        assert {hours: minutes(sample, contract, MONDAY + hours * HOUR) for hours in (23, 24, 47, 48)} == {
            23: (10, 0, 10, 0),
            24: (30, 0, 30, 0),
            47: (30, 0, 30, 0),
            48: (30, 0, 10, 20),
        }


def test_top_ups_and_withdrawals_count_from_when_they_were_made(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    topped_up = sample.clock.move(hours=1)
    sample.do(top_up, contract, TopUp(minutes=40))
    withdrawn = sample.clock.move(hours=1)
    sample.do(adjust, contract, Adjust(minutes=-30, reason="agreed"))
    sample.clock.move(hours=1)
    instants = (topped_up - TICK, topped_up, withdrawn - TICK, withdrawn)
    assert [minutes(sample, contract, at)[2] for at in instants] == [60, 100, 100, 70]


def test_an_incident_is_held_from_the_logging_and_used_from_the_close(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=1)
    logged = sample.clock.move(hours=1)
    request = sample.log()
    sample.fire(request, "resolve", note="done")
    closed = sample.clock.move(hours=1)
    sample.fire(request, "close")
    sample.clock.move(hours=1)
    balances = {}
    for at in (logged - TICK, logged, closed - TICK, closed):
        balance = sample.see(read_contract, pack, as_of=at).balance.incidents
        balances[at] = (balance.available, balance.held, balance.drawn, state(sample, pack, at)[0])
    assert list(balances.values()) == [
        (1, 0, 0, "active"),
        (0, 1, 0, "active"),
        (0, 1, 0, "active"),
        (0, 0, 1, "exhausted"),
    ]


# With and without jobs


def a_month(sample: SampleDesk, *, with_jobs: bool) -> dict[str, str]:
    """Sales, work, carried time, ends and beginnings: the same script, with or without jobs."""

    def on(day: float) -> None:
        sample.clock.at = MONDAY + day * DAY
        if with_jobs:
            run_jobs(sample)

    def until(day: int) -> Any:
        return (MONDAY + day * DAY).date()

    contracts = {
        "first": sample.sell("support_hours", minutes=60, ends_on=until(9)),
        "next": sample.sell("support_hours", minutes=50, starts_at=MONDAY + 12 * DAY, ends_on=until(20)),
        "pack": sample.sell("incident_pack", to=("item", sample.laptop), incidents=2, ends_on=until(5)),
        "months": sample.sell(
            "support_hours_by_month", to=("org_unit", sample.site), minutes=30, starts_at=MONDAY + 2 * DAY
        ),
        "awaiting": sample.sell("subscription", to=("org_unit", sample.parent), enable=False),
        "short": sample.sell(
            "time_limited_subscription", minutes=15, ends_on=until(1), time_expired="ignore"
        ),
    }
    on(0.5)
    by_item, by_customer = sample.log(), sample.log(item=None)
    sample.work(by_customer, 10)
    on(3)
    sample.work(by_item, 45)
    sample.fire(by_item, "resolve", note="done")
    on(3.5)
    sample.fire(by_item, "close")
    later = sample.log(item=None)
    sample.work(later, 80)
    on(11)
    sample.work(later, 15)
    sample.fire(later, "hold", reason="supplier")
    on(14)
    sample.work(by_customer, 20)
    sample.do(cancel_contract, contracts["awaiting"], CancelContract(reason="not wanted"))
    on(40)
    return contracts


def run_jobs(sample: SampleDesk) -> None:
    for name in JOBS:
        if name != "deliver_outbox":
            run_job(sample.desk, name)


def all_answers(sample: SampleDesk, contracts: dict[str, str]) -> dict[Any, Any]:
    """Every contract's state and balance as of each quarter of a day, and its statement."""
    found: dict[Any, Any] = {}
    for name, contract in contracts.items():
        for quarter in range(-2, 41 * 4):
            at = MONDAY + quarter * DAY / 4
            view = sample.see(read_contract, contract, as_of=at)
            found[name, at] = (view.state, view.pending_reason, view.balance, view.carried_minutes)
        found[name] = [
            (line.effective_at, line.kind, line.minutes, line.incidents, line.balance_after)
            for line in sample.see(read_statement, contract).lines
        ]
    return found


def test_the_answers_do_not_depend_on_whether_jobs_have_run(
    migrated_sqlite_template: Any, tmp_path: Any
) -> None:
    answers = []
    for with_jobs in (True, False):
        path = tmp_path / f"{with_jobs}.db"
        shutil.copyfile(migrated_sqlite_template, path)
        sample = SampleDesk(f"sqlite:///{path}")
        contracts = a_month(sample, with_jobs=with_jobs)
        answers.append(all_answers(sample, contracts))
        if not with_jobs:
            run_jobs(sample)
            answers.append(all_answers(sample, contracts))
        sample.close()
    in_time, without, late = answers
    assert differing(in_time, without) == {}
    assert differing(in_time, late) == {}


def differing(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, Any]:
    return {key: (one[key], other[key]) for key in one if one[key] != other[key]}

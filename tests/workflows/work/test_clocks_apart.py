"""Transactions whose instants are not in the order in which they commit.

One that began earlier may get its locks later, and two machines' clocks differ. What was posted as of an
instant that a later one has not reached yet stays.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from engine.errors import DeskError
from tests.support.sample_desk import SampleDesk
from tests.support.share import one_in
from workflows.commands.contracts import Adjust, CancelContract, CarryOverTerms, TopUp
from workflows.contracts.use_cases import adjust, cancel_contract, top_up
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

SECOND, MINUTE, HOUR, DAY = (timedelta(**{name: 1}) for name in ("seconds", "minutes", "hours", "days"))
STEPS = 24


def differences(sample: SampleDesk) -> list[Any]:
    return sample.see(audit_desk).differences


def cancel(sample: SampleDesk, contract: str) -> None:
    sample.do(cancel_contract, contract, CancelContract(reason="Moved to another provider"))


def carried(sample: SampleDesk) -> int:
    return sample.carried(f"customer:{sample.ann}")


def draws_of_carried(sample: SampleDesk) -> int:
    posted = sample.rows(t.ledger_transaction, kind="draw_carried")
    reversed_ids = {row.reverses_id for row in sample.rows(t.ledger_transaction)}
    return sum(row.id not in reversed_ids for row in posted)


@pytest.mark.parametrize("cancelled", [False, True])
def test_late_work_that_began_before_a_top_up_does_not_take_back_what_that_drew(
    sample: SampleDesk, cancelled: bool
) -> None:
    contract = sample.sell("support_hours", minutes=100)
    request, sold_at = sample.log(), sample.clock.at
    sample.clock.at += 2 * DAY
    sample.work(request, 160, at=sold_at + HOUR)
    assert carried(sample) == 60
    sample.do(top_up, contract, TopUp(minutes=90))
    assert (carried(sample), draws_of_carried(sample)) == (0, 1)
    sample.clock.at -= SECOND
    sample.work(request, 10, at=sold_at + 2 * HOUR)
    assert draws_of_carried(sample) == 1
    sample.clock.at += MINUTE
    if cancelled:
        cancel(sample, contract)
    assert carried(sample) == 0
    assert differences(sample) == []


def test_the_rest_of_a_month_stays_with_the_next_for_work_that_began_before_its_end(
    sample: SampleDesk,
) -> None:
    contract = sample.sell(
        "support_hours_by_month",
        minutes=100,
        starts_on=date(2026, 3, 1),
        ends_on=date(2026, 8, 31),
        carry_over=CarryOverTerms(months=1, cap_minutes=50),
    )
    request, sold_at = sample.log(), sample.clock.at
    sample.clock.at = sample.contract(contract).next_due_at + SECOND
    run_job(sample.desk, "settle_contracts")
    sample.clock.at -= 2 * SECOND
    sample.work(request, 70, at=sold_at + HOUR)
    rests = {row.id for row in sample.rows(t.contract_grant, contract_id=contract) if row.rest_of_id}
    assert sum(row.available for row in sample.grants(contract) if row.grant_id in rests) == 30
    sample.clock.at += MINUTE
    cancel(sample, contract)
    assert differences(sample) == []


@pytest.mark.parametrize("by_job", [False, True])
def test_a_contract_that_is_cancelled_has_drawn_what_it_had_to_before(
    sample: SampleDesk, by_job: bool
) -> None:
    first = sample.sell("support_hours", minutes=100)
    sample.work(sample.log(), 160)
    assert carried(sample) == 60
    second = sample.sell("support_hours", minutes=40, starts_at=sample.clock.at + DAY)
    sample.clock.at += 2 * DAY
    if by_job:
        run_job(sample.desk, "settle_contracts")
    cancel(sample, second)
    assert carried(sample) == 20
    cancel(sample, first)
    assert differences(sample) == []


@pytest.mark.parametrize("seed", one_in(8, range(40), first=1))
def test_whatever_the_clocks_say_the_draw_down_is_the_one_that_the_audit_plans(
    sample: SampleDesk, seed: int
) -> None:
    """Six clocks that are up to 40 seconds apart, with a step every 10 seconds."""
    rng = Random(seed)
    sample.set(cascade=rng.random() < 0.5)
    contracts = [sample.sell("support_hours", minutes=60) for _ in range(2)]
    requests = [sample.log(f"Request {number}") for number in range(3)]
    began = sample.clock.at
    clocks = [rng.randrange(-20, 21) * SECOND for _ in range(6)]

    def sell() -> None:
        starts_at = sample.clock.at + rng.randrange(-30, 30) * SECOND
        contracts.append(sample.sell("support_hours", minutes=rng.randrange(10, 60), starts_at=starts_at))

    def act() -> Callable[[], Any]:
        contract = rng.choice(contracts)
        at = began + rng.randrange(0, 2 * 24 * 60) * MINUTE
        work = partial(sample.work, rng.choice(requests), rng.randrange(5, 40), at=at)
        others: list[Callable[[], Any]] = [
            partial(sample.do, top_up, contract, TopUp(minutes=rng.randrange(10, 60))),
            partial(sample.do, adjust, contract, Adjust(minutes=-rng.randrange(1, 20), reason="Too much")),
            partial(cancel, sample, contract),
            partial(run_job, sample.desk, "settle_contracts"),
            sell,
        ]
        return work if rng.random() < 0.5 else rng.choice(others)

    begun = began + 2 * DAY
    for step in range(STEPS):
        sample.clock.at = begun + 10 * step * SECOND + rng.choice(clocks)
        try:
            act()()
        except DeskError:
            continue
    sample.clock.at = begun + HOUR
    assert differences(sample) == []
    run_job(sample.desk, "settle_contracts")
    assert differences(sample) == []

"""Histories that once ended otherwise than the model says, step by step."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from tests.support.histories import history
from tests.support.sample_desk import SampleDesk
from tests.support.stored_history import DAY
from workflows.commands.contracts import Adjust, CancelContract, CarryOverTerms
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import adjust, cancel_contract
from workflows.jobs.definitions import run_job
from workflows.lifecycle.contracts.audit_draw_down import planned_again
from workflows.reports.audit import audit_desk
from workflows.store import tables as t


def test_a_cancellation_does_not_change_the_order_of_grants_for_earlier_work(sample: SampleDesk) -> None:
    """All grants of a cancelled contract end with it; they had been drawn in the order of their own ends."""
    state = history(sample, minutes=58)
    state.top_up(place=0, days=-3, lasts=10, minutes=56)
    state.work_now(place=0, minutes=70)
    state.wait(minutes=60)
    [entry] = state.entries
    drawn = state.taken()
    assert sorted(drawn.values()) == [14, 56]
    state.cancel(place=0)
    state.check()
    assert state.taken() == drawn
    state.work(place=0, days=1, at=0, minutes=3)
    state.check()
    assert {key: value for key, value in state.taken().items() if key[0] == entry} != drawn


def test_a_transfer_recorded_late_holds_from_its_own_instant(sample: SampleDesk) -> None:
    """Also where another amendment has taken effect since then."""
    state = history(sample)
    [contract] = state.contracts
    state.work_now(place=0, minutes=70)
    state.wait(minutes=4 * 24 * 60)
    state.amend(place=0, days=0, ignore=True)
    state.transfer(place=0, days=2, to_item=True)
    state.assign(place=0, contract=0, days=2)
    state.work(place=0, days=1, at=0, minutes=20)
    state.check()
    [past] = sample.rows(t.contract_past_holder, contract_id=contract)
    assert past.held_until == sample.contract(contract).held_since == state.now - 2 * DAY
    then = {days: sample.see(read_contract, contract, as_of=state.now - days * DAY) for days in (0, 1, 2, 3)}
    assert {days: view.carried_minutes for days, view in then.items()} == {0: 20, 1: 20, 2: 0, 3: 10}


FOUR_ENTRIES = ((1, 50), (2, 40), (3, 30), (5, 20))
"""Days and minutes: 140 minutes against a block of 100, and a second one that begins on the fourth day."""


@pytest.mark.parametrize("policy", ["rollover", "ignore"])
def test_four_entries_end_the_same_in_all_orders(sample: SampleDesk, policy: str) -> None:
    ends = set()
    for number, order in enumerate(permutations(FOUR_ENTRIES)):
        sample.clock.at = sample.clock.at.replace(hour=9) + 10 * DAY
        start = sample.clock.now()
        ann = sample.customer(f"Customer {number}", sample.site)
        first = sample.sell("support_hours", to=("customer", ann), minutes=100, time_expired=policy)
        request = sample.log(customer=ann, item=None)
        sample.clock.at = start + 4 * DAY
        second = sample.sell("support_hours", to=("customer", ann), minutes=60)
        sample.clock.at = start + 6 * DAY
        for day, minutes in order:
            sample.work(request, minutes, at=start + day * DAY)
        entries = sorted(sample.entries(request), key=lambda row: row.started_at)
        split = tuple(tuple(sorted(sample.allocations(row.id))) for row in entries)
        balances = tuple(
            (view.state, view.balance.minutes, view.carried_minutes)
            for contract in (first, second)
            for at in (*(start + day * DAY for day in range(7)), None)
            for view in [sample.see(read_contract, contract, as_of=at)]
        )
        ends.add((split, balances))
    assert len(ends) == 1
    assert sample.see(audit_desk).ok


def test_a_contract_sold_at_the_instant_of_work_pays_before_one_that_ends_later(sample: SampleDesk) -> None:
    state = history(sample, in_time=True, minutes=59)
    state.sell(by_month=False, days=0, ends=False, ignore=False, minutes=1)
    state.cancel(place=0)
    state.work_now(place=0, minutes=52)
    state.sell(by_month=False, days=-1, ends=False, ignore=False, minutes=67)
    state.sell(by_month=False, days=-6, ends=True, ignore=False, minutes=81)
    state.work_now(place=0, minutes=83)
    state.agrees_in_time()
    state.sell(by_month=False, days=0, ends=True, ignore=True, minutes=19)
    state.agrees_in_time()


def test_minutes_that_waited_for_the_months_of_a_cancelled_contract_are_drawn_as_if_it_had_none(
    sample: SampleDesk,
) -> None:
    state = history(sample, by_month=True, cascade=False, minutes=2)
    state.work(place=0, minutes=90, days=8, at=0)
    state.sell(by_month=False, days=-7, ends=False, ignore=True, minutes=60)
    state.wait(minutes=3820)
    state.cancel(place=0, days=2)
    state.check()
    assert state.sample.see(planned_again, state.contracts)[0] == []


def test_minutes_wait_for_the_months_of_a_contract_only_once_it_is_valid(sample: SampleDesk) -> None:
    """Whether a job has allocated the months of a contract to come makes no difference."""
    state = history(sample, cascade=False, minutes=1)
    state.cancel(place=0)
    state.sell(by_month=False, days=4, ends=False, ignore=False, minutes=8)
    state.wait(minutes=7 * 24 * 60)
    state.sell(by_month=True, days=7, ends=True, ignore=False, minutes=30)
    state.assign(place=0, contract=2, days=12)
    state.work(place=0, days=6, at=0, minutes=20)
    state.check()
    for days in (8, 30, 40):
        state.wait(minutes=days * 24 * 60)
        state.run_jobs()
        state.check()
        assert state.sample.see(planned_again, state.contracts)[0] == []


@pytest.mark.parametrize("days", [1, 2, 5])
def test_what_was_withdrawn_of_a_rest_stays_withdrawn_when_its_month_ends_before(
    sample: SampleDesk, days: int
) -> None:
    """What is carried over goes back where a cancellation comes before its month's end, but for that."""
    sample.clock.at = datetime(2027, 3, 6, 9, tzinfo=UTC)
    now = sample.clock.now()
    carried_over = CarryOverTerms(months=2, cap_percent=30)
    span: dict[str, Any] = {"starts_at": now - 28 * DAY, "ends_on": (now + 52 * DAY).date()}
    contract = sample.sell("support_hours_by_month", minutes=67, carry_over=carried_over, **span)
    run_job(sample.desk, "expire_contracts")
    grants = sorted(sample.rows(t.contract_grant, contract_id=contract), key=lambda one: one.id)
    rest = next(one.id for one in grants if one.rest_of_id == grants[0].id)
    sample.do(adjust, contract, Adjust(minutes=-84, reason="Agreed"))
    at = now - days * DAY
    sample.do(cancel_contract, contract, CancelContract(reason="Agreed", effective_at=at))
    assert sample.see(planned_again, [contract])[0] == []
    balances = {one.grant_id: (one.available, one.expired) for one in sample.grants(contract)}
    assert (balances[grants[0].id], balances[rest]) == ((0, 50), (0, 0))
    assert sample.see(audit_desk).ok


def test_the_first_work_that_awaits_approval_takes_carried_minutes_after_those_of_earlier_work(
    sample: SampleDesk,
) -> None:
    state = history(sample, minutes=49)
    state.wait(minutes=10 * 24 * 60)
    state.top_up(place=0, days=0, lasts=17, minutes=5)
    state.work(place=0, days=7, at=600, minutes=318)
    state.switch_approval(approval=True)
    state.work(place=0, days=2, at=423, minutes=72)
    state.check()
    assert sample.see(planned_again, state.contracts)[0] == []

"""Balances are right as of now in every list, also where the job that begins a month has not run yet."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import AutoTopUpGiven, CarryOverTerms, SetAutoTopUp, TopUp
from workflows.contracts.auto_top_up import set_auto_top_up
from workflows.contracts.queries import list_contracts
from workflows.contracts.use_cases import top_up
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.reports.running_out import list_running_out
from workflows.service_requests.queries import list_service_requests, read_service_request
from workflows.store import tables as t

JUST_AFTER = timedelta(minutes=1)
APRIL = datetime.fromisoformat("2026-04-01T00:00:00+00:00")


def by_month(sample: SampleDesk, **terms: Any) -> str:
    return sample.sell(
        "support_hours_by_month", minutes=100, starts_on=date(2026, 3, 1), ends_on=date(2026, 8, 31), **terms
    )


def left_in_list(sample: SampleDesk, contract: str) -> int:
    return sample.see(list_contracts, ids=[contract]).items[0].balance.minutes.available


def left_in_queue(sample: SampleDesk, contract: str) -> int | None:
    found = sample.see(list_service_requests).items
    [one] = [one for one in found if one.coverage and one.coverage.contract == contract]
    return one.coverage.minutes_left if one.coverage else None


def left_on_request(sample: SampleDesk, contract: str) -> int | None:
    decision = sample.rows(t.coverage_decision, contract_id=contract)[0]
    one = sample.see(read_service_request, decision.service_request_id)
    return one.coverage.minutes_left if one.coverage else None


VIEWS: list[Callable[[SampleDesk, str], int | None]] = [left_in_list, left_in_queue, left_on_request]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("in_time", [True, False])
def test_the_rest_of_a_month_counts_before_a_job_carries_it_over(
    sample: SampleDesk, view: Callable[[SampleDesk, str], int | None], in_time: bool
) -> None:
    contract = by_month(sample, carry_over=CarryOverTerms(months=1, cap_minutes=50))
    sample.work(sample.log(), 30)
    sample.clock.at = APRIL + JUST_AFTER
    if in_time:
        run_job(sample.desk, "settle_contracts")
    assert view(sample, contract) == 150  # 50 of the 70 that March left, and April's 100
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("in_time", [True, False])
def test_a_new_month_has_drawn_what_its_holder_carries_before_a_job_does_it(
    sample: SampleDesk, view: Callable[[SampleDesk, str], int | None], in_time: bool
) -> None:
    contract = by_month(sample)
    sample.work(sample.log(), 130)  # 30 are carried
    sample.clock.at = APRIL + JUST_AFTER
    if in_time:
        run_job(sample.desk, "settle_contracts")
    assert view(sample, contract) == 70


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("in_time", [True, False])
def test_what_another_contract_of_the_holder_draws_at_its_start_counts_too(
    sample: SampleDesk, view: Callable[[SampleDesk, str], int | None], in_time: bool
) -> None:
    """The list of one contract settles the other one of its holder, whose draw comes first."""
    first = sample.sell("support_hours", minutes=10)
    sample.work(sample.log(), 40)
    sample.sell("support_hours", minutes=20, starts_at=APRIL)
    late = sample.sell("support_hours", minutes=20, starts_at=APRIL + timedelta(hours=1))
    sample.clock.at = APRIL + timedelta(hours=1) + JUST_AFTER
    if in_time:
        run_job(sample.desk, "settle_contracts")
    assert view(sample, first) == 0
    assert left_in_list(sample, late) == 10


@pytest.mark.parametrize("in_time", [True, False])
def test_the_list_of_contracts_that_run_low_counts_the_rest_of_a_month(
    sample: SampleDesk, in_time: bool
) -> None:
    """90 in 30 days. The 100 of April alone would end with April before they are used up."""
    contract = by_month(sample, carry_over=CarryOverTerms(months=2))
    sample.work(sample.log(), 90)
    sample.clock.at = APRIL + JUST_AFTER
    if in_time:
        run_job(sample.desk, "settle_contracts")
    [found] = sample.see(list_running_out, within_days=40)
    assert found.contract == contract
    assert found.runs_out_at == sample.clock.at + timedelta(days=30) * 110 / 90


@pytest.mark.parametrize("in_time", [True, False])
def test_a_month_that_is_not_begun_yet_is_not_topped_up_without_its_rest(
    sample: SampleDesk, in_time: bool
) -> None:
    """April's own 100 are below the threshold, but March leaves another 100."""
    contract = by_month(sample, carry_over=CarryOverTerms(months=1))
    sample.do(top_up, contract, TopUp(minutes=100, expires_at=APRIL))
    terms = AutoTopUpGiven(mode="issue", below=150, minutes=30)
    sample.do(set_auto_top_up, contract, SetAutoTopUp(auto_top_up=terms))
    sample.clock.at = APRIL + JUST_AFTER
    if in_time:
        run_job(sample.desk, "settle_contracts")
    assert run_job(sample.desk, "auto_top_ups") == 0
    assert left_in_list(sample, contract) == 200
    assert sample.rows(t.auto_top_up) == []


def test_a_request_that_waits_for_a_contract_by_month_shows_its_first_month(sample: SampleDesk) -> None:
    """Its months are not stored before it starts."""
    contract = sample.sell(
        "support_hours_by_month", minutes=100, starts_on=APRIL.date(), ends_on=date(2026, 8, 31)
    )
    sample.log()
    assert left_in_queue(sample, contract) == left_on_request(sample, contract) == 100
    sample.clock.at = APRIL + JUST_AFTER
    assert left_in_queue(sample, contract) == left_on_request(sample, contract) == 100

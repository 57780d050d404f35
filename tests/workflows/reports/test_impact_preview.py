"""The preview of a change runs it and rolls it back: its numbers are those of the actual change."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import CancelContract, Renew, TopUp
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.use_cases import cancel_contract, enable_contract, renew, top_up
from workflows.core.errors import NotAllowed, StateForbids
from workflows.core.transaction import Transaction
from workflows.reports.impact_preview import preview_impact
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t
from workflows.views.effects import Effects


def everything(sample: SampleDesk) -> dict[str, list[Any]]:
    return {table.name: sorted(map(str, sample.rows(table))) for table in t.metadata.sorted_tables}


def previewed(sample: SampleDesk, use_case: Callable[[Transaction], object]) -> Effects:
    """The effects of a use case run by the supervisor; asserts that no row has changed."""
    before = everything(sample)
    effects = preview_impact(sample.desk, sample.supervisor, use_case)
    assert everything(sample) == before
    return effects


def test_a_cancellation_lists_requests_that_lose_coverage_and_minutes_that_expire(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours", minutes=180)
    requests = [sample.log() for _ in range(3)]
    sample.work(requests[0], 60)
    # work at the very instant of the cancellation is not paid by the contract
    sample.clock.move(minutes=1)

    def cancel(tx: Transaction) -> str:
        return cancel_contract(tx, hours, CancelContract(reason="No longer wanted"))

    effects = previewed(sample, cancel)
    assert [one.after.id for one in effects.requests] == requests
    assert {one.before.contract for one in effects.requests} == {hours}
    assert {one.after.contract for one in effects.requests} == {None}
    own = next(one for one in effects.contracts if one.after.id == hours)
    assert own.before is not None
    assert (own.before.state, own.after.state) == ("active", "cancelled")
    assert (own.before.balance.available, own.after.balance.expired) == (120, 120)
    made = [one.after for one in effects.contracts if one.before is None]
    assert len(made) == 3

    sample.do_as(sample.supervisor, cancel)
    assert [sample.request(one).contract_id for one in requests] == [None] * 3
    assert sum(grant.expired for grant in sample.grants(hours)) == 120


def test_an_assignment_shows_the_incident_that_returns_to_the_pack(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=5)
    request = sample.log()
    subscription = sample.sell("subscription", to=("org_unit", sample.site))
    command = SearchCoverage(contract=subscription, reason="Agreed by phone")
    effects = previewed(sample, lambda tx: search_or_assign(tx, request, command))
    [moved] = effects.requests
    assert (moved.before.contract, moved.after.contract) == (pack, subscription)
    [given] = [one for one in effects.contracts if one.after.id == pack]
    assert given.before is not None
    assert (given.before.balance.held, given.after.balance.held) == (1, 0)
    assert given.after.balance.available == 5


def test_enabling_and_topping_up_list_the_requests_that_open(sample: SampleDesk) -> None:
    waiting = sample.log()
    hours = sample.sell("support_hours", minutes=60, enable=False)
    [opened] = previewed(sample, lambda tx: enable_contract(tx, hours)).requests
    assert (opened.before.state, opened.after.state) == ("pending_no_contract", "open")
    assert opened.after.contract == hours

    sample.do(enable_contract, hours)
    sample.work(waiting, 90)
    effects = previewed(sample, lambda tx: top_up(tx, hours, TopUp(minutes=100)))
    [own] = effects.contracts
    assert own.before is not None
    assert (own.before.state, own.after.state) == ("exhausted", "active")
    assert own.after.balance.purchased - own.before.balance.purchased == 100


def test_a_renewal_shows_the_successor(sample: SampleDesk) -> None:
    sold = sample.sell("time_limited_subscription", minutes=300)
    effects = previewed(sample, lambda tx: renew(tx, sold, Renew()))
    [made] = [one for one in effects.contracts if one.before is None]
    assert made.after.starts_at == sample.contract(sold).expires_at
    assert (made.after.state, made.after.balance.purchased) == ("pending", 300)


def test_the_preview_is_refused_as_the_actual_change_would_be(sample: SampleDesk) -> None:
    sold = sample.sell("subscription")
    before = everything(sample)
    with pytest.raises(StateForbids):
        preview_impact(sample.desk, sample.supervisor, lambda tx: enable_contract(tx, sold))
    with pytest.raises(NotAllowed):
        preview_impact(sample.desk, sample.technician, lambda tx: cancel_contract(tx, sold, CancelContract()))
    assert everything(sample) == before

"""A service request that moves to another customer, in every state. Source: product.md sections 6 and 9."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.core.errors import StateForbids
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import change_service_request
from workflows.store import tables as t

Moves = list[tuple[str, dict[str, str]]]

WAYS: dict[str, Moves] = {
    "open": [],
    "in_progress": [("start", {})],
    "on_hold": [("hold", {"reason": "customer"})],
    "resolved": [("resolve", {"note": "done"})],
    "closed": [("resolve", {"note": "done"}), ("close", {})],
    "cancelled": [("cancel", {"reason": "a mistake"})],
}


@pytest.fixture
def bob(sample: SampleDesk) -> str:
    return sample.customer("Bob")


@pytest.fixture
def in_state(sample: SampleDesk) -> Callable[[str], str]:
    """A function that logs Ann's request, works 30 minutes and brings it to a state."""

    def bring(state: str) -> str:
        request = sample.log()
        sample.work(request, 30)
        for trigger, words in WAYS[state]:
            sample.fire(request, trigger, **words)
        assert sample.request(request).state == state
        return request

    return bring


def move_to(sample: SampleDesk, request: str, customer: str) -> None:
    sample.do(change_service_request, request, ChangeServiceRequest(customer=customer))


def decisions(sample: SampleDesk, request: str) -> list[Any]:
    rows = sample.rows(t.coverage_decision, service_request_id=request)
    return [(row.cause, row.contract_id) for row in sorted(rows, key=lambda row: row.id)]


@pytest.mark.parametrize("state", ["open", "in_progress", "on_hold", "resolved"])
def test_the_new_customers_contract_covers_it(
    sample: SampleDesk, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    anns = sample.sell("support_hours", minutes=600)
    bobs = sample.sell("support_hours", to=("customer", bob), minutes=600)
    request = in_state(state)
    move_to(sample, request, bob)
    moved = sample.request(request)
    assert (moved.state, moved.customer_id, moved.item_id, moved.contract_id) == (state, bob, None, bobs)
    assert decisions(sample, request) == [("log", anns), ("changed", bobs)]
    assert sample.work(request, 45) == [("grant", 45)]
    assert [sample.grants(one)[0].available for one in (anns, bobs)] == [570, 555]
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize("state", ["open", "in_progress", "on_hold"])
def test_without_a_contract_of_the_new_customer_none_pays(
    sample: SampleDesk, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    anns = sample.sell("support_hours", minutes=600)
    request = in_state(state)
    move_to(sample, request, bob)
    moved = sample.request(request)
    assert (moved.state, moved.outcome, moved.contract_id) == (state, "created", None)
    sample.work(request, 45)
    assert sample.grants(anns)[0].available == 570


@pytest.mark.parametrize("state", ["open", "in_progress", "on_hold", "resolved"])
def test_the_held_incident_goes_back_to_the_earlier_customer(
    sample: SampleDesk, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    anns = sample.sell("incident_pack", incidents=2)
    bobs = sample.sell("incident_pack", to=("customer", bob), incidents=2)
    request = in_state(state)
    move_to(sample, request, bob)
    assert [(one.available, one.held) for one in sample.grants(anns)] == [(2, 0)]
    assert [(one.available, one.held) for one in sample.grants(bobs)] == [(1, 1)]
    if state != "resolved":
        sample.fire(request, "resolve", note="done")
    sample.fire(request, "close")
    assert [(one.available, one.held, one.consumed) for one in sample.grants(bobs)] == [(1, 0, 1)]
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize("state", ["closed", "cancelled"])
def test_an_ended_one_keeps_its_customer(
    sample: SampleDesk, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    sample.sell("support_hours", minutes=600)
    request = in_state(state)
    before = sample.request(request)
    with pytest.raises(StateForbids, match=f"is {state}: only its subject and description"):
        move_to(sample, request, bob)
    assert sample.request(request) == before
    assert len(decisions(sample, request)) == 1


def test_a_waiting_one_opens_with_the_new_customers_contract(sample: SampleDesk, bob: str) -> None:
    bobs = sample.sell("subscription", to=("customer", bob))
    request = sample.log()
    assert sample.request(request).state == "pending_no_contract"
    move_to(sample, request, bob)
    moved = sample.request(request)
    assert (moved.state, moved.contract_id) == ("open", bobs)


def test_one_that_closes_automatically_first_keeps_its_customer(
    sample: SampleDesk, in_state: Callable[[str], str], bob: str
) -> None:
    sample.sell("support_hours", minutes=600)
    request = in_state("resolved")
    sample.clock.move(days=7)
    with pytest.raises(StateForbids, match="is closed"):
        move_to(sample, request, bob)


@pytest.mark.parametrize("starts_later", [False, True])
def test_a_resolved_one_moves_only_to_a_customer_whose_contract_covers_it(
    sample: SampleDesk, in_state: Callable[[str], str], bob: str, starts_later: bool
) -> None:
    sample.sell("support_hours", minutes=600)
    if starts_later:
        sample.sell("subscription", to=("customer", bob), starts_at="2026-03-09T00:00:00Z")
    request = in_state("resolved")
    before = sample.request(request)
    with pytest.raises(StateForbids, match="no valid contract would cover it after this change"):
        move_to(sample, request, bob)
    assert sample.request(request) == before
    assert len(decisions(sample, request)) == 1
    sample.fire(request, "reopen")
    move_to(sample, request, bob)
    assert sample.request(request).customer_id == bob


def test_without_validation_a_resolved_one_moves_without_a_contract(
    sample: SampleDesk, in_state: Callable[[str], str], bob: str
) -> None:
    sample.set(contract_validation=False)
    anns = sample.sell("support_hours", minutes=600)
    request = in_state("resolved")
    move_to(sample, request, bob)
    moved = sample.request(request)
    assert (moved.state, moved.outcome, moved.contract_id) == ("resolved", "uncovered", None)
    sample.work(request, 45)
    assert sample.grants(anns)[0].available == 570

"""A service request that moves to another customer, in every state. Source: product.md sections 6 and 9."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.office import Office
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.core.errors import StateForbids
from workflows.ledger.audit import audit_ledger
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
def bob(office: Office) -> str:
    return office.customer("Bob")


@pytest.fixture
def in_state(office: Office) -> Callable[[str], str]:
    """A function that logs Ann's request, works 30 minutes and brings it to a state."""

    def bring(state: str) -> str:
        request = office.log()
        office.work(request, 30)
        for trigger, words in WAYS[state]:
            office.fire(request, trigger, **words)
        assert office.request(request).state == state
        return request

    return bring


def move_to(office: Office, request: str, customer: str) -> None:
    office.do(change_service_request, request, ChangeServiceRequest(customer=customer))


def decisions(office: Office, request: str) -> list[Any]:
    rows = office.rows(t.coverage_decision, service_request_id=request)
    return [(row.cause, row.contract_id) for row in sorted(rows, key=lambda row: row.id)]


@pytest.mark.parametrize("state", ["open", "in_progress", "on_hold", "resolved"])
def test_the_new_customers_contract_covers_it(
    office: Office, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    anns = office.sell("support_hours", minutes=600)
    bobs = office.sell("support_hours", to=("customer", bob), minutes=600)
    request = in_state(state)
    move_to(office, request, bob)
    moved = office.request(request)
    assert (moved.state, moved.customer_id, moved.item_id, moved.contract_id) == (state, bob, None, bobs)
    assert decisions(office, request) == [("log", anns), ("changed", bobs)]
    assert office.work(request, 45) == [("grant", 45)]
    assert [office.grants(one)[0].available for one in (anns, bobs)] == [570, 555]
    assert office.see(audit_ledger).ok


@pytest.mark.parametrize("state", ["open", "in_progress", "on_hold"])
def test_without_a_contract_of_the_new_customer_none_pays(
    office: Office, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    anns = office.sell("support_hours", minutes=600)
    request = in_state(state)
    move_to(office, request, bob)
    moved = office.request(request)
    assert (moved.state, moved.outcome, moved.contract_id) == (state, "created", None)
    office.work(request, 45)
    assert office.grants(anns)[0].available == 570


@pytest.mark.parametrize("state", ["open", "in_progress", "on_hold", "resolved"])
def test_the_held_incident_goes_back_to_the_earlier_customer(
    office: Office, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    anns = office.sell("incident_pack", incidents=2)
    bobs = office.sell("incident_pack", to=("customer", bob), incidents=2)
    request = in_state(state)
    move_to(office, request, bob)
    assert [(one.available, one.held) for one in office.grants(anns)] == [(2, 0)]
    assert [(one.available, one.held) for one in office.grants(bobs)] == [(1, 1)]
    if state != "resolved":
        office.fire(request, "resolve", note="done")
    office.fire(request, "close")
    assert [(one.available, one.held, one.consumed) for one in office.grants(bobs)] == [(1, 0, 1)]
    assert office.see(audit_ledger).ok


@pytest.mark.parametrize("state", ["closed", "cancelled"])
def test_an_ended_one_keeps_its_customer(
    office: Office, in_state: Callable[[str], str], bob: str, state: str
) -> None:
    office.sell("support_hours", minutes=600)
    request = in_state(state)
    before = office.request(request)
    with pytest.raises(StateForbids, match=f"is {state}: only its subject and description"):
        move_to(office, request, bob)
    assert office.request(request) == before
    assert len(decisions(office, request)) == 1


def test_a_waiting_one_opens_with_the_new_customers_contract(office: Office, bob: str) -> None:
    bobs = office.sell("subscription", to=("customer", bob))
    request = office.log()
    assert office.request(request).state == "pending_no_contract"
    move_to(office, request, bob)
    moved = office.request(request)
    assert (moved.state, moved.contract_id) == ("open", bobs)


def test_one_that_closes_automatically_first_keeps_its_customer(
    office: Office, in_state: Callable[[str], str], bob: str
) -> None:
    office.sell("support_hours", minutes=600)
    request = in_state("resolved")
    office.clock.move(days=7)
    with pytest.raises(StateForbids, match="is closed"):
        move_to(office, request, bob)


@pytest.mark.parametrize("starts_later", [False, True])
def test_a_resolved_one_moves_only_to_a_customer_whose_contract_covers_it(
    office: Office, in_state: Callable[[str], str], bob: str, starts_later: bool
) -> None:
    office.sell("support_hours", minutes=600)
    if starts_later:
        office.sell("subscription", to=("customer", bob), starts_at="2026-03-09T00:00:00Z")
    request = in_state("resolved")
    before = office.request(request)
    with pytest.raises(StateForbids, match="no valid contract would cover it after this change"):
        move_to(office, request, bob)
    assert office.request(request) == before
    assert len(decisions(office, request)) == 1
    office.fire(request, "reopen")
    move_to(office, request, bob)
    assert office.request(request).customer_id == bob


def test_without_validation_a_resolved_one_moves_without_a_contract(
    office: Office, in_state: Callable[[str], str], bob: str
) -> None:
    office.set(contract_validation=False)
    anns = office.sell("support_hours", minutes=600)
    request = in_state("resolved")
    move_to(office, request, bob)
    moved = office.request(request)
    assert (moved.state, moved.outcome, moved.contract_id) == ("resolved", "uncovered", None)
    office.work(request, 45)
    assert office.grants(anns)[0].available == 570

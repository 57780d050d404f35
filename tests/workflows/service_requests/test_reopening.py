"""Reopening: within the window the coverage continues, after it coverage is searched again."""

from datetime import datetime, timedelta

from tests.support.office import MONDAY, Office
from workflows.commands.contracts import TakeContract
from workflows.contracts.offers import take_contract
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import enable_contract
from workflows.coverage.candidates import find_candidates
from workflows.ledger.audit import audit_ledger
from workflows.store import tables as t

TICK = timedelta(microseconds=1)
WINDOW = timedelta(days=14)


def finish(office: Office, request: str) -> None:
    office.fire(request, "resolve", note="done")
    office.fire(request, "close")


def own(office: Office, request: str) -> list[tuple[str, str]]:
    made = office.rows(t.contract, holder_id=request)
    return [(one.number, one.state) for one in sorted(made, key=lambda one: one.number)]


def covered_alone(office: Office) -> tuple[str, str]:
    """A service request with a per-request contract in force: their ids."""
    request = office.log()
    [made] = office.rows(t.contract, holder_id=request)
    office.do(enable_contract, made.id)
    return request, made.id


def test_just_within_the_window_the_per_request_contract_is_in_force_again(office: Office) -> None:
    request, contract = covered_alone(office)
    finish(office, request)
    assert own(office, request) == [("PR-0001", "expired")]
    office.clock.at = MONDAY + WINDOW - TICK
    assert office.fire(request, "reopen") == "in_progress"
    assert own(office, request) == [("PR-0001", "active")]
    assert office.request(request).contract_id == contract
    assert office.work(request, 30) == [("covered", 30)]
    finish(office, request)
    assert own(office, request) == [("PR-0001", "expired")]


def test_as_of_between_a_close_and_a_reopening_the_contract_had_ended(office: Office) -> None:
    request, contract = covered_alone(office)
    asked: dict[datetime, str] = {}
    for _ in range(2):
        closed = office.clock.move(hours=1)
        finish(office, request)
        reopened = office.clock.move(hours=1)
        office.fire(request, "reopen")
        asked |= {
            closed - TICK: "active",
            closed: "expired",
            reopened - TICK: "expired",
            reopened: "active",
        }
    # a close and a reopening at the same instant leave no span in between
    finish(office, request)
    office.fire(request, "reopen")
    office.clock.move(hours=1)
    finish(office, request)
    asked |= {office.clock.at - TICK: "active", office.clock.at: "expired"}
    office.clock.move(hours=1)
    assert {at: office.see(read_contract, contract, as_of=at).state for at in asked} == asked
    first = min(at for at in asked if asked[at] == "expired")
    with office.desk.write(at=first) as tx:
        found = find_candidates(tx, customer=office.ann, service_request=request)
        assert [one.contract.ended_at for one in found.held] == [first]


def test_after_the_window_it_waits_for_its_own_contract_which_can_be_ordered(office: Office) -> None:
    request, ended = covered_alone(office)
    finish(office, request)
    ended_at = office.contract(ended).ended_at
    office.clock.at = MONDAY + WINDOW
    assert office.fire(request, "reopen") == "pending_no_contract"
    assert own(office, request) == [("PR-0001", "expired"), ("PR-0002", "pending")]
    office.do(take_contract, request, TakeContract(type="per_request"))
    assert office.request(request).state == "open"
    finish(office, request)
    assert own(office, request) == [("PR-0001", "expired"), ("PR-0002", "expired")]
    assert office.contract(ended).ended_at == ended_at
    office.clock.move(hours=1)
    office.fire(request, "reopen")
    assert own(office, request) == [("PR-0001", "expired"), ("PR-0002", "active")]


def test_reopening_uses_no_second_incident_and_does_not_change_the_past(office: Office) -> None:
    pack = office.sell("incident_pack", incidents=1)
    request = office.log()
    office.clock.move(hours=1)
    finish(office, request)
    between = office.clock.move(hours=1)
    before = office.see(read_contract, pack, as_of=between)
    assert (before.state, before.balance.incidents.drawn) == ("exhausted", 1)
    office.clock.move(hours=1)
    office.fire(request, "reopen")
    assert office.contract(pack).state == "active"
    [grant] = office.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (0, 1, 0)
    after = office.see(read_contract, pack, as_of=between)
    assert (after.state, after.balance) == (before.state, before.balance)
    finish(office, request)
    office.fire(request, "reopen")
    office.fire(request, "cancel", reason="a mistake")
    [grant] = office.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (1, 0, 0)
    assert office.see(audit_ledger).ok


def test_after_the_window_the_next_incident_is_held(office: Office) -> None:
    pack = office.sell("incident_pack", incidents=2)
    request = office.log()
    finish(office, request)
    office.clock.at = MONDAY + WINDOW
    assert office.fire(request, "reopen") == "in_progress"
    [grant] = office.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (0, 1, 1)


def test_the_window_is_counted_from_the_close(office: Office) -> None:
    office.sell("incident_pack", incidents=1)
    request = office.log()
    office.fire(request, "resolve", note="done")
    office.clock.move(days=3)
    office.fire(request, "close")
    office.clock.at = MONDAY + timedelta(days=3) + WINDOW - TICK
    assert office.fire(request, "reopen") == "in_progress"

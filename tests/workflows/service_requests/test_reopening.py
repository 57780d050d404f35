"""Reopening: within the window the coverage continues, after it coverage is searched again."""

from datetime import datetime, timedelta

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import TakeContract
from workflows.contracts.offers import take_contract
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import enable_contract
from workflows.coverage.candidates import find_candidates
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

TICK = timedelta(microseconds=1)
WINDOW = timedelta(days=14)


def finish(sample: SampleDesk, request: str) -> None:
    sample.fire(request, "resolve", note="done")
    sample.fire(request, "close")


def own(sample: SampleDesk, request: str) -> list[tuple[str, str]]:
    made = sample.rows(t.contract, holder_id=request)
    return [(one.number, one.state) for one in sorted(made, key=lambda one: one.number)]


def covered_alone(sample: SampleDesk) -> tuple[str, str]:
    """A service request with a per-request contract in force: their ids."""
    request = sample.log()
    [made] = sample.rows(t.contract, holder_id=request)
    sample.do(enable_contract, made.id)
    return request, made.id


def test_just_within_the_window_the_per_request_contract_is_in_force_again(sample: SampleDesk) -> None:
    request, contract = covered_alone(sample)
    finish(sample, request)
    assert own(sample, request) == [("PR-0001", "expired")]
    sample.clock.at = MONDAY + WINDOW - TICK
    assert sample.fire(request, "reopen") == "in_progress"
    assert own(sample, request) == [("PR-0001", "active")]
    assert sample.request(request).contract_id == contract
    assert sample.work(request, 30) == [("covered", 30)]
    finish(sample, request)
    assert own(sample, request) == [("PR-0001", "expired")]


def test_as_of_between_a_close_and_a_reopening_the_contract_had_ended(sample: SampleDesk) -> None:
    request, contract = covered_alone(sample)
    asked: dict[datetime, str] = {}
    for _ in range(2):
        closed = sample.clock.move(hours=1)
        finish(sample, request)
        reopened = sample.clock.move(hours=1)
        sample.fire(request, "reopen")
        asked |= {
            closed - TICK: "active",
            closed: "expired",
            reopened - TICK: "expired",
            reopened: "active",
        }
    # a close and a reopening at the same instant leave no span in between
    finish(sample, request)
    sample.fire(request, "reopen")
    sample.clock.move(hours=1)
    finish(sample, request)
    asked |= {sample.clock.at - TICK: "active", sample.clock.at: "expired"}
    sample.clock.move(hours=1)
    assert {at: sample.see(read_contract, contract, as_of=at).state for at in asked} == asked
    first = min(at for at in asked if asked[at] == "expired")
    with sample.desk.write(at=first) as tx:
        found = find_candidates(tx, customer=sample.ann, service_request=request)
        assert [one.contract.ended_at for one in found.held] == [first]


def test_after_the_window_it_waits_for_its_own_contract_which_can_be_ordered(sample: SampleDesk) -> None:
    request, ended = covered_alone(sample)
    finish(sample, request)
    ended_at = sample.contract(ended).ended_at
    sample.clock.at = MONDAY + WINDOW
    assert sample.fire(request, "reopen") == "pending_no_contract"
    assert own(sample, request) == [("PR-0001", "expired"), ("PR-0002", "pending")]
    sample.do(take_contract, request, TakeContract(type="per_request"))
    assert sample.request(request).state == "open"
    finish(sample, request)
    assert own(sample, request) == [("PR-0001", "expired"), ("PR-0002", "expired")]
    assert sample.contract(ended).ended_at == ended_at
    sample.clock.move(hours=1)
    sample.fire(request, "reopen")
    assert own(sample, request) == [("PR-0001", "expired"), ("PR-0002", "active")]


def test_reopening_uses_no_second_incident_and_does_not_change_the_past(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=1)
    request = sample.log()
    sample.clock.move(hours=1)
    finish(sample, request)
    between = sample.clock.move(hours=1)
    before = sample.see(read_contract, pack, as_of=between)
    assert (before.state, before.balance.incidents.drawn) == ("exhausted", 1)
    sample.clock.move(hours=1)
    sample.fire(request, "reopen")
    assert sample.contract(pack).state == "active"
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (0, 1, 0)
    after = sample.see(read_contract, pack, as_of=between)
    assert (after.state, after.balance) == (before.state, before.balance)
    finish(sample, request)
    sample.fire(request, "reopen")
    sample.fire(request, "cancel", reason="a mistake")
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (1, 0, 0)
    assert sample.see(audit_desk).ok


def test_after_the_window_the_next_incident_is_held(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=2)
    request = sample.log()
    finish(sample, request)
    sample.clock.at = MONDAY + WINDOW
    assert sample.fire(request, "reopen") == "in_progress"
    [grant] = sample.grants(pack)
    assert (grant.available, grant.held, grant.consumed) == (0, 1, 1)


def test_the_window_is_counted_from_the_close(sample: SampleDesk) -> None:
    sample.sell("incident_pack", incidents=1)
    request = sample.log()
    sample.fire(request, "resolve", note="done")
    sample.clock.move(days=3)
    sample.fire(request, "close")
    sample.clock.at = MONDAY + timedelta(days=3) + WINDOW - TICK
    assert sample.fire(request, "reopen") == "in_progress"

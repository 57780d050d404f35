"""A work entry that moves to another service request is charged and paid as if it had been logged there."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.work.test_changed_entries import assign
from tests.workflows.work.test_late_entries_at_once import deadlocks
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.commands.work import ChangeWork
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.core.actors import Actor
from workflows.core.errors import InvalidInput, NotAllowed, StateForbids, VersionChanged
from workflows.reports.audit import audit_desk
from workflows.service_requests.history import history_of
from workflows.service_requests.queries import read_service_request
from workflows.service_requests.use_cases import change_service_request
from workflows.store import tables as t
from workflows.work.queries import preview_view, read_work
from workflows.work.use_cases import change_work, delete_work, preview_change

HOUR = timedelta(hours=1)


@pytest.fixture
def two(sample: SampleDesk) -> tuple[str, str]:
    """Two requests of Ann's laptop, covered by a block of hours of 600 minutes each."""
    sample.block = sample.sell("support_hours", minutes=600)  # type: ignore[attr-defined]
    sample.other_block = sample.sell(  # type: ignore[attr-defined]
        "support_hours", minutes=600, to=("org_unit", sample.site)
    )
    first, second = sample.log("It does not start"), sample.log("It is noisy")
    assign(sample, second, sample.other_block)  # type: ignore[attr-defined]
    return first, second


def move(sample: SampleDesk, entry: str, request: str, actor: Actor | None = None, **others: Any) -> None:
    command = ChangeWork(service_request=request, **others)
    sample.do_as(actor or sample.technician, change_work, entry, command)


def left(sample: SampleDesk, contract: str) -> int:
    return int(sample.see(read_contract, contract).balance.minutes.available)


def worked_on(sample: SampleDesk, request: str) -> tuple[int, int]:
    row = sample.request(request)
    return row.worked_minutes, row.chargeable_minutes


def test_the_minutes_move_with_the_entry(sample: SampleDesk, two: tuple[str, str]) -> None:
    first, second = two
    sample.work(first, 50, note="By phone")
    [entry] = sample.entries(first)
    preview = preview_view_of(sample, entry.id, second)
    assert [(one.kind, one.contract, one.minutes) for one in preview.allocations] == [
        ("grant", sample.other_block, 50)  # type: ignore[attr-defined]
    ]
    move(sample, entry.id, second)
    assert sample.entries(first) == []
    [moved] = sample.entries(second)
    assert (moved.id, moved.note, moved.version) == (entry.id, "By phone", entry.version + 1)
    assert moved.technician_id == entry.technician_id
    assert (worked_on(sample, first), worked_on(sample, second)) == ((0, 0), (50, 50))
    blocks = (sample.block, sample.other_block)  # type: ignore[attr-defined]
    assert [left(sample, one) for one in blocks] == [600, 550]
    assert sample.see(audit_desk).ok


def preview_view_of(sample: SampleDesk, entry: str, request: str) -> Any:
    planned = sample.see(preview_change, entry, ChangeWork(service_request=request))
    return sample.see(preview_view, planned)


def test_both_histories_and_the_audit_trail_say_so(sample: SampleDesk, two: tuple[str, str]) -> None:
    first, second = two
    sample.work(first, 50)
    [entry] = sample.entries(first)
    sample.clock.move(hours=1)
    move(sample, entry.id, second)
    lines = {one: sample.see(history_of, one)[-1] for one in two}
    numbers = [sample.request(one).number for one in two]
    assert [(lines[one].trigger, lines[one].note) for one in two] == [
        ("work_moved_away", "0:50 worked"),
        ("work_moved_here", "0:50 worked"),
    ]
    assert [lines[one].other_service_request_number for one in two] == [numbers[1], numbers[0]]
    assert [lines[one].other_service_request for one in two] == [second, first]
    assert lines[first].from_state == lines[first].to_state == "open"
    events = [one for one in sample.rows(t.audit_event, subject_id=entry.id) if one.action == "moved"]
    assert [one.details["service_request"] for one in events] == [[first, second]]
    assert events[0].actor == sample.technician.name


def test_the_statement_names_the_request_that_the_work_belongs_to(sample: SampleDesk) -> None:
    """Also where the same grant pays as before: its postings name the other request."""
    block = sample.sell("support_hours", minutes=600)
    first, second = sample.log(), sample.log("It is noisy")
    sample.work(first, 50)
    move(sample, sample.entries(first)[0].id, second)
    lines = sample.see(read_statement, block).lines
    assert {(one.kind, one.minutes, one.service_request) for one in lines[1:]} == {
        ("draw", -50, first),
        ("reversal", 50, first),
        ("draw", -50, second),
    }
    assert left(sample, block) == 550
    assert sample.see(audit_desk).ok


def test_a_posting_that_names_another_request_is_a_difference(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    first, second = sample.log(), sample.log("It is noisy")
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    with sample.desk.write() as tx:
        tx.change(t.work_entry, entry, service_request_id=second)
    found = sample.see(audit_desk)
    assert [(one.what, one.record) for one in found.differences] == [("draw-down of a work entry", entry)]


def test_the_priority_of_the_other_request_counts(sample: SampleDesk) -> None:
    rules = {
        "rules": [
            {
                "id": "high",
                "why": "High priority",
                "conditions": {"all": [{"name": "priority", "operator": "equal_to", "value": "high"}]},
                "actions": [{"name": "charge_percent", "params": {"percent": 200}}],
            }
        ],
        "examples": [],
    }
    sample.publish_rules(charging=json.dumps(rules))
    sample.sell("support_hours", minutes=600)
    first, second = sample.log(), sample.log("It is noisy", priority="high")
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    move(sample, entry, second)
    assert sample.entries(second)[0].chargeable_minutes == 100
    # the priority of the request as it was, by which the entry is charged
    command = ChangeServiceRequest(priority="low")
    sample.do_as(sample.technician, change_service_request, second, command)
    move(sample, entry, second, minutes=60)
    assert sample.entries(second)[0].chargeable_minutes == 120


@pytest.mark.parametrize("scope", ["service_request_day", "service_request"])
def test_entries_that_are_rounded_together_are_rounded_again_on_both(sample: SampleDesk, scope: str) -> None:
    sample.set(rounding={"increment_minutes": 15, "scope": scope})
    block = sample.sell("support_hours", minutes=600)
    first, second = sample.log(), sample.log("It is noisy")
    for request in (first, first, second):
        sample.work(request, 5, at=sample.clock.now())
        sample.clock.move(minutes=1)

    def charged(request: str) -> list[int]:
        return [row.chargeable_minutes for row in by_start(sample, request)]

    assert (charged(first), charged(second)) == ([15, 0], [15])
    earliest = by_start(sample, first)[0].id
    move(sample, earliest, second)
    assert (charged(first), charged(second)) == ([15], [15, 0])
    assert (worked_on(sample, first), worked_on(sample, second)) == ((5, 15), (10, 15))
    assert left(sample, block) == 570
    move(sample, earliest, first)
    assert (charged(first), charged(second)) == ([15, 0], [15])
    assert sample.see(audit_desk).ok


def by_start(sample: SampleDesk, request: str) -> list[Any]:
    return sorted(sample.entries(request), key=lambda row: row.started_at)


def test_new_minutes_and_another_request_at_once(sample: SampleDesk, two: tuple[str, str]) -> None:
    first, second = two
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    move(sample, entry, second, minutes=20)
    assert sample.allocations(entry) == [("grant", 20)]
    assert (worked_on(sample, first), worked_on(sample, second)) == ((0, 0), (20, 20))
    actions = [one.action for one in sample.rows(t.audit_event, subject_id=entry)]
    assert sorted(actions) == ["changed", "moved"]


def test_moved_to_where_it_is_nothing_changes(sample: SampleDesk, two: tuple[str, str]) -> None:
    first, _ = two
    sample.work(first, 50)
    [entry] = sample.entries(first)
    transactions = len(sample.rows(t.ledger_transaction))
    move(sample, entry.id, first)
    assert sample.entries(first) == [entry]
    assert len(sample.rows(t.ledger_transaction)) == transactions


# ------------------------------------------------------------------ who may, and where to


def test_technicians_move_their_own_entries_and_supervisors_all(
    sample: SampleDesk, two: tuple[str, str]
) -> None:
    first, second = two
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    colleague = sample.person("technician", "Tina")
    with pytest.raises(StateForbids, match="another technician's entry"):
        move(sample, entry, second, colleague)
    for actor in (sample.finance, sample.person("customer", "Ann", customer=sample.ann)):
        with pytest.raises(NotAllowed):
            move(sample, entry, second, actor)
    move(sample, entry, second, sample.supervisor)
    move(sample, entry, first, sample.technician)


def test_only_a_supervisor_charges_another_customer(sample: SampleDesk, two: tuple[str, str]) -> None:
    """Neither history names a request of the other customer to a customer."""
    first, _ = two
    bob = sample.customer("Bob")
    sample.sell("support_hours", minutes=600, to=("customer", bob))
    theirs = sample.log(customer=bob, item=None)
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    number = sample.request(theirs).number
    with pytest.raises(StateForbids, match=f"{number} is another customer's"):
        move(sample, entry, theirs)
    with pytest.raises(StateForbids, match=f"{number} is another customer's"):
        sample.see_as(sample.technician, preview_change, entry, ChangeWork(service_request=theirs))
    move(sample, entry, theirs, sample.supervisor)
    for customer, request in ((sample.ann, first), (bob, theirs)):
        actor = sample.person("customer", f"{customer} at home", customer=customer)
        line = sample.see_as(actor, history_of, request)[-1]
        assert line.note == "0:50 worked"
        assert (line.other_service_request, line.other_service_request_number) == (None, None)
    assert sample.see(audit_desk).ok


def test_carried_minutes_move_to_the_other_holder(sample: SampleDesk) -> None:
    bob = sample.customer("Bob")
    for customer in (sample.ann, bob):
        sample.sell("support_hours", minutes=10, to=("customer", customer))
    first, theirs = sample.log(item=None), sample.log(customer=bob, item=None)
    for request in (first, theirs):
        sample.work(request, 10)
    sample.clock.move(hours=1)
    sample.work(first, 30)
    entry = by_start(sample, first)[-1].id
    assert [sample.carried(f"customer:{one}") for one in (sample.ann, bob)] == [30, 0]
    move(sample, entry, theirs, sample.supervisor)
    assert [sample.carried(f"customer:{one}") for one in (sample.ann, bob)] == [0, 30]
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("resolved and closed", "it is closed. Reopen it first."),
        ("cancelled", "it is cancelled. Log a new service request."),
        ("waiting", "it is waiting for a contract. Enable or assign one first."),
    ],
)
def test_a_request_on_which_no_work_can_be_logged_takes_none(
    sample: SampleDesk, two: tuple[str, str], state: str, words: str
) -> None:
    first, second = two
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    if state == "waiting":
        sample.set(contract_validation=True)
        second = sample.log("It smells", customer=sample.customer("Bob"), item=None)
    elif state == "cancelled":
        sample.fire(second, "cancel", reason="Solved itself")
    else:
        sample.fire(second, "resolve", note="Done")
        sample.fire(second, "close")
    before = sample.rows(t.ledger_transaction)
    command = ChangeWork(service_request=second)
    acts: list[Any] = [
        lambda: sample.do(change_work, entry, command),
        lambda: sample.see(preview_change, entry, command),
    ]
    for act in acts:
        with pytest.raises(StateForbids) as refused:
            act()
        number = sample.request(second).number
        assert str(refused.value) == f"Work cannot be logged on {number}: {words}"
    assert sample.rows(t.ledger_transaction) == before
    assert sample.entries(first)[0].version == 1


def test_an_unknown_request_is_named(sample: SampleDesk, two: tuple[str, str]) -> None:
    sample.work(two[0], 50)
    entry = sample.entries(two[0])[0].id
    with pytest.raises(InvalidInput, match="no such service request") as refused:
        move(sample, entry, "nobody")
    assert refused.value.values["pointer"] == "/service_request"


def test_work_moves_off_a_closed_request_but_not_off_a_cancelled_one(
    sample: SampleDesk, two: tuple[str, str]
) -> None:
    first, second = two
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    sample.fire(first, "resolve", note="Done")
    sample.fire(first, "close")
    move(sample, entry, second)
    sample.fire(second, "cancel", reason="Solved itself")
    with pytest.raises(StateForbids, match="what it drew stays"):
        move(sample, entry, sample.log())


# ------------------------------------------------------------------ closed months, and many at once


def test_in_a_closed_month_the_move_becomes_an_adjustment(sample: SampleDesk, two: tuple[str, str]) -> None:
    first, second = two
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    april = datetime(2026, 4, 1, tzinfo=UTC)
    sample.clock.at = april + 50 * HOUR
    sample.do_as(sample.finance, close_period, "2026-03", ChangePeriod(reason="Month end"))
    adjustment = preview_view_of(sample, entry, second).adjustment
    assert adjustment is not None
    assert adjustment.period == "2026-03"
    move(sample, entry, second)
    blocks = (sample.block, sample.other_block)  # type: ignore[attr-defined]

    def at(instant: datetime) -> list[int]:
        views = [sample.see(read_contract, one, as_of=instant) for one in blocks]
        return [view.balance.minutes.available for view in views]

    assert at(april - timedelta(seconds=1)) == [550, 600]
    assert at(april) == [600, 550]
    assert sample.see(audit_desk).ok


def test_moves_at_once_end_as_one_after_the_other(sample: SampleDesk, two: tuple[str, str]) -> None:
    """Eight processes move entries to and fro and log more: no deadlock, and every minute is counted once."""
    for number in range(6):
        sample.work(two[number % 2], 10 + number, at=MONDAY - number * HOUR)
    entries = [row.id for request in two for row in sample.entries(request)]

    def act(number: int) -> str:
        try:
            if number % 4 == 3:
                sample.work(two[number % 2], 7)
            else:
                move(sample, entries[number % 6], two[number // 6 % 2])
        except VersionChanged:
            return "changed meanwhile"
        return "done"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(act, range(48)))
    assert results.count("done") > 24
    for request in two:
        rows = sample.entries(request)
        assert worked_on(sample, request)[0] == sum(row.worked_minutes for row in rows)
        assert sample.see(read_service_request, request).worked_minutes == worked_on(sample, request)[0]
    assert sample.see(audit_desk).ok
    assert deadlocks(sample) == 0


def test_of_two_that_read_the_same_entry_the_later_is_refused(
    sample: SampleDesk, two: tuple[str, str]
) -> None:
    first, second = two
    sample.work(first, 50)
    entry = sample.entries(first)[0].id
    sample.do(change_work, entry, ChangeWork(service_request=second), expected_version=1)
    with pytest.raises(VersionChanged):
        sample.do(delete_work, entry, expected_version=1)
    assert sample.see(read_work, entry).service_request == second

"""Two service requests become one, whichever number is used, and two again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from time import sleep
from typing import Any

import pytest
from sqlalchemy import text

from engine.errors import DeskError
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.work.test_changed_entries import assign
from tests.workflows.work.test_late_entries_at_once import deadlocks
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.contracts import CancelContract, TakeContract
from workflows.commands.service_requests import (
    AddNote,
    ChangeServiceRequest,
    FireTrigger,
    MergeRequest,
    SplitRequest,
)
from workflows.commands.work import ChangeWork, DecideEntries, WorkGiven
from workflows.contracts.offers import take_contract
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import cancel_contract
from workflows.core.actors import Actor
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids, VersionChanged
from workflows.core.transaction import Transaction
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.service_requests.history import history_of, list_merged, list_notes, read_note
from workflows.service_requests.queries import list_service_requests, read_service_request
from workflows.service_requests.use_cases import add_note, change_service_request, fire_trigger
from workflows.store import tables as t
from workflows.work.approval import reject_work
from workflows.work.merging import merge_requests, split_request
from workflows.work.queries import list_work
from workflows.work.use_cases import change_work, delete_work, log_work


class Pair:
    """Two requests of Ann's laptop, each covered by 600 minutes of its own, with 50 minutes on the first."""

    def __init__(self, sample: SampleDesk) -> None:
        self.sample = sample
        site = ("org_unit", sample.site)
        self.blocks = [
            sample.sell("support_hours", minutes=600),
            sample.sell("support_hours", minutes=600, to=site),
        ]
        self.first, self.second = sample.log("It does not start"), sample.log("It is noisy")
        assign(sample, self.second, self.blocks[1])
        sample.work(self.first, 50, note="By phone")
        self.numbers = [sample.request(one).number for one in (self.first, self.second)]
        sample.clock.move(hours=1)

    def merge(self, request: str | None = None, into: str | None = None, actor: Actor | None = None) -> Any:
        command = MergeRequest(into=into or self.second, reason="The same fault")
        who = actor or self.sample.supervisor
        return self.sample.do_as(who, merge_requests, request or self.first, command)

    def split(self, request: str | None = None, actor: Actor | None = None) -> Any:
        command = SplitRequest(reason="Another fault")
        return self.sample.do_as(
            actor or self.sample.supervisor, split_request, request or self.first, command
        )

    def left(self) -> list[int]:
        return [self.sample.see(read_contract, one).balance.minutes.available for one in self.blocks]

    def worked(self) -> list[tuple[int, int]]:
        rows = [self.sample.request(one) for one in (self.first, self.second)]
        return [(row.worked_minutes, row.chargeable_minutes) for row in rows]


@pytest.fixture
def pair(sample: SampleDesk) -> Pair:
    return Pair(sample)


def minutes_left(sample: SampleDesk, contract: str, at: datetime | None = None) -> int:
    return int(sample.see(read_contract, contract, as_of=at).balance.minutes.available)


def as_ann(sample: SampleDesk) -> Actor:
    return sample.person("customer", "Ann", customer=sample.ann)


# ------------------------------------------------------------------ one number for both


def test_both_numbers_lead_to_the_request_that_is_left(pair: Pair) -> None:
    sample = pair.sample
    assert pair.merge() == pair.second
    for actor in (sample.technician, as_ann(sample)):
        for request in (pair.first, pair.second):
            assert sample.see_as(actor, read_service_request, request).id == pair.second
            assert [one.note for one in sample.see_as(actor, list_work, request).items] == ["By phone"]
        found = sample.see_as(actor, list_service_requests, number=pair.numbers[0]).items
        assert [one.id for one in found] == [pair.second]
        listed = sample.see_as(actor, list_service_requests, q=pair.numbers[0]).items
        assert [(one.number, one.merged_into) for one in listed] == [(pair.numbers[0], pair.second)]
    assert sample.request(pair.first).state == "cancelled"


def test_what_is_done_by_the_old_number_is_done_on_the_other(pair: Pair) -> None:
    sample = pair.sample
    pair.merge()
    entry = sample.do_as(
        sample.technician, log_work, pair.first, WorkGiven(minutes=5, worked_at=sample.clock.now())
    )
    assert sample.rows(t.work_entry, id=entry)[0].service_request_id == pair.second
    note = sample.do_as(as_ann(sample), add_note, pair.first, AddNote(body="Still noisy"))
    assert sample.see(read_note, pair.first, note).body == "Still noisy"
    sample.do_as(sample.technician, fire_trigger, pair.first, FireTrigger(trigger="resolve", note="Done"))
    assert [sample.request(one).state for one in (pair.first, pair.second)] == ["cancelled", "resolved"]
    sample.do_as(
        sample.technician, change_service_request, pair.first, ChangeServiceRequest(subject="Both faults")
    )
    assert sample.request(pair.second).subject == "Both faults"


def test_a_contract_that_is_taken_by_the_old_number_is_that_of_the_other(sample: SampleDesk) -> None:
    sample.set(contract_validation=True)
    hours = sample.sell("support_hours", minutes=600)
    first, second = sample.log(), sample.log("It is noisy")
    sample.do_as(sample.supervisor, merge_requests, first, MergeRequest(into=second))
    sample.do(cancel_contract, hours, CancelContract(reason="Agreed"))
    assert sample.request(second).contract_id is None
    taken = sample.do_as(sample.supervisor, take_contract, first, TakeContract(type="per_request"))
    assert sample.contract(taken).holder_id == second
    assert sample.request(second).contract_id == taken


def test_notes_and_histories_are_those_of_both(pair: Pair) -> None:
    sample = pair.sample
    sample.do_as(sample.technician, add_note, pair.first, AddNote(body="Public"))
    sample.do_as(sample.technician, add_note, pair.first, AddNote(body="Private", public=False))
    sample.do_as(sample.technician, add_note, pair.second, AddNote(body="Other"))
    pair.merge()
    notes = sample.see(list_notes, pair.second).items
    number = pair.numbers[0]
    assert [(one.body, one.merged_number) for one in notes] == [
        ("Public", number),
        ("Private", number),
        ("Other", None),
    ]
    assert [one.body for one in sample.see_as(as_ann(sample), list_notes, pair.second).items] == [
        "Public",
        "Other",
    ]
    lines = sample.see(history_of, pair.second)
    triggers = [(one.trigger, one.merged_number, one.other_service_request_number) for one in lines]
    assert sorted(triggers[:2], key=str) == [("log", None, None), ("log", number, None)] or triggers[:2] == [
        ("log", number, None),
        ("log", None, None),
    ]
    assert set(triggers[2:]) == {("merge", number, pair.numbers[1]), ("merged_here", None, number)}
    assert {one.reason for one in lines[2:]} == {"The same fault"}
    [merged] = sample.see(list_merged, pair.first)
    assert (merged.id, merged.number, merged.into, merged.into_number) == (
        pair.first,
        number,
        pair.second,
        pair.numbers[1],
    )
    assert (merged.merged_by, merged.reason) == (sample.supervisor.name, "The same fault")
    actions = {one.action for one in sample.rows(t.audit_event, subject_kind="service_request")}
    assert {"merged", "merged here"} <= actions


def test_a_mail_names_the_number_that_is_left_to_the_customer(pair: Pair) -> None:
    pair.merge()
    [mail] = pair.sample.rows(t.outbox, event="service_request_merged")
    assert pair.numbers[0] in mail.subject
    assert pair.numbers[1] in mail.body


# ------------------------------------------------------------------ work


def test_work_counts_once_and_goes_back_with_a_split(pair: Pair) -> None:
    assert (pair.worked(), pair.left()) == ([(50, 50), (0, 0)], [550, 600])
    pair.merge()
    assert (pair.worked(), pair.left()) == ([(0, 0), (50, 50)], [600, 550])
    pair.sample.work(pair.second, 7)
    assert pair.split() == pair.first
    assert (pair.worked(), pair.left()) == ([(50, 50), (7, 7)], [550, 593])
    row = pair.sample.request(pair.first)
    assert (row.state, row.merged_into_id, row.closed_at) == ("open", None, None)
    assert [one.merged_from_id for one in pair.sample.entries(pair.first)] == [None]
    assert pair.sample.see(list_merged, pair.second) == []
    assert pair.sample.see(audit_desk).ok


@pytest.mark.parametrize("scope", ["service_request_day", "service_request"])
def test_work_is_rounded_together_with_that_of_the_other(sample: SampleDesk, scope: str) -> None:
    sample.set(rounding={"increment_minutes": 15, "scope": scope})
    block = sample.sell("support_hours", minutes=600)
    first, second = sample.log(), sample.log("It is noisy")
    for request in (first, second, first):
        sample.work(request, 5, at=sample.clock.now())
        sample.clock.move(minutes=1)
    left = partial(minutes_left, sample, block)
    assert left() == 570
    sample.do_as(sample.supervisor, merge_requests, first, MergeRequest(into=second))
    rows = sorted(sample.entries(second), key=lambda row: row.started_at)
    assert [row.chargeable_minutes for row in rows] == [15, 0, 0]
    assert (left(), sample.request(second).chargeable_minutes) == (585, 15)
    sample.do_as(sample.supervisor, split_request, first, SplitRequest())
    assert left() == 570
    assert sample.see(audit_desk).ok


def test_entries_of_an_older_program_keep_what_they_drew(pair: Pair) -> None:
    sample = pair.sample
    [entry] = sample.entries(pair.first)
    with sample.desk.write() as tx:
        tx.change(t.work_entry, entry.id, charged_by=None)
    pair.merge()
    assert pair.left() == [550, 600]
    assert pair.worked() == [(0, 0), (50, 50)]
    pair.split()
    assert pair.worked() == [(50, 50), (0, 0)]
    assert sample.see(audit_desk).ok


def test_the_preview_is_what_happens(pair: Pair) -> None:
    sample = pair.sample
    command = MergeRequest(into=pair.second)
    effects = preview_impact(
        sample.desk, sample.supervisor, lambda tx: merge_requests(tx, pair.first, command)
    )
    assert pair.worked() == [(50, 50), (0, 0)]
    [moved] = effects.moves
    assert (moved.moved_from, moved.service_request_number) == tuple(pair.numbers)
    assert [[(one.contract, one.minutes) for one in some] for some in (moved.before, moved.after)] == [
        [(pair.blocks[0], 50)],
        [(pair.blocks[1], 50)],
    ]
    after = {one.after.id: one.after.balance.available for one in effects.contracts}
    assert after == dict(zip(pair.blocks, (600, 550), strict=True))
    assert [(one.before.state, one.after.state) for one in effects.requests] == [("open", "cancelled")]
    pair.merge()
    assert pair.left() == [600, 550]
    back = preview_impact(
        sample.desk, sample.supervisor, lambda tx: split_request(tx, pair.first, SplitRequest())
    )
    assert {one.after.id: one.after.balance.available for one in back.contracts} == dict(
        zip(pair.blocks, (550, 600), strict=True)
    )


def test_the_preview_has_work_that_moves_and_is_paid_as_before(sample: SampleDesk) -> None:
    block = sample.sell("support_hours", minutes=600)
    subscription = sample.sell("subscription", to=("org_unit", sample.site))
    for contract in (block, subscription):
        first, second = sample.log(), sample.log("It is noisy")
        for request in (first, second):
            assign(sample, request, contract)
        sample.work(first, 50)
        command = MergeRequest(into=second)
        effects = preview_impact(sample.desk, sample.supervisor, partial(merge_into, first, command))
        [moved] = effects.moves
        assert (moved.service_request, moved.moved_from) == (second, sample.request(first).number)
        assert moved.before == moved.after != []


def merge_into(request: str, command: MergeRequest, tx: Transaction) -> str:
    return merge_requests(tx, request, command)


def test_in_a_closed_month_a_merge_becomes_an_adjustment(pair: Pair) -> None:
    sample, april = pair.sample, datetime(2026, 4, 1, tzinfo=UTC)
    sample.clock.at = april + timedelta(days=2)
    sample.do_as(sample.finance, close_period, "2026-03", ChangePeriod(reason="Month end"))
    pair.merge()
    before = [minutes_left(sample, one, april - timedelta(seconds=1)) for one in pair.blocks]
    assert before == [550, 600]
    assert [minutes_left(sample, one, april) for one in pair.blocks] == [600, 550]
    assert sample.see(audit_desk).ok


# ------------------------------------------------------------------ who may, and what cannot be merged


def test_only_supervisors_merge_and_split(pair: Pair) -> None:
    sample = pair.sample
    for actor in (sample.technician, sample.finance, as_ann(sample)):
        with pytest.raises(NotAllowed):
            pair.merge(actor=actor)
    pair.merge(actor=sample.administrator)
    for actor in (sample.technician, sample.finance, as_ann(sample)):
        with pytest.raises(NotAllowed):
            pair.split(actor=actor)
    pair.split(actor=sample.administrator)


def test_requests_of_two_customers_are_not_merged(pair: Pair) -> None:
    """Nor does one with merged requests change its customer."""
    sample = pair.sample
    theirs = sample.log(customer=sample.customer("Bob"), item=None)
    with pytest.raises(StateForbids, match="are of different customers"):
        pair.merge(into=theirs)
    pair.merge()
    changed = ChangeServiceRequest(customer=sample.customer("Eve"), item=None)
    with pytest.raises(StateForbids, match=f"merged requests of its customer: {pair.numbers[0]}"):
        sample.do(change_service_request, pair.second, changed)
    bob = sample.person("customer", "Eve", customer=sample.customer("Mallory"))
    for query in (read_service_request, history_of, list_notes, list_merged, list_work):
        with pytest.raises(NotFound):
            sample.see_as(bob, query, pair.first)


def test_nothing_is_merged_into_a_request_that_is_over(pair: Pair) -> None:
    sample = pair.sample
    for trigger in ("resolve", "close"):
        sample.fire(pair.second, trigger, note="Done")
    refused = f"merged into {pair.numbers[1]}: it is closed. Reopen it first, or name another request."
    with pytest.raises(StateForbids, match=refused):
        pair.merge()
    cancelled = sample.log()
    sample.fire(cancelled, "cancel", reason="Sent twice")
    with pytest.raises(StateForbids, match=r"it is cancelled\. Name another request."):
        pair.merge(into=cancelled)


def test_a_request_is_merged_once_and_not_into_itself(pair: Pair) -> None:
    """Neither by its own number nor by that of one that was merged into it."""
    with pytest.raises(InvalidInput, match="cannot be merged into itself"):
        pair.merge(into=pair.first)
    with pytest.raises(InvalidInput, match="no such service request"):
        pair.merge(into="nobody")
    pair.merge()
    with pytest.raises(StateForbids, match=f"merged into {pair.numbers[1]} already"):
        pair.merge(into=pair.sample.log())
    with pytest.raises(InvalidInput, match="cannot be merged into itself"):
        pair.merge(request=pair.second, into=pair.first)
    with pytest.raises(StateForbids, match="is not merged"):
        pair.split(pair.second)
    with pytest.raises(NotFound):
        pair.split("nobody")


def test_the_number_of_a_merged_request_names_the_one_that_is_left(pair: Pair) -> None:
    third = pair.sample.log("It smells")
    pair.merge()
    assert pair.merge(third, into=pair.first) == pair.second
    assert {one.into for one in pair.sample.see(list_merged, pair.second)} == {pair.second}
    pair.split(third)
    assert [one.id for one in pair.sample.see(list_merged, pair.second)] == [pair.first]


def test_a_chain_of_merges_leads_to_its_end(pair: Pair) -> None:
    sample = pair.sample
    third = sample.log("It smells")
    pair.merge()
    pair.merge(pair.second, into=third)
    for request in (pair.first, pair.second):
        assert sample.see(read_service_request, request).id == third
        number = sample.request(request).number
        [found] = sample.see(list_service_requests, number=number).items
        assert found.id == third
    assert {(one.id, one.into) for one in sample.see(list_merged, third)} == {
        (pair.first, pair.second),
        (pair.second, third),
    }
    assert len(sample.see(list_work, third).items) == 1
    pair.split(pair.first)
    assert pair.worked()[0] == (50, 50)
    assert sample.see(read_service_request, pair.second).id == third
    assert sample.see(audit_desk).ok


def test_a_split_of_a_request_that_ended_since(pair: Pair) -> None:
    sample = pair.sample
    pair.merge()
    sample.fire(pair.second, "resolve", note="Done")
    sample.fire(pair.second, "close")
    pair.split()
    assert sample.request(pair.first).state == "open"
    pair.merge(pair.first, into=sample.log("It smells"))
    third = sample.see(read_service_request, pair.first).id
    sample.fire(third, "cancel", reason="Solved itself")
    with pytest.raises(StateForbids, match="is cancelled: what it drew stays"):
        pair.split()
    assert sample.see(audit_desk).ok


def test_the_service_level_stops_with_a_merge_and_runs_after_a_split(pair: Pair) -> None:
    sample = pair.sample
    before = sample.request(pair.first)
    pair.merge()
    merged = sample.request(pair.first)
    assert merged.paused_at == sample.clock.now()
    assert merged.sla_alert_at is None
    assert sample.request(pair.second).response_due_at is not None
    sample.clock.move(hours=2)
    pair.split()
    after = sample.request(pair.first)
    assert after.paused_at is None
    assert after.response_due_at is not None
    assert after.response_due_at >= before.response_due_at


# ------------------------------------------------------------------ many at once


@pytest.mark.parametrize("act", ["note", "minutes", "delete", "reject"])
def test_an_edit_that_meets_a_merge_is_made_where_the_entry_is_then(pair: Pair, act: str) -> None:
    """Unless it names the version that it read: then it has been moved since."""
    sample = pair.sample
    [entry] = sample.entries(pair.first)
    with sample.desk.write() as tx:
        tx.connection.execute(t.work_entry.update().values(state="submitted"))
    with ThreadPoolExecutor(2) as pool:
        with sample.desk.write(sample.supervisor) as tx:
            merge_requests(tx, pair.first, MergeRequest(into=pair.second))
            versioned = pool.submit(
                sample.do,
                change_work,
                entry.id,
                ChangeWork(note="Read before"),
                expected_version=entry.version,
            )
            edits: dict[str, partial[Any]] = {
                "note": partial(sample.do, change_work, entry.id, ChangeWork(note="Checked")),
                "minutes": partial(sample.do, change_work, entry.id, ChangeWork(minutes=20)),
                "delete": partial(sample.do, delete_work, entry.id),
                "reject": partial(
                    sample.do_as, sample.supervisor, reject_work, DecideEntries(ids=[entry.id], reason="No")
                ),
            }
            done = pool.submit(edits[act])
            wait_for_locks(sample, 2)
        done.result(timeout=30)
        with pytest.raises(VersionChanged):
            versioned.result(timeout=30)
    [row] = sample.rows(t.work_entry)
    assert row.service_request_id == pair.second
    left = {"note": 50, "minutes": 20, "delete": 0, "reject": 0}[act]
    assert pair.worked() == [(0, 0), (left, left)]
    assert (row.note, row.state, row.deleted_at is not None) == {
        "note": ("Checked", "submitted", False),
        "minutes": ("By phone", "submitted", False),
        "delete": ("By phone", "submitted", True),
        "reject": ("By phone", "rejected", False),
    }[act]


def wait_for_locks(sample: SampleDesk, number: int) -> None:
    """Wait until so many transactions wait for a lock; on SQLite they wait before they begin."""
    if sample.desk.database.is_sqlite:
        return
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(200):
        with sample.desk.database.read() as connection:
            if int(connection.execute(waiting).scalar_one()) >= number:
                return
        sleep(0.05)
    raise AssertionError("nothing waits")


def test_merges_splits_moves_and_work_at_once(pair: Pair) -> None:
    """Whatever is refused changes nothing, and nothing deadlocks; every minute is on exactly one request."""
    sample = pair.sample
    requests = [pair.first, pair.second, sample.log("Third"), sample.log("Fourth")]
    for number in range(8):
        sample.work(requests[number % 4], 5 + number, at=MONDAY - number * timedelta(hours=1))
    entries = [row.id for request in requests for row in sample.entries(request)]
    total = sum(row.worked_minutes for row in sample.rows(t.work_entry))

    def act(number: int) -> str:
        one, other = requests[number % 4], requests[(number // 4 + number + 1) % 4]
        moved = ChangeWork(service_request=other)
        acts: list[partial[Any]] = [
            partial(pair.merge, one, other),
            partial(pair.split, one),
            partial(sample.do, change_work, entries[number % len(entries)], moved),
            partial(sample.work, one, 0 + 1, at=MONDAY),
        ]
        try:
            acts[number % 3 if number % 5 else 3]()
        except DeskError:
            return "refused"
        return "worked" if number % 5 == 0 else "done"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(act, range(60)))
    assert results.count("done") > 5
    rows = sample.rows(t.work_entry)
    assert sum(row.worked_minutes for row in rows) == total + results.count("worked")
    for request in requests:
        row = sample.request(request)
        assert row.worked_minutes == sum(one.worked_minutes for one in sample.entries(request))
        if row.merged_into_id is not None:
            assert (row.state, row.worked_minutes) == ("cancelled", 0)
            sample.see(read_service_request, request)
    assert sample.see(audit_desk).ok
    assert deadlocks(sample) == 0

"""Replays that people start: stored with their results, resumed after a crash, deleted when old."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.jobs.definitions import run_job
from workflows.replay import use_cases
from workflows.replay.use_cases import (
    cancel_replay,
    files_of_replay,
    list_differences,
    list_replays,
    read_replay,
    replay_result,
    start_replay,
)
from workflows.rule_sets.folder import read_rules_folder
from workflows.store import tables as t
from workflows.views.replays import ReplayResult

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}
END = MONDAY + timedelta(days=30)


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """Three requests that the item's contract covers, but would not by the other rules."""
    sample.sell("support_hours", to=("item", sample.laptop), minutes=600)
    sample.sell("subscription")
    for _ in range(3):
        sample.work(sample.log(), 20)
    return sample


@pytest.fixture
def replays_blocked() -> Iterator[threading.Lock]:
    """Makes replays wait until the lock is released."""
    lock = use_cases._one_at_a_time
    lock.acquire()
    yield lock
    if lock.locked():
        lock.release()


def ask(sample: SampleDesk) -> tuple[str, threading.Thread]:
    return start_replay(sample.desk, sample.administrator, CUSTOMER_FIRST, MONDAY, END)


def lose(sample: SampleDesk, replay_id: str, **columns: Any) -> None:
    """Make it look as if the process that ran a replay ended a while ago."""
    with sample.desk.write() as tx:
        beat_at = tx.real_now - use_cases.LOST_AFTER - timedelta(seconds=1)
        tx.change(t.rule_replay, replay_id, state="running", beat_at=beat_at, **columns)


def test_a_replay_is_stored_with_its_differences(sample: SampleDesk) -> None:
    replay_id, thread = ask(sample)
    thread.join(30)
    result = sample.see(replay_result, replay_id)
    assert isinstance(result, ReplayResult)
    assert (result.summary.decisions, result.summary.differ, result.summary.moved_minutes) == (3, 3, 60)
    assert [each.minutes_after for each in result.differences] == [{"covered": 20}] * 3
    assert not result.more
    view = sample.see(read_replay, replay_id)
    assert (view.state, view.decisions_done, view.decisions, view.summary) == ("done", 3, 3, result.summary)
    page = sample.see(list_differences, replay_id, limit=2)
    rest = sample.see(list_differences, replay_id, limit=2, cursor=page.next_cursor)
    assert page.items + rest.items == result.differences
    assert [one.id for one in sample.see(list_replays).items] == [replay_id]


def test_the_result_has_the_first_differences(sample: SampleDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "MOST_SHOWN_AT_ONCE", 2)
    monkeypatch.setattr(use_cases, "WRITTEN_AT_ONCE", 1)
    replay_id, thread = ask(sample)
    thread.join(30)
    result = sample.see(replay_result, replay_id)
    assert isinstance(result, ReplayResult)
    assert (len(result.differences), result.more) == (2, True)
    assert len(sample.see(list_differences, replay_id).items) == 3


def test_one_runs_at_a_time_and_not_too_many_wait(
    sample: SampleDesk, replays_blocked: threading.Lock
) -> None:
    asked = [ask(sample) for _ in range(use_cases.MOST_RUNNING)]
    with pytest.raises(StateForbids):
        ask(sample)
    assert {one.state for one in sample.see(list_replays).items} == {"running"}
    replays_blocked.release()
    for _, thread in asked:
        thread.join(30)
    assert {one.state for one in sample.see(list_replays).items} == {"done"}


def test_a_job_resumes_a_lost_replay(sample: SampleDesk) -> None:
    replay_id, thread = ask(sample)
    thread.join(30)
    expected = sample.see(replay_result, replay_id)
    lose(sample, replay_id, summary=None, runner="gone")
    assert run_job(sample.desk, "take_up_replays") == 1
    assert sample.see(replay_result, replay_id) == expected
    assert run_job(sample.desk, "take_up_replays") == 0


def test_a_process_that_lost_its_run_writes_nothing(
    sample: SampleDesk, replays_blocked: threading.Lock
) -> None:
    replay_id, thread = ask(sample)
    with sample.desk.write() as tx:
        tx.change(t.rule_replay, replay_id, runner="another")
    replays_blocked.release()
    thread.join(30)
    assert sample.see(read_replay, replay_id).state == "running"
    assert sample.rows(t.rule_replay_difference) == []


def test_a_failed_replay_has_its_error(sample: SampleDesk) -> None:
    replay_id, thread = ask(sample)
    thread.join(30)
    lose(sample, replay_id, files={"coverage.json": "{"})
    assert run_job(sample.desk, "take_up_replays") == 1
    view = sample.see(read_replay, replay_id)
    assert (view.state, view.error is not None) == ("failed", True)
    with pytest.raises(StateForbids):
        sample.see(replay_result, replay_id)


def test_a_cancelled_replay_writes_nothing(sample: SampleDesk, replays_blocked: threading.Lock) -> None:
    replay_id, thread = ask(sample)
    with pytest.raises(NotAllowed):
        sample.do_as(sample.supervisor, cancel_replay, replay_id)
    sample.do_as(sample.administrator, cancel_replay, replay_id)
    replays_blocked.release()
    thread.join(30)
    assert not thread.is_alive()
    view = sample.see(read_replay, replay_id)
    assert (view.state, view.summary) == ("cancelled", None)
    assert sample.administrator.name in str(view.error)
    assert sample.rows(t.rule_replay_difference) == []
    for use_case in (cancel_replay, replay_result):
        with pytest.raises(StateForbids):
            sample.do_as(sample.administrator, use_case, replay_id)


def test_a_replay_without_heartbeat_is_shown_as_lost(
    sample: SampleDesk, replays_blocked: threading.Lock
) -> None:
    replay_id, thread = ask(sample)
    assert not sample.see(read_replay, replay_id).lost
    lose(sample, replay_id)
    assert sample.see(read_replay, replay_id).lost
    assert sample.see(list_replays).items[0].lost
    replays_blocked.release()
    thread.join(30)


def test_differences_can_be_filtered(sample: SampleDesk) -> None:
    """Three requests about the laptop move to Ann's contract, and so does one about another item."""
    other = sample.log(item=None)
    spare = sample.item("LAP-2", customer=sample.ann)
    pack = sample.sell("support_hours", to=("item", spare), minutes=60)
    moved = sample.log(item=spare)
    replay_id, thread = ask(sample)
    thread.join(30)
    every = sample.see(list_differences, replay_id).items
    assert [one.service_request for one in every if one.before.contract == pack] == [moved]
    assert other not in {one.service_request for one in every}
    result = sample.see(replay_result, replay_id)
    assert isinstance(result, ReplayResult)
    assert [move.decisions for move in result.summary.moves] == [3, 1]
    for move in result.summary.moves:
        found = sample.see(list_differences, replay_id, move=move).items
        assert len(found) == move.decisions
        assert {one.before.contract for one in found} == {move.before.contract}
    number = sample.contract(pack).number
    assert len(sample.see(list_differences, replay_id, number=f" {number.lower()} ").items) == 1
    assert [
        one.service_request
        for one in sample.see(list_differences, replay_id, number=sample.request(moved).number).items
    ] == [moved]
    assert len(sample.see(list_differences, replay_id, change="contract").items) == 4
    assert sample.see(list_differences, replay_id, change="charge").items == []
    with pytest.raises(InvalidInput):
        sample.see(list_differences, replay_id, change="weather")


def test_the_files_of_a_replay_are_stored(sample: SampleDesk) -> None:
    replay_id, thread = ask(sample)
    thread.join(30)
    assert sample.see(files_of_replay, replay_id) == CUSTOMER_FIRST


def test_old_replays_are_deleted(sample: SampleDesk) -> None:
    replay_id, thread = ask(sample)
    thread.join(30)
    sample.clock.move(days=30)
    run_job(sample.desk, "clean_up")
    assert sample.see(read_replay, replay_id).state == "done"
    sample.clock.move(seconds=1)
    run_job(sample.desk, "clean_up")
    with pytest.raises(NotFound):
        sample.see(read_replay, replay_id)
    assert sample.rows(t.rule_replay_difference) == []

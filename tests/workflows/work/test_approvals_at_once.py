"""An approval is never used past what is left of it, by any number of entries and answers at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from tests.support.sample_desk import SampleDesk
from tests.workflows.work.test_late_entries_at_once import deadlocks
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.work.beyond_contracts import REST_KINDS, ApprovalRequired
from workflows.work.overage_approvals import answer_approval, ask_approval
from workflows.work.use_cases import change_work, delete_work, log_work

Act = Callable[[], Any]


@pytest.fixture(autouse=True)
def asking(sample: SampleDesk) -> None:
    sample.set(overage="ask")


def ask(sample: SampleDesk, request: str, minutes: int) -> str:
    command = AskApproval(minutes=minutes, reason="The disk has to be restored.")
    return sample.do_as(sample.technician, ask_approval, request, command)


def approve(sample: SampleDesk, approval: str) -> str:
    command = AnswerApproval(name="Ann")
    return sample.do_as(sample.supervisor, answer_approval, approval, command, "approved", "192.0.2.1")


def log(sample: SampleDesk, request: str, minutes: int, at: datetime, **given: Any) -> str:
    command = WorkGiven(minutes=minutes, worked_at=at, **given)
    return sample.do_as(sample.technician, log_work, request, command)


def at_once(acts: list[Act]) -> list[bool]:
    """Do all of these at once; whether each was done, or refused for want of an approval."""

    def done(act: Act) -> bool:
        try:
            act()
        except ApprovalRequired:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(done, acts))


def used(sample: SampleDesk) -> dict[str, int]:
    """The minutes that are used of each approval."""
    sums: dict[str, int] = {}
    for row in sample.rows(t.approval_use):
        sums[row.approval_id] = sums.get(row.approval_id, 0) + row.minutes
    return sums


def check_sound(sample: SampleDesk) -> None:
    """Every minute past the contract is approved or marked, no approval is overdrawn; a clean audit."""
    approved = {row.approval_id: row.minutes for row in sample.rows(t.approval_answer)}
    for approval, minutes in used(sample).items():
        assert 0 <= minutes <= approved[approval]
    by_entry: dict[str, int] = {}
    for row in sample.rows(t.approval_use):
        by_entry[row.work_entry_id] = by_entry.get(row.work_entry_id, 0) + row.minutes
    beyond: dict[str, int] = {}
    for row in sample.rows(t.work_allocation):
        if row.reversed_at is None and row.kind in REST_KINDS:
            beyond[row.work_entry_id] = beyond.get(row.work_entry_id, 0) + row.minutes
    for entry in sample.rows(t.work_entry):
        needed = beyond.get(entry.id, 0) if entry.deleted_at is None else 0
        marked = (entry.unapproved_minutes or 0) if entry.deleted_at is None else 0
        assert by_entry.get(entry.id, 0) + marked == needed
    assert sample.see(audit_desk).ok
    assert deadlocks(sample) == 0


def test_entries_at_once_use_an_approval_up_to_its_rest(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    approval = ask(sample, request, 60)
    approve(sample, approval)
    acts: list[Act] = [partial(log, sample, request, 15, sample.clock.now()) for _ in range(10)]
    assert sum(at_once(acts)) == 6
    assert used(sample) == {approval: 60}
    check_sound(sample)


@pytest.mark.parametrize("seed", range(3))
def test_late_entries_changes_and_answers_at_once(sample: SampleDesk, seed: int) -> None:
    sample.sell("support_hours", minutes=120)
    first, second = sample.log(), sample.log("Another one")
    start = sample.clock.now()
    sample.clock.move(hours=10)

    def at(minutes: int) -> datetime:
        return start + timedelta(minutes=minutes)

    urgent: dict[str, Any] = {"beyond_approval": "The server was down."}
    entries = [
        log(sample, request, 30, at(60 * hour), **urgent) for hour in (1, 3, 5) for request in (first, second)
    ]
    waiting = [ask(sample, request, 40) for request in (first, second, first, second)]
    acts: list[Act] = [partial(approve, sample, one) for one in waiting]
    acts += [partial(log, sample, first, 10, at(20 + place), **urgent) for place in range(3)]
    acts += [partial(log, sample, second, 10, at(130 + place), **urgent) for place in range(3)]
    acts += [partial(log, sample, request, 25, at(400)) for request in (first, second)]
    acts += [
        partial(
            sample.do_as, sample.technician, change_work, entry, ChangeWork(minutes=20 + 10 * place, **urgent)
        )
        for place, entry in enumerate(entries[:5])
    ]
    acts.append(partial(sample.do_as, sample.technician, delete_work, entries[5]))
    Random(seed).shuffle(acts)
    at_once(acts)
    check_sound(sample)

"""Work that cannot be logged: each mistake is named, and nothing of it is stored."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.errors import InvalidInput, StateForbids
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.work.use_cases import change_work, log_work, preview_change, preview_work

HOUR = timedelta(hours=1)
NOON = MONDAY.replace(hour=12)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"minutes": 0, "worked_at": NOON}, "greater than or equal to 1"),
        ({"minutes": -5, "worked_at": NOON}, "greater than or equal to 1"),
        ({"minutes": 2**31, "worked_at": NOON}, "less than or equal to 2147483647"),
        ({"started_at": NOON, "ended_at": NOON}, "The end must be after the start"),
        ({"started_at": NOON, "ended_at": NOON - HOUR}, "The end must be after the start"),
        ({"started_at": NOON}, "must both be given"),
        ({"minutes": 5}, "Give started_at and ended_at, or minutes and worked_at"),
        ({"minutes": 5, "worked_at": NOON, "started_at": NOON}, "not both"),
    ],
)
def test_lengths_that_no_work_has(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        WorkGiven(**given)


@pytest.mark.parametrize(
    ("given", "pointer", "words"),
    [
        ({"minutes": 5, "worked_at": NOON + 80 * HOUR}, "/worked_at", "Work cannot lie in the future"),
        ({"started_at": NOON, "ended_at": NOON + 80 * HOUR}, "/ended_at", "Work cannot end in the future"),
        ({"started_at": NOON, "ended_at": NOON + 30 * HOUR}, "/ended_at", "longer than 25 hours"),
        (
            {"started_at": NOON, "ended_at": NOON + 25 * HOUR + HOUR / 3600},
            "/ended_at",
            "longer than 25 hours",
        ),
        ({"minutes": 25 * 60 + 1, "worked_at": NOON}, "/minutes", "longer than 25 hours"),
        ({"minutes": 100_001, "worked_at": NOON}, "/minutes", "longer than 25 hours"),
    ],
)
def test_work_of_a_time_that_it_cannot_have(
    sample: SampleDesk, given: dict[str, Any], pointer: str, words: str
) -> None:
    sample.sell("support_hours", minutes=6_000)
    request = sample.log()
    sample.clock.at = NOON + 48 * HOUR
    command = WorkGiven(**given)
    for use_case, run in ((log_work, sample.do_as), (preview_work, sample.see_as)):
        with pytest.raises(InvalidInput, match=words) as refused:
            run(sample.technician, use_case, request, command)
        assert refused.value.values["pointer"] == pointer
    assert_nothing_stored(sample, request)
    sample.work_span(request, NOON, hours=24)
    [entry] = sample.entries(request)
    with pytest.raises(InvalidInput, match=words):
        sample.do_as(sample.technician, change_work, entry.id, ChangeWork(**given))
    assert sample.entries(request) == [entry]


def test_an_entry_that_was_longer_than_one_may_be_now(sample: SampleDesk) -> None:
    """An older program took it: everything but more time can be corrected, and time can be taken off."""
    contract = sample.sell("support_hours", minutes=6_000)
    request, other = sample.log(), sample.log()
    sample.clock.move(hours=80)
    sample.work(request, 24 * 60)
    [entry] = sample.entries(request)
    with sample.desk.write() as tx:
        tx.change(t.work_entry, entry.id, worked_minutes=1_800)
    for change in (
        ChangeWork(note="By phone"),
        ChangeWork(service_request=other),
        ChangeWork(minutes=1_700),
    ):
        sample.do_as(sample.technician, change_work, entry.id, change)
    [entry] = sample.entries(other)
    with pytest.raises(InvalidInput, match="longer than 25 hours"):
        sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=1_701))
    assert [grant.consumed for grant in sample.grants(contract)] == [1_700]


def test_a_correction_to_a_length_that_no_work_has(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=2)
    sample.work_span(request, MONDAY, minutes=60)
    [entry] = sample.entries(request)
    wrong = {
        "Give started_at and ended_at, or minutes and worked_at": ChangeWork(minutes=5),
        "not both": ChangeWork(minutes=5, worked_at=MONDAY, started_at=MONDAY),
        "The end must be after the start": ChangeWork(ended_at=MONDAY - HOUR),
    }
    for words, command in wrong.items():
        for use_case, run in ((change_work, sample.do_as), (preview_change, sample.see_as)):
            with pytest.raises(InvalidInput, match=words):
                run(sample.technician, use_case, entry.id, command)
    assert sample.entries(request) == [entry]


def test_work_from_before_the_contract_draws_nothing_of_it(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600, time_expired="ignore")
    request = sample.log()
    early = WorkGiven(started_at=MONDAY - 26 * HOUR, ended_at=MONDAY - 25 * HOUR)
    planned = sample.see_as(sample.technician, preview_work, request, early)
    assert [(piece.kind, piece.minutes) for piece in planned.slices] == [("ignored", 60)]
    assert sample.allocations(sample.do_as(sample.technician, log_work, request, early)) == [("ignored", 60)]
    assert [grant.consumed for grant in sample.grants(contract)] == [0]
    assert sample.see(audit_desk).ok


def test_work_on_a_closed_request(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 5)
    sample.fire(request, "resolve", note="Done")
    sample.fire(request, "close")
    [entry] = sample.entries(request)
    with pytest.raises(StateForbids, match=r"Work cannot be logged on .*: it is closed"):
        sample.work(request, 10)
    assert sample.entries(request) == [entry]


def assert_nothing_stored(sample: SampleDesk, request: str) -> None:
    assert sample.entries(request) == []
    assert sample.rows(t.work_allocation) == []
    assert sample.request(request).worked_minutes == 0

"""Work that is rounded together: what is logged late, changed or deleted changes what the others draw."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.rounding import RoundingTerms
from workflows.commands.service_requests import SearchCoverage
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.errors import InvalidInput, NotAllowed, NotFound
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t
from workflows.work.queries import preview_view
from workflows.work.use_cases import change_work, delete_work, log_work, preview_change, preview_work

QUARTERS = {"increment_minutes": 15, "scope": "service_request_day"}
BY_REQUEST = RoundingTerms(increment_minutes=30, scope="service_request")


def charged(sample: SampleDesk, request: str) -> list[int]:
    """The chargeable minutes of the entries, in the order in which they were worked."""
    rows = [row for row in sample.entries(request) if row.deleted_at is None]
    return [
        row.chargeable_minutes
        for row in sorted(rows, key=lambda row: (row.started_at, row.created_at, row.id))
    ]


def drawn(sample: SampleDesk, contract: str) -> int:
    return sum(grant.consumed for grant in sample.grants(contract))


def entry_of(sample: SampleDesk, request: str, minutes: int) -> Any:
    [entry] = [row for row in sample.entries(request) if row.worked_minutes == minutes]
    return entry


def later(hours: int) -> Any:
    return MONDAY + timedelta(hours=hours)


@pytest.mark.parametrize("order", list(permutations([(1, 5), (2, 6), (3, 20)])))
def test_any_order_of_logging_draws_the_same(sample: SampleDesk, order: Any) -> None:
    sample.set(rounding=QUARTERS)
    hours = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=4)
    for at, minutes in order:
        sample.work(request, minutes, at=later(at))
    assert charged(sample, request) == [15, 0, 30]
    assert drawn(sample, hours) == 45
    assert sample.request(request).chargeable_minutes == 45
    assert sample.see(audit_desk).ok


def test_an_entry_that_is_deleted_or_changed_charges_the_others_again(sample: SampleDesk) -> None:
    sample.set(rounding=QUARTERS)
    hours = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=4)
    for at, minutes in ((1, 5), (2, 6), (3, 20)):
        sample.work(request, minutes, at=later(at))
    first = entry_of(sample, request, 5)
    sample.do_as(sample.technician, change_work, first.id, ChangeWork(minutes=16))
    assert charged(sample, request) == [30, 0, 15]
    sample.do_as(sample.technician, change_work, first.id, ChangeWork(billable=False))
    assert charged(sample, request) == [0, 15, 15]
    sample.do_as(sample.technician, delete_work, entry_of(sample, request, 6).id)
    assert charged(sample, request) == [0, 30]
    assert (drawn(sample, hours), sample.request(request).chargeable_minutes) == (30, 30)
    trail = [row.action for row in sample.rows(t.audit_event, subject_kind="work_entry")]
    assert "charged again" in trail
    assert sample.see(audit_desk).ok


def split(slices: Any) -> list[tuple[str, int]]:
    return [(one.kind, one.minutes) for one in slices]


def test_the_preview_shows_the_entries_that_are_charged_again(sample: SampleDesk) -> None:
    """A late entry of 5 minutes takes the quarter of an hour; the one of 6 minutes then takes none."""
    sample.set(rounding=QUARTERS)
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=4)
    sample.work(request, 6, at=later(2))
    [other] = sample.entries(request)
    command = WorkGiven(minutes=5, worked_at=later(1))
    planned = sample.see_as(sample.technician, preview_work, request, command)
    assert split(planned.slices) == [("grant", 15)]
    [moved] = planned.moved
    assert (moved.entry, split(moved.before), split(moved.after)) == (other.id, [("grant", 15)], [])
    entry = sample.do_as(sample.technician, log_work, request, command)
    assert (sample.allocations(entry), sample.allocations(other.id)) == ([("grant", 15)], [])


def test_the_preview_of_a_correction_is_what_it_does(sample: SampleDesk) -> None:
    """The entry of 5 minutes becomes one of 16, in a contract of 40: the later entries lack what it takes."""
    sample.set(rounding=QUARTERS)
    hours = sample.sell("support_hours", minutes=40, time_expired="ignore")
    request, elsewhere = sample.log(), sample.log()
    sample.clock.move(hours=5)
    for at, minutes in ((1, 5), (2, 6)):
        sample.work(request, minutes, at=later(at))
    sample.work(elsewhere, 20, at=later(3))
    first, change = entry_of(sample, request, 5), ChangeWork(minutes=16)
    [lacking] = sample.entries(elsewhere)
    shown = sample.see_as(
        sample.technician, lambda tx: preview_view(tx, preview_change(tx, first.id, change))
    )
    assert (split(shown.allocations), shown.leaves) == ([("grant", 30)], {hours: 0})
    assert [(one.id, split(one.after)) for one in shown.moves] == [
        (lacking.id, [("grant", 10), ("ignored", 20)])
    ]
    assert {row.version for row in sample.entries(request)} == {1}
    sample.do_as(sample.technician, change_work, first.id, change)
    assert sample.allocations(first.id) == [("grant", 30)]
    assert sample.allocations(lacking.id) == [("grant", 10), ("ignored", 20)]
    assert sample.see(audit_desk).ok


def test_the_preview_of_a_correction_is_refused_as_the_correction_is(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=40)
    request = sample.log()
    sample.work(request, 5)
    [entry] = sample.entries(request)
    future = ChangeWork(worked_at=sample.clock.now() + timedelta(hours=1))
    for use_case, run in ((change_work, sample.do_as), (preview_change, sample.see_as)):
        with pytest.raises(InvalidInput, match="Work cannot lie in the future"):
            run(sample.technician, use_case, entry.id, future)
        with pytest.raises(NotFound):
            run(sample.technician, use_case, "no-such-entry", future)
        with pytest.raises(NotAllowed):
            run(sample.finance, use_case, entry.id, future)


def test_what_moves_to_another_day_is_rounded_with_the_work_of_that_day(sample: SampleDesk) -> None:
    sample.set(rounding=QUARTERS)
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=2)
    for at, minutes in ((1, 5), (2, 6), (25, 7)):
        sample.work(request, minutes, at=later(at))
    assert charged(sample, request) == [15, 0, 15]
    moved = ChangeWork(worked_at=later(24))
    sample.do_as(sample.technician, change_work, entry_of(sample, request, 5).id, moved)
    assert charged(sample, request) == [15, 15, 0]


def test_entries_charged_alone_are_not_touched(sample: SampleDesk) -> None:
    sample.set(rounding={"increment_minutes": 15})
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=4)
    sample.work(request, 20, at=later(3))
    sample.work(request, 5, at=later(1))
    assert charged(sample, request) == [15, 30]
    assert not sample.request(request).rounds_together
    assert {row.version for row in sample.entries(request)} == {1}


def test_the_rounding_of_the_contract_comes_before_that_of_the_settings(sample: SampleDesk) -> None:
    sample.set(rounding={"increment_minutes": 10})
    hours = sample.sell("support_hours", minutes=600, rounding=BY_REQUEST)
    request = sample.log()
    sample.clock.move(hours=4)
    sample.work(request, 5, at=later(2))
    command = WorkGiven(minutes=7, worked_at=later(3))
    shown = sample.see_as(sample.technician, lambda tx: preview_view(tx, preview_work(tx, request, command)))
    assert shown.chargeable_minutes == 0
    sample.work(request, 7, at=later(1))
    assert charged(sample, request) == [30, 0]
    assert drawn(sample, hours) == 30


@pytest.mark.parametrize("order", list(permutations(["5", "7", "assign"])))
def test_an_assignment_from_an_earlier_instant_rounds_as_its_contract_says(
    sample: SampleDesk, order: tuple[str, ...]
) -> None:
    """By tens under the first contract, by half hours of the whole request under the second one."""
    sample.set(rounding={"increment_minutes": 10})
    first = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=2)
    other = sample.sell("support_hours", minutes=600, to=("org_unit", sample.site), rounding=BY_REQUEST)
    assign = SearchCoverage.model_validate(
        {"contract": other, "reason": "Agreed", "from": MONDAY + timedelta(hours=1)}
    )
    sample.clock.move(hours=3)
    for step in order:
        if step == "assign":
            sample.do_as(sample.supervisor, search_or_assign, request, assign)
        else:
            sample.work(request, int(step), at=later(2 if step == "5" else 3))
    assert charged(sample, request) == [30, 0]
    assert (drawn(sample, first), drawn(sample, other)) == (0, 30)
    assert sample.request(request).chargeable_minutes == 30
    assert sample.see(audit_desk).ok


def test_an_entry_that_moves_to_another_contract_is_rounded_as_that_one_says(sample: SampleDesk) -> None:
    sample.set(rounding={"increment_minutes": 10})
    sample.sell("support_hours", minutes=600, rounding=BY_REQUEST)
    request = sample.log()
    sample.clock.move(hours=2)
    other = sample.sell("support_hours", minutes=600, to=("org_unit", sample.site))
    sample.do_as(
        sample.supervisor, search_or_assign, request, SearchCoverage(contract=other, reason="Agreed")
    )
    sample.clock.move(hours=2)
    sample.work(request, 5, at=later(1))
    sample.work(request, 7, at=later(3))
    assert charged(sample, request) == [30, 10]
    moved = ChangeWork(worked_at=later(3))
    sample.do_as(sample.technician, change_work, entry_of(sample, request, 5).id, moved)
    assert charged(sample, request) == [10, 10]

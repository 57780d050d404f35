"""Work is charged by what held when it was worked, whenever it is recorded."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.work.test_segments import ALWAYS, charging
from workflows.administration.activation import activate_billing
from workflows.administration.settings import change_settings
from workflows.commands.administration import ActivateBilling
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.commands.work import ChangeWork, RecalculateWork, WorkGiven
from workflows.service_requests.use_cases import change_service_request
from workflows.users.accounts import ChangeUser, change_user
from workflows.work.queries import preview_view
from workflows.work.recalculation import recalculate_work
from workflows.work.use_cases import change_work, log_work, preview_work

BEFORE, CHANGED, AFTER = MONDAY, MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=2)
IN_QUARTERS = {"rounding": {"increment_minutes": 15}}


@pytest.fixture
def desk(sample: SampleDesk) -> SampleDesk:
    """A desk that has recorded work: what is set from now on does not hold for earlier work."""
    sample.sell("support_hours", minutes=6_000)
    sample.work(sample.log(), 1, at=MONDAY)
    return sample


def minutes_at(desk: SampleDesk, at: datetime, minutes: int = 7, **given: Any) -> int:
    """The chargeable minutes of an entry that is recorded now, on a request of its own."""
    request = desk.log()
    desk.work(request, minutes, at=at, **given)
    return int(desk.entries(request)[0].chargeable_minutes)


def set_in_quarters(desk: SampleDesk) -> None:
    desk.clock.at = CHANGED
    desk.do(change_settings, IN_QUARTERS)
    desk.clock.at = AFTER


def test_late_work_is_rounded_by_the_setting_of_its_instant(desk: SampleDesk) -> None:
    in_time = minutes_at(desk, BEFORE)
    set_in_quarters(desk)
    late = [minutes_at(desk, at) for at in (BEFORE, CHANGED - timedelta(seconds=1), CHANGED, AFTER)]
    assert (in_time, late) == (7, [7, 7, 15, 15])


def test_each_of_several_changes_holds_until_the_next(desk: SampleDesk) -> None:
    for hour, increment in ((1, 15), (2, 30), (3, 1)):
        desk.clock.at = MONDAY + timedelta(hours=hour)
        desk.do(change_settings, {"rounding": {"increment_minutes": increment}})
    desk.clock.at = MONDAY + timedelta(hours=4)
    half_past = [MONDAY + timedelta(hours=hour, minutes=30) for hour in range(4)]
    assert [minutes_at(desk, at) for at in half_past] == [7, 15, 30, 7]


def test_what_is_set_before_the_first_entry_holds_for_earlier_work(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=6_000)
    set_in_quarters(sample)
    assert minutes_at(sample, BEFORE) == 15


def test_late_work_has_the_percentage_of_its_instant(desk: SampleDesk) -> None:
    before = desk.see(lambda tx: tx.rules.version)
    desk.clock.at = CHANGED
    desk.publish_rules(charging=charging((ALWAYS, 150)))
    desk.clock.at = AFTER
    request = desk.log()
    desk.work(request, 60, at=BEFORE)
    desk.work(request, 60, at=AFTER)
    entries = {entry.started_at: entry for entry in desk.entries(request)}
    assert (entries[BEFORE].chargeable_minutes, entries[AFTER].chargeable_minutes) == (60, 90)
    assert entries[BEFORE].charged_by["rule_set"] == before


def test_late_work_has_the_role_of_its_instant(desk: SampleDesk) -> None:
    by_role = {"all": [{"name": "role", "operator": "equal_to", "value": "supervisor"}]}
    desk.clock.at = MONDAY - timedelta(hours=1)
    desk.publish_rules(charging=charging((by_role, 200)))
    desk.clock.at = CHANGED
    desk.do(change_user, str(desk.technician.id), ChangeUser(role="supervisor"))
    desk.clock.at = AFTER
    request, promoted = desk.log(), replace(desk.technician, role="supervisor")
    for at in (BEFORE, AFTER):
        desk.do_as(promoted, log_work, request, WorkGiven(minutes=10, worked_at=at))
    entries = {entry.started_at: entry for entry in desk.entries(request)}
    assert [entries[at].charged_by["role"] for at in (BEFORE, AFTER)] == ["technician", "supervisor"]
    assert [entries[at].chargeable_minutes for at in (BEFORE, AFTER)] == [10, 20]


def test_late_work_has_the_priority_and_work_type_that_its_request_had_then(desk: SampleDesk) -> None:
    urgent = {"all": [{"name": "priority", "operator": "equal_to", "value": "critical"}]}
    on_site = {"all": [{"name": "work_type", "operator": "equal_to", "value": "on_site"}]}
    desk.clock.at = MONDAY - timedelta(hours=1)
    desk.publish_rules(charging=charging((urgent, 200), (on_site, 150)))
    desk.clock.at = BEFORE
    request = desk.log(work_type="on_site")
    for hours, change in ((1, {"work_type": None}), (2, {"priority": "critical"}), (3, {"subject": "Other"})):
        desk.clock.at = MONDAY + timedelta(hours=hours)
        wanted = ChangeServiceRequest.model_validate(change)
        desk.do_as(desk.technician, change_service_request, request, wanted)
    desk.clock.at = MONDAY + timedelta(hours=4)
    half_past = [MONDAY + timedelta(minutes=30, hours=hour) for hour in range(4)]
    for at in reversed(half_past):
        desk.work(request, 10, at=at)

    def charged() -> list[int]:
        entries = sorted(desk.entries(request), key=lambda entry: entry.started_at)
        return [entry.chargeable_minutes for entry in entries]

    assert charged() == [15, 10, 20, 20]
    last = max(desk.entries(request), key=lambda entry: entry.started_at)
    command = ChangeWork(minutes=10, worked_at=half_past[1] + timedelta(minutes=1))
    desk.do_as(desk.technician, change_work, last.id, command)
    assert charged() == [15, 10, 10, 20]


def test_late_work_is_drawn_where_contracts_were_on_at_its_instant(desk: SampleDesk) -> None:
    request = desk.log()
    desk.clock.at = CHANGED
    desk.do(change_settings, {"contracts": False})
    desk.clock.at = AFTER
    assert desk.work(request, 10, at=BEFORE) == [("grant", 10)]
    assert desk.work(request, 10, at=CHANGED) == []
    desk.do(activate_billing, ActivateBilling())
    assert desk.work(request, 10, at=CHANGED) == []
    assert desk.work(request, 10, at=AFTER) == [("grant", 10)]


def test_late_work_cascades_as_was_set_at_its_instant(desk: SampleDesk) -> None:
    desk.set(cascade=True)
    desk.sell("support_hours", minutes=60)
    spent = desk.log()
    for minutes in (4 * [24 * 60]) + [5_999 - 4 * 24 * 60]:
        desk.work(spent, minutes, at=BEFORE)
    desk.clock.at = CHANGED
    desk.do(change_settings, {"cascade": False})
    desk.clock.at = AFTER
    assert desk.work(spent, 10, at=BEFORE) == [("grant", 10)]
    assert desk.work(spent, 10, at=AFTER) == [("carried", 10)]


def test_an_entry_that_moves_over_a_change_is_charged_as_if_it_had_been_recorded_there(
    desk: SampleDesk,
) -> None:
    set_in_quarters(desk)
    request = desk.log()
    desk.work(request, 7, at=AFTER)
    [entry] = desk.entries(request)
    for at, minutes in ((BEFORE, 7), (CHANGED, 15), (BEFORE, 7)):
        desk.do_as(desk.technician, change_work, entry.id, ChangeWork(minutes=7, worked_at=at))
        assert desk.entries(request)[0].chargeable_minutes == minutes


def test_a_note_moves_no_minute_and_charging_again_is_by_today(desk: SampleDesk) -> None:
    set_in_quarters(desk)
    request = desk.log()
    desk.work(request, 7, at=BEFORE)
    [entry] = desk.entries(request)
    desk.do_as(desk.supervisor, change_work, entry.id, ChangeWork(note="On the phone"))
    assert desk.entries(request)[0].chargeable_minutes == 7
    desk.do_as(desk.supervisor, recalculate_work, request, RecalculateWork(reason="Agreed"))
    assert desk.entries(request)[0].chargeable_minutes == 15


def test_the_preview_names_what_has_changed_since(desk: SampleDesk) -> None:
    set_in_quarters(desk)
    desk.publish_rules(charging=charging((ALWAYS, 150)))
    request = desk.log()

    def changed(at: datetime) -> list[str]:
        given = WorkGiven(minutes=7, worked_at=at)
        preview = desk.see_as(desk.technician, lambda tx: preview_view(tx, preview_work(tx, request, given)))
        return list(preview.changed_since)

    assert changed(BEFORE) == ["rules", "rounding"]
    assert changed(CHANGED) == ["rules"]
    assert changed(AFTER) == []


def test_a_change_that_seems_to_lie_ahead_holds_already(desk: SampleDesk) -> None:
    set_in_quarters(desk)
    desk.clock.at = MONDAY + timedelta(minutes=30)  # the clock was set back
    assert minutes_at(desk, BEFORE) == 15

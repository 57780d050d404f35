"""A change of a work entry charges again only what was changed, by the terms stored with the entry."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.service_requests import ChangeServiceRequest, SearchCoverage
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.actors import Actor
from workflows.core.errors import InvalidInput
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import change_service_request, search_or_assign
from workflows.store import tables as t
from workflows.work.use_cases import change_work, delete_work, log_work

PHASES = (Phase.generate,)
"""Not shrunk: the desk is shared by all examples, which makes that slow."""
LEDGER = (t.ledger_transaction, t.ledger_posting, t.work_allocation, t.grant_balance, t.carried_balance)


def charging(**percents: int) -> str:
    """Charging rules by role, such as `administrator=200`."""
    rules = [
        {
            "id": f"by_{role}",
            "why": f"Work of the {role}",
            "conditions": {"all": [{"name": "role", "operator": "equal_to", "value": role}]},
            "actions": [{"name": "charge_percent", "params": {"percent": percent}}],
        }
        for role, percent in percents.items()
    ]
    return json.dumps({"name": "By role", "rules": rules, "examples": []})


def ledger(sample: SampleDesk) -> list[Any]:
    return [sorted(map(tuple, sample.rows(table)), key=repr) for table in LEDGER]


def assign(sample: SampleDesk, request: str, contract: str) -> None:
    command = SearchCoverage(contract=contract, reason="Agreed")
    sample.do_as(sample.supervisor, search_or_assign, request, command)


def the_entry(sample: SampleDesk, request: str) -> Any:
    [entry] = sample.entries(request)
    return entry


def test_a_note_by_someone_with_another_role_moves_no_minute(sample: SampleDesk) -> None:
    sample.publish_rules(charging=charging(administrator=200))
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 60)
    before = ledger(sample)
    sample.do_as(
        sample.administrator, change_work, the_entry(sample, request).id, ChangeWork(note="By phone")
    )
    entry = the_entry(sample, request)
    assert (entry.note, entry.chargeable_minutes, entry.version) == ("By phone", 60, 2)
    assert ledger(sample) == before


def test_other_minutes_are_charged_by_the_role_of_who_worked(sample: SampleDesk) -> None:
    sample.publish_rules(charging=charging(administrator=200, technician=50))
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 60)
    sample.publish_rules(charging=charging(administrator=300, technician=400))
    sample.do_as(sample.administrator, change_work, the_entry(sample, request).id, ChangeWork(minutes=40))
    assert the_entry(sample, request).chargeable_minutes == 20


def test_other_minutes_are_rounded_as_the_entry_was(sample: SampleDesk) -> None:
    sample.set(rounding={"increment_minutes": 15})
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 7)
    entry = the_entry(sample, request)
    assert entry.chargeable_minutes == 15
    sample.set(rounding={"increment_minutes": 1}, time_expired_contract="ignore")
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(note="Longer than thought"))
    assert the_entry(sample, request).chargeable_minutes == 15
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=20))
    assert the_entry(sample, request).chargeable_minutes == 30


def test_rounding_by_the_day_keeps_the_place_of_an_entry(sample: SampleDesk) -> None:
    sample.set(rounding={"increment_minutes": 15, "scope": "service_request_day"})
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    for _ in range(2):
        sample.work(request, 5)
        sample.clock.move(minutes=1)
    first, second = sorted(sample.entries(request), key=lambda row: row.id)
    assert (first.chargeable_minutes, second.chargeable_minutes) == (15, 0)
    sample.do_as(sample.technician, change_work, first.id, ChangeWork(minutes=6))
    sample.do_as(sample.technician, change_work, second.id, ChangeWork(note="Again"))
    entries = sorted(sample.entries(request), key=lambda row: row.id)
    assert [row.chargeable_minutes for row in entries] == [15, 0]


@pytest.mark.parametrize("change", [{"note": "By phone"}, {"minutes": 50}])
def test_the_contract_that_covered_it_then_still_pays(sample: SampleDesk, change: dict[str, Any]) -> None:
    hours = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 60)
    other = sample.sell("support_hours", minutes=600, to=("org_unit", sample.site))
    # also at the very same instant
    assign(sample, request, other)
    sample.do_as(sample.supervisor, change_work, the_entry(sample, request).id, ChangeWork(**change))
    minutes = change.get("minutes", 60)
    assert [grant.available for grant in sample.grants(hours)] == [600 - minutes]
    assert [grant.available for grant in sample.grants(other)] == [600]


def test_an_entry_that_is_moved_in_time_is_paid_by_the_coverage_then(sample: SampleDesk) -> None:
    first = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=1)
    second = sample.sell("support_hours", minutes=600, to=("org_unit", sample.site))
    assign(sample, request, second)
    sample.clock.move(hours=1)
    sample.work(request, 60)
    assert [grant.available for grant in sample.grants(second)] == [540]
    moved = ChangeWork(worked_at=MONDAY + timedelta(minutes=30))
    sample.do_as(sample.technician, change_work, the_entry(sample, request).id, moved)
    assert [grant.available for grant in sample.grants(second)] == [600]
    assert [grant.available for grant in sample.grants(first)] == [540]


def test_an_entry_logged_late_or_again_is_paid_by_the_coverage_then(sample: SampleDesk) -> None:
    first = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 60)
    sample.clock.move(hours=1)
    second = sample.sell("support_hours", minutes=600, to=("org_unit", sample.site))
    assign(sample, request, second)
    sample.do_as(sample.supervisor, delete_work, the_entry(sample, request).id)
    sample.work(request, 60, at=MONDAY)
    assert [grant.available for grant in sample.grants(first)] == [540]
    assert [grant.available for grant in sample.grants(second)] == [600]


def test_a_request_that_waited_is_covered_from_its_logging(sample: SampleDesk) -> None:
    request = sample.log()
    sample.clock.move(hours=1)
    hours = sample.sell("support_hours", minutes=600)
    sample.work(request, 30, at=MONDAY + timedelta(minutes=10))
    assert [grant.available for grant in sample.grants(hours)] == [570]


def test_work_before_the_first_search_of_an_old_request_draws_nothing(sample: SampleDesk) -> None:
    sample.set(contracts=False)
    request = sample.log()
    assert sample.work(request, 30) == []
    sample.set(contracts=True)
    sample.clock.move(hours=1)
    hours = sample.sell("support_hours", minutes=600)
    sample.do(search_or_assign, request, SearchCoverage())
    entry = the_entry(sample, request)
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=40, note="Longer"))
    assert [grant.available for grant in sample.grants(hours)] == [600]
    assert the_entry(sample, request).worked_minutes == 40


def test_without_a_change_the_entry_stays_as_it_is(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work_span(request, MONDAY - timedelta(minutes=30), minutes=20)
    before, entry = ledger(sample), the_entry(sample, request)
    same = ChangeWork(started_at=entry.started_at, ended_at=entry.ended_at, billable=True, work_type=None)
    sample.do_as(sample.supervisor, change_work, entry.id, same)
    assert the_entry(sample, request) == entry
    assert ledger(sample) == before


def test_an_entry_of_an_older_program_is_charged_by_the_role_of_who_worked(sample: SampleDesk) -> None:
    sample.publish_rules(charging=charging(administrator=200))
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 60)
    entry = the_entry(sample, request)
    with sample.desk.write() as tx:
        tx.change(t.work_entry, entry.id, charged_by=None)
    sample.do_as(sample.administrator, change_work, entry.id, ChangeWork(minutes=40))
    assert the_entry(sample, request).chargeable_minutes == 40


# ------------------------------------------------------------------ any edit after any change

roles = st.sampled_from(["administrator", "supervisor", "technician"])
changes = st.sampled_from(["rounding", "scope", "policy", "cascade", "rules", "cover", "priority", "later"])
edits = st.sampled_from(["note", "same", "nothing", "minutes"])


def make_change(sample: SampleDesk, what: str, request: str, contracts: list[str], number: int) -> None:
    if what == "rounding":
        sample.set(rounding={"increment_minutes": 7 + number % 40})
    elif what == "scope":
        sample.set(rounding={"increment_minutes": 30, "scope": "service_request_day"})
    elif what == "policy":
        sample.set(time_expired_contract=["ignore", "rollover"][number % 2])
    elif what == "cascade":
        sample.set(cascade=bool(number % 2))
    elif what == "rules":
        percents = {"administrator": 110 + number, "technician": 100 + number, "supervisor": 90}
        sample.publish_rules(charging=charging(**percents))
    elif what == "cover":
        assign(sample, request, contracts[number % len(contracts)])
    elif what == "priority":
        command = ChangeServiceRequest(priority="low" if number % 2 else "high")
        sample.do_as(sample.technician, change_service_request, request, command)
    else:
        sample.clock.move(hours=1)


def same_entry(entry: Any) -> dict[str, Any]:
    if entry.ended_at is not None:
        return {"started_at": entry.started_at, "ended_at": entry.ended_at}
    return {"minutes": entry.worked_minutes, "worked_at": entry.started_at}


def test_no_edit_that_changes_no_time_moves_a_minute(sample: SampleDesk) -> None:
    """Random changes of settings, rules and coverage, then edits by anybody."""
    small = sample.sell("support_hours", minutes=50)
    contracts = [small, sample.sell("support_hours", minutes=100_000, to=("org_unit", sample.site))]

    @settings(max_examples=25, deadline=None, phases=PHASES)
    @given(
        st.lists(st.tuples(changes, st.integers(0, 30)), max_size=4),
        st.lists(st.tuples(roles, edits, st.integers(1, 90)), min_size=1, max_size=4),
        st.integers(1, 120),
        st.booleans(),
    )
    def check(
        changed: list[tuple[str, int]], edited: list[tuple[str, str, int]], minutes: int, span: bool
    ) -> None:
        sample.clock.move(hours=3)
        request = sample.log()
        command = WorkGiven(minutes=minutes, worked_at=sample.clock.now(), work_type="remote", note="First")
        if span:
            start = sample.clock.now() - timedelta(minutes=minutes)
            command = WorkGiven(started_at=start, ended_at=sample.clock.now(), note="First")
        entry_id = sample.do_as(sample.technician, log_work, request, command)
        for what, number in changed:
            make_change(sample, what, request, contracts, number)
        for role, edit, number in edited:
            entry = the_entry(sample, request)
            before = ledger(sample)
            given = {
                "note": {"note": f"Note {number}"},
                "same": {**same_entry(entry), "billable": entry.billable, "note": f"Note {number}"},
                "nothing": {},
                "minutes": {**same_entry(entry), "work_type": entry.work_type},
            }[edit]
            actor: Actor = getattr(sample, role)
            sample.do_as(actor, change_work, entry_id, ChangeWork(**given))
            after = the_entry(sample, request)
            assert ledger(sample) == before
            assert after.chargeable_minutes == entry.chargeable_minutes
            assert after.charged_by == entry.charged_by

    check()
    assert sample.see(audit_desk).ok


def test_why_work_is_not_billable_is_stored_with_it_and_moves_no_minute(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request, other = sample.log(), sample.log()
    sample.work(request, 60, billable=False, not_billable_reason="Goodwill")
    entry = the_entry(sample, request)
    before = ledger(sample)
    change(sample, entry, not_billable_reason="Our own mistake")
    change(sample, entry, service_request=other, note="By phone")
    entry = the_entry(sample, other)
    assert (entry.billable, entry.not_billable_reason) == (False, "Our own mistake")
    assert ledger(sample) == before
    audited = sample.rows(t.audit_event, subject_kind="work_entry", subject_id=entry.id)
    first = min(audited, key=lambda row: row.id)
    assert first.details["before"]["not_billable_reason"] == "Goodwill"
    with pytest.raises(InvalidInput, match="The work is billable") as refused:
        change(sample, entry, billable=True, not_billable_reason="Goodwill")
    assert refused.value.values["pointer"] == "/not_billable_reason"
    change(sample, entry, billable=True)
    assert the_entry(sample, other).not_billable_reason is None
    assert the_entry(sample, other).chargeable_minutes == 60
    with pytest.raises(InvalidInput, match="The work is billable"):
        change(sample, entry, not_billable_reason="Goodwill")
    change(sample, entry, billable=False)
    assert (the_entry(sample, other).not_billable_reason, sample.see(audit_desk).ok) == (None, True)


def change(sample: SampleDesk, entry: Any, **values: Any) -> None:
    sample.do_as(sample.supervisor, change_work, entry.id, ChangeWork(**values))

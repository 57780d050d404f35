"""A change of a work entry charges again only what was changed, by the terms stored with the entry."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.office import MONDAY, Office
from workflows.commands.service_requests import ChangeServiceRequest, SearchCoverage
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.actors import Actor
from workflows.ledger.audit import audit_ledger
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


def ledger(office: Office) -> list[Any]:
    return [sorted(map(tuple, office.rows(table)), key=repr) for table in LEDGER]


def assign(office: Office, request: str, contract: str) -> None:
    command = SearchCoverage(contract=contract, reason="Agreed")
    office.do_as(office.supervisor, search_or_assign, request, command)


def the_entry(office: Office, request: str) -> Any:
    [entry] = office.entries(request)
    return entry


def test_a_note_by_someone_with_another_role_moves_no_minute(office: Office) -> None:
    office.publish_rules(charging=charging(administrator=200))
    office.sell("support_hours", minutes=600)
    request = office.log()
    office.work(request, 60)
    before = ledger(office)
    office.do_as(
        office.administrator, change_work, the_entry(office, request).id, ChangeWork(note="By phone")
    )
    entry = the_entry(office, request)
    assert (entry.note, entry.chargeable_minutes, entry.version) == ("By phone", 60, 2)
    assert ledger(office) == before


def test_other_minutes_are_charged_by_the_role_of_who_worked(office: Office) -> None:
    office.publish_rules(charging=charging(administrator=200, technician=50))
    office.sell("support_hours", minutes=600)
    request = office.log()
    office.work(request, 60)
    office.publish_rules(charging=charging(administrator=300, technician=400))
    office.do_as(office.administrator, change_work, the_entry(office, request).id, ChangeWork(minutes=40))
    assert the_entry(office, request).chargeable_minutes == 20


def test_other_minutes_are_rounded_as_the_entry_was(office: Office) -> None:
    office.set(rounding={"increment_minutes": 15})
    office.sell("support_hours", minutes=600)
    request = office.log()
    office.work(request, 7)
    entry = the_entry(office, request)
    assert entry.chargeable_minutes == 15
    office.set(rounding={"increment_minutes": 1}, time_expired_contract="ignore")
    office.do_as(office.technician, change_work, entry.id, ChangeWork(note="Longer than thought"))
    assert the_entry(office, request).chargeable_minutes == 15
    office.do_as(office.technician, change_work, entry.id, ChangeWork(minutes=20))
    assert the_entry(office, request).chargeable_minutes == 30


def test_rounding_by_the_day_keeps_the_place_of_an_entry(office: Office) -> None:
    office.set(rounding={"increment_minutes": 15, "scope": "service_request_day"})
    office.sell("support_hours", minutes=600)
    request = office.log()
    for _ in range(2):
        office.work(request, 5)
        office.clock.move(minutes=1)
    first, second = sorted(office.entries(request), key=lambda row: row.id)
    assert (first.chargeable_minutes, second.chargeable_minutes) == (15, 0)
    office.do_as(office.technician, change_work, first.id, ChangeWork(minutes=6))
    office.do_as(office.technician, change_work, second.id, ChangeWork(note="Again"))
    entries = sorted(office.entries(request), key=lambda row: row.id)
    assert [row.chargeable_minutes for row in entries] == [15, 0]


@pytest.mark.parametrize("change", [{"note": "By phone"}, {"minutes": 50}])
def test_the_contract_that_covered_it_then_still_pays(office: Office, change: dict[str, Any]) -> None:
    hours = office.sell("support_hours", minutes=600)
    request = office.log()
    office.work(request, 60)
    other = office.sell("support_hours", minutes=600, to=("org_unit", office.site))
    # also at the very same instant
    assign(office, request, other)
    office.do_as(office.supervisor, change_work, the_entry(office, request).id, ChangeWork(**change))
    minutes = change.get("minutes", 60)
    assert [grant.available for grant in office.grants(hours)] == [600 - minutes]
    assert [grant.available for grant in office.grants(other)] == [600]


def test_an_entry_that_is_moved_in_time_is_paid_by_the_coverage_then(office: Office) -> None:
    first = office.sell("support_hours", minutes=600)
    request = office.log()
    office.clock.move(hours=1)
    second = office.sell("support_hours", minutes=600, to=("org_unit", office.site))
    assign(office, request, second)
    office.clock.move(hours=1)
    office.work(request, 60)
    assert [grant.available for grant in office.grants(second)] == [540]
    moved = ChangeWork(worked_at=MONDAY + timedelta(minutes=30))
    office.do_as(office.technician, change_work, the_entry(office, request).id, moved)
    assert [grant.available for grant in office.grants(second)] == [600]
    assert [grant.available for grant in office.grants(first)] == [540]


def test_an_entry_logged_late_or_again_is_paid_by_the_coverage_then(office: Office) -> None:
    first = office.sell("support_hours", minutes=600)
    request = office.log()
    office.work(request, 60)
    office.clock.move(hours=1)
    second = office.sell("support_hours", minutes=600, to=("org_unit", office.site))
    assign(office, request, second)
    office.do_as(office.supervisor, delete_work, the_entry(office, request).id)
    office.work(request, 60, at=MONDAY)
    assert [grant.available for grant in office.grants(first)] == [540]
    assert [grant.available for grant in office.grants(second)] == [600]


def test_a_request_that_waited_is_covered_from_its_logging(office: Office) -> None:
    request = office.log()
    office.clock.move(hours=1)
    hours = office.sell("support_hours", minutes=600)
    office.work(request, 30, at=MONDAY + timedelta(minutes=10))
    assert [grant.available for grant in office.grants(hours)] == [570]


def test_work_before_the_first_search_of_an_old_request_draws_nothing(office: Office) -> None:
    office.set(contracts=False)
    request = office.log()
    assert office.work(request, 30) == []
    office.set(contracts=True)
    office.clock.move(hours=1)
    hours = office.sell("support_hours", minutes=600)
    office.do(search_or_assign, request, SearchCoverage())
    entry = the_entry(office, request)
    office.do_as(office.technician, change_work, entry.id, ChangeWork(minutes=40, note="Longer"))
    assert [grant.available for grant in office.grants(hours)] == [600]
    assert the_entry(office, request).worked_minutes == 40


def test_without_a_change_the_entry_stays_as_it_is(office: Office) -> None:
    office.sell("support_hours", minutes=600)
    request = office.log()
    office.work_span(request, MONDAY - timedelta(minutes=30), minutes=20)
    before, entry = ledger(office), the_entry(office, request)
    same = ChangeWork(started_at=entry.started_at, ended_at=entry.ended_at, billable=True, work_type=None)
    office.do_as(office.supervisor, change_work, entry.id, same)
    assert the_entry(office, request) == entry
    assert ledger(office) == before


def test_an_entry_of_an_older_program_is_charged_by_the_role_of_who_worked(office: Office) -> None:
    office.publish_rules(charging=charging(administrator=200))
    office.sell("support_hours", minutes=600)
    request = office.log()
    office.work(request, 60)
    entry = the_entry(office, request)
    with office.desk.write() as tx:
        tx.change(t.work_entry, entry.id, charged_by=None)
    office.do_as(office.administrator, change_work, entry.id, ChangeWork(minutes=40))
    assert the_entry(office, request).chargeable_minutes == 40


# ------------------------------------------------------------------ any edit after any change

roles = st.sampled_from(["administrator", "supervisor", "technician"])
changes = st.sampled_from(["rounding", "scope", "policy", "cascade", "rules", "cover", "priority", "later"])
edits = st.sampled_from(["note", "same", "nothing", "minutes"])


def make_change(office: Office, what: str, request: str, contracts: list[str], number: int) -> None:
    if what == "rounding":
        office.set(rounding={"increment_minutes": 7 + number % 40})
    elif what == "scope":
        office.set(rounding={"increment_minutes": 30, "scope": "service_request_day"})
    elif what == "policy":
        office.set(time_expired_contract=["ignore", "rollover"][number % 2])
    elif what == "cascade":
        office.set(cascade=bool(number % 2))
    elif what == "rules":
        percents = {"administrator": 110 + number, "technician": 100 + number, "supervisor": 90}
        office.publish_rules(charging=charging(**percents))
    elif what == "cover":
        assign(office, request, contracts[number % len(contracts)])
    elif what == "priority":
        command = ChangeServiceRequest(priority="low" if number % 2 else "high")
        office.do_as(office.technician, change_service_request, request, command)
    else:
        office.clock.move(hours=1)


def same_entry(entry: Any) -> dict[str, Any]:
    if entry.ended_at is not None:
        return {"started_at": entry.started_at, "ended_at": entry.ended_at}
    return {"minutes": entry.worked_minutes, "worked_at": entry.started_at}


def test_no_edit_that_changes_no_time_moves_a_minute(office: Office) -> None:
    """Random changes of settings, rules and coverage, then edits by anybody."""
    small = office.sell("support_hours", minutes=50)
    contracts = [small, office.sell("support_hours", minutes=100_000, to=("org_unit", office.site))]

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
        office.clock.move(hours=3)
        request = office.log()
        command = WorkGiven(minutes=minutes, worked_at=office.clock.now(), work_type="remote", note="First")
        if span:
            start = office.clock.now() - timedelta(minutes=minutes)
            command = WorkGiven(started_at=start, ended_at=office.clock.now(), note="First")
        entry_id = office.do_as(office.technician, log_work, request, command)
        for what, number in changed:
            make_change(office, what, request, contracts, number)
        for role, edit, number in edited:
            entry = the_entry(office, request)
            before = ledger(office)
            given = {
                "note": {"note": f"Note {number}"},
                "same": {**same_entry(entry), "billable": entry.billable, "note": f"Note {number}"},
                "nothing": {},
                "minutes": {**same_entry(entry), "work_type": entry.work_type},
            }[edit]
            actor: Actor = getattr(office, role)
            office.do_as(actor, change_work, entry_id, ChangeWork(**given))
            after = the_entry(office, request)
            assert ledger(office) == before
            assert after.chargeable_minutes == entry.chargeable_minutes
            assert after.charged_by == entry.charged_by

    check()
    assert office.see(audit_ledger).ok

"""Histories arrive as they were exported: nothing is logged, drawn or closed that the file does not say."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.builders import MONDAY, DeskFixture
from tests.support.exports import event, export, mapped, mapping, run
from tests.support.sample_desk import SampleDesk
from tests.workflows.importing.test_importing import at, everything, moves, one, skipped
from workflows.core.actors import SYSTEM
from workflows.importing.history_import import CoverageNotChosen
from workflows.importing.mapping import Mapping, MappingRefused, read_mapping
from workflows.importing.report import ImportReport
from workflows.reports.audit import audit_desk
from workflows.service_requests.closing import state_now
from workflows.store import tables as t

BEFORE = mapping(coverage="before_contracts")
COLUMNS = {"number": "Id", "customer": "Who", "state": "State", "changed_at": "When"}
STATES = {"New": "open", "Open": "in_progress", "Solved": "resolved", "Closed": "closed", "Epic": None}


def small(**changes: Any) -> Mapping:
    """Return a mapping of few columns with changes; `columns` are added."""
    made = {"source": "Old desk", "columns": COLUMNS, "states": STATES, **changes}
    made["columns"] = COLUMNS | changes.get("columns", {})
    return read_mapping("m.json", json.dumps(made).encode())


def add_up(report: ImportReport, rows: int) -> bool:
    return report.rows == rows == report.rows_imported + len(report.skipped) + report.left_out


def test_a_state_that_is_mapped_to_nothing_logs_no_request(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "Commented", "08:05"),
        event("INC2", "Commented", "08:05"),
        event("INC2", "Active", "09:00"),
        event("INC2", "Commented", "10:00", prio="high"),
    )
    report = run(new_desk.desk, raw)
    assert skipped(report) == [
        "line 2: not imported: the state 'Commented' is mapped to nothing, and INC1 is not logged yet",
        "line 3: not imported: the state 'Commented' is mapped to nothing, and INC2 is not logged yet",
    ]
    assert [row.number for row in new_desk.rows(t.service_request)] == ["INC2"]
    assert (one(new_desk, "INC2").state, one(new_desk, "INC2").priority) == ("in_progress", "high")
    assert add_up(report, 4)


def test_rows_left_out_are_counted(new_desk: DeskFixture) -> None:
    raw = b"""Id,State,When,Who,Kind
I1,New,2026-01-05,Ann,Epic
I2,New,2026-01-05,Ann,Ticket
I3,Lost,2026-01-05,Ann,
"""
    report = run(new_desk.desk, raw, small(skip={"Kind": ["Epic"]}))
    assert add_up(report, 3)
    assert report.left_out == 1
    assert next(report.summary()).endswith("1 rows imported, 1 not imported, 1 left out as the mapping says")
    assert [row.number for row in new_desk.rows(t.service_request)] == ["I2"]


ONE_ROW_EACH = b"""Id,State,Created,Solved,Closed,Who
K1,Closed,2026-01-05 10:00,2026-01-05 12:00,2026-01-12 12:00,Ann
K2,Solved,2026-01-06 10:00,2026-01-06 15:30,,Ann
K3,Open,2026-01-07 10:00,,0000-00-00,Ann
K4,Open,2026-01-07 10:00,2026-01-07 11:00,,Ann
"""
INSTANTS = {"opened_at": "Created", "resolved_at": "Solved", "closed_at": "Closed"}


def test_one_row_for_each_request_with_several_instants(new_desk: DeskFixture) -> None:
    made = small(columns={**INSTANTS, "changed_at": ["Closed", "Solved", "Created"]})
    report = run(new_desk.desk, ONE_ROW_EACH, made)
    assert not list(report.lines())
    assert add_up(report, 4)
    k1, k2 = one(new_desk, "K1"), one(new_desk, "K2")
    assert (k1.state, k1.opened_at, k1.resolved_at, k1.closed_at) == (
        "closed", at("05 10:00"), at("05 12:00"), at("12 12:00")
    )  # fmt: skip
    assert (k2.state, k2.resolved_at) == ("resolved", at("06 15:30"))
    assert (one(new_desk, "K3").state, one(new_desk, "K3").opened_at) == ("in_progress", at("07 10:00"))
    assert one(new_desk, "K4").state == "in_progress"
    again = run(new_desk.desk, ONE_ROW_EACH, made)
    assert (again.rows_imported, len(again.skipped)) == (0, 4)


def test_an_instant_of_a_row_that_cannot_be_imported_is_reported(new_desk: DeskFixture) -> None:
    rows = b"""Id,State,Created,Solved,Closed,Who
K1,Closed,2026-01-05 10:00,2026-01-01 12:00,2026-01-12 12:00,Ann
K2,Closed,2026-01-05 10:00,2026-01-06 12:00,2031-01-12 12:00,Ann
"""
    made = small(columns={**INSTANTS, "changed_at": "Created"})
    report = run(new_desk.desk, rows, made)
    but = "imported, but one of its times is not"
    assert list(report.lines()) == [
        "line 2: imported, but its resolved_at is before its opening and is not used",
        f"line 3: {but}: it is in the future",
    ]
    assert add_up(report, 2)
    assert [one(new_desk, "K1").state, one(new_desk, "K2").state] == ["closed", "resolved"]


def test_only_the_opening_as_the_instant_of_change(new_desk: DeskFixture) -> None:
    run(new_desk.desk, ONE_ROW_EACH, small(columns={**INSTANTS, "changed_at": "Created"}))
    assert (one(new_desk, "K1").resolved_at, one(new_desk, "K1").closed_at) == (
        at("05 12:00"),
        at("12 12:00"),
    )
    assert one(new_desk, "K2").resolved_at == at("06 15:30")
    assert one(new_desk, "K4").state == "in_progress"


def test_a_resolved_request_is_not_closed_by_days_before_the_import(new_desk: DeskFixture) -> None:
    report = run(
        new_desk.desk, export(event("INC1", "Resolved", "09:00"), event("INC2", "Resolved", "09:00"))
    )
    assert report.rows_imported == 2
    request = one(new_desk)
    assert request.auto_close_at == MONDAY + timedelta(days=new_desk.desk.refresh().settings.auto_close_days)
    with new_desk.desk.read(SYSTEM) as tx:
        assert state_now(tx, request) == "resolved"


def test_one_row_for_each_changed_field(new_desk: DeskFixture) -> None:
    raw = b"""Id,Field,Old,New,When,Who
V1,state,,New,2026-01-05 10:00,Ann
V1,priority,4,2,2026-01-05 10:30,Ann
V1,colour,red,blue,2026-01-05 11:00,Ann
V1,state,New,Solved,2026-01-05 12:00,Ann
V2,priority,4,2,2026-01-05 10:30,Ann
"""
    made = small(
        columns={"state": "New", "priority": "New"},
        changed_field={"column": "Field", "keys": {"state": "state", "priority": "priority"}},
        priorities={"2": "high", "4": "low"},
    )
    report = run(new_desk.desk, raw, made)
    assert skipped(report) == [
        "line 4: not imported: the field 'colour' is not named in the mapping",
        "line 6: not imported: it has no state, and V2 is not logged yet",
    ]
    assert add_up(report, 5)
    request = one(new_desk, "V1")
    assert (request.state, request.priority, request.resolved_at) == ("resolved", "high", at("05 12:00"))
    assert moves(new_desk, "V1") == [("log", False), ("start", True), ("resolve", False)]


@pytest.mark.parametrize("numbered", [True, False])
def test_what_changed_before_the_first_state_holds_from_it_on(new_desk: DeskFixture, numbered: bool) -> None:
    raw = b"""Id,Field,New,When,Who,No,Made
V1,priority,4,2026-01-05 10:10,Ann,1,2026-01-05 10:00
V1,priority,2,2026-01-05 10:30,Ann,2,2026-01-05 10:00
V1,state,New,2026-01-05 10:30,Ann,3,2026-01-05 10:00
V1,state,Solved,2026-01-05 12:00,Ann,4,2026-01-05 10:00
"""
    made = small(
        columns={"state": "New", "priority": "New", "opened_at": "Made"}
        | ({"sequence": "No"} if numbered else {}),
        changed_field={"column": "Field", "keys": {"state": "state", "priority": "priority"}},
        priorities={"2": "high", "4": "low"},
    )
    report = run(new_desk.desk, raw, made)
    assert (skipped(report), report.rows_imported) == ([], 4)
    request = one(new_desk, "V1")
    assert (request.priority, request.opened_at, request.resolved_at) == (
        "high",
        at("05 10:00"),
        at("05 12:00"),
    )
    assert run(new_desk.desk, raw, made).rows_imported == 0


def test_an_unusable_address_does_not_refuse_the_request(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "New", "08:05", caller="Ann", mail="not-a-mail"),
        event("INC2", "New", "08:05", caller="Bob", mail="bob@localhost"),
        event("INC3", "New", "08:05", caller="Cid", mail="cid@acme.example; c2@acme.example"),
    )
    report = run(new_desk.desk, raw)
    assert list(report.lines()) == [
        "line 2: imported, but 'not-a-mail' is not an email address that can be used",
        "line 3: imported, but 'bob@localhost' is not an email address that can be used",
        "line 4: imported, but of the email addresses 'cid@acme.example; c2@acme.example' "
        "only cid@acme.example is used",
    ]
    assert [row.email for row in sorted(new_desk.rows(t.customer), key=lambda row: str(row.name))] == [
        "ann@old.desk.example",
        "bob@old.desk.example",
        "cid@acme.example",
    ]


def test_a_time_without_seconds_is_not_before_the_opening(new_desk: DeskFixture) -> None:
    raw = export(event("R1", "Closed", "2026-01-05 10:15", opened="2026-01-05 10:15:31"))
    assert not list(run(new_desk.desk, raw, mapping(date_form="iso")).lines())
    assert (one(new_desk, "R1").opened_at, one(new_desk, "R1").closed_at) == (
        datetime(2026, 1, 5, 10, 15, 31, tzinfo=UTC),
        datetime(2026, 1, 5, 10, 15, 31, tzinfo=UTC),
    )


# ------------------------------------------------------------------ contracts


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({}, '"coverage": "before_contracts"'),
        ({"draws": False}, '"coverage": "before_contracts"'),
        ({"coverage": "search"}, '"draws": false'),
    ],
)
def test_with_contracts_on_nothing_is_assumed(
    sample: SampleDesk, changes: dict[str, Any], remedy: str
) -> None:
    before = everything(sample.desk)
    with pytest.raises(CoverageNotChosen) as refused:
        run(sample.desk, export(event("INC1", "New", "08:05")), mapping(**changes))
    assert remedy in str(refused.value)
    assert everything(sample.desk) == before


def test_without_contracts_the_mapping_need_not_say(new_desk: DeskFixture) -> None:
    assert run(new_desk.desk, export(event("INC1", "New", "08:05"))).new == 1


def test_requests_from_before_the_contracts_draw_nothing() -> None:
    with pytest.raises(MappingRefused, match="Requests from before the contracts draw nothing"):
        read_mapping("m.json", json.dumps(mapped(coverage="before_contracts", draws=True)).encode())


def old_pack(sample: SampleDesk) -> str:
    sample.clock.at = at("01 00:00")
    pack = sample.sell("incident_pack", to=("org_unit", sample.org_unit("OLD")), incidents=2)
    sample.clock.at = MONDAY
    return pack


HISTORY = export(
    event("INC1", "Closed", "08:05"),
    event("INC2", "Active", "08:05"),
    event("INC3", "Closed", "09:00"),
    event("INC3", "Active", "2026-02-20 09:00"),
    event("INC3", "Active", "2026-02-20 09:00", prio="high"),
    event("INC3", "Closed", "2026-02-21 09:00", prio="high"),
)


def test_histories_from_before_the_contracts_are_imported_unchanged(sample: SampleDesk) -> None:
    pack = old_pack(sample)
    contracts = len(sample.rows(t.contract))
    report = run(sample.desk, HISTORY, BEFORE)
    assert not list(report.lines())
    assert [one(sample, number).state for number in ("INC1", "INC2", "INC3")] == [
        "closed",
        "in_progress",
        "closed",
    ]
    assert {row.contract_id for row in sample.rows(t.service_request)} == {None}
    assert {row.outcome for row in sample.rows(t.service_request)} == {None}
    assert sample.rows(t.coverage_decision) == []
    assert len(sample.rows(t.contract)) == contracts
    assert [(row.available, row.consumed, row.held) for row in sample.grants(pack)] == [(2, 0, 0)]


@pytest.mark.parametrize("draws", [False, True])
def test_a_search_draws_only_if_the_mapping_says_so(sample: SampleDesk, draws: bool) -> None:
    pack = old_pack(sample)
    raw = export(event("INC1", "Closed", "08:05"), event("INC2", "Active", "08:05"))
    report = run(sample.desk, raw, mapping(coverage="search", draws=draws))
    assert not list(report.lines())
    assert {row.contract_id for row in sample.rows(t.service_request)} == {pack}
    balance = (0, 1, 1) if draws else (2, 0, 0)
    assert [(row.available, row.consumed, row.held) for row in sample.grants(pack)] == [balance]
    with sample.desk.read(SYSTEM) as tx:
        assert audit_desk(tx).ok

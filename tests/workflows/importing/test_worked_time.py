"""Time worked at another desk becomes work entries: drawn, charged and replayed as those of this desk."""

import json
from datetime import timedelta
from typing import Any

import pytest

from engine.rulebook import load_rule_set
from tests.support.builders import MONDAY, DeskFixture
from tests.support.exports import HEADER, event, export, mapped, mapping, run
from tests.support.replayed_rules import SHIPPED, charged_by, rule
from tests.support.sample_desk import SampleDesk
from tests.workflows.importing.test_importing import at, everything, one
from workflows.importing.mapping import MappingRefused, read_mapping
from workflows.importing.worked_time import WorkedUnit, worked_minutes
from workflows.replay.run import replay
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.views.replays import DifferenceView

TIMED = f"{HEADER},time"


def timed(*args: Any, time: str, **more: Any) -> str:
    return f"{event(*args, **{'who': 'Tom', **more})},{time}"


def searched(key: str = "worked", *, draws: bool = True, **more: Any) -> Any:
    return mapping(columns={key: "time", "changed_by": "who"}, coverage="search", draws=draws, **more)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("90", "minutes", 90), ("90.5", "minutes", 91), ("1:30", "minutes", 90), ("0:00:01", "minutes", 1),
        ("1.5", "hours", 90), ("1,25", "hours", 75), ("0", "hours", 0), ("100:00", "hours", 6_000),
        ("-5", "minutes", None), ("1d 2h", "minutes", None), ("1:75", "hours", None), ("", "minutes", None),
        ("5401", "seconds", 91), ("1h", "minutes", 60), ("1,5 h", "minutes", 90), ("90 min", "hours", 90),
        ("1h 30m 5s", "hours", 91), ("1h30", "hours", 90), ("PT1H30M", "hours", 90), ("PT45S", "hours", 1),
        ("2 Stunden, 5 Min.", "minutes", 125), ("30m 1h", "minutes", None), ("h", "minutes", None),
    ],
)  # fmt: skip
def test_how_time_is_written(text: str, unit: WorkedUnit, expected: int | None) -> None:
    assert worked_minutes(text, unit) == expected


def hours_since_2026(sample: SampleDesk) -> str:
    sample.clock.at = at("01 00:00")
    old = sample.org_unit("OLD")
    contract = sample.sell("support_hours", to=("org_unit", old), minutes=600, starts_on="2026-01-01")
    sample.clock.at = MONDAY
    return contract


def worked(sample: SampleDesk) -> list[tuple[int, Any]]:
    rows = sorted(sample.entries(one(sample).id), key=lambda row: row.started_at)
    return [(row.worked_minutes, row.started_at) for row in rows]


@pytest.mark.parametrize("draws", [True, False])
def test_work_is_drawn_where_the_mapping_says_so_and_imported_once(sample: SampleDesk, draws: bool) -> None:
    contract = hours_since_2026(sample)
    rows = [
        timed("INC1", "New", "08:05", time="10"),
        timed("INC1", "Active", "09:00", time="0:20", who="Eve"),
        timed("INC1", "Resolved", "10:00", time="30"),
    ]
    raw = export(*rows, header=TIMED)
    report = run(sample.desk, raw, searched(draws=draws))
    assert list(report.lines()) == []
    assert worked(sample) == [(10, at("05 08:05")), (20, at("05 09:00")), (30, at("05 10:00"))]
    names = {row.created_by for row in sample.entries(one(sample).id)}
    assert names == {"Tom", "Eve"}
    assert [row.consumed for row in sample.grants(contract)] == [60 if draws else 0]
    assert one(sample).state == "resolved"
    before = everything(sample.desk)
    run(sample.desk, raw, searched(draws=draws))
    assert everything(sample.desk) == before
    assert sample.see(audit_desk).ok


def test_a_total_adds_by_how_much_it_grew_also_in_a_later_export(sample: SampleDesk) -> None:
    hours_since_2026(sample)
    total = searched("worked_total", worked_unit="hours")
    rows = [timed("INC1", "New", "08:05", time="0.25"), timed("INC1", "Active", "09:00", time="0.25")]
    run(sample.desk, export(*rows, header=TIMED), total)
    assert [minutes for minutes, _ in worked(sample)] == [15]
    rows.append(timed("INC1", "Resolved", "11:00", time="1.5"))
    run(sample.desk, export(*rows, header=TIMED), total)
    assert [minutes for minutes, _ in worked(sample)] == [15, 75]


def test_a_row_for_each_request_has_its_work_once(sample: SampleDesk) -> None:
    hours_since_2026(sample)
    header = f"{TIMED},resolved,closed"
    row = f"{timed('INC1', 'Closed', '12:00', time='45')},2026-01-05 10:00,2026-01-05 12:00"
    columns = {"worked": "time", "resolved_at": "resolved", "closed_at": "closed"}
    run(sample.desk, export(row, header=header), mapping(columns=columns, coverage="search", draws=True))
    assert worked(sample) == [(45, at("05 10:00"))]
    assert one(sample).state == "closed"


def test_without_contracts_it_is_recorded(new_desk: DeskFixture) -> None:
    raw = export(timed("INC1", "Resolved", "09:00", time="45"), header=TIMED)
    run(new_desk.desk, raw, mapping(columns={"worked": "time"}))
    [entry] = new_desk.rows(t.work_entry)
    assert (entry.worked_minutes, entry.started_at, entry.created_by) == (45, at("05 09:00"), "Tom")


def test_a_cell_that_is_no_time_and_work_of_nobody_are_reported(sample: SampleDesk) -> None:
    hours_since_2026(sample)
    raw = export(
        timed("INC1", "New", "08:05", time="an hour"),
        timed("INC1", "Active", "09:00", time="20", who="?"),
        timed("INC1", "Resolved", "10:00", time="150001"),
        header=TIMED,
    )
    first, second, third = run(sample.desk, raw, searched()).lines()
    assert first == "line 2: imported, but worked: 'an hour' is no time worked"
    assert second == "line 3: imported, but worked: the row names nobody who worked"
    assert third == "line 4: imported, but worked: '150001' is more than 2,500 hours of work"
    assert worked(sample) == []
    assert one(sample).state == "resolved"


def test_the_work_of_weeks_becomes_entries_of_at_most_a_day(sample: SampleDesk) -> None:
    """A row for each request states all that was worked on it."""
    contract = hours_since_2026(sample)
    raw = export(timed("INC1", "Resolved", "10:00", time="51h"), header=TIMED)
    for _ in range(2):
        assert list(run(sample.desk, raw, searched("worked_total")).lines())[1:] == []
        assert [minutes for minutes, _ in worked(sample)] == [1500, 1500, 60]
    [grant] = sample.grants(contract)
    assert (grant.consumed, sum(row.minutes for row in sample.rows(t.carried_balance))) == (600, 2460)


def test_a_mapping_names_one_of_both() -> None:
    both = mapped(columns={"worked": "time", "worked_total": "time"})
    with pytest.raises(MappingRefused, match="name one of them"):
        read_mapping("mapping.json", json.dumps(both).encode())


@pytest.mark.parametrize("draws", [True, False])
def test_rules_are_tried_on_it_on_the_first_day(sample: SampleDesk, draws: bool) -> None:
    hours_since_2026(sample)
    raw = export(timed("INC1", "Resolved", "09:00", time="40"), header=TIMED)
    run(sample.desk, raw, searched(draws=draws))
    dearer = charged_by(
        rule("all", "charge_percent", ("worked_hour", "greater_than_or_equal_to", 0), percent=150)
    )
    found: list[DifferenceView] = []
    rules = load_rule_set(SHIPPED | {"charging.json": dearer})
    summary = replay(
        sample.desk, rules, at("01 00:00"), MONDAY + timedelta(days=1), on_difference=found.append
    )
    assert (summary.worked_minutes, summary.charged_otherwise) == (40, 1)
    [difference] = found
    assert (difference.chargeable_before, difference.chargeable_after) == (40, 60)

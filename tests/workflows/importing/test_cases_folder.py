"""Small exports of other desks, if their folder is on this machine: each is imported as it should be.

A mapping of the folder is used with the additions here, where its form has to be named.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import DeskFixture
from workflows.importing.export import ExportUnreadable
from workflows.importing.history_import import import_history
from workflows.importing.mapping import MappingRefused, read_mapping
from workflows.importing.report import ImportReport
from workflows.store import tables as t

# name: additions to the mapping, rows imported, rows not imported, start of the report's lines
CASES: dict[str, tuple[dict[str, Any], int, int, list[str]]] = {
    "swallow": ({}, 699, 1, ["line 11: not imported: a quotation mark is not closed"]),
    "pasted": ({}, 2, 0, ["line 2: imported, but its subject", "line 2: imported, but one of its cells"]),
    "lines1200": ({}, 2, 0, ["line 2: imported, but its description was shortened"]),
    "rt": ({}, 3, 0, ["line 2: imported, but of the email", "line 2: imported, but the quotation marks"]),
    "utcname": ({}, 2, 0, []),
    "apart": ({}, 1, 0, []),
    "epoch": ({"date_form": ["epoch_ms", "excel"]}, 2, 0, []),
    "months": ({"date_language": "de"}, 3, 0, []),
    "zerodate": ({}, 3, 0, []),
    "precision": ({}, 1, 0, []),
    "fallback": ({}, 4, 0, []),
    "fallback_noseq": ({}, 4, 0, []),
    "ticketrow": ({"columns": {"resolved_at": "Solved", "closed_at": "Closed"}}, 3, 0, []),
    "fieldchange": (
        {
            "columns": {"priority": "New", "changed_by": "User"},
            "changed_field": {"column": "Field", "keys": {"state": "state", "priority": "priority"}},
            "priorities": {"2": "high"},
        },
        3,
        0,
        [],
    ),
    "thousands": ({"thousands_separator": " "}, 4, 0, []),
    "dupes": ({}, 1, 0, []),
    "title": ({}, 1, 2, ["line 1: not imported: it is above the header", "line 4: not imported: the state"]),
    "trailing": ({}, 2, 0, ["line 3: imported, but its last separator is missing"]),
    "spacequote": ({}, 1, 0, ["line 2: imported, but the blanks before its quotation marks"]),
    "html": ({"html": ["description", "subject"]}, 2, 0, []),
    "mailbad": (
        {},
        3,
        0,
        ["line 2: imported, but 'not-a", "line 3: imported, but 'bob@", "line 4: imported, but of"],
    ),
    "skip": ({}, 1, 1, ["line 2: not imported: the state 'Epic' is mapped to nothing"]),
}
REFUSED = {
    "bothways": (ExportUnreadable, "bothways.csv:3: changed_at: the forms "),
    "twelve_bad": (MappingRefused, "has hours from 1 to 12 (%I) without AM or PM (%p)"),
}
VALUES: dict[str, dict[str, dict[str, Any]]] = {
    "utcname": {"A1": {"opened_at": "2024-07-01 10:00"}, "A2": {"opened_at": "2024-01-01 10:00"}},
    "apart": {"F1": {"opened_at": "2024-07-01 08:15"}},
    "epoch": {"E1": {"opened_at": "2024-07-01 10:00"}, "E2": {"opened_at": "2024-07-01 08:00"}},
    "months": {
        "D1": {"opened_at": "2025-09-14 13:42"},
        "D2": {"opened_at": "2025-10-14 13:42"},
        "D3": {"opened_at": "2025-03-14 14:42"},
    },
    "precision": {"R1": {"state": "closed", "closed_at": "2024-07-01 08:15:31"}},
    "fallback": {
        "Q1": {"state": "closed", "resolved_at": "2024-10-27 01:20", "started_at": "2024-10-27 00:50"}
    },
    "fallback_noseq": {"Q1": {"state": "closed", "resolved_at": "2024-10-27 01:20"}},
    "ticketrow": {
        "K1": {"state": "closed", "resolved_at": "2024-07-01 10:00", "closed_at": "2024-07-08 10:00"},
        "K2": {"state": "resolved", "resolved_at": "2024-07-02 13:30"},
        "K3": {"state": "in_progress"},
    },
    "fieldchange": {"V1": {"state": "resolved", "priority": "high", "resolved_at": "2024-07-01 10:00"}},
    "thousands": {"2553": {}, "2554": {}, "2555": {}, "556": {}},
    "rt": {"7": {"subject": '"Urgent" printer'}, "8": {"subject": '"5 inch disk'}, "9": {"subject": "plain"}},
    "html": {"U1": {"description": "Paper & ink\ngone"}, "U2": {"description": "Paper & ink"}},
    "spacequote": {"P1": {"description": "a; b"}},
    "pasted": {"T1": {}, "T2": {}},
    "lines1200": {"N1": {}, "N2": {}},
    "skip": {"I2": {}},
}


@pytest.fixture(scope="session")
def folder(shared_cases: Path) -> Path:
    """The exports among the shared cases."""
    if not (shared_cases / "import").is_dir():
        pytest.skip(f"There is no folder import in {shared_cases}.")
    return shared_cases / "import"


def load(new_desk: DeskFixture, folder: Path, name: str, additions: dict[str, Any]) -> ImportReport:
    made = json.loads((folder / f"{name}.json").read_text())
    columns = made["columns"] | additions.get("columns", {})
    raw = json.dumps(made | additions | {"columns": columns}).encode()
    file = folder / f"{name}.csv"
    return import_history(new_desk.desk, file.name, file.read_bytes(), read_mapping("m.json", raw))


@pytest.mark.parametrize("name", CASES)
def test_a_case(sqlite_database_url: str, folder: Path, name: str) -> None:
    additions, imported, skipped, starts = CASES[name]
    new_desk = DeskFixture(sqlite_database_url)
    report = load(new_desk, folder, name, additions)
    assert (report.rows_imported, len(report.skipped)) == (imported, skipped)
    assert report.rows == imported + skipped + report.left_out
    lines = list(report.lines())
    assert len(lines) == len(starts), lines
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True)), lines
    requests = {row.number: row for row in new_desk.rows(t.service_request)}
    expected = VALUES.get(name, {})
    assert not expected or set(requests) == set(expected)
    for number, values in expected.items():
        found = requests[number]._mapping
        for column, value in values.items():
            is_instant = column.endswith("_at")
            assert found[column] == (
                datetime.fromisoformat(value).replace(tzinfo=UTC) if is_instant else value
            )
    new_desk.close()


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_that_is_refused(sqlite_database_url: str, folder: Path, name: str) -> None:
    error, text = REFUSED[name]
    new_desk = DeskFixture(sqlite_database_url)
    with pytest.raises(error) as refused:
        load(new_desk, folder, name, {})
    assert text in str(refused.value)
    assert new_desk.rows(t.service_request) == []
    new_desk.close()


def test_every_case_is_in_the_table(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.csv")} == {*CASES, *REFUSED}

"""Layouts that other desks write: titles, repeated headers and columns, blanks, markup, groups of digits."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.exports import HEADER, event, export, mapping
from tests.workflows.importing.test_csv_rows import BROKEN_CELL
from workflows.importing.events import Event, RowNote
from workflows.importing.export import ExportUnreadable, read_export
from workflows.importing.mapping import Mapping, read_mapping

GOOD = event("INC1", "New", "08:05")


def rows(raw: bytes, **changes: Any) -> list[Event | RowNote]:
    return read_export("e.csv", raw, mapping(**changes), ZoneInfo("UTC"))


def notes(found: list[Event | RowNote]) -> list[tuple[int, str]]:
    return [(row.line, row.text) for row in found if isinstance(row, RowNote)]


def events(found: list[Event | RowNote]) -> list[Event]:
    return [row for row in found if isinstance(row, Event)]


def test_rows_without_a_value_are_empty_lines() -> None:
    found = rows(export(",,,,", GOOD, "   ", ",,,,,,,,,,", ' , ,"", ', GOOD.replace("INC1", "INC2")))
    assert [row.line for row in events(found)] == [3, 7]
    assert notes(found) == []


def test_a_backslash_before_a_quotation_mark_names_the_key_that_reads_it() -> None:
    raw = export(GOOD.replace("Printer", r'"a \"big\" one"'))
    [(line, text)] = notes(rows(raw))
    assert (line, text.endswith(r'or the mapping has "escape": "\\"')) == (2, True)
    [event] = events(rows(raw, escape="\\"))
    assert event.values["item"] == 'a "big" one'


def test_a_title_above_the_header_and_a_total_below() -> None:
    found = rows(export("Tickets of July,,", "", HEADER, GOOD, "Total,1,,,,,,,,,", header='"A ""title"""'))
    assert [row.line for row in events(found)] == [5]
    assert notes(found) == [
        (1, "it is above the header"),
        (2, "it is above the header"),
        (6, "the state '1' is not named in the mapping"),
    ]


def test_missing_columns_are_named_for_the_row_that_comes_closest() -> None:
    with pytest.raises(ExportUnreadable) as error:
        rows(export(HEADER.replace("state", "status"), GOOD, header="Tickets of July"))
    assert str(error.value).startswith("e.csv:2: There is no column 'state' (state).")


def test_a_header_that_is_repeated_further_down() -> None:
    found = rows(export(GOOD, HEADER, event("INC2", "New", "08:05"), HEADER.replace("count", " count ")))
    assert notes(found) == [(3, "it repeats the header"), (5, "it repeats the header")]
    assert len(events(found)) == 2


def test_a_last_separator_that_is_missing_or_too_many() -> None:
    found = rows(export(GOOD + ",", GOOD, GOOD + ",,,", GOOD + ",,more", header=HEADER + ","))
    assert [row.remarks for row in events(found)] == [
        (),
        ("its last separator is missing",),
        ("it has more separators than the header",),
    ]
    assert notes(found) == [(5, "it has 13 fields and the header has 12")]
    assert notes(rows(export(GOOD[:-1]))) == [(2, "it has 10 fields and the header has 11")]


def test_blanks_before_quotation_marks() -> None:
    text = ", ".join(f'"{cell}"' for cell in GOOD.split(","))
    (found,) = events(rows(export(text, header=HEADER.replace(",", ", "))))
    assert found.number == "INC1"
    assert found.remarks == ("the blanks before its quotation marks were not read",)


def test_a_cell_with_lines_that_look_like_rows_is_one_cell_with_a_remark() -> None:
    lines = "\n".join(event(f"T{n}", "Closed", "08:05") for n in range(1_100))
    found = rows(
        export(event("INC1", "New", "08:05", thing=f'"log:\n{lines}\n"'), event("INC2", "New", "08:05"))
    )
    assert [row.number for row in events(found)] == ["INC1", "INC2"]
    assert events(found)[0].remarks == (
        "one of its cells reaches to line 1103 and has 1100 lines that look like rows: "
        "is a quotation mark missing on line 2?",
    )


def test_a_tab_separated_file_says_itself_whether_marks_are_text() -> None:
    quoted = GOOD.replace("Printer", '"A ""big"" printer"').replace(",", "\t")
    broken = GOOD.replace("Printer", '"Urgent" printer').replace(",", "\t")
    header = HEADER.replace(",", "\t")
    (found,) = events(rows(export(quoted, header=header), separator="tab"))
    assert found.values["item"] == 'A "big" printer'
    first, second = events(rows(export(quoted, broken, header=header), separator="tab"))
    assert (first.values["item"], second.values["item"]) == ('"A ""big"" printer"', '"Urgent" printer')
    assert second.remarks == ("the quotation marks of this file are read as text, because of line 3",)
    assert notes(rows(export(broken, header=header), separator="tab", quote='"'))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("Note", "one\ntwo"),
        ({"column": "Note", "nth": 2}, "two"),
        ({"column": "Note", "all": True}, "one\ntwo"),
        ([{"column": "Note", "nth": 3}, "Other"], "else"),
        ({"text": "{Note} and {Other}"}, "one\ntwo and else"),
    ],
)
def test_a_column_that_appears_several_times(source: Any, value: str) -> None:
    raw = export(GOOD + ",one,two,,else", header=HEADER + ",Note,Note,Note,Other")
    (found,) = events(rows(raw, columns={"description": source}))
    assert found.values["description"] == value


def test_only_the_first_value_of_repeated_columns_is_used_elsewhere() -> None:
    raw = export(GOOD + ",a,b", GOOD + ",,b", header=HEADER + ",Label,Label")
    first, second = events(rows(raw, columns={"work_type": "Label"}))
    assert (first.values["work_type"], second.values["work_type"]) == ("a", "b")
    assert first.remarks == ("only the first value of the 2 columns 'Label' is used",)
    assert second.remarks == ()
    with pytest.raises(ExportUnreadable, match="There is no column 'Label' number 3: the header has 2"):
        rows(raw, columns={"work_type": {"column": "Label", "nth": 3}})


def test_rows_that_the_mapping_leaves_out() -> None:
    raw = export(GOOD + ",Epic", GOOD + ",Ticket", header=HEADER + ",Kind")
    found = rows(raw, skip={"Kind": ["Epic", "Sub  task"]})
    assert [(row.line, row.left_out) for row in found if isinstance(row, RowNote)] == [(2, True)]
    assert [row.line for row in events(found)] == [3]


def test_html_in_the_columns_that_the_mapping_names() -> None:
    raw = export(GOOD + ",<p>Paper<br>&amp; ink</p>", header=HEADER + ",Text")
    columns = {"description": "Text", "subject": "Text", "channel": "Text"}
    (found,) = events(rows(raw, columns=columns, html=["description", "subject"]))
    assert (found.values["description"], found.values["subject"]) == ("Paper\n& ink", "Paper & ink")
    assert found.values["channel"] == "<p>Paper<br>&amp; ink</p>"


def test_the_number_of_a_service_request_in_groups_of_three() -> None:
    raw = export(event("2 553", "New", "08:05", count="1 000"), event("2553", "New", "08:06", count="999"))
    first, second = events(rows(raw, thousands_separator=" "))
    assert first.number == second.number == "2553"
    assert first.sequence == (1000, "")


@pytest.mark.parametrize(
    ("solved", "is_used"),
    [
        ("2026-01-01 12:00", False), ("2026-01-02 09:59", False), ("2026-01-02 10:00", True),
        ("2026-01-02", True), ("2026-01-03 10:00", True), ("1970-01-01 01:00", None),
    ],
)  # fmt: skip
def test_a_resolution_before_the_opening_is_shown_in_the_report(solved: str, is_used: bool | None) -> None:
    raw = f"A,B,Made,Solved,Shut,D\nT1,Closed,2026-01-02 10:00,{solved},2026-01-04 12:00,Ann\n".encode()
    columns = {"number": "A", "state": "B", "changed_at": "Shut", "customer": "D"}
    columns |= {"opened_at": "Made", "resolved_at": "Solved", "closed_at": "Shut"}
    made = {"source": "Old desk", "columns": columns, "states": {"Closed": "closed"}}
    read = read_mapping("m.json", json.dumps(made).encode())
    found = events(read_export("e.csv", raw, read, ZoneInfo("Europe/Berlin")))
    remarks = [remark for row in found for remark in row.remarks]
    assert [row.state for row in found] == (["resolved", "Closed"] if is_used else ["Closed"])
    assert remarks == (["its resolved_at is before its opening and is not used"] if is_used is False else [])


def export_mapping() -> Mapping:
    columns = {"number": "A", "state": "B", "changed_at": "C", "customer": "D"}
    made = {"source": "Old desk", "columns": columns, "states": {"New": "open"}}
    return read_mapping("m.json", json.dumps(made).encode())


@given(st.lists(st.none() | BROKEN_CELL, min_size=1, max_size=40))
def test_each_row_of_an_export_is_accounted_for(broken: list[str | None]) -> None:
    lines = ["A,B,C,D"]
    lines += [f"T{n},New,2026-01-05 10:00,{cell or 'Ann'}" for n, cell in enumerate(broken)]
    found = read_export("e.csv", "\n".join(lines).encode(), export_mapping(), ZoneInfo("UTC"))
    events = [row.number for row in found if isinstance(row, Event)]
    notes = [row.line for row in found if isinstance(row, RowNote)]
    assert events == [f"T{n}" for n, cell in enumerate(broken) if cell is None]
    assert len(events) + len(notes) == len(broken)

"""Exports in other formats: separators, encodings, dates, quotation marks; and files that cannot be read."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.exports import HEADER, event, export, mapping
from workflows.importing.events import Event, RowNote
from workflows.importing.export import ExportUnreadable, read_export

BERLIN = ZoneInfo("Europe/Berlin")
GOOD = event("INC1", "New", "08:05", caller="Jürgen Groß")


def rows(raw: bytes, **changes: Any) -> list[Event | RowNote]:
    return read_export("e.csv", raw, mapping(**changes), ZoneInfo("UTC"))


def only(raw: bytes, **changes: Any) -> Event:
    (row,) = rows(raw, **changes)
    assert isinstance(row, Event), row
    return row


def refused(raw: bytes, **changes: Any) -> str:
    with pytest.raises(ExportUnreadable) as error:
        rows(raw, **changes)
    return str(error.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_encodings_and_line_ends(end: str, encoding: str, separator: str) -> None:
    text = export(GOOD, end=end).decode().replace(",", separator)
    read = only(text.encode(encoding), separator=separator, encoding=encoding)
    assert read.values["customer"] == "Jürgen Groß"
    assert read.line == 2


def test_a_byte_order_mark_is_removed_from_the_first_column() -> None:
    assert only(b"\xef\xbb\xbf" + export(GOOD)).number == "INC1"
    assert only("﻿".encode("utf-16-le") + export(GOOD).decode().encode("utf-16-le"), encoding="utf-16-le")


def test_quotation_marks() -> None:
    raw = export(event("INC1", "New", "08:05", thing='"A ""big"" printer, and\na tray"'), GOOD)
    first, second = rows(raw)
    assert isinstance(first, Event)
    assert first.values["item"] == 'A "big" printer, and a tray'
    assert (first.line, second.line) == (2, 4)
    raw = export(event("INC1", "New", "08:05", thing="5'' \"disk\""))
    assert only(raw, quote=None).values["item"] == "5'' \"disk\""
    assert only(raw.replace(b"5'' \"disk\"", b"'5, disk'"), quote="'").values["item"] == "5, disk"


@pytest.mark.parametrize(
    ("form", "text", "instant"),
    [
        ("iso", "2026-01-05T08:05:00Z", datetime(2026, 1, 5, 8, 5, tzinfo=UTC)),
        ("iso", "2026-01-05 08:05", datetime(2026, 1, 5, 7, 5, tzinfo=UTC)),
        ("iso", "2026-01-05T08:05:00.250+05:30", datetime(2026, 1, 5, 2, 35, 0, 250_000, tzinfo=UTC)),
        ("iso", "2026-01-05", datetime(2026, 1, 4, 23, 0, tzinfo=UTC)),
        ("%d.%m.%Y %H:%M:%S", "05.01.2026 08:05:30", datetime(2026, 1, 5, 7, 5, 30, tzinfo=UTC)),
        ("%m/%d/%y %I:%M %p", "1/5/26 8:05 AM", datetime(2026, 1, 5, 7, 5, tzinfo=UTC)),
        ("%d-%b-%Y %H:%M %z", "05-Jan-2026 08:05 +0000", datetime(2026, 1, 5, 8, 5, tzinfo=UTC)),
        ("%d-%m-%Y %H:%M", "25-10-2026 02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (["%d.%m.%Y", "iso"], "2026-07-01", datetime(2026, 6, 30, 22, 0, tzinfo=UTC)),
    ],
)
def test_date_forms(form: Any, text: str, instant: datetime) -> None:
    raw = export(event("INC1", "New", text, opened="?"))
    assert only(raw, date_form=form, time_zone="Europe/Berlin").at == instant


def test_times_without_a_zone_are_in_the_providers_zone() -> None:
    raw = export(event("INC1", "New", "08:05"))
    (row,) = read_export("e.csv", raw, mapping(), BERLIN)
    assert isinstance(row, Event)
    assert row.at == datetime(2026, 1, 5, 7, 5, tzinfo=UTC)


def test_a_local_time_skipped_by_daylight_saving() -> None:
    raw = export(event("INC1", "New", "2026-03-29 02:30"))
    (row,) = rows(raw, time_zone="Europe/Berlin")
    assert row == RowNote(
        2,
        "changed_at: 2026-03-29 02:30 does not exist in Europe/Berlin: the clocks go from 02:00 to 03:00",
    )
    moved = only(raw, time_zone="Europe/Berlin", nonexistent_times="move_forward")
    assert moved.at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_bad_row_does_not_stop_the_others() -> None:
    raw = export(
        GOOD,
        "INC2",
        '"INC3,New',
        GOOD,
        event("INC4", "New", "08:05", thing='"never closed'),
        GOOD,
        "",
        GOOD + ",more",
        event("INC5", "New", "08:05", thing="x" * 200_000),
        GOOD,
        '"""',
    )
    found = rows(raw)
    assert [row.line for row in found if isinstance(row, Event)] == [2, 5, 7, 10, 11]
    notes = {row.line: row.text for row in found if isinstance(row, RowNote)}
    assert notes[3] == "it has 1 fields and the header has 11"
    assert notes[4] == "a quotation mark is not closed"
    assert notes[6] == "a quotation mark is not closed"
    assert notes[9] == "it has 12 fields and the header has 11"
    assert 12 in notes


def test_many_unclosed_quotation_marks_are_read_in_linear_time() -> None:
    raw = export(*(f'"INC{number},New' for number in range(20_000)))
    found = rows(raw)
    assert len(found) == 20_000
    assert all(isinstance(row, RowNote) for row in found)


def test_control_characters_are_reported_by_row() -> None:
    (row,) = rows(export(event("INC1", "New", "08:05", thing="a\0b")))
    assert isinstance(row, RowNote)


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(raw: bytes) -> None:
    assert refused(raw) == "e.csv:1: The file is empty. Export it again, with its header."


def test_a_file_with_only_a_header_has_no_rows() -> None:
    assert rows(HEADER.encode()) == []


def test_missing_columns_are_all_named() -> None:
    error = refused(b"number,state\nINC1,New\n")
    assert error.startswith("e.csv:1: There is no column 'at' (changed_at), 'caller' (customer), ")
    assert "'thing' (item, subject)" in error
    assert error.endswith("The header has: number, state.")
    assert refused(export(GOOD), separator=";").endswith("Is ';' the separator?")


def test_the_wrong_encoding_is_named_with_its_line() -> None:
    error = refused(export(GOOD).decode().encode("latin-1"))
    assert error.startswith("e.csv:2: Byte 0xFC is not valid in utf-8, the encoding that the mapping names.")
    error = refused(export(GOOD).decode().encode("utf-16"))
    assert 'set "encoding" to "utf-16"' in error
    assert refused(export(GOOD)[:-2], encoding="utf-16").startswith("e.csv:1: ")
    assert refused(export(GOOD), encoding="ascii").startswith("e.csv:2: Byte 0xC3 is not valid in ascii")

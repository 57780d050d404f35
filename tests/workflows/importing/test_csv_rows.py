"""Rows of CSV text: well-formed ones are read as the csv module does, and a broken one costs one line."""

import csv
import io
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.importing.csv_rows import (
    BEHIND_A_BACKSLASH,
    LINE_END,
    NOT_CLOSED,
    TEXT_FOLLOWS,
    CsvReader,
    CsvRow,
)

ANY_CELL = st.text(alphabet="ab ,;\"\n\r'", max_size=8)
PLAIN_CELL = st.text(alphabet="abc 5.'-", max_size=6)
WORD = st.text(alphabet="abc5", min_size=1, max_size=6)
BROKEN_CELL = st.builds('"{}'.format, WORD) | st.builds('"{}" {}'.format, PLAIN_CELL, WORD)
"""Cells with a quotation mark that is not closed, or that closes before the cell ends."""


def rows(
    text: str, *, separator: str = ",", quote: str | None = '"', escape: str | None = None
) -> list[CsvRow]:
    return list(CsvReader(text, separator, quote, escape).rows())


def problems(text: str, **options: str) -> dict[int, str]:
    return {row.line: row.problem for row in rows(text, **options) if row.problem is not None}


@given(
    st.lists(st.lists(ANY_CELL, min_size=2, max_size=4), max_size=6),
    st.sampled_from([",", ";", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_well_formed_text_is_read_as_the_csv_module_reads_it(
    written: list[list[str]], separator: str, end: str
) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(written)
    assert [row.fields for row in rows(file.getvalue(), separator=separator)] == written
    minimal = io.StringIO()
    csv.writer(minimal, delimiter=separator, lineterminator=end).writerows(written)
    text = minimal.getvalue()
    expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    assert [row.fields for row in rows(text, separator=separator)] == expected


@given(
    st.lists(st.lists(st.text(alphabet='ab ,\\"\n', max_size=8), min_size=2, max_size=4), max_size=6),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONE]),
)
def test_what_is_escaped_is_text(written: list[list[str]], quoting: Any) -> None:
    """Databases escape with a backslash instead of doubling: the csv module writes so, and reads it."""
    file = io.StringIO()
    options: Any = {"doublequote": False, "escapechar": "\\", "lineterminator": "\n", "quoting": quoting}
    csv.writer(file, **options).writerows(written)
    expected = [row for row in written if quoting == csv.QUOTE_ALL or row != [""]]
    assert [row.fields for row in rows(file.getvalue(), escape="\\")] == expected


def test_before_other_characters_an_escape_is_text() -> None:
    [row] = rows('C:\\new,"a \\"b\\" ""c""",end\\,\\N', escape="\\")
    assert row.fields == ["C:\\new", 'a "b" "c"', "end,\\N"]
    assert problems('"a \\"b\\" c",d') == {1: BEHIND_A_BACKSLASH}


@given(st.text(alphabet='ab,"\n\r ', max_size=60))
def test_every_line_belongs_to_exactly_one_row(text: str) -> None:
    lines = LINE_END.split(text)
    covered = Counter(line for row in rows(text) for line in range(row.line, row.last_line + 1))
    assert not covered or max(covered.values()) == 1
    missing = [line for line in range(1, len(lines) + 1) if line not in covered]
    assert all(lines[line - 1].strip() in ("", '""') for line in missing)


@given(
    st.lists(st.tuples(st.lists(PLAIN_CELL, min_size=3, max_size=3), st.none() | BROKEN_CELL), max_size=30)
)
def test_a_broken_quotation_mark_costs_its_own_line(made: list[tuple[list[str], str | None]]) -> None:
    """The oracle works line by line: each line is one row, and those without a broken cell are read."""
    lines = ["A,B,C"] + [",".join([*cells[:-1], broken or cells[-1]]) for cells, broken in made]
    found = rows("\n".join(lines))
    assert [row.line for row in found] == list(range(1, len(lines) + 1))
    for row, (cells, broken) in zip(found[1:], made, strict=True):
        assert (row.problem is None) == (broken is None)
        assert broken is not None or row.fields == cells


def test_the_two_ways_to_break_a_cell_are_named() -> None:
    assert problems('a,b\n1,"x\n2,y') == {2: NOT_CLOSED}
    assert problems('a,b\n"x" y,1\n2,z') == {2: TEXT_FOLLOWS}
    assert problems("a,b\n1,'x\n2,y", quote="'") == {2: NOT_CLOSED}


@pytest.mark.parametrize("length", [1_100, 20_000])
def test_the_lines_of_a_cell_never_become_rows(length: int) -> None:
    text = 'a,b\n1,"' + "x,y\n" * length + '"\n2,z\n'
    found = rows(text)
    assert [(row.line, row.last_line) for row in found] == [(1, 1), (2, length + 2), (length + 3, length + 3)]


def test_blanks_around_quotation_marks() -> None:
    (header, row) = rows('a; b\n"1" ; "x; y"', separator=";")
    assert (row.fields, row.has_blanks) == (["1", "x; y"], True)
    assert header.fields == ["a", " b"]
    (row,) = rows('1, "5 inch" disk, 3" pipe')
    assert row.fields == ["1", ' "5 inch" disk', ' 3" pipe']


@pytest.mark.parametrize(
    "text",
    ['"a""' * 200_000, '"a\n' * 200_000, '","\n' * 200_000, '"' + '""' * 300_000, 'x,""\n' * 100_000 + '"'],
    ids=["pairs", "openings", "both ways", "one pair after another", "open at the end"],
)
def test_long_texts_are_read_in_linear_time(text: str) -> None:
    started = time.process_time()
    list(CsvReader(text, ",", '"').rows(lambda row: len(row.fields) == 2))
    assert time.process_time() - started < 5

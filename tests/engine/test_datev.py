"""Journals as a DATEV file: movements between two accounts, and the form of the file."""

import csv
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.datev import COLUMNS, DatevClient, DatevForbids, DatevLine, Movement, datev_file, movements

CLIENT = DatevClient(1001, 7, account_length=4, year_begins=1)


def written(*lines: DatevLine, client: DatevClient = CLIENT) -> str:
    return datev_file(
        client,
        lines,
        from_on=date(2026, 3, 1),
        to_on=date(2026, 3, 31),
        currency="EUR",
        made_at=datetime(2026, 4, 2, 9, 30, 1, 250_000, tzinfo=UTC),
        title="DATEV-0001",
    ).decode("cp1252")


def line(movement: Movement, text: str = "Müller & Söhne", document: str = "INV-2026-0001") -> DatevLine:
    return DatevLine(movement, date(2026, 3, 5), document, text)


def test_legs_become_movements_between_two_accounts() -> None:
    assert movements([("1400", 119), ("8400", -100), ("1776", -19)]) == (
        Movement("1400", "8400", 100),
        Movement("1400", "1776", 19),
    )
    assert movements([("1400", 60), ("1400", 40), ("8400", -100)]) == (Movement("1400", "8400", 100),)
    assert movements([("8400", 100), ("8400", -100)]) == ()


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "3", "4"]), st.integers(-99, 99)), max_size=8))
def test_movements_move_what_the_legs_move(legs: list[tuple[str, int]]) -> None:
    legs = [*legs, ("rest", -sum(amount for _, amount in legs))]
    sums = dict.fromkeys((account for account, _ in legs), 0)
    for account, amount in legs:
        sums[account] += amount
    for one in movements(legs):
        assert one.amount_minor > 0
        sums[one.debit] -= one.amount_minor
        sums[one.credit] += one.amount_minor
    assert set(sums.values()) == {0}


def test_header_columns_and_a_line() -> None:
    header, names, first, end = written(line(Movement("10000", "8400", 123_456))).split("\r\n")
    assert end == ""
    assert header.startswith('"EXTF";700;21;"Buchungsstapel";13;20260402093001250;;"CD";"Coverdesk";;1001;7;')
    assert header.split(";")[12:17] == ["20260101", "4", "20260301", "20260331", '"DATEV-0001"']
    assert len(header.split(";")) == 31
    assert len(names.split(";")) == len(COLUMNS) == 125
    row = first.split(";")
    assert row[:3] == ["1234,56", '"S"', '"EUR"']
    assert row[6:11] == ["10000", "8400", "", "0503", '"INV-2026-0001"']
    assert row[13] == '"Müller & Söhne"'
    assert len(row) == 125


def test_the_financial_year_may_begin_in_any_month() -> None:
    july = DatevClient(1001, 7, account_length=4, year_begins=7)
    assert written(client=july).split(";")[12] == "20250701"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=SUM(A1)", "'=SUM(A1)"),
        ('"Quoted"; next', '"Quoted"; next'),
        ("two\r\nlines", "two lines"),
        ("Łódź 漢", "?ód? ?"),
        ("x" * 99, "x" * 60),
    ],
)
def test_texts_stay_in_their_column(text: str, shown: str) -> None:
    lines = written(line(Movement("1400", "8400", 1), text)).splitlines()
    [row] = csv.reader(lines[2:], delimiter=";")
    assert (len(row), row[13]) == (125, shown)


def test_a_document_has_the_letters_that_datev_takes() -> None:
    row = written(line(Movement("1400", "8400", 1), document='A;"1 ö/2' + "9" * 40)).splitlines()[2]
    assert row.split(";")[10] == '"A1/2' + "9" * 32 + '"'


@pytest.mark.parametrize("movement", [
    Movement("140", "8400", 1), Movement("1400", "840000", 1), Movement("1400", "84X0", 1),
    Movement("1400", "8400", 10**12),
])  # fmt: skip
def test_what_datev_does_not_take_is_refused(movement: Movement) -> None:
    with pytest.raises(DatevForbids):
        written(line(movement))

"""Parsing and formatting of durations, money and times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.pages.wording.formats import (
    duration_words,
    instant_text,
    minutes_text,
    money_text,
    period_text,
    plain_money,
    read_minutes,
    read_money,
    relative_text,
    until_text,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("1:30", 90),
        ("0:05", 5),
        ("100:00", 6000),
        ("1h30", 90),
        ("1h", 60),
        ("1h 30m", 90),
        ("2 h 15 min", 135),
        ("90m", 90),
        ("90 minutes", 90),
        ("90", 90),
        ("1,5 h", 90),
        ("1.5h", 90),
        ("0,01 h", 1),
        (" 1:30 ", 90),
        ("1 HOUR", 60),
    ],
)
def test_typed_durations(typed: str, minutes: int) -> None:
    assert read_minutes(typed) == minutes


@pytest.mark.parametrize(
    "typed", ["", "h", "1,5", "1.125 h", "-3", "1:60", "1:3", "abc", "1:30:00", "٣", "1e3", "9" * 40]
)
def test_invalid_durations(typed: str) -> None:
    assert read_minutes(typed) is None


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("20", 1200),
        ("1,5", 90),
        ("1.25", 75),
        ("0", 0),
        ("1:30", 90),
        ("90m", 90),
        ("2h", 120),
        ("1.500", None),
    ],
)
def test_a_number_alone_has_the_unit_of_its_field(typed: str, minutes: int | None) -> None:
    assert read_minutes(typed, "hours") == minutes


@given(st.integers(min_value=0, max_value=99_999))
def test_durations_in_words_are_parsed_back(minutes: int) -> None:
    for unit in ("hours", "minutes"):
        assert read_minutes(duration_words(minutes).replace(",", ""), unit) == minutes


@given(st.integers(min_value=0, max_value=99_999))
def test_formatted_minutes_are_parsed_back(minutes: int) -> None:
    assert read_minutes(minutes_text(minutes).replace(",", "")) == minutes


@given(st.text(max_size=30))
def test_parsing_never_fails(typed: str) -> None:
    for value in (read_minutes(typed), read_money(typed, "EUR")):
        assert value is None or value >= 0


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("125", "EUR", 12500),
        ("125.00", "EUR", 12500),
        ("125,5", "EUR", 12550),
        ("1.250,00", "EUR", 125000),
        ("1,250.00", "EUR", 125000),
        ("1 250", "EUR", 125000),
        ("1.234", "EUR", 123400),
        ("1480", "JPY", 1480),
        ("1,480", "JPY", 1480),
        ("1.234", "BHD", 1234),
        ("1,234", "BHD", 1234000),
        ("0", "EUR", 0),
        ("1.234,5", "JPY", None),
        ("12.5.3", "EUR", None),
        ("1.23456", "EUR", None),
        ("-3", "EUR", None),
        ("", "EUR", None),
    ],
)
def test_typed_amounts(typed: str, currency: str, minor: int | None) -> None:
    assert read_money(typed, currency) == minor


@given(st.integers(min_value=0, max_value=10**12), st.sampled_from(["EUR", "JPY", "BHD"]))
def test_formatted_amounts_are_parsed_back(minor: int, currency: str) -> None:
    assert read_money(plain_money(minor, currency), currency) == minor


def test_money_is_exact_however_large() -> None:
    assert money_text(148000, "EUR") == "€1,480.00"
    assert money_text(-5, "EUR") == "-€0.05"
    assert money_text(9007199254740993, "EUR") == "€90,071,992,547,409.93"
    assert money_text(None, "EUR") == "–"


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (timedelta(seconds=30), "now"),
        (timedelta(minutes=1), "in 1 min"),
        (timedelta(hours=2, minutes=59), "in 2 h"),
        (timedelta(days=7, seconds=-30), "in 7 d"),
        (timedelta(days=-7, seconds=30), "6 d ago"),
        (timedelta(days=-1), "1 d ago"),
        (timedelta(days=29), "in 29 d"),
        (timedelta(days=30), "1 Apr"),
        (timedelta(days=-365), "2 Mar 2025"),
    ],
)
def test_instants_relative_to_now(offset: timedelta, text: str) -> None:
    assert relative_text(NOW + offset, NOW, BERLIN) == text


def test_period_ends_are_shown_as_the_last_day() -> None:
    new_year = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    assert until_text(new_year, BERLIN, NOW) == "until 31 Dec"
    assert until_text(None, BERLIN, NOW) == "no end date"
    assert until_text(NOW, BERLIN, NOW) == "until 2 Mar 2026, 10:00 CET"
    start = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    assert period_text(start, new_year, BERLIN) == "1 Jan 2026 – 31 Dec 2026"
    assert instant_text(NOW, BERLIN) == "2 Mar 2026, 10:00 CET"

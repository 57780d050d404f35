"""Parsing and formatting of durations, money and times, in each language."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.currencies import CURRENCIES, minor_digits, plain_amount
from web.pages.wording.billing import quantity_text
from web.pages.wording.formats import (
    SpanUnit,
    day_text,
    decimal_text,
    duration_words,
    incidents_text,
    instant_text,
    minutes_text,
    money_text,
    period_text,
    plain_money,
    read_decimal,
    read_minutes,
    read_money,
    read_span,
    relative_text,
    span_text,
    typed_minutes,
    typed_money,
    until_text,
)
from workflows.languages.texts import LANGUAGES, Language, in_language

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
        ("1 Std. 30 Min.", 90),
        ("2 Stunden", 120),
        ("1,5 Stunden", 90),
        ("90 Minuten", 90),
        ("1 h 30", 90),
        ("1 heure 30 minutes", 90),
        ("1,5 heures", 90),
        ("1\u202fh\u00a030", 90),
    ],
)
def test_typed_durations(typed: str, minutes: int) -> None:
    for code in LANGUAGES:
        with in_language(code):
            assert read_minutes(typed) == minutes


@pytest.mark.parametrize(
    ("typed", "unit", "number"),
    [
        ("14 days", "day", 14),
        ("14 Tage", "day", 14),
        ("14 jours", "day", 14),
        ("1 Monat", "month", 1),
        ("3 mois", "month", 3),
        ("2 Stunden", "hour", 2),
        ("2 heures", "hour", 2),
        ("2 Stunden", "day", None),
        ("2 mois", "day", None),
    ],
)
def test_typed_spans(typed: str, unit: SpanUnit, number: int | None) -> None:
    assert read_span(typed, unit) == number


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
        for code in LANGUAGES:
            with in_language(code):
                words = re.sub(r"(?<=\d)[,.\u202f](?=\d)", "", duration_words(minutes))
                assert read_minutes(words, unit) == minutes


@given(st.integers(min_value=0, max_value=99_999))
def test_formatted_minutes_are_parsed_back(minutes: int) -> None:
    assert read_minutes(typed_minutes(minutes)) == minutes


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
    for code in LANGUAGES:
        with in_language(code):
            assert read_money(typed_money(minor, currency), currency) == minor
            assert read_money(money_text(minor, currency), currency) == minor or currency == "BHD"


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("1.250,00 €", "EUR", 125000),
        ("1\u202f250,00\u00a0€", "EUR", 125000),
        ("€1,250.00", "EUR", 125000),
        ("US$12", "USD", 1200),
        ("12 $US", "USD", 1200),
        ("12,00 $", "USD", 1200),
        ("12 €", "USD", None),
    ],
)
def test_amounts_are_read_as_any_language_writes_them(typed: str, currency: str, minor: int | None) -> None:
    for code in LANGUAGES:
        with in_language(code):
            assert read_money(typed, currency) == minor


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("2", "2"),
        ("1.5", "1.5"),
        ("1,5", "1.5"),
        ("0.125", "0.125"),
        ("0,125", "0.125"),
        ("7,5 %", "7.5"),
        ("7.5\u202f%", "7.5"),
        ("1,2345", "1.2345"),
        ("12345.678", "12345.678"),
        ("1.250,5", "1250.5"),
        ("1,250.5", "1250.5"),
        ("1 250,5", "1250.5"),
        ("1.250.000", "1250000"),
        ("-1,5", "-1.5"),
        ("−2", "-2"),
        ("1.250.5", None),
        ("1,5,5", None),
        ("much", None),
        ("", None),
        ("-", None),
        ("٣", None),
    ],
)
def test_typed_quantities_are_read_alike_in_each_language(typed: str, number: str | None) -> None:
    for code in LANGUAGES:
        with in_language(code):
            assert read_decimal(typed) == number


@pytest.mark.parametrize(
    ("code", "number", "refused"),
    [("en", "1.234", "1,234"), ("de", "1,234", "1.234"), ("fr", "1,234", "1.234")],
)
def test_three_decimals_are_never_taken_for_thousands(code: Language, number: str, refused: str) -> None:
    with in_language(code):
        assert decimal_text("1.234") == number
        assert read_decimal(number) == "1.234"
        assert read_decimal(refused) is None


@given(st.decimals(min_value=0, max_value=10**9, places=3, allow_nan=False))
def test_formatted_quantities_are_parsed_back(number: Decimal) -> None:
    for code in LANGUAGES:
        with in_language(code):
            assert read_decimal(decimal_text(str(number))) == str(number)


@given(st.text(max_size=30))
def test_a_typed_quantity_is_decimal_text_or_refused(typed: str) -> None:
    number = read_decimal(typed)
    assert number is None or re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", number)


def test_money_is_exact_however_large() -> None:
    assert money_text(148000, "EUR") == "€1,480.00"
    assert money_text(-5, "EUR") == "−€0.05"
    assert money_text(9007199254740993, "EUR") == "€90,071,992,547,409.93"
    assert money_text(None, "EUR") == "–"


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_pages_and_documents_count_the_same_decimals(currency: str) -> None:
    """ISO 4217 has 2 for each, but Babel none for RSD in 2.18.0, and for COP, HUF and IDR in 2.19.0."""
    amount = 1234567
    decimals = minor_digits(currency)
    assert plain_money(amount, currency) == plain_amount(amount, currency)
    assert read_money(plain_amount(amount, currency), currency) == amount
    for code in LANGUAGES:
        with in_language(code):
            assert re.sub(r"\D", "", money_text(amount, currency)) == str(amount)
            # the last group of digits: decimals, or thousands
            assert len(re.findall(r"\d+", money_text(amount, currency))[-1]) == (decimals or 3)


def test_amounts_in_dinars_keep_their_paras() -> None:
    """By Babel 2.18.0, 125.50 was shown as 126, and 125 stored as 1.25: findings/babel-currency-digits.sh."""
    assert read_money("125", "RSD") == 12500
    with in_language("de"):
        assert money_text(12550, "RSD") == "125,50\u00a0RSD"


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


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        (
            "de",
            [
                "1.250,00 €",
                "−0,05 €",
                "1.234:05",
                "31. März 2026",
                "31. März",
                "1. März",
                "2. März 2026, 10:00 MEZ",
                "in 2 Std.",
                "vor 1 Tag",
                "in 29 Tagen",
                "vor 5 Min.",
                "jetzt",
                "3 Tage",
                "1 Stunde 30 Minuten",
                "1 Vorfall",
                "2 Vorfälle",
                "ohne Enddatum",
                "bis 31. Dez.",
                "ab 2. März 2026, ohne Enddatum",
            ],
        ),
        (
            "fr",
            [
                "1\u202f250,00\u00a0€",
                "−0,05\u00a0€",
                "1\u202f234:05",
                "31 mars 2026",
                "31 mars",
                "1er mars",
                "2 mars 2026, 10:00 UTC+1",
                "dans 2 h",
                "il y a 1 j",
                "dans 29 j",
                "il y a 5 min",
                "maintenant",
                "3 j",
                "1 heure 30 minutes",
                "1 incident",
                "2 incidents",
                "sans date de fin",
                "jusqu’au 31 déc.",
                "à partir du 2 mars 2026, sans date de fin",
            ],
        ),
    ],
)
def test_formats_follow_the_language(code: Language, texts: list[str]) -> None:
    new_year = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    with in_language(code):
        found = [
            money_text(125000, "EUR"),
            money_text(-5, "EUR"),
            minutes_text(1234 * 60 + 5),
            day_text(date(2026, 3, 31)),
            day_text(date(2026, 3, 31), date(2026, 1, 1)),
            day_text(date(2026, 3, 1), date(2026, 1, 1)),
            instant_text(NOW, BERLIN),
            relative_text(NOW + timedelta(hours=2), NOW, BERLIN),
            relative_text(NOW - timedelta(days=1), NOW, BERLIN),
            relative_text(NOW + timedelta(days=29), NOW, BERLIN),
            relative_text(NOW - timedelta(minutes=5), NOW, BERLIN),
            relative_text(NOW, NOW, BERLIN),
            span_text(timedelta(days=3)),
            duration_words(90),
            incidents_text(1),
            incidents_text(2),
            until_text(None, BERLIN, NOW),
            until_text(new_year, BERLIN, NOW),
            period_text(NOW, None, BERLIN),
        ]
    assert [text.replace("\u00a0€", " €") if code == "de" else text for text in found] == texts


@pytest.mark.parametrize(
    ("quantity", "unit", "english", "french"),
    [
        ("1", "HUR", "1 hour", "1 heure"),
        ("2.5", "HUR", "2.5 hours", "2,5 heures"),
        ("1.5", "hour", "1.5 hours", "1,5 heure"),
        ("3", "piece", "3 ×", "3 ×"),
        ("2", "contract", "2 contracts", "2 contrats"),
        ("2", "night", "2 night", "2 night"),
    ],
)
def test_a_unit_agrees_with_its_quantity(quantity: str, unit: str, english: str, french: str) -> None:
    assert quantity_text(quantity, unit) == english
    with in_language("fr"):
        assert quantity_text(quantity, unit) == french

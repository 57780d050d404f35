"""Reading a statement as CSV by a profile; amounts and days as the profile says, or not at all."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from workflows.billing.bank.statement_formats.amounts import signed_minor_units
from workflows.billing.bank.statement_formats.reading import read_statements
from workflows.billing.bank.statement_formats.values import (
    BankEntry,
    BankStatement,
    InvalidEntry,
    StatementTooLarge,
    UnreadableStatement,
)
from workflows.commands.bank_statements import CsvProfile

GERMAN: dict[str, Any] = {
    "name": "Savings bank",
    "encoding": "cp1252",
    "thousands_sign": ".",
    "date_form": "%d.%m.%y",
    "columns": {
        "account": "Auftragskonto",
        "booked_on": "Buchungstag",
        "amount": "Betrag",
        "currency": "Waehrung",
        "party": "Beguenstigter/Zahlungspflichtiger",
        "party_iban": "Kontonummer/IBAN",
        "texts": ["Verwendungszweck"],
        "references": ["Kundenreferenz (End-to-End)"],
        "status": "Info",
    },
    "booked_words": ["Umsatz gebucht"],
}
HEADINGS = (
    '"Auftragskonto";"Buchungstag";"Verwendungszweck";"Kundenreferenz (End-to-End)";'
    '"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"Betrag";"Waehrung";"Info"\r\n'
)
ACCOUNT = "DE02120300000000202051"


def row(amount: str, day: str = "05.03.26", text: str = "R-2026-0002", info: str = "Umsatz gebucht") -> str:
    party = '"Müller";"DE89 3704 0044 0532 0130 00"'
    return f'"{ACCOUNT}";"{day}";"{text}";"NOTPROVIDED";{party};"{amount}";"EUR";"{info}"\r\n'


def read(text: str, profile: dict[str, Any] = GERMAN) -> BankStatement:
    made = CsvProfile.model_validate(profile)
    (found,) = read_statements(text.encode(made.encoding), made)
    return found


def changed(**changes: Any) -> dict[str, Any]:
    columns = {**GERMAN["columns"], **changes.pop("columns", {})}
    return {**GERMAN, **changes, "columns": {key: one for key, one in columns.items() if one is not None}}


def test_a_german_file() -> None:
    found = read(HEADINGS + row("1.234,56") + row("-20,00", "06.03.26"))
    assert (found.format, found.account, found.currency) == ("csv", ACCOUNT, "EUR")
    assert (found.from_on, found.until_on) == (date(2026, 3, 5), date(2026, 3, 6))
    assert found.entries[0] == BankEntry(
        "1",
        123_456,
        "EUR",
        date(2026, 3, 5),
        ("R-2026-0002",),
        "",
        "Müller",
        "DE89370400440532013000",
    )
    assert found.entries[1].amount_minor == -2_000


def test_lines_above_the_headings_and_entries_that_are_not_booked() -> None:
    above = '"Konto";"Girokonto"\r\n"Zeitraum";"letzte 30 Tage"\r\n\r\n'
    pending = row("7,00", info="Umsatz vorgemerkt")
    found = read(above + HEADINGS + pending + row("1,00") + ";;;;;;;;\r\n")
    assert [one.amount_minor for one in found.entries] == [100]


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        ('"Kontostand";"am 06.03.26 ";;"17,00";"EUR"\r\n', ("Kontostand; am 06.03.26; 17,00; EUR",)),
        (";;;;;;1,00;EUR;\r\n\r\nGedruckt am 07.03.26", ("1,00; EUR", "Gedruckt am 07.03.26")),
        (f"{ACCOUNT};;Saldo;;;;17,00;EUR;Umsatz gebucht", (f"{ACCOUNT}; Saldo; 17,00; EUR; Umsatz gebucht",)),
    ],
)
def test_lines_at_the_end_that_are_no_entries_are_left_out_and_shown(
    end: str, shown: tuple[str, ...]
) -> None:
    entry = row("1,00")
    found = read(HEADINGS + entry + end)
    assert [one.amount_minor for one in found.entries] == [100]
    assert found.left_out == shown
    refused = "Line [2-4] has .*(no day in the form|cells)"
    for in_the_middle in (HEADINGS + entry + end + "\r\n" + entry, HEADINGS + end + "\r\n" + entry):
        with pytest.raises(UnreadableStatement, match=refused):
            read(in_the_middle)
    with pytest.raises(UnreadableStatement, match=refused):
        read(HEADINGS + entry + (end.rstrip() + "\r\n") * 11)


@pytest.mark.parametrize("length", [*range(24, 36), 38])
def test_an_entry_that_breaks_off_is_none_of_those_lines(length: int) -> None:
    unquoted = row("1,00").replace('"', "")
    with pytest.raises(UnreadableStatement, match="Line 3 has"):
        read(HEADINGS + unquoted + unquoted[:length])


def test_separators_at_the_end_of_lines_are_no_cells() -> None:
    for headings, entry in (
        (HEADINGS, row("1,00").replace("\r\n", ";;\r\n")),
        (HEADINGS.replace("\r\n", "; \r\n"), row("1,00")),
    ):
        assert [one.amount_minor for one in read(headings + entry + entry).entries] == [100, 100]
    with pytest.raises(UnreadableStatement, match="Line 2 has 10 cells, the headings 9"):
        read(HEADINGS + row("1,00").replace("\r\n", ";more\r\n"))


def test_columns_of_credits_and_debits() -> None:
    profile = changed(columns={"amount": None, "credit": "Haben", "debit": "Soll"})
    headings = HEADINGS.replace('"Betrag"', '"Soll";"Haben"')
    credit, debit = row('";"5,00'), row('5,00";"')
    found = read(headings + credit + debit + row('-6,00";"'), profile)
    assert [one.amount_minor for one in found.entries] == [500, -500, -600]
    with pytest.raises(InvalidEntry, match="a credit and a debit"):
        read(headings + row('5,00";"5,00'), profile)


def test_a_column_that_says_credit_or_debit() -> None:
    profile = changed(columns={"direction": "S/H"}, credit_words=["H"], debit_words=["S"])
    headings = HEADINGS.replace('"Betrag"', '"Betrag";"S/H"')
    found = read(headings + row('5,00";"H') + row('5,00";"s'), profile)
    assert [one.amount_minor for one in found.entries] == [500, -500]
    for wrong, said in (
        ('5,00";"X', "neither credit nor debit"),
        ('-5,00";"S', "an amount with a sign, and 's'"),
    ):
        with pytest.raises(InvalidEntry, match=f"Line 2 has {said}"):
            read(headings + row(wrong), profile)


def test_another_bank() -> None:
    profile = {
        "name": "Bank",
        "delimiter": ",",
        "decimal_sign": ".",
        "thousands_sign": ",",
        "date_form": "%Y-%m-%d",
        "account": "GB29 NWBK 6016 1331 9268 19",
        "currency": "GBP",
        "columns": {"booked_on": "Date", "amount": "Amount", "texts": ["Details"], "bank_reference": "Id"},
    }
    found = read('\ufeffDate,Details,Amount,Id\n2026-03-05,"Invoice, R-1","1,234.50",77\n', profile)
    assert found.account == "GB29NWBK60161331926819"
    assert found.entries == (
        BankEntry("1", 123_450, "GBP", date(2026, 3, 5), ("Invoice, R-1",), bank_reference="77"),
    )


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1.234,56", 123_456),
        ("1234,56", 123_456),
        ("12,5", 1_250),
        ("12", 1_200),
        ("+12,50", 1_250),
        ("-12,50", -1_250),
        ("12,50-", -1_250),
        ("\u221212,50", -1_250),
        ("- 12,50", -1_250),
        ("0,00", 0),
        ("1.234.567,89", 123_456_789),
    ],
)
def test_amounts(text: str, minor: int) -> None:
    assert signed_minor_units(text, "EUR", decimal_sign=",", thousands_sign=".") == minor


@pytest.mark.parametrize(
    "text",
    [
        "12.34",  # a decimal point: a reader of German amounts that is not strict takes it for 1,234
        "1.234",  # thousands, or three decimals of a point
        "1,234.56",
        "1.23,45",
        "12345.678,00",
        ".123,00",
        "1,234",
        "12,",
        ",50",
        "1 234,56",
        "(12,50)",
        "12,50 EUR",
        "--5,00",
        "1e3",
        "",
        "-",
        "\u0661\u0662,00",
        "9" * 40,
    ],
)
def test_amounts_in_another_form_are_refused(text: str) -> None:
    assert signed_minor_units(text, "EUR", decimal_sign=",", thousands_sign=".") is None
    with pytest.raises(InvalidEntry, match="Line 2 has an amount"):
        read(HEADINGS + row(text), changed(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "thousands_sign"),
    [
        ("1'234'567.80", "'"),
        ("1\u2019234\u2019567.80", "'"),
        ("1\u202f234 567.80", " "),
        ("1\xa0234\xa0567.80", " "),
    ],
)
def test_signs_between_thousands_that_look_alike(text: str, thousands_sign: str) -> None:
    profile = changed(encoding="utf-8", decimal_sign=".", thousands_sign=thousands_sign)
    (entry,) = read(HEADINGS + row(text), profile).entries
    assert entry.amount_minor == 123_456_780


def test_amounts_without_decimals_are_those_of_the_currency() -> None:
    assert signed_minor_units("1.234", "JPY", decimal_sign=",", thousands_sign=".") == 1_234
    assert signed_minor_units("1.234,5", "JPY", decimal_sign=",", thousands_sign=".") is None
    assert signed_minor_units("1,234", "KWD", decimal_sign=",", thousands_sign=".") == 1_234


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADINGS + row("1,00", "2026-03-05"), "Line 2 has no day in the form"),
        (HEADINGS + row("1,00", "31.02.26"), "Line 2 has no day"),
        (HEADINGS.replace("Betrag", "Umsatz") + row("1,00"), "No line has the headings"),
        (HEADINGS.replace("Info", "Betrag") + row("1,00"), "No line has the headings"),
        (HEADINGS + '"DE02120300000000202051";"05.03.26"\r\n', "Line 2 has 2 cells, the headings 9"),
        (HEADINGS + row("1,00")[:40], "a quotation mark is not closed"),
        (HEADINGS + row("1,00").replace(ACCOUNT, ""), "Line 2 has no account"),
        (HEADINGS + row("1,00").replace("EUR", "Euro"), "Line 2 has no currency"),
        (HEADINGS + row("1,00") + row("1,00").replace("EUR", "USD"), "EUR and USD"),
        (HEADINGS, "no booked entry"),
        (HEADINGS.replace('"Info"', '"Info";"Betrag"') + row("1,00"), "the heading Betrag twice"),
    ],
)
def test_what_does_not_fit_the_profile_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnreadableStatement, match=message) as refused:
        read(text)
    assert refused.value.remedy


def test_another_encoding_is_refused() -> None:
    with pytest.raises(UnreadableStatement, match="not in utf-8"):
        read_statements(
            (HEADINGS + row("1,00")).encode("cp1252"), CsvProfile.model_validate(changed(encoding="utf-8"))
        )


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.billing.bank.statement_formats.csv_statement.MOST_ENTRIES", 2)
    with pytest.raises(StatementTooLarge):
        read(HEADINGS + row("1,00") * 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thousands_sign": ","}, "must differ"),
        ({"date_form": "%d.%m"}, "day, the month and the year"),
        ({"date_form": "%d.%m.%Y %H"}, "Write it with"),
        ({"account": ACCOUNT}, "Give the account, or the column"),
        ({"currency": "EUR"}, "Give the currency, or the column"),
        ({"columns": {"amount": None}}, "Name the column of the amount"),
        ({"columns": {"credit": "Haben"}}, "Name the column of the amount"),
        ({"columns": {"direction": "S/H"}}, "go together"),
        ({"columns": {"direction": "S/H"}, "credit_words": ["H"]}, "words for credit and for debit"),
        ({"booked_words": []}, "go together"),
        ({"encoding": "utf-7"}, "utf-8"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_profiles_that_leave_something_open_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CsvProfile.model_validate(changed(**changes))

"""Reading camt.053 in four versions: what is booked, batches, texts, references, balances."""

from datetime import date

import pytest

from tests.support.bank_statements import (
    ACCOUNT,
    VERSIONS,
    Detail,
    Entry,
    camt,
    document,
    statement,
)
from workflows.billing.bank.statement_formats.reading import read_statements
from workflows.billing.bank.statement_formats.values import (
    BalancesDiffer,
    BankEntry,
    BankStatement,
    InvalidEntry,
    StatementCutOff,
    StatementNotSafe,
    StatementTooLarge,
    UnreadableStatement,
)


def read(text: str) -> BankStatement:
    (found,) = read_statements(text.encode())
    return found


def only_entry(entry: Entry, version: str = "08") -> BankEntry:
    (found,) = read(camt([entry], version=version)).entries
    return found


ORDINARY = Entry(
    "119.00",
    (Detail(None, ("R-2026-00", "02 Danke"), "Müller & Söhne", "DE89370400440532013000"),),
    bank_reference="B-77",
)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_receipt(version: str) -> None:
    text = camt([ORDINARY], version=version, opening="1000.00", closing="1119.00")
    assert read(text) == BankStatement(
        f"camt.053.001.{version}",
        ACCOUNT,
        "EUR",
        "S-1",
        (
            BankEntry(
                "1",
                11_900,
                "EUR",
                date(2026, 3, 5),
                ("R-2026-00", "02 Danke"),
                "",
                "Müller & Söhne",
                "DE89370400440532013000",
                "B-77",
            ),
        ),
        date(2026, 3, 5),
        date(2026, 3, 5),
        100_000,
        111_900,
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("status", ["PDNG", "INFO"])
def test_only_booked_entries_count(version: str, status: str) -> None:
    pending = Entry("77.00", (Detail(None, ("R-2026-0005",)),), status=status)
    text = camt([pending, ORDINARY], version=version, opening="0.00", closing="119.00")
    assert [one.number for one in read(text).entries] == ["2"]


def test_the_status_of_version_02_may_have_a_code_as_well() -> None:
    assert only_entry(Entry("1.00", status="<Cd>BOOK</Cd>"), "02").amount_minor == 100


@pytest.mark.parametrize("version", VERSIONS)
def test_a_batch_with_amounts_is_so_many_receipts(version: str) -> None:
    batch = Entry("300.00", (Detail("119.00", ("R-3",), "A"), Detail("181.00", ("R-4",), "B")))
    found = read(camt([batch], version=version)).entries
    assert [(one.number, one.amount_minor, one.texts, one.party, one.batch) for one in found] == [
        ("1.1", 11_900, ("R-3",), "A", 0),
        ("1.2", 18_100, ("R-4",), "B", 0),
    ]


def test_amounts_in_the_details_of_a_later_version() -> None:
    batch = Entry("300.00", (Detail("119.00", in_details=True), Detail("181.00", in_details=True)))
    assert [one.amount_minor for one in read(camt([batch])).entries] == [11_900, 18_100]


@pytest.mark.parametrize(
    "details",
    [
        (Detail("119.00", ("R-3",)), Detail(None, ("R-4",))),
        (Detail("119.00", ("R-3",)), Detail("180.00", ("R-4",))),  # fees deducted: not what was booked
        (Detail("119.00", ("R-3",)), Detail("181.00", ("R-4",), currency="USD")),
    ],
)
def test_a_batch_without_its_amounts_is_for_a_person_to_split(details: tuple[Detail, ...]) -> None:
    found = only_entry(Entry("300.00", details))
    assert (found.amount_minor, found.batch, found.texts) == (30_000, 2, ("R-3", "R-4"))


def test_a_batch_without_details() -> None:
    counted = "<NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch></NtryDtls>"
    assert only_entry(Entry("300.00", extra=counted)).batch == 3
    assert only_entry(Entry("300.00", extra=counted.replace("3", "1"))).batch == 0


def test_one_detail_has_the_amount_of_its_entry() -> None:
    """The detail is what the payer sent, the entry what arrived."""
    assert only_entry(Entry("100.00", (Detail("110.00", currency="USD"),))).amount_minor == 10_000


def test_references() -> None:
    detail = Detail(None, reference="RF18539007547034", end_to_end="R-2026-0002")
    assert only_entry(Entry("1.00", (detail,))).reference == "RF18539007547034 / R-2026-0002"
    assert only_entry(Entry("1.00", (Detail(),))).reference == ""


def test_what_the_bank_adds_stands_in_for_a_text() -> None:
    assert only_entry(Entry("1.00", note="Zinsen")).texts == ("Zinsen",)
    assert only_entry(Entry("1.00", (Detail(),), note="Zinsen")).texts == ("Zinsen",)
    assert only_entry(Entry("1.00", (Detail(None, ("R-1",)),), note="Gutschrift")).texts == ("R-1",)


@pytest.mark.parametrize("version", VERSIONS)
def test_debits_and_reversals_are_no_receipts(version: str) -> None:
    debit = only_entry(Entry("-20.00", (Detail(None, payer="Shop"),)), version)
    returned = only_entry(Entry("-119.00", (Detail(None, payer="Berg"),), reversal=True), version)
    came_back = only_entry(Entry("20.00", (Detail(None, payer="Shop"),), reversal=True), version)
    assert [(one.amount_minor, one.party, one.is_reversal) for one in (debit, returned, came_back)] == [
        (-2_000, "Shop", False),
        (-11_900, "Berg", True),
        (2_000, "Shop", True),
    ]
    assert not any(one.is_receipt for one in (debit, returned, came_back))
    assert came_back.receipt("x").amount_minor == 0


def test_several_statements_in_a_file() -> None:
    second = statement([Entry("5.00")], account="DE89370400440532013000", statement_id="S-2")
    found = read_statements(document(statement([Entry("1.00"), Entry("2.00")]) + second).encode())
    assert [(one.account, [entry.number for entry in one.entries]) for one in found] == [
        (ACCOUNT, ["1", "2"]),
        ("DE89370400440532013000", ["1"]),
    ]


@pytest.mark.parametrize("day", ["2026-03-05Z", "2026-03-05+01:00", "2026-03-05"])
def test_days_with_an_offset_are_those_of_the_bank(day: str) -> None:
    assert only_entry(Entry("1.00", booked_on=day)).booked_on == date(2026, 3, 5)
    time = Entry("1.00", booked_on=day).xml("08").replace("<Dt>", "<DtTm>").replace("</Dt>", "</DtTm>")
    body = statement([]).replace("</Stmt>", f"{time}</Stmt>").replace(day, "2026-03-05T23:30:00-05:00")
    assert read(document(body)).entries[0].booked_on == date(2026, 3, 5)


def test_other_encodings() -> None:
    text = camt([ORDINARY])
    for name in ("iso-8859-1", "utf-16"):
        (found,) = read_statements(text.replace("UTF-8", name).encode(name))
        assert found.entries[0].party == "Müller & Söhne"
    assert read_statements(b"\xef\xbb\xbf" + text.encode())[0].entries[0].party == "Müller & Söhne"


# Balances


@pytest.mark.parametrize("closing", ["118.99", "-119.00"])
def test_a_statement_whose_balances_differ_is_refused(closing: str) -> None:
    with pytest.raises(BalancesDiffer, match="not complete"):
        read(camt([ORDINARY], opening="0.00", closing=closing))


def test_without_both_balances_nothing_is_compared() -> None:
    assert read(camt([ORDINARY], opening="5.00")).closing_minor is None
    assert read(camt([Entry("-119.00")], opening="-1.00", closing="-120.00")).opening_minor == -100


# What is refused

UNSAFE = {
    "a document type": document(statement([]), head="<!DOCTYPE Document>"),
    "entities": document(statement([]), head='<!DOCTYPE Document [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>'),
    "an external entity": document(
        statement([], statement_id="&x;"),
        head='<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ),
    "an external document type": document(
        statement([]), head='<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/x.dtd">'
    ),
    "deep elements": document("<a>" * 100_000 + "</a>" * 100_000),
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_unsafe_files_are_refused(kind: str) -> None:
    with pytest.raises(StatementNotSafe) as refused:
        read(UNSAFE[kind])
    assert refused.value.remedy


def test_a_file_cut_anywhere_is_refused() -> None:
    """Never as something else than a broken file, and mostly as one that is cut off."""
    text = camt([ORDINARY, Entry("-1.00")], opening="0.00", closing="118.00").rstrip()
    kinds = set()
    for end in range(60, len(text)):
        with pytest.raises(UnreadableStatement) as refused:
            read(text[:end])
        kinds.add(type(refused.value))
        assert refused.value.remedy
    assert kinds == {StatementCutOff}


def test_a_large_file_is_refused_unread() -> None:
    with pytest.raises(StatementTooLarge, match="more than 15,728,640 bytes"):
        read_statements(b"<" * (50 * 1024 * 1024))


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.billing.bank.statement_formats.camt053.MOST_ENTRIES", 2)
    assert len(read(camt([ORDINARY] * 2)).entries) == 2
    with pytest.raises(StatementTooLarge):
        read(camt([ORDINARY] * 3))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("119.00", "119,00", "Entry 1 has no valid amount: '119,00 EUR'"),
        ("119.00", "119.001", "no valid amount"),
        ("119.00", "-119.00", "no valid amount"),
        ("119.00", "1e2", "no valid amount"),
        ("119.00", "9" * 30, "no valid amount"),
        (' Ccy="EUR"', "", "no valid amount"),
        ("CRDT", "BOTH", "neither credit nor debit"),
        ("2026-03-05</Dt></BookgDt>", "5.3.2026</Dt></BookgDt>", "no valid booking date"),
        ("2026-03-05</Dt></BookgDt>", "0001-01-01</Dt></BookgDt>", "no valid booking date"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "", "no status"),
        ("<Ccy>EUR</Ccy>", "<Ccy>USD</Ccy>", "USD and EUR"),
    ],
)
def test_wrong_entries_are_refused_by_their_number(old: str, new: str, message: str) -> None:
    text = camt([ORDINARY])
    assert old in text
    with pytest.raises(InvalidEntry, match=message):
        read(text.replace(old, new))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("PK\x03\x04...", "ZIP archive"),
        ("%PDF-1.7", "a PDF"),
        (":20:STARTUMSE\r\n:25:12345", "MT940"),
        ("Datum;Betrag\n", "not XML"),
        ("<html><body>Session expired</body></html>", "begins with html"),
        (document(statement([]), version="10"), "Version 10 of camt.053"),
        (
            document(statement([]), message="camt.052").replace("BkToCstmrStmt", "BkToCstmrAcctRpt"),
            "camt.052",
        ),
        (document(""), "no statement"),
        (document("<Stmt><Id>1</Id></Stmt>"), "whose account"),
        (camt([ORDINARY]).replace("UTF-8", "klingon"), "encoding"),
        (camt([ORDINARY]).replace("</Acct>", "</Konto>"), "not well-formed XML: line 4"),
        (camt([ORDINARY]).replace("&amp;", "&"), "not well-formed"),
    ],
)
def test_other_files_are_refused_with_what_they_are(text: str, message: str) -> None:
    with pytest.raises(UnreadableStatement, match=message):
        read_statements(text.encode())

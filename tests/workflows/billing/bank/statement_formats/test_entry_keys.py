"""What identifies an entry: the same in each statement that has it, another for each entry."""

from dataclasses import replace
from datetime import date

from workflows.billing.bank.statement_formats.values import BankEntry, BankStatement, entry_keys

DAY = date(2026, 3, 5)
ENTRY = BankEntry("1", 11_900, "EUR", DAY, ("R-2026-00", "02 Danke"), "E2E", "Berg AG", "DE1", "B-77")
PLAIN = replace(ENTRY, bank_reference="")


def keys(*entries: BankEntry, account: str = "DE02 1203") -> list[str]:
    return entry_keys(BankStatement("csv", account, "EUR", "", entries))


def test_an_overlapping_statement_has_the_same_keys() -> None:
    """At another place of the file, with its texts cut elsewhere."""
    first = keys(ENTRY, replace(PLAIN, texts=("Other",)))
    again = replace(ENTRY, number="7", texts=("R-2026-0002 Danke",))
    assert keys(replace(PLAIN, texts=("Oth er",)), again, account="de021203") == [first[1], first[0]]


def test_two_equal_payments_of_a_day_stay_two() -> None:
    two = keys(PLAIN, replace(PLAIN, number="2"))
    assert len(set(two)) == 2
    assert keys(PLAIN) == two[:1]


def test_whatever_differs_makes_another_key() -> None:
    others = [
        PLAIN,
        replace(PLAIN, amount_minor=-11_900),
        replace(PLAIN, booked_on=date(2026, 3, 6)),
        replace(PLAIN, currency="USD"),
        replace(PLAIN, party="Aal"),
        replace(PLAIN, party_iban="DE2"),
        replace(PLAIN, reference="X"),
        replace(PLAIN, texts=("R-2026-0003",)),
        ENTRY,
        replace(ENTRY, bank_reference="B-78"),
        replace(ENTRY, number="1.1"),
        replace(ENTRY, number="1.2"),
    ]
    found = [keys(one)[0] for one in others] + keys(PLAIN, account="DE3")
    assert len(set(found)) == len(found)

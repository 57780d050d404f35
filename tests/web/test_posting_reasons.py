"""Stored texts of postings are read in every language; what people typed stays."""

import pytest

from web.posting_reasons import posting_reason
from workflows.languages.texts import in_language

STORED = [
    "Sold with the contract",
    "Work on SR-1001",
    "Work on another service request",
    "Work on SR-1001: 1:30 drawn ahead on the next month",
    "Work on SR-1001: drawn ahead in the month before",
    "1:30 carried over to the holder's next contract",
    "1:30 carried over to the next month, or to the holder's next contract",
    "Time carried over from earlier months",
    "100:00 to be billed at the overage rate",
    "Carried over from month 2",
    "Adjustment for 2026-03: Work on SR-1001",
    "Moved to 2026-03, which was reopened: 1:30 recorded as uncovered",
    "Payment for INV-1, INV-2",
    "Payment for INV-1 was taken back",
    "Write-off of INV-1 taken back",
    "Difference of what was credited of INV-1",
    "Discount of INV-1 that was taken back with its payment",
    "Time of 2026-03 on INV-1",
]


@pytest.mark.parametrize("why", STORED)
def test_a_stored_text_is_read_in_each_language(why: str) -> None:
    assert posting_reason(why) == why
    for code in ("de", "fr"):
        with in_language(code):
            assert posting_reason(why) != why


def test_a_text_in_a_text_is_translated() -> None:
    with in_language("de"):
        assert (
            posting_reason("Adjustment for 2026-03: Work on SR-1") == "Korrektur für 2026-03: Arbeit an SR-1"
        )


def test_what_a_person_typed_stays() -> None:
    with in_language("de"):
        assert posting_reason("Goodwill for the failed visit") == "Goodwill for the failed visit"

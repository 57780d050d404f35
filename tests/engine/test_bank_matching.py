"""Matching of receipts with open invoices: against a slow model, in any order, and in linear time."""

import random
import re
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bank_matching import (
    MOST_ALTERNATIVES,
    MOST_TOGETHER,
    Match,
    OpenInvoice,
    Receipt,
    first_claims,
    match_and_claim,
    match_receipts,
)
from tests.support.growth import require_linear

DAY = date(2026, 3, 15)


def invoice(name: str, open_minor: int = 11_900, **more: object) -> OpenInvoice:
    return OpenInvoice(name, f"R-2026-{name:0>4}", open_minor, "EUR", **more)  # type: ignore[arg-type]


def receipt(amount: int, *texts: str, name: str = "e1", **more: object) -> Receipt:
    return Receipt(name, amount, "EUR", texts, booked_on=DAY, **more)  # type: ignore[arg-type]


def matched(one: Receipt, *invoices: OpenInvoice) -> Match:
    (match,) = match_receipts([one], invoices)
    return match


# Names


@pytest.mark.parametrize(
    "texts",
    [
        ("R-2026-0002",),
        ("Rechnung r 2026/0002, danke",),
        ("R20260002",),
        ("R-2026-00", "02 Danke"),
        ("Rechnung R-2026-", "0002"),
        ("zu R-2026", "0002 vom Mai"),
    ],
)
def test_a_number_is_found_however_the_bank_writes_it(texts: tuple[str, ...]) -> None:
    assert matched(receipt(11_900, *texts), invoice("2")).level == "exact"


@pytest.mark.parametrize(
    "text", ["R-2026-00021", "XR-2026-0002", "ÄR-2026-0002", "R-2026", "0002", "NOTPROVIDED", ""]
)
def test_a_part_of_a_token_names_nothing(text: str) -> None:
    assert matched(receipt(1, text), invoice("2")).level == "none"


def test_a_payment_reference_names_its_invoice() -> None:
    with_reference = invoice("2", reference="RF18 5390 0754 7034")
    assert matched(receipt(11_900, reference="RF18539007547034"), with_reference).level == "exact"
    assert matched(receipt(1, reference="NOTPROVIDED"), invoice("2", reference="NOTPROVIDED")).level == "none"


def test_all_named_invoices_are_paid_together() -> None:
    both = receipt(20_000, "R-2026-0001 + R-2026-0002")
    assert matched(both, invoice("1"), invoice("2", 8_100)).reason == "named_and_amount"
    assert matched(both, invoice("1"), invoice("2", 8_200)) == Match("e1", "likely", "named", ("1", "2"))


def test_a_reference_on_too_many_invoices_names_none_of_them() -> None:
    many = [invoice(str(number), 100, reference="frame 7") for number in range(MOST_TOGETHER + 1)]
    assert matched(receipt(1, "frame 7"), *many).level == "none"
    assert matched(receipt(1, "frame 7"), *many[1:]).level == "likely"


# Early payment


@pytest.mark.parametrize(
    ("until", "amount", "level"),
    [
        (DAY, 11_662, "exact"),
        (DAY, 11_900, "exact"),
        (date(2026, 3, 14), 11_662, "likely"),
        (date(2026, 3, 14), 11_900, "exact"),
    ],
)
def test_the_amount_less_the_discount_is_exact_until_its_last_day(
    until: date, amount: int, level: str
) -> None:
    rewarded = invoice("2", early_minor=11_662, early_until=until)
    assert matched(receipt(amount, "R-2026-0002"), rewarded).level == level


def test_the_amount_less_the_discount_alone_is_likely_until_its_last_day() -> None:
    past = invoice("1", early_minor=11_662, early_until=date(2026, 3, 14))
    rewarded = invoice("2", early_minor=11_662, early_until=DAY)
    assert matched(receipt(11_662), past, rewarded).invoices == ("2",)
    assert matched(receipt(11_662), past).level == "none"


# Payer and amount


def test_the_payer_before_the_amount_alone() -> None:
    invoices = [
        invoice("1", payer="Aal GmbH"),
        invoice("2", payer="Berg AG", iban="DE02 1203 0000 0000 2020 51"),
    ]
    by_account = receipt(11_900, iban="DE02120300000000202051")
    assert matched(by_account, *invoices) == Match("e1", "likely", "payer_and_amount", ("2",))
    assert matched(receipt(11_900, payer="AAL  GMBH."), *invoices).invoices == ("1",)
    assert matched(receipt(11_900, payer="Other"), *invoices).reason == "amount"


def test_all_that_a_payer_owes_known_by_name_or_account() -> None:
    invoices = [
        invoice("1", 100, payer="Berg AG"),
        invoice("2", 20, iban="DE1"),
        invoice("3", 3, payer="Berg AG", iban="DE1"),
        invoice("4", 4_000, payer="Aal GmbH"),
    ]
    all_owed = receipt(123, payer="Berg AG", iban="DE1")
    assert matched(all_owed, *invoices) == Match("e1", "likely", "payer_and_sum", ("1", "2", "3"))
    assert matched(receipt(23, iban="DE1"), *invoices).invoices == ("2", "3")


def test_alternatives_are_cut_at_a_number() -> None:
    many = [invoice(str(number)) for number in range(MOST_ALTERNATIVES)]
    assert not matched(receipt(11_900), *many).more
    cut = matched(receipt(11_900), *many, invoice("99"))
    assert (len(cut.invoices), cut.more, "99" in cut.invoices) == (MOST_ALTERNATIVES, True, False)
    assert not cut.together


def test_debits_and_other_currencies_pay_nothing() -> None:
    assert matched(receipt(-11_900, "R-2026-0002"), invoice("2")).level == "none"
    assert matched(receipt(0, "R-2026-0002"), invoice("2")).level == "none"
    assert matched(Receipt("e", 11_900, "USD", ("R-2026-0002",)), invoice("2")).level == "none"


# Two receipts of one invoice


def test_the_first_of_two_exact_receipts_claims_the_invoice() -> None:
    early = Receipt("z", 11_900, "EUR", ("R-2026-0002",), booked_on=date(2026, 3, 1))
    late = receipt(11_900, "R-2026-0002", name="a")
    both = receipt(23_800, "R-2026-0002 R-2026-0003", name="b")
    other = receipt(11_900, "R-2026-0003", name="c")
    receipts = [both, other, late, early]
    matches = list(match_receipts(receipts, [invoice("2"), invoice("3")]))
    assert {one.level for one in matches} == {"exact"}
    assert first_claims(zip(receipts, matches, strict=True)) == {"z", "c"}
    assert first_claims(reversed(list(zip(receipts, matches, strict=True)))) == {"z", "c"}


def test_what_is_claimed_is_not_offered_to_others_unless_they_name_it() -> None:
    invoices = [
        invoice("1", payer="Berg AG"),
        invoice("2", payer="Berg AG"),
        invoice("3", 7, payer="Berg AG"),
    ]
    receipts = [
        receipt(11_900, "R-2026-0001", name="a"),
        receipt(11_900, payer="Berg AG", name="b"),
        receipt(11_907, payer="Berg AG", name="c"),
        receipt(11_900, "R-2026-0001 again", name="d"),
    ]
    matches, claims = match_and_claim(receipts, invoices)
    assert claims == {"a"}
    assert [(one.reason, one.invoices) for one in matches] == [
        ("named_and_amount", ("1",)),
        ("payer_and_amount", ("2",)),
        ("payer_and_sum", ("2", "3")),
        ("named_and_amount", ("1",)),
    ]
    matches, claims = match_and_claim(receipts, invoices, lambda match: False)
    assert (claims, matches) == (set(), list(match_receipts(receipts, invoices)))


# Any receipts and invoices

few = st.sampled_from
invoices = st.lists(
    st.builds(
        lambda number, minor, currency, payer, iban, reference: (
            number,
            minor,
            currency,
            payer,
            iban,
            reference,
        ),
        few(["R-1", "R-2", "R-12", "2026-1", "1", "Ü-7"]),
        few([100, 200, 300]),
        few(["EUR", "USD"]),
        few(["", "Aal", "Berg"]),
        few(["", "DE1", "DE2"]),
        few(["", "PO 7", "PO8", "12"]),
    ),
    max_size=6,
).map(lambda rows: [OpenInvoice(str(number), *row) for number, row in enumerate(rows)])
receipts = st.lists(
    st.builds(
        lambda minor, currency, texts, reference, payer, iban: (
            minor,
            currency,
            texts,
            reference,
            payer,
            iban,
        ),
        few([-100, 100, 200, 300, 400, 500, 600]),
        few(["EUR", "USD"]),
        st.lists(few(["R-1", "R", "-1", "2", "R-1 2", "PO", "7", "2026", "1 R-2", "/"]), max_size=4).map(
            tuple
        ),
        few(["", "NOTPROVIDED", "PO 7", "R12"]),
        few(["", "Aal", "Berg"]),
        few(["", "DE1", "DE2"]),
    ),
    max_size=5,
).map(lambda rows: [Receipt(str(number), *row) for number, row in enumerate(rows)])


@given(receipts, invoices)
def test_any_receipt_is_matched_as_the_model_does(
    receipts: list[Receipt], invoices: list[OpenInvoice]
) -> None:
    for one, match in zip(receipts, match_receipts(receipts, invoices), strict=True):
        assert (match.level, list(match.invoices)) == model(one, invoices)


@given(receipts, invoices, st.randoms())
def test_the_order_changes_nothing(
    receipts: list[Receipt], invoices: list[OpenInvoice], chance: random.Random
) -> None:
    expected = {one.receipt: one for one in match_receipts(receipts, invoices)}
    chance.shuffle(receipts)
    chance.shuffle(invoices)
    assert {one.receipt: one for one in match_receipts(receipts, invoices)} == expected


@given(receipts, invoices, st.randoms())
def test_the_order_changes_no_claim(
    receipts: list[Receipt], invoices: list[OpenInvoice], chance: random.Random
) -> None:
    """And what is not claimed is matched as if the invoices that are had been paid before."""
    matches, claims = match_and_claim(receipts, invoices)
    paid = {name for one in matches if one.receipt in claims for name in one.invoices}
    left = [one for one in invoices if one.id not in paid]
    alone = {one.receipt: one for one in match_receipts(receipts, left)}
    for one in matches:
        assert one.reason in ("named", "named_and_amount") or one == alone[one.receipt]
    chance.shuffle(receipts)
    chance.shuffle(invoices)
    again, claims_again = match_and_claim(receipts, invoices)
    assert (claims_again, {one.receipt: one for one in again}) == (
        claims,
        {one.receipt: one for one in matches},
    )


@given(receipts, invoices)
def test_what_is_recorded_at_once_is_never_more_than_a_receipt_nor_than_an_invoice(
    receipts: list[Receipt], invoices: list[OpenInvoice]
) -> None:
    open_minor = {one.id: one.open_minor for one in invoices}
    pairs = list(zip(receipts, match_receipts(receipts, invoices), strict=True))
    first = first_claims(pairs)
    claimed = [name for one, match in pairs if one.id in first for name in match.invoices]
    assert len(claimed) == len(set(claimed))
    for one, match in pairs:
        if one.id in first:
            assert sum(open_minor[name] for name in match.invoices) == one.amount_minor


def model(one: Receipt, invoices: Sequence[OpenInvoice]) -> tuple[str, list[str]]:
    """Every invoice against every text, by a regular expression."""
    if one.amount_minor <= 0:
        return "none", []
    pool = [each for each in invoices if each.currency == one.currency]
    texts = [text for text in (*one.texts, one.reference) if text not in ("", "NOTPROVIDED")]
    named = [each for each in pool if is_named(each.number, texts) or is_named(each.reference, texts)]
    owed = [
        each
        for each in pool
        if (one.iban and each.iban == one.iban) or (one.payer and each.payer == one.payer)
    ]
    same = [each for each in pool if each.open_minor == one.amount_minor]
    if named:
        level = "exact" if total(named) == one.amount_minor else "likely"
        return level, ids(named)
    if found := [each for each in same if each in owed]:
        return "likely", ids(found)
    if len(owed) > 1 and total(owed) == one.amount_minor:
        return "likely", ids(owed)
    return ("likely", ids(same)) if same else ("none", [])


def is_named(name: str, texts: list[str]) -> bool:
    letters = re.findall(r"\w", name.upper())
    pattern = r"(?<!\w)" + r"[\W_]*".join(map(re.escape, letters)) + r"(?!\w)"
    return bool(letters) and any(re.search(pattern, between.join(texts).upper()) for between in (" ", ""))


def total(invoices: list[OpenInvoice]) -> int:
    return sum(one.open_minor for one in invoices)


def ids(invoices: list[OpenInvoice]) -> list[str]:
    return sorted(one.id for one in invoices)


# Time


def many(number: int) -> tuple[list[Receipt], list[OpenInvoice]]:
    """A receipt for ten invoices, most of them of the same amount and of one payer."""
    invoices = [
        invoice(
            str(one),
            11_900 if one % 2 else one,
            payer="Berg AG" if one % 3 else f"P{one}",
            early_minor=11_662,
            early_until=DAY if one % 5 else date(2026, 3, 1),
        )
        for one in range(number)
    ]
    texts = ["Danke", f"R-2026-{number // 2:0>4}", "a b c d e f g h " * 20]
    receipts = [
        receipt((11_900, 11_662, 77)[one % 3], texts[one % 3], name=str(one), payer=("Berg AG", "")[one % 2])
        for one in range(number // 10)
    ]
    return receipts, invoices


def test_twice_as_many_take_twice_the_time() -> None:
    require_linear(lambda given: match_and_claim(*given), many, 20_000)

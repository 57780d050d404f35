"""Work paid from grants of money: prices, grants that are short, what the next payer gets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.charging import price_minor
from engine.contracts import Grant, Holder, Window
from engine.drawdown import plan_entries, plan_entry
from engine.payers import EntryToPay, Payer, SegmentToPay
from engine.quantities import Money

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Holder("customer", "ann")
OPEN = Window(START - 24 * HOUR, None)


def grant(name: str, amount: int, *, until: datetime | None = None, currency: str = "EUR") -> Grant:
    return Grant(name, "M", "money", amount, None, until, amount, currency=currency)


def money(*grants: Grant, window: Window = OPEN) -> Payer:
    return Payer("M", ANN, window, "money", grants)


def hours(minutes: int) -> Payer:
    return Payer("H", ANN, OPEN, "minutes", (Grant("H1", "H", "minutes", minutes, None, None, minutes),))


def entry(
    *segments: tuple[int, int | None], payers: tuple[str, ...] = ("M",), ended_at: datetime | None = None
) -> EntryToPay:
    """An entry of segments (minutes, rate of an hour), at one instant or all until `ended_at`."""
    parts = tuple(
        SegmentToPay(START, ended_at, minutes, rate=Money(rate, "EUR") if rate is not None else None)
        for minutes, rate in segments
    )
    total = sum(minutes for minutes, _ in segments)
    return EntryToPay("E", START, ended_at, total, START, payers, segments=parts)


def paid(one: EntryToPay, *payers: Payer) -> list[tuple[str, str | None, int, int | None]]:
    """The kind, grant, minutes and amount of each slice; the same by both ways of planning."""
    by_id = {payer.contract: payer for payer in payers}
    found = plan_entry(one, by_id)
    assert plan_entries([one], by_id).slices["E"] == found
    return [
        (piece.kind, piece.grant, piece.minutes, piece.amount.amount_minor if piece.amount else None)
        for piece in found
    ]


def test_a_grant_pays_the_price_of_a_segment() -> None:
    assert paid(entry((90, 10_000)), money(grant("G", 20_000))) == [("grant", "G", 90, 15_000)]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (1, [("grant", "G", 1, 1), ("ignored", None, 59, None)]),
        (9_999, [("grant", "G", 60, 9_999)]),
        (10_000, [("grant", "G", 60, 10_000)]),
        (10_001, [("grant", "G", 60, 10_000)]),
        # 23.994 minutes: the minute that it began is the customer's
        (3_999, [("grant", "G", 24, 3_999), ("ignored", None, 36, None)]),
        (0, [("ignored", None, 60, None)]),
    ],
)
def test_a_grant_that_is_short_is_drawn_to_nothing_and_pays_the_minute_it_began(
    left: int, expected: list[tuple[str, str | None, int, int | None]]
) -> None:
    assert paid(entry((60, 10_000)), money(grant("G", left))) == expected


def test_the_rest_goes_to_the_next_contract_in_its_own_unit() -> None:
    both = entry((60, 10_000), payers=("M", "H"))
    assert paid(both, money(grant("G", 4_000)), hours(30)) == [
        ("grant", "G", 24, 4_000),
        ("grant", "H1", 30, None),
        ("ignored", None, 6, None),
    ]


def test_money_pays_what_minutes_lack_at_the_rate_of_the_segment() -> None:
    both = entry((60, 10_000), payers=("H", "M"))
    assert paid(both, hours(36), money(grant("G", 4_000))) == [
        ("grant", "H1", 36, None),
        ("grant", "G", 24, 4_000),
    ]


@pytest.mark.parametrize("rate", [None, Money(10_000, "USD")])
def test_money_pays_for_nothing_without_a_rate_in_its_currency(rate: Money | None) -> None:
    segment = SegmentToPay(START, None, 60, rate=rate)
    one = EntryToPay("E", START, None, 60, START, ("M", "H"), segments=(segment,))
    assert paid(one, money(grant("G", 50_000)), hours(60)) == [("grant", "H1", 60, None)]


def test_what_is_left_of_a_segment_after_a_grant_is_priced_by_itself() -> None:
    # 7 minutes are 14.40; a grant of 1.51 pays one of them, and 6 minutes are 12.346
    assert paid(entry((7, 12_346)), money(grant("A", 151), grant("B", 9_000))) == [
        ("grant", "A", 1, 151),
        ("grant", "B", 6, 1_235),
    ]


def test_what_costs_less_than_half_a_minor_unit_is_covered_while_money_is_left() -> None:
    cheap = entry((1, 29))
    assert paid(cheap, money(grant("G", 5))) == [("covered", None, 1, None)]
    assert paid(cheap, money(grant("G", 0))) == [("ignored", None, 1, None)]


def test_a_segment_is_rounded_once_where_a_grant_ends_within_it() -> None:
    # 31 minutes at EUR 0.97 an hour are 0.50; 15 and 16 minutes by themselves would be 0.24 and 0.26
    over = entry((31, 97), ended_at=START + HOUR)
    grants = (grant("A", 1_000, until=START + HOUR / 2), grant("B", 1_000))
    found = paid(over, money(*grants))
    assert [(name, minutes) for _, name, minutes, _ in found] == [("A", 15), ("B", 16)]
    assert sum(amount or 0 for *_, amount in found) == price_minor(31, 97) == 50


@given(
    rate=st.integers(1, 50_000),
    minutes=st.integers(1, 600),
    amounts=st.lists(st.integers(1, 40_000), min_size=1, max_size=4),
    spanning=st.booleans(),
)
def test_all_minutes_are_paid_once_and_no_grant_gives_more_than_it_has(
    rate: int, minutes: int, amounts: list[int], spanning: bool
) -> None:
    ends = [START + timedelta(minutes=17 * number) for number in range(1, len(amounts))]
    grants = [
        grant(f"G{number}", amount, until=until if spanning else None)
        for number, (amount, until) in enumerate(zip(amounts, [*ends, None], strict=True))
    ]
    one = entry((minutes, rate), ended_at=START + 2 * HOUR if spanning else None)
    plan = plan_entries([one], {"M": money(*grants)})
    pieces = plan.slices["E"]
    assert sum(piece.minutes for piece in pieces) == minutes
    assert all(left >= 0 for left in plan.left.values())
    drawn = sum(piece.amount.amount_minor for piece in pieces if piece.amount is not None)
    assert drawn == sum(amounts) - sum(plan.left.values())
    assert drawn <= price_minor(minutes, rate)
    if all(piece.kind != "ignored" for piece in pieces) and len(amounts) == 1 and plan.left["G0"]:
        assert drawn == price_minor(minutes, rate)

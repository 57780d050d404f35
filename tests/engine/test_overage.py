"""Time to be billed: prices, lines, and what is taken back."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.overage import (
    OverageCharge,
    OverageLine,
    WorkedFor,
    charge_piece,
    gather,
    net_by_work,
    overage_rate,
    owed_by_item,
    quantity_and_price,
)
from engine.quantities import Money

MARCH = OverageLine("C1", "2026-03", 12_000, "EUR")
APRIL = OverageLine("C1", "2026-04", 12_000, "EUR")
OTHER = OverageLine("C2", "2026-04", 9_000, "EUR")


def charge(
    line: OverageLine, minutes: int, amount: int, piece: str = "A1", entry: str = "E1"
) -> OverageCharge:
    back = ("H1", "I1") if minutes < 0 else (None, None)
    return OverageCharge(piece, entry, line, minutes, amount, *back)


def test_a_piece_is_rounded_half_up_once() -> None:
    """1 minute at 0.90 an hour is 1.5 minor units, so 2; 1 at 0.89 is 1."""
    made = [
        charge_piece("A", "E", contract="C", month="2026-03", minutes=1, rate=Money(rate, "EUR"))
        for rate in (90, 89)
    ]
    assert [one.amount_minor for one in made] == [2, 1]


def test_the_contract_s_price_comes_before_the_settings_and_the_rate_card() -> None:
    low, high = Money(1, "EUR"), Money(2, "EUR")
    assert overage_rate(low, high, None) == low
    assert overage_rate(None, None, high) == high
    assert overage_rate(None, None) is None


def test_hours_where_they_are_exact_else_one_piece() -> None:
    assert quantity_and_price(90, 12_000, 18_000) == (Decimal("1.5"), "HUR", 12_000)
    assert quantity_and_price(50, 12_000, 10_000) == (Decimal(1), "C62", 10_000)
    # two pieces of 3 minutes at 0.05 an hour were rounded up each
    assert quantity_and_price(6, 5, 0) == (Decimal(1), "C62", 0)
    assert quantity_and_price(600, 12_000, 120_000) == (Decimal(10), "HUR", 12_000)


def test_what_was_waived_is_owed_to_nobody() -> None:
    """Waived 60 minutes of an entry, in one case and billed 60 others; it has become less, or more."""
    waived = charge(MARCH, -60, -12_000)._replace(charged_on="W", was_waived=True)
    billed = charge(MARCH, -60, -12_000, "A2")
    less, more = charge(MARCH, 40, 8_000, "A3"), charge(MARCH, 90, 18_000, "A3")
    found = gather([waived, less], {APRIL: 50_000})
    assert (found.even, found.lines, found.waiting) == ({"W": [waived, less]}, {}, [])
    assert gather([waived], {APRIL: 50_000}).even == {"W": [waived]}
    assert gather([waived, more], {}).amounts_minor == {MARCH: 6_000}
    assert gather([waived, billed, more], {APRIL: 50_000}).lines == {}
    assert gather([waived, billed, less], {APRIL: 50_000}).amounts_minor == {APRIL: 46_000}


def test_what_is_taken_back_reduces_its_own_unissued_line() -> None:
    found = gather([charge(MARCH, -30, -6_000)], {MARCH: 12_000})
    assert (found.amounts_minor, found.waiting) == ({MARCH: 6_000}, [])
    assert gather([charge(MARCH, -60, -12_000)], {MARCH: 12_000}).amounts_minor == {MARCH: 0}


def test_after_the_issue_it_reduces_another_line_of_the_same_contract_first() -> None:
    charges = [charge(MARCH, -30, -6_000), charge(APRIL, 60, 12_000, "A2"), charge(OTHER, 60, 9_000, "A3")]
    found = gather(charges, {})
    assert found.amounts_minor == {APRIL: 6_000, OTHER: 9_000}
    assert [one.minutes for one in found.lines[APRIL]] == [60, -30]


def test_what_fits_on_no_line_waits() -> None:
    back = charge(MARCH, -60, -12_000)
    found = gather([back, charge(OTHER, 60, 9_000, "A2")], {})
    assert (found.amounts_minor, found.waiting) == ({OTHER: 9_000}, [back])
    assert gather([back], {}).is_empty
    other_currency = OTHER._replace(currency="CHF")
    assert gather([back], {other_currency: 90_000}).waiting == [back]


def test_an_exchange_of_the_same_amount_stays_on_its_item() -> None:
    charges = [charge(MARCH, -60, -12_000), charge(MARCH, 60, 12_000, "A2")]
    found = gather(charges, {})
    assert (list(found.even), found.lines, found.waiting) == (["I1"], {}, [])


def test_an_entry_that_got_shorter_is_one_difference() -> None:
    """Nothing more is charged of a line while something of it is owed."""
    shorter = [charge(MARCH, -30, -6_000), charge(MARCH, 10, 2_000, "A2")]
    late = charge(MARCH, 10, 2_000, "A3", "E2")
    assert gather([*shorter, late], {}).lines == {}
    found = gather([*shorter, charge(APRIL, 60, 12_000, "A4", "E3")], {})
    assert (found.amounts_minor, len(found.lines[APRIL])) == ({APRIL: 8_000}, 3)


def test_what_is_owed_stands_on_the_item_that_billed_it() -> None:
    shorter = [charge(MARCH, -60, -12_000), charge(MARCH, 40, 8_000, "A2")]
    late = charge(MARCH, 10, 2_000, "A3", "E2")
    other = charge(OTHER, -20, -3_000, "A4", "E3")._replace(charged_on="I2")
    found = owed_by_item([*shorter, late, other])
    assert {item: sum(one.amount_minor for one in own) for item, own in found.items()} == {
        "I1": -2_000,
        "I2": -3_000,
    }
    assert owed_by_item([shorter[0], shorter[1]._replace(amount_minor=12_000)]) == {}


LINES = st.sampled_from([MARCH, APRIL, OTHER])
CHARGES = st.lists(st.tuples(LINES, st.integers(-90, 90).filter(bool)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(CHARGES, st.dictionaries(LINES, st.integers(1, 20_000)))
def test_every_charge_has_one_place_and_no_line_is_below_zero(
    made: list[tuple[OverageLine, int]], unissued: dict[OverageLine, int]
) -> None:
    charges = [
        charge(line, minutes, minutes * 200, f"A{n}", f"E{n % 3}") for n, (line, minutes) in enumerate(made)
    ]
    found = gather(charges, unissued)
    placed = [one for group in (*found.lines.values(), *found.even.values()) for one in group]
    assert sorted([*placed, *found.waiting]) == sorted(charges)
    for line, group in found.lines.items():
        amount = unissued.get(line, 0) + sum(one.amount_minor for one in group)
        assert amount == found.amounts_minor[line] >= (0 if line in unissued else 1)
    assert all(sum(one.amount_minor for one in group) == 0 for group in found.even.values())
    owed = owed_by_item(found.waiting)
    assert all(sum(one.amount_minor for one in group) < 0 for group in owed.values())
    taken = [one for group in owed.values() for one in group]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(found.waiting)


def test_a_net_is_divided_by_month_and_contract() -> None:
    april, march = WorkedFor("2026-04", "C1"), WorkedFor("2026-03", "C2")
    assert net_by_work(7_200, {april: 12_000, march: -4_000}) == {april: 10_800, march: -3_600}
    assert net_by_work(0, {april: 100, march: -100}) == {}

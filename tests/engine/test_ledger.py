"""Movements sum to zero per unit, are reversed exactly, and give the balances of a grant."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import Unit
from engine.ledger import (
    Account,
    GrantBalance,
    LedgerTransaction,
    Posting,
    UnbalancedTransaction,
    check_balanced,
    grant_balance,
    move,
    reversal_of,
)

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
UNITS: tuple[Unit, ...] = ("minutes", "incidents")
ACCOUNTS: tuple[Account, ...] = ("available", "held", "consumed", "expired")
amounts = st.integers(min_value=1, max_value=10_000_000)
places = st.tuples(st.sampled_from(["G1", "G2", "customer:ann"]), st.sampled_from(ACCOUNTS))
moves = st.lists(
    st.builds(move, st.sampled_from(UNITS), amounts, places, places), min_size=1, max_size=6
).map(lambda parts: tuple(leg for part in parts for leg in part))


def transaction(*postings: Posting) -> LedgerTransaction:
    return LedgerTransaction("draw", MARCH, postings, cause="work_entry:1", why="Work")


def leg(amount: int, unit: Unit = "minutes", owner: str = "G1", account: Account = "available") -> Posting:
    return Posting(owner, account, unit, amount)


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (leg(1),),
        (leg(0), leg(0)),
        (leg(1), leg(-1), leg(0)),
        (leg(5), leg(-4)),
        (leg(5), leg(-5, "incidents")),
        (leg(5), leg(-5), leg(1, "incidents")),
        (leg(5), leg(-4), leg(-1, "incidents"), leg(1, "incidents")),
    ],
)
def test_postings_that_do_not_sum_to_zero_per_unit_are_refused(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(UnbalancedTransaction):
        transaction(*postings)


@given(moves)
def test_combined_moves_balance_and_so_does_their_reversal(postings: tuple[Posting, ...]) -> None:
    check_balanced(postings)
    original = transaction(*postings)
    mirror = reversal_of("T1", original, cause="work_entry:1", why="Corrected")
    assert [one.amount for one in mirror.postings] == [-one.amount for one in postings]
    assert mirror.effective_at == original.effective_at
    assert (mirror.reverses, mirror.key) == ("T1", "reverse:T1")
    for owner in ("G1", "G2"):
        mine = [one for one in (*postings, *mirror.postings) if one.owner == owner]
        assert grant_balance(mine) == GrantBalance()


@given(moves, st.integers(min_value=-9, max_value=9).filter(bool), st.data())
def test_changing_one_leg_is_detected(postings: tuple[Posting, ...], by: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(postings) - 1))
    one = postings[index]
    changed = Posting(one.owner, one.account, one.unit, one.amount + by)
    with pytest.raises(UnbalancedTransaction):
        check_balanced((*postings[:index], changed, *postings[index + 1 :]))


def test_the_balance_of_a_grant_from_its_postings() -> None:
    """Grant 600, draw 90, hold 30, settle 20, release 10, expire 500."""
    grant = "G1"
    life = [
        *move("minutes", 600, (grant, "sold"), (grant, "available")),
        *move("minutes", 90, (grant, "available"), (grant, "consumed")),
        *move("minutes", 30, (grant, "available"), (grant, "held")),
        *move("minutes", 20, (grant, "held"), (grant, "consumed")),
        *move("minutes", 10, (grant, "held"), (grant, "available")),
    ]
    assert grant_balance(life) == GrantBalance(available=490, held=0, consumed=110, expired=0)
    life += move("minutes", 490, (grant, "available"), (grant, "expired"))
    assert grant_balance(life) == GrantBalance(available=0, consumed=110, expired=490)
    assert grant_balance(life).purchased == 600


balances = st.builds(GrantBalance, *(st.integers(0, 1000) for _ in range(4)))


@given(balances)
def test_an_ended_grant_has_nothing_available_and_loses_nothing(balance: GrantBalance) -> None:
    over = balance.ended(is_over=True)
    assert over.available == 0
    assert over.purchased == balance.purchased
    assert (over.held, over.consumed) == (balance.held, balance.consumed)
    assert over.ended(is_over=True) == over
    assert balance.ended(is_over=False) == balance

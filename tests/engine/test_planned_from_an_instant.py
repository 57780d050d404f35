"""Planning again from an instant on gives the same as planning from the beginning.

What was posted before the instant is given to it. The audit plans from the beginning what a desk has planned
from the instant of each change.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts import Grant, Holder, Window
from engine.drawdown import plan_entries
from engine.payers import Carried, DrawDownPlan, EntryToPay, Month, Payer

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + 60 * DAY
MONTH_DAYS = 4
"""Months of this length put several into a short span of work."""
ANN = Holder("customer", "ann")

days = st.integers(0, 12)
minutes = st.integers(1, 60)
grants_given = st.lists(st.tuples(days, st.none() | days, minutes), max_size=4)
caps = st.integers(0, 40)
months_given = st.tuples(st.lists(minutes, min_size=1, max_size=4), st.integers(1, 2), caps, caps)
"""Minutes of each month, for how many months a rest is retained, and the caps of retaining and lending."""
contracts_given = st.lists(
    st.tuples(days, days, st.none() | days, grants_given | months_given), min_size=1, max_size=4
)
works_given = st.lists(
    st.tuples(days, st.integers(0, 2), minutes, st.integers(0, 3), st.booleans(), st.booleans()),
    min_size=1,
    max_size=8,
)

Contracts = list[
    tuple[int, int, int | None, list[tuple[int, int | None, int]] | tuple[list[int], int, int, int]]
]
Works = list[tuple[int, int, int, int, bool, bool]]


def day(number: int) -> datetime:
    return START + number * DAY


def month_of(contract: str, place: int, begins: int, terms: tuple[list[int], int, int, int]) -> Month:
    _, _, most_retained, most_lent = terms
    starts, name = begins + place * MONTH_DAYS, f"{contract}-M{place}"
    return Month(name, day(starts), day(starts + MONTH_DAYS), f"{name}-rest", most_retained, most_lent)


def monthly_payer(contract: Payer, begins: int, terms: tuple[list[int], int, int, int]) -> Payer:
    months = tuple(month_of(contract.contract, place, begins, terms) for place in range(len(terms[0])))
    grants = [
        Grant(one.grant, contract.contract, "minutes", amount, one.starts_at, one.ends_at, amount)
        for one, amount in zip(months, terms[0], strict=True)
    ]
    grants += [
        Grant(
            str(one.rest),
            contract.contract,
            "minutes",
            0,
            one.ends_at,
            one.ends_at + terms[1] * MONTH_DAYS * DAY,
            0,
        )
        for one in months
    ]
    return replace(contract, grants=tuple(grants), by_month=True, months=months)


def payers_of(contracts: Contracts) -> dict[str, Payer]:
    found = {}
    for place, (sold, begins, lasts, terms) in enumerate(contracts):
        name = f"C{place}"
        window = Window(day(begins), None if lasts is None else day(begins + 1 + lasts))
        valid_from = max(day(sold), day(begins))
        one = Payer(
            name, ANN, window, "minutes", (), valid_from if window.contains(valid_from) else None, day(sold)
        )
        if isinstance(terms, tuple):
            found[name] = monthly_payer(one, begins, terms)
            continue
        grants = [
            Grant(
                f"{name}-G{index}", name, "minutes", amount,
                day(opens), None if stays is None else day(opens + 1 + stays), amount,
            )
            for index, (opens, stays, amount) in enumerate(terms)
        ]  # fmt: skip
        found[name] = replace(one, grants=tuple(grants))
    return found


def entries_of(works: Works, contracts: Sequence[str]) -> list[EntryToPay]:
    found = []
    for place, (at, later, amount, first, held, cascade) in enumerate(works):
        covering = contracts[first % len(contracts)]
        chain = tuple(dict.fromkeys([covering, *(contracts if cascade else ())]))
        one = EntryToPay(f"w{place}", day(at), None, amount, day(at + later), chain, "rollover", ANN.key)
        found.append(one._replace(held=held, cascade=cascade))
    return found


def carried_by(entries: Sequence[EntryToPay], whole: DrawDownPlan) -> list[Carried]:
    return [
        Carried(
            one.carrier, piece.contract, piece.minutes, piece.effective_at, one.held,
            (one.started_at, one.recorded_at, one.id),
        )
        for one in entries
        for piece in whole.slices[one.id]
        if piece.kind == "carried"
    ]  # fmt: skip


def left_at(since: datetime, payers: dict[str, Payer], whole: DrawDownPlan) -> dict[str, Payer]:
    """The payers with what the plan has left them at an instant."""
    moved: Counter[str] = Counter()
    lent: Counter[str] = Counter()
    starts = {one.grant: one.starts_at for payer in payers.values() for one in payer.months}
    for pieces in whole.slices.values():
        for piece in pieces:
            if piece.kind == "grant" and piece.effective_at < since:
                moved[str(piece.grant)] -= piece.minutes
                if piece.effective_at < starts.get(str(piece.grant), piece.effective_at):
                    lent[str(piece.grant)] += piece.minutes
    for draw in whole.carried_draws:
        if draw.drawn_at < since:
            moved.subtract(dict(draw.grants))
    for rest in whole.rests:
        if rest.retained_at < since:
            moved[rest.grant] -= rest.minutes
            moved[rest.rest] += rest.minutes
    return {
        name: replace(
            one,
            grants=tuple(replace(grant, available=grant.available + moved[grant.id]) for grant in one.grants),
            months=tuple(month._replace(lent=lent[month.grant]) for month in one.months),
        )
        for name, one in payers.items()
    }


@settings(max_examples=200, deadline=None)
@given(contracts_given, works_given, st.integers(0, 20), st.data())
def test_any_part_is_planned_as_it_is_with_all_before_it(
    contracts: Contracts, works: Works, at: int, data: st.DataObject
) -> None:
    payers = payers_of(contracts)
    entries = entries_of(works, list(payers))
    whole, since = plan_entries(entries, payers, until=END), day(at)
    later = [one for one in entries if one.started_at >= since]
    # rows come in any order from the database
    carried = data.draw(
        st.permutations(carried_by([one for one in entries if one.started_at < since], whole))
    )
    drawn = data.draw(st.permutations([one for one in whole.carried_draws if one.drawn_at < since]))
    left = left_at(since, payers, whole)
    part = plan_entries(later, left, since=since, until=END, carried=carried, drawn=drawn)
    assert part.slices == {one.id: whole.slices[one.id] for one in later}
    assert part.carried_draws == [one for one in whole.carried_draws if one.drawn_at >= since]
    assert part.rests == [one for one in whole.rests if one.retained_at >= since]

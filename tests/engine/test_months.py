"""What a month keeps of its rest and lends to the month before: cases of other systems, and a model."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import Borrow, CarryOver, Grant, Holder, Window
from engine.drawdown import plan_entries
from engine.payers import DrawDownPlan, EntryToPay, Month, Payer

DAY = timedelta(days=1)
MONTH = 30 * DAY
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
ANN = Holder("customer", "ann")


def starts(number: int) -> datetime:
    return MARCH + number * MONTH


def payer_of(
    allocations: list[int], carry_over: CarryOver | None, borrow: Borrow | None, *, lending: int | None = None
) -> Payer:
    """A contract of so many months; only the first `lending` months lend or draw ahead."""
    grants, months = [], []
    for number, minutes in enumerate(allocations):
        month, rest = f"{number:02} M", f"{number:02} R"
        retained = carry_over.most_of(minutes) if carry_over is not None else 0
        grants.append(Grant(month, "C", "minutes", minutes, starts(number), starts(number + 1), minutes))
        if carry_over is not None:
            until = starts(number + 1 + carry_over.months)
            grants.append(Grant(rest, "C", "minutes", retained, starts(number + 1), until, 0))
        lends = borrow is not None and number < (len(allocations) if lending is None else lending)
        months.append(
            Month(
                month,
                starts(number),
                starts(number + 1),
                rest if carry_over is not None else None,
                retained,
                borrow.most_of(minutes) if borrow is not None and lends else 0,
            )
        )
    period = Window(MARCH, starts(len(allocations)))
    return Payer(
        "C", ANN, period, "minutes", tuple(grants), valid_from=MARCH, by_month=True, months=tuple(months)
    )


def entry(number: int, at: datetime, minutes: int, ended_at: datetime | None = None) -> EntryToPay:
    return EntryToPay(f"E{number}", at, ended_at, minutes, at, ("C",))


def drawn(plan: DrawDownPlan, name: str) -> dict[str | None, int]:
    return {piece.grant: piece.minutes for piece in plan.slices[name]}


# Cases from other systems


def test_borrowed_cases_agree(shared_cases: Path) -> None:
    cases = json.loads((shared_cases / "charging.json").read_text(encoding="utf-8"))["cases"]
    ours = [case for case in cases if case["op"] == "months"]
    wrong = [
        f"{case['id']}: {case['expect']['months']}, got {got}"
        for case in ours
        if (got := months_of(case["input"])) != case["expect"]["months"]
    ]
    assert not wrong, "\n".join(wrong)
    assert ours


def months_of(given: dict[str, Any]) -> list[dict[str, int]]:
    """Each month as the cases describe it. The period is longer than their lists where a rest is retained."""
    listed, carry, borrow = given["months"], given["carry"], given["borrow"]
    carry_over = (
        CarryOver(carry["life_months"], carry.get("cap_minutes"), carry.get("cap_percent")) if carry else None
    )
    borrowing = Borrow(borrow.get("cap_minutes"), borrow.get("cap_percent")) if borrow else None
    more = [1] * (carry_over.months if carry_over is not None else 0)
    payer = payer_of([*listed, *more], carry_over, borrowing, lending=len(listed))
    work = [
        entry(number, starts(number) + DAY, minutes)
        for number, minutes in enumerate(given["used"])
        if minutes
    ]
    plan = plan_entries(work, {"C": payer})
    pieces = [(piece, name) for name, slices in plan.slices.items() for piece in slices]
    retained = {one.rest: one.minutes for one in plan.rests}
    found = []
    for number, minutes in enumerate(listed):
        month = f"{number:02} M"
        mine = [piece for piece, name in pieces if name == f"E{number}"]
        ahead = sum(piece.minutes for piece in mine if piece.grant == f"{number + 1:02} M")
        before = sum(piece.minutes for piece, name in pieces if piece.grant == month and name != f"E{number}")
        # what is carried in: the rests that are open, less what earlier months have drawn of them
        carried_in = lost = 0
        for rest, amount in retained.items():
            of = int(rest[:2])
            life = carry_over.months if carry_over is not None else 0
            if of < number <= of + life:
                used = {
                    later: sum(
                        piece.minutes for piece, name in pieces if piece.grant == rest and name == f"E{later}"
                    )
                    for later in range(of + 1, of + life + 1)
                }
                carried_in += amount - sum(used[later] for later in used if later < number)
                lost += amount - sum(used.values()) if number == of + life else 0
        own = sum(piece.minutes for piece in mine if piece.grant == month)
        lost += minutes - before - own - retained.get(f"{number:02} R", 0)
        found.append(
            {
                "available": minutes - before + carried_in,
                "carried_in": carried_in,
                "drawn": sum(piece.minutes for piece in mine if piece.kind == "grant") - ahead,
                "borrowed": ahead,
                "lacking": sum(piece.minutes for piece in mine if piece.kind != "grant"),
                "lost": lost,
            }
        )
    return found


# Caps


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        (CarryOver(1), 125),
        (CarryOver(1, cap_minutes=50), 50),
        (CarryOver(1, cap_minutes=500), 125),
        (CarryOver(1, cap_percent=50), 62),
        (CarryOver(1, cap_percent=100), 125),
        (Borrow(cap_minutes=30), 30),
        (Borrow(cap_percent=1), 1),
    ],
)
def test_a_cap_is_in_minutes_or_in_percent_rounded_down(rule: CarryOver | Borrow, most: int) -> None:
    assert rule.most_of(125) == most


# Work over a month's end


def test_work_over_the_end_of_a_month_draws_of_its_rest_before_later_work_of_the_month() -> None:
    """An entry is drawn as a whole, in the order of its beginning; its second half finds the rest."""
    payer = payer_of([100, 100], CarryOver(1), None)
    over = entry(1, starts(1) - DAY / 24, 120, ended_at=starts(1) + DAY / 24)
    late = entry(2, starts(1) - DAY / 48, 30)
    plan = plan_entries([over, late], {"C": payer})
    assert drawn(plan, "E1") == {"00 M": 60, "00 R": 40, "01 M": 20}
    assert drawn(plan, "E2") == {None: 30}
    assert [(one.grant, one.minutes) for one in plan.rests] == [("00 M", 40)]
    assert plan.left == {"00 M": 0, "00 R": 0, "01 M": 80, "01 R": 0}


def test_minutes_that_other_work_drew_of_a_rest_stay_with_it() -> None:
    """A plan that begins at the month's end: 30 of the rest were drawn by work that is not planned."""
    payer = payer_of([100, 100], CarryOver(1, cap_minutes=50), None)
    first, second = payer.months
    grants = tuple(
        Grant(
            one.id,
            "C",
            "minutes",
            1,
            one.effective_at,
            one.expires_at,
            {"00 M": 45}.get(one.id, one.available),
        )
        for one in payer.grants
    )
    changed = Payer(
        "C",
        ANN,
        payer.window,
        "minutes",
        grants,
        by_month=True,
        months=(first._replace(retained=30), second),
    )
    plan = plan_entries([entry(1, starts(1) + DAY, 30)], {"C": changed}, since=starts(1))
    assert [(one.rest, one.minutes) for one in plan.rests] == [("00 R", 50)]
    assert drawn(plan, "E1") == {"00 R": 20, "01 M": 10}


def test_minutes_that_other_work_drew_ahead_count_for_the_cap() -> None:
    payer = payer_of([100, 100], None, Borrow(cap_minutes=50))
    first, second = payer.months
    grants = tuple(
        Grant(one.id, "C", "minutes", 1, one.effective_at, one.expires_at, {"00 M": 0}.get(one.id, 60))
        for one in payer.grants
    )
    changed = Payer(
        "C",
        ANN,
        payer.window,
        "minutes",
        grants,
        by_month=True,
        months=(first, second._replace(lent=40)),
    )
    plan = plan_entries([entry(1, MARCH + 20 * DAY, 30)], {"C": changed}, since=MARCH + 10 * DAY)
    assert drawn(plan, "E1") == {"01 M": 10, None: 20}


# Any work


ENTRIES = ((5, 70), (20, 50), (35, 90), (50, 20), (65, 140))
"""Days after the beginning, and minutes."""


def test_entries_end_the_same_in_all_orders() -> None:
    payer = payer_of([100, 100, 100], CarryOver(1, cap_percent=40), Borrow(cap_minutes=30))
    work = [entry(number, MARCH + day * DAY, minutes) for number, (day, minutes) in enumerate(ENTRIES)]
    ends = {
        (str(sorted(plan.slices.items())), str(plan.rests), str(plan.left))
        for order in permutations(work)
        for plan in [plan_entries(order, {"C": payer})]
    }
    assert len(ends) == 1


# each field is given: hypothesis makes up those of a NamedTuple that are left out, in spite of their defaults
caps = st.one_of(
    st.none(),
    st.builds(Borrow, st.integers(1, 60), st.none()),
    st.builds(Borrow, st.none(), st.integers(1, 100)),
)
carries = st.one_of(
    st.none(),
    st.builds(CarryOver, st.integers(1, 3), st.none(), st.none()),
    st.builds(CarryOver, st.integers(1, 3), st.integers(1, 60), st.none()),
    st.builds(CarryOver, st.integers(1, 3), st.none(), st.integers(1, 100)),
)
work_done = st.lists(
    st.tuples(st.integers(0, 119), st.integers(1, 90), st.sampled_from([None, 1, 30])), max_size=8
)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), carries, caps, work_done)
def test_minute_by_minute_a_month_keeps_and_lends_as_the_model_says(
    allocations: list[int], carry_over: CarryOver | None, borrow: Borrow | None, work: list[Any]
) -> None:
    """The same, stated as simply as possible: what a month has left is computed at each minute."""
    payer = payer_of(allocations, carry_over, borrow)
    entries = [
        entry(number, MARCH + day * DAY, minutes, MARCH + (day + length) * DAY if length else None)
        for number, (day, minutes, length) in enumerate(work)
    ]
    plan = plan_entries(entries, {"C": payer})
    left = dict(enumerate(allocations))
    retained_by_use: dict[int, int] = dict.fromkeys(left, 0)
    lent: dict[int, int] = dict.fromkeys(left, 0)
    rests: dict[int, int] = {}
    for one in sorted(entries, key=lambda each: (each.started_at, each.id)):
        _settle(one.started_at, allocations, left, retained_by_use, rests, carry_over)
        expected: dict[str | None, int] = {}
        for at in _instants(one, len(allocations)):
            name = _take(at, allocations, left, retained_by_use, rests, lent, carry_over, borrow)
            expected[name] = expected.get(name, 0) + 1
        found: dict[str | None, int] = {}
        for piece in plan.slices[one.id]:
            found[piece.grant] = found.get(piece.grant, 0) + piece.minutes
        assert found == expected
    assert all(minutes >= 0 for minutes in plan.left.values())


def _instants(one: EntryToPay, months: int) -> list[datetime]:
    """When each minute of an entry is drawn, cut at the months' beginnings and at the contract's end."""
    if one.ended_at is None:
        return [one.started_at] * one.chargeable_minutes
    cuts = [starts(number) for number in range(months + 1)]
    inside = [cut for cut in cuts if one.started_at < cut < one.ended_at]
    found: list[datetime] = []
    begins = one.started_at
    for ends in [*inside, one.ended_at]:
        gone_by = one.chargeable_minutes * (ends - one.started_at) // (one.ended_at - one.started_at)
        found += [begins] * (gone_by - len(found))
        begins = ends
    return found


def _settle(
    at: datetime,
    allocations: list[int],
    left: dict[int, int],
    retained_by_use: dict[int, int],
    rests: dict[int, int],
    carry_over: CarryOver | None,
) -> None:
    """Keep what months have left that have ended by an instant; after the last one, nothing is retained."""
    for month, minutes in enumerate(allocations[:-1]):
        if starts(month + 1) <= at and month not in rests:
            most = carry_over.most_of(minutes) if carry_over is not None else 0
            rests[month] = min(left[month], most - retained_by_use[month])


def _take(
    at: datetime,
    allocations: list[int],
    left: dict[int, int],
    retained_by_use: dict[int, int],
    rests: dict[int, int],
    lent: dict[int, int],
    carry_over: CarryOver | None,
    borrow: Borrow | None,
) -> str | None:
    """Where one minute at an instant comes from."""
    now = (at - MARCH) // MONTH
    if now >= len(allocations):
        return None
    life = carry_over.months if carry_over is not None else 0
    pots = [(now, now, "M")]
    pots += [
        (min(month + life, len(allocations) - 1), month, "R") for month in range(now) if now <= month + life
    ]
    for _, month, kind in sorted(pots, key=lambda pot: (pot[0], pot[1])):
        if kind == "M" and left[month]:
            left[month] -= 1
            return f"{month:02} M"
        if kind == "R" and carry_over is not None:
            if rests.get(month, 0):
                rests[month] -= 1
                return f"{month:02} R"
            is_ahead = month not in rests
            if is_ahead and left[month] and retained_by_use[month] < carry_over.most_of(allocations[month]):
                left[month] -= 1
                retained_by_use[month] += 1
                return f"{month:02} R"
    following = now + 1
    if borrow is None or following >= len(allocations) or not left[following]:
        return None
    if lent[following] >= borrow.most_of(allocations[following]):
        return None
    left[following] -= 1
    lent[following] += 1
    return f"{following:02} M"

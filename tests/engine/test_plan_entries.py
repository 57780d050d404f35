"""The draw-down of connected work: the same in every order, as a simple model says, and its differences."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts import Grant, Holder, TimeExpired, Window
from engine.draw_down_difference import Posted, difference
from engine.drawdown import plan_draw_down, plan_entries
from engine.payers import (
    Carried,
    CarriedDraw,
    DrawDownPlan,
    EntryToPay,
    Payer,
    SegmentToPay,
    Slice,
    TimeWorked,
)
from engine.quantities import Money
from tests.support.draw_down_model import Model, ModelContract, ModelEntry, ModelGrant, ModelSegment

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ANN = Holder("customer", "ann")


def day(number: int) -> datetime:
    return START + number * DAY


def entry(
    name: str, at: datetime, minutes: int, *payers: str, policy: TimeExpired = "rollover"
) -> EntryToPay:
    return EntryToPay(name, at, None, minutes, at, payers or ("C1",), policy, ANN.key)


def payer(contract: str, *minutes: int, begins: int = 0, by_month: bool = False) -> Payer:
    """A contract without end; by the month, each of its grants is for ten days."""
    grants = tuple(
        Grant(
            f"{contract}-G{place}",
            contract,
            "minutes",
            amount,
            day(begins + 10 * place) if by_month else None,
            day(begins + 10 * (place + 1)) if by_month else None,
            amount,
        )
        for place, amount in enumerate(minutes)
    )
    until = day(begins + 10 * len(minutes)) if by_month else None
    return Payer(
        contract, ANN, Window(day(begins), until), "minutes", grants, day(begins), day(begins), by_month
    )


def by_id(*payers: Payer) -> dict[str, Payer]:
    return {one.contract: one for one in payers}


def taken(plan: DrawDownPlan, name: str) -> list[tuple[str, int]]:
    return [(one.grant or one.kind, one.minutes) for one in plan.slices[name]]


# Order


def test_entries_are_taken_in_the_order_worked_then_recorded_then_by_id() -> None:
    late = EntryToPay("a", day(1), None, 10, day(5), ("C1",), "ignore")
    entries = [
        EntryToPay("c", day(1), None, 10, day(2), ("C1",), "ignore"),
        EntryToPay("b", day(1), None, 10, day(2), ("C1",), "ignore"),
        late,
        entry("first", day(0), 10, policy="ignore"),
    ]
    for ordered in permutations(entries):
        plan = plan_entries(ordered, by_id(payer("C1", 30)))
        assert [name for name, slices in plan.slices.items() if slices[0].kind == "grant"] == [
            "first",
            "b",
            "c",
        ]
        assert taken(plan, "a") == [("ignored", 10)]


# Burn order


def test_a_contract_that_ended_early_still_draws_its_grants_by_their_agreed_ends() -> None:
    """By their ends in the cancelled contract all are equal, so that the earliest would be drawn first."""
    grants = (
        Grant("long", "C1", "minutes", 30, day(0), None, 30),
        Grant("short", "C1", "minutes", 30, day(1), day(20), 30),
    )
    work = [entry("w1", day(2), 40)]
    for ends in (None, day(10)):
        one = Payer("C1", ANN, Window(day(0), ends), "minutes", grants, term=Window(day(0), None))
        assert taken(plan_entries(work, by_id(one)), "w1") == [("short", 30), ("long", 10)]


# Carried minutes


def test_carried_minutes_are_drawn_at_the_next_contracts_start_before_its_work() -> None:
    entries = [entry("w1", day(1), 50), entry("w2", day(4), 30, "C2")]
    plan = plan_entries(entries, by_id(payer("C1", 30), payer("C2", 40, begins=4)))
    assert plan.carried_draws == [CarriedDraw(ANN.key, "C2", 20, day(4), (("C2-G0", 20),))]
    assert taken(plan, "w2") == [("C2-G0", 20), ("carried", 10)]


def test_what_is_carried_after_a_contracts_start_waits_for_another() -> None:
    payers = by_id(payer("C1", 30), payer("C2", 40, begins=4), payer("C3", 40, begins=8))
    plan = plan_entries([entry("w1", day(5), 50)], payers)
    assert [(one.contract, one.minutes) for one in plan.carried_draws] == [("C3", 20)]


def test_a_grant_that_brings_a_contract_back_into_force_draws_and_another_does_not() -> None:
    grants = (
        Grant("G0", "C1", "minutes", 30, None, None, 30),
        Grant("G1", "C1", "minutes", 40, day(4), None, 40),
        Grant("G2", "C1", "minutes", 40, day(6), None, 40),
    )
    hours = Payer("C1", ANN, Window(day(0), None), "minutes", grants, day(0), day(0))
    plan = plan_entries([entry("w1", day(1), 50)], by_id(hours))
    assert [(one.minutes, one.drawn_at) for one in plan.carried_draws] == [(20, day(4))]
    assert plan.left == {"G0": 0, "G1": 20, "G2": 40}


def test_what_a_month_lacked_is_drawn_by_the_next_months_before_another_contract() -> None:
    months, other = payer("C1", 60, 60, 60, by_month=True), payer("C2", 500, begins=12)
    last = payer("C3", 500, begins=25)
    plan = plan_entries([entry("w1", day(5), 200)], by_id(months, other, last))
    assert [(one.contract, one.minutes, one.drawn_at) for one in plan.carried_draws] == [
        ("C1", 60, day(10)),
        ("C1", 60, day(20)),
        ("C3", 20, day(25)),
    ]


def test_minutes_lacked_before_a_by_month_contract_is_valid_wait_for_none_of_its_months() -> None:
    """Its months may not have been allocated then; the answer is the same before and after."""
    months = payer("C1", 60, 60, begins=12, by_month=True)
    to_come, other = replace(months, grants=()), payer("C2", 500, begins=4)
    entries = [entry("E", day(3), 20, "C1")]
    plans = [plan_entries(entries, by_id(first, other), until=day(6)) for first in (months, to_come)]
    assert plans[0].carried_draws == plans[1].carried_draws
    assert [(one.contract, one.minutes) for one in plans[0].carried_draws] == [("C2", 20)]


def test_a_by_month_contract_draws_what_it_found_at_its_start_month_by_month() -> None:
    carried = [Carried(ANN.key, None, 100, day(0)), Carried(ANN.key, None, 7, day(9))]
    plan = plan_entries([], by_id(payer("C1", 60, 60, begins=5, by_month=True)), carried=carried)
    assert [(one.minutes, one.drawn_at) for one in plan.carried_draws] == [(60, day(5)), (40, day(15))]


def test_a_subscription_covers_carried_minutes_and_a_pack_leaves_them() -> None:
    pack = Payer("P", ANN, Window(day(1), None), "incidents", (), day(1), day(1))
    subscription = Payer("S", ANN, Window(day(2), None), "nothing", (), day(2), day(2))
    plan = plan_entries([], by_id(pack, subscription), carried=[Carried(ANN.key, None, 9, day(0))])
    assert plan.carried_draws == [CarriedDraw(ANN.key, "S", 9, day(2))]


def test_only_draws_of_the_span_asked_for_are_planned() -> None:
    carried = [Carried(ANN.key, "C0", 50, day(0))]
    drawn = [CarriedDraw(ANN.key, "C1", 30, day(1), (("C1-G0", 30),))]
    payers = by_id(payer("C1", 0, begins=1), payer("C2", 100, begins=4), payer("C3", 100, begins=8))
    plan = plan_entries([], payers, since=day(2), until=day(5), carried=carried, drawn=drawn)
    assert [(one.contract, one.minutes) for one in plan.carried_draws] == [("C2", 20)]


# Against the model

spans = st.integers(0, 40)
grants_given = st.lists(st.tuples(spans, st.none() | spans, st.integers(0, 60)), min_size=1, max_size=4)
contracts_given = st.lists(
    st.tuples(spans, spans, st.none() | spans, st.booleans(), st.booleans(), grants_given),
    min_size=1,
    max_size=4,
)
works_given = st.lists(
    st.tuples(spans, spans, st.integers(1, 90), st.integers(0, 3), st.booleans()), max_size=8
)


lengths_given = st.lists(
    st.lists(st.tuples(st.integers(1, 90), st.integers(0, 60)), max_size=3), min_size=8, max_size=8
)
"""For each entry, its segments as (hours, minutes); without any, its minutes count at one instant."""


def segments_of(work: ModelEntry, minutes: int, lengths: list[tuple[int, int]]) -> list[ModelSegment]:
    if not lengths:
        return [ModelSegment(work.worked_at, None, minutes)]
    at, found = work.worked_at, []
    for hours, charged in lengths:
        found.append(ModelSegment(at, at + hours * HOUR, charged))
        at += hours * HOUR
    return found


def end_after(begins: int, lasts: int | None) -> datetime | None:
    return None if lasts is None else day(begins + 1 + lasts)


@settings(max_examples=400, deadline=None)
@given(contracts_given, works_given, lengths_given)
def test_a_plan_is_what_the_model_says(
    contracts: list[tuple[int, int, int | None, bool, bool, list[tuple[int, int | None, int]]]],
    works: list[tuple[int, int, int, int, bool]],
    lengths: list[list[tuple[int, int]]],
) -> None:
    model, payers = Model(), {}
    for place, (sold, begins, lasts, by_month, ignores, grants) in enumerate(contracts):
        name = f"C{place}"
        one = ModelContract(
            name, ANN.key, day(sold), day(begins), end_after(begins, lasts), by_month,
            "ignore" if ignores else "rollover",
            [
                ModelGrant(f"{name}-G{index}", minutes, day(opens), end_after(opens, stays))
                for index, (opens, stays, minutes) in enumerate(grants)
            ],
        )  # fmt: skip
        model.contracts[name] = one
        payers[name] = Payer(
            name,
            ANN,
            Window(one.starts_at, one.ends_at),
            "minutes",
            tuple(Grant(g.id, name, "minutes", 1, g.opens_at, g.closes_at, g.minutes) for g in one.grants),
            one.valid_from if one.covers(one.valid_from) else None,
            one.sold_at,
            by_month,
        )
    entries = []
    for place, (at, later, minutes, covering, cascade) in enumerate(works):
        covered_by = f"C{covering % len(contracts)}"
        done = ModelEntry(f"w{place}", day(at) + HOUR, day(at + later) + HOUR, [], covered_by, cascade)
        done.segments = segments_of(done, minutes, lengths[place])
        model.entries[done.id] = done
        chain = tuple(one.id for one in model._chain(done))  # the cascade is not the plan's to find
        policy: TimeExpired = "ignore" if model.contracts[covered_by].policy == "ignore" else "rollover"
        entries.append(
            EntryToPay(
                done.id,
                done.worked_at,
                done.segments[-1].end,
                sum(one.minutes for one in done.segments),
                done.recorded_at,
                chain,
                policy,
                ANN.key,
                tuple(SegmentToPay(one.start, one.end, one.minutes) for one in done.segments),
            )
        )
    plan = plan_entries(entries, payers, until=day(60))
    expected = model.result(day(60))
    found: Counter[tuple[str, str, str, str | None]] = Counter()
    for name, slices in plan.slices.items():
        for piece in slices:
            found[name, piece.kind, str(piece.contract), piece.grant] += piece.minutes
    assert found == expected.taken
    drawn = Counter(
        (grant, one.drawn_at) for one in plan.carried_draws for grant, m in one.grants for _ in range(m)
    )
    for slices in plan.slices.values():
        drawn.update(
            (piece.grant, piece.effective_at) for piece in slices if piece.grant for _ in range(piece.minutes)
        )
    assert drawn == Counter((grant, at) for grant, at, _ in expected.drawn)
    assert all(minutes >= 0 for minutes in plan.left.values())


@given(works_given.filter(bool))
def test_the_latest_entry_is_planned_from_what_is_left_as_with_all_others(
    works: list[tuple[int, int, int, int, bool]],
) -> None:
    payers = by_id(payer("C1", 60, 30), payer("C2", 90, begins=10))
    entries = [
        entry(f"w{place}", day(at), minutes, "C1", "C2") for place, (at, _, minutes, _, _) in enumerate(works)
    ]
    *earlier, last = sorted(entries, key=lambda one: (one.started_at, one.recorded_at, one.id))
    before = plan_entries(earlier, payers, until=last.started_at).left
    left = [
        replace(one, grants=tuple(replace(grant, available=before[grant.id]) for grant in one.grants))
        for one in payers.values()
    ]
    alone = plan_draw_down(TimeWorked(last.started_at, None, last.chargeable_minutes), left, "rollover")
    assert plan_entries(entries, payers, until=last.started_at).slices[last.id] == alone


# Differences

slices_of = st.lists(
    st.builds(
        Slice,
        st.just("grant"),
        st.just("C1"),
        st.sampled_from("AB"),
        st.integers(1, 2),
        st.just(START),
        st.sampled_from([None, Money(1, "EUR"), Money(2, "EUR")]),
    ),
    max_size=4,
)
posted_of = st.dictionaries(st.sampled_from("xyz"), slices_of)


@given(posted_of, posted_of)
def test_the_difference_turns_what_is_posted_into_what_is_planned_and_leaves_the_rest(
    planned: dict[str, list[Slice]], before: dict[str, list[Slice]]
) -> None:
    posted = [
        Posted(f"{name}{place}", name, piece)
        for name, slices in before.items()
        for place, piece in enumerate(slices)
    ]
    found = difference(planned, posted)
    after = Counter((one.entry, one.slice) for one in posted)
    reversed_ = Counter((one.entry, one.slice) for one in found.to_reverse)
    new = Counter(found.to_post)
    settled = Counter((one.entry, one.slice) for one in found.to_settle)
    after.subtract(reversed_ + settled)
    after.update(new)
    after.update(Counter((name, piece._replace(held=False)) for name, piece in settled.elements()))
    wanted = Counter((name, piece) for name, slices in planned.items() for piece in slices)
    assert +after == wanted
    assert not reversed_ & new
    released = Counter((name, piece._replace(held=False)) for name, piece in reversed_ if piece.held)
    assert not released & new, "what is still taken is settled, not released and taken again"


# ------------------------------------------------------------------ entries that await approval


def test_what_a_submitted_entry_takes_from_grants_is_held() -> None:
    submitted = entry("E1", day(1), 50)._replace(held=True)
    plan = plan_entries([submitted, entry("E2", day(2), 20)], {"C1": payer("C1", 60)})
    assert plan.slices == {
        "E1": [Slice("grant", "C1", "C1-G0", 50, day(1), held=True)],
        "E2": [Slice("grant", "C1", "C1-G0", 10, day(2)), Slice("carried", "C1", None, 10, day(2))],
    }


def test_carried_minutes_of_a_submitted_entry_are_held_by_the_grants_that_give_them() -> None:
    # 30 of E1 are carried and held, then 20 of E2; G0 of C2 gives the first 40, G1 the last 10
    entries = [entry("E1", day(1), 30)._replace(held=True), entry("E2", day(2), 20)]
    plan = plan_entries(entries, {"C1": payer("C1"), "C2": payer("C2", 40, 60, begins=3)})
    [draw] = plan.carried_draws
    assert draw.grants == (("C2-G0", 40), ("C2-G1", 10))
    assert draw.held == (("C2-G0", 30),)


def test_carried_minutes_of_one_instant_are_drawn_in_the_order_of_their_entries() -> None:
    """In whatever order they are read: the first was submitted, the second is approved."""
    first, second = ((day(0), day(recorded), name) for recorded, name in ((1, "w1"), (2, "w2")))
    carried = [
        Carried(ANN.key, "C0", 9, day(0), held, order) for held, order in ((True, first), (False, second))
    ]
    for ordered in permutations(carried):
        plan = plan_entries([], by_id(payer("C1", 9, begins=4)), carried=ordered)
        [draw] = plan.carried_draws
        assert draw.held == (("C1-G0", 9),)


def test_a_draw_made_before_has_taken_nothing_of_later_entries() -> None:
    """Of the same instant: an entry comes after a draw that was due before it was recorded."""
    carried = [
        Carried(ANN.key, "C1", 9, day(0), order=(day(0), day(0), "w1")),
        Carried(ANN.key, "C0", 9, day(1), held=True, order=(day(1), day(2), "w2")),
    ]
    drawn = [CarriedDraw(ANN.key, "C0", 9, day(1), (("C0-G0", 9),))]
    payers = by_id(payer("C0", 0, begins=1), payer("C2", 9, begins=4))
    plan = plan_entries([], payers, since=day(2), carried=carried, drawn=drawn)
    assert plan.carried_draws == [
        CarriedDraw(ANN.key, "C2", 9, day(4), (("C2-G0", 9),), held=(("C2-G0", 9),))
    ]


def test_an_approval_settles_what_was_held_and_moves_nothing_else() -> None:
    held = Slice("grant", "C1", "G1", 30, day(1), held=True)
    carried = Slice("carried", "C1", None, 10, day(1))
    posted = [Posted("1", "E1", held), Posted("2", "E1", carried), Posted("3", "E2", held)]
    found = difference({"E1": [held._replace(held=False), carried], "E2": [held]}, posted)
    assert (found.to_reverse, found.to_post, found.to_settle) == ([], [], [posted[0]])
    assert found.entries == {"E1"}


def test_an_entry_that_is_submitted_again_is_held_again() -> None:
    drawn = Slice("grant", "C1", "G1", 30, day(1))
    found = difference({"E1": [drawn._replace(held=True)]}, [Posted("1", "E1", drawn)])
    assert [one.id for one in found.to_reverse] == ["1"]
    assert found.to_post == [("E1", drawn._replace(held=True))]
    assert found.to_settle == []


def test_what_was_held_elsewhere_is_released_and_not_settled() -> None:
    held = Slice("grant", "C1", "G1", 30, day(1), held=True)
    found = difference({"E1": [Slice("grant", "C1", "G2", 30, day(1))]}, [Posted("1", "E1", held)])
    assert ([one.id for one in found.to_reverse], len(found.to_post), found.to_settle) == (["1"], 1, [])

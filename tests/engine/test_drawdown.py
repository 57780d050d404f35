"""Which grants pay for time worked: burn order, boundaries, splits, and the remainder."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.burn_order import burn_order
from engine.contracts import Draws, Grant, Holder, TimeExpired, Window, grant_window
from engine.drawdown import plan_draw_down
from engine.payers import Payer, Slice, TimeWorked

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OPEN = Window(NOON - 24 * HOUR, None)
ANN = Holder("customer", "ann")
POLICIES: tuple[TimeExpired, ...] = get_args(TimeExpired)


def grant(
    grant_id: str,
    minutes: int,
    opens: datetime | None = None,
    closes: datetime | None = None,
    contract: str = "C1",
) -> Grant:
    return Grant(grant_id, contract, "minutes", max(minutes, 1), opens, closes, available=minutes)


def payer(*grants: Grant, window: Window = OPEN, draws: Draws = "minutes", contract: str = "C1") -> Payer:
    return Payer(contract, ANN, window, draws, grants)


def at_noon(minutes: int) -> TimeWorked:
    return TimeWorked(NOON, None, minutes)


def span(minutes: int, *, start: datetime = NOON, charged: int | None = None) -> TimeWorked:
    return TimeWorked(start, start + minutes * MINUTE, minutes if charged is None else charged)


def taken(slices: list[Slice]) -> list[tuple[str, str | None, int]]:
    return [(one.kind, one.grant, one.minutes) for one in slices]


# Who pays


@pytest.mark.parametrize(("worked", "rest"), [(59, 0), (60, 0), (61, 1)])
@pytest.mark.parametrize(
    ("policy", "kind"), [("rollover", "carried"), ("ignore", "ignored"), ("bill", "overage")]
)
def test_a_grant_is_drawn_to_its_last_minute_and_the_policy_takes_the_remainder(
    worked: int, rest: int, policy: TimeExpired, kind: str
) -> None:
    slices = plan_draw_down(at_noon(worked), [payer(grant("G", 60))], policy)
    expected = [("grant", "G", worked - rest)] + ([(kind, None, rest)] if rest else [])
    assert taken(slices) == expected


@pytest.mark.parametrize("draws", ["nothing", "incidents"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_contract_without_metering_covers_everything(draws: Draws, policy: TimeExpired) -> None:
    slices = plan_draw_down(at_noon(500), [payer(draws=draws)], policy)
    assert slices == [Slice("covered", "C1", None, 500, NOON)]


@pytest.mark.parametrize("policy", POLICIES)
def test_without_a_payer_all_is_recorded_as_uncovered(policy: TimeExpired) -> None:
    assert plan_draw_down(at_noon(5), [], policy) == [Slice("ignored", None, None, 5, NOON)]


def test_zero_chargeable_minutes_draw_nothing() -> None:
    for work in (at_noon(0), span(90, charged=0)):
        assert plan_draw_down(work, [payer(grant("G", 60))], "rollover") == []
        assert plan_draw_down(work, [], "ignore") == []


def test_the_remainder_belongs_to_the_covering_contract_even_after_a_cascade() -> None:
    payers = [payer(grant("A", 10)), payer(grant("B", 20, contract="C2"), contract="C2")]
    slices = plan_draw_down(at_noon(35), payers, "bill")
    assert [(one.kind, one.contract, one.minutes) for one in slices] == [
        ("grant", "C1", 10),
        ("grant", "C2", 20),
        ("overage", "C1", 5),
    ]


# Boundaries


@pytest.mark.parametrize(
    ("at", "is_paid"),
    [(NOON - TICK, False), (NOON, True), (NOON + HOUR - TICK, True), (NOON + HOUR, False)],
)
@pytest.mark.parametrize("whose", ["grant", "contract"])
def test_half_open_windows(at: datetime, is_paid: bool, whose: str) -> None:
    window = Window(NOON, NOON + HOUR)
    one = payer(grant("G", 60, *window)) if whose == "grant" else payer(grant("G", 60), window=window)
    slices = plan_draw_down(TimeWorked(at, None, 30), [one], "ignore")
    assert taken(slices) == ([("grant", "G", 30)] if is_paid else [("ignored", None, 30)])


def test_minutes_at_a_single_instant_are_never_split() -> None:
    ending = payer(grant("G", 600, closes=NOON + TICK))
    assert taken(plan_draw_down(at_noon(600), [ending], "ignore")) == [("grant", "G", 600)]


@pytest.mark.parametrize(("before_end", "covered"), [(0, 0), (1, 1), (30, 30), (89, 89), (90, 90), (91, 90)])
def test_a_span_is_split_where_its_contract_ends(before_end: int, covered: int) -> None:
    ends = payer(grant("G", 600), window=Window(NOON - HOUR, NOON + before_end * MINUTE))
    slices = plan_draw_down(span(90), [ends], "rollover")
    sums = Counter(dict.fromkeys(("grant", "carried"), 0))
    for one in slices:
        sums[one.kind] += one.minutes
    assert sums == {"grant": covered, "carried": 90 - covered}


def test_a_span_is_split_where_a_later_grant_starts() -> None:
    first = grant("A", 600, closes=NOON + HOUR)
    second = grant("B", 600, opens=NOON + HOUR)
    slices = plan_draw_down(span(120, start=NOON), [payer(second, first)], "ignore")
    assert [(one.grant, one.minutes, one.effective_at) for one in slices] == [
        ("A", 60, NOON),
        ("B", 60, NOON + HOUR),
    ]


def test_charged_minutes_are_distributed_by_time_and_none_is_lost() -> None:
    """100 charged minutes over 3 hours, split after 1 and 2 hours: rounded down cumulatively."""
    grants = [
        grant("A", 600, closes=NOON + HOUR),
        grant("B", 600, NOON + HOUR, NOON + 2 * HOUR),
        grant("C", 600, opens=NOON + 2 * HOUR),
    ]
    slices = plan_draw_down(span(180, charged=100), [payer(*grants)], "ignore")
    assert [(one.grant, one.minutes) for one in slices] == [("A", 33), ("B", 33), ("C", 34)]


# Burn order


@pytest.mark.parametrize(
    "grants",
    [
        [grant("B", 9, closes=NOON + HOUR), grant("A", 9, closes=NOON + 2 * HOUR), grant("0", 9)],
        [grant("B", 9, NOON - 3 * HOUR), grant("A", 9, NOON - 2 * HOUR), grant("0", 9, NOON - HOUR)],
        [grant("A", 9), grant("B", 9), grant("C", 9)],
    ],
    ids=["earliest expiry, none last", "then earliest effective", "then lowest id"],
)
def test_burn_order_does_not_depend_on_the_order_of_the_grants(grants: list[Grant]) -> None:
    for shuffled in permutations(grants):
        slices = plan_draw_down(at_noon(9 * len(grants)), [payer(*shuffled)], "ignore")
        assert [one.grant for one in slices] == [one.id for one in grants]


instants = st.integers(-6, 12).map(lambda quarters: NOON + quarters * timedelta(minutes=15))
windows = st.tuples(st.none() | instants, st.none() | instants)


@st.composite
def payers_strategy(draw: st.DrawFn) -> list[Payer]:
    payers = []
    for index in range(draw(st.integers(0, 3))):
        contract = f"C{index}"
        starts_at, until = draw(instants), draw(st.none() | instants)
        window = Window(starts_at, None if until is None else max(starts_at, until))
        spans = draw(st.lists(st.tuples(windows, st.integers(0, 90)), max_size=4))
        grants = tuple(
            grant(f"{contract}-G{position}", minutes, opens, closes, contract)
            for position, ((opens, closes), minutes) in enumerate(spans)
        )
        draws: Draws = "nothing" if draw(st.integers(0, 3)) == 0 else "minutes"
        payers.append(Payer(contract, ANN, window, draws, grants))
    return payers


works = st.one_of(
    st.builds(TimeWorked, instants, st.none(), st.integers(0, 200)),
    st.builds(
        lambda start, length, charged: TimeWorked(start, start + length * MINUTE, charged),
        instants,
        st.integers(1, 240),
        st.integers(0, 400),
    ),
)


@given(works, payers_strategy(), st.sampled_from(POLICIES))
def test_slices_sum_to_the_charged_minutes_and_no_grant_goes_below_zero(
    work: TimeWorked, payers: list[Payer], policy: TimeExpired
) -> None:
    slices = plan_draw_down(work, payers, policy)
    assert sum(one.minutes for one in slices) == work.chargeable_minutes
    assert all(one.minutes > 0 for one in slices)
    grants = {one.id: (one, payer) for payer in payers for one in payer.grants}
    drawn: Counter[str] = Counter()
    for one in slices:
        until = work.ended_at or work.started_at + TICK
        assert work.started_at <= one.effective_at < until
        if one.kind == "grant":
            assert one.grant is not None
            grant, grant_payer = grants[one.grant]
            window = grant_window(grant, grant_payer.window)
            assert window is not None
            assert window.contains(one.effective_at)
            assert one.contract == grant_payer.contract
            drawn[one.grant] += one.minutes
    assert all(amount <= grants[grant_id][0].available for grant_id, amount in drawn.items())


@given(works, payers_strategy(), st.sampled_from(POLICIES), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_the_grants(
    work: TimeWorked, payers: list[Payer], policy: TimeExpired, random: object
) -> None:
    shuffled = []
    for one in payers:
        grants = list(one.grants)
        random.shuffle(grants)  # type: ignore[attr-defined]  # Hypothesis's own Random
        shuffled.append(Payer(one.contract, one.holder, one.window, one.draws, tuple(grants)))
    assert plan_draw_down(work, shuffled, policy) == plan_draw_down(work, payers, policy)


@given(works, payers_strategy())
def test_the_policy_takes_nothing_that_a_grant_in_force_could_have_paid(
    work: TimeWorked, payers: list[Payer]
) -> None:
    slices = plan_draw_down(work, payers, "ignore")
    left = {one.id: one.available for payer in payers for one in payer.grants}
    for one in slices:
        if one.kind == "grant":
            left[str(one.grant)] -= one.minutes
            continue
        if one.kind == "ignored":
            for payer_ in payers:
                assert payer_.draws == "minutes" or not payer_.window.contains(one.effective_at)
                windows = ((grant.id, grant_window(grant, payer_.window)) for grant in payer_.grants)
                in_force = [name for name, window in windows if window and window.contains(one.effective_at)]
                assert not any(left[name] for name in in_force)


@given(st.lists(windows, max_size=8), instants)
def test_burn_order_is_total_and_only_has_grants_in_force(
    spans: list[tuple[datetime | None, datetime | None]], at: datetime
) -> None:
    grants = [grant(f"G{index}", 10, *one) for index, one in enumerate(spans)]
    in_force = {
        burn_order(window, one.id): one.id
        for one in grants
        if (window := grant_window(one, OPEN)) is not None and window.contains(at)
    }
    slices = plan_draw_down(TimeWorked(at, None, 100), [payer(*grants)], "ignore")
    assert [one.grant for one in slices if one.kind == "grant"] == [in_force[key] for key in sorted(in_force)]

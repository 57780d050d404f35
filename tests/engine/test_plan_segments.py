"""Entries that are paid segment by segment, and segments that the covering contract does not pay for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from engine.contracts import ExcludedTime, Grant, Holder, TimeExpired, Window
from engine.drawdown import plan_entries, plan_entry
from engine.payers import EntryToPay, Payer, SegmentToPay, Slice

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Holder("customer", "ann")


def payer(name: str, minutes: int, *, draws: Literal["minutes", "nothing"] = "minutes") -> Payer:
    grants = (Grant(f"{name}-G", name, "minutes", minutes, None, None, minutes),)
    return Payer(name, ANN, Window(START - 24 * HOUR, None), draws, grants if draws == "minutes" else ())


def segment(hour: int, minutes: int, excluded: ExcludedTime | None = None) -> SegmentToPay:
    return SegmentToPay(START + hour * HOUR, START + (hour + 1) * HOUR, minutes, excluded)


def entry(*segments: SegmentToPay, policy: TimeExpired = "ignore", cascade: bool = False) -> EntryToPay:
    total = sum(one.chargeable_minutes for one in segments)
    return EntryToPay(
        "E", START, segments[-1].ended_at, total, START, ("C1", "C2"), policy, ANN.key, segments, cascade
    )


def slices(one: EntryToPay, *payers: Payer) -> list[tuple[str, str | None, int, int]]:
    """The kind, contract, minutes and hour of each slice; the same by both ways of planning."""
    by_id = {payer.contract: payer for payer in payers}
    found = plan_entry(one, by_id)
    assert plan_entries([one], by_id).slices["E"] == found
    return [(piece.kind, piece.contract, piece.minutes, hours(piece)) for piece in found]


def hours(piece: Slice) -> int:
    return (piece.effective_at - START) // HOUR


def test_each_segment_is_drawn_at_its_start_from_what_those_before_it_leave() -> None:
    assert slices(entry(segment(0, 60), segment(1, 90)), payer("C1", 100), payer("C2", 500)) == [
        ("grant", "C1", 60, 0),
        ("grant", "C1", 40, 1),
        ("ignored", "C1", 50, 1),
    ]


def test_with_cascade_the_next_contract_pays_what_a_segment_lacks() -> None:
    cascading = entry(segment(0, 60), segment(1, 90), cascade=True)
    assert slices(cascading, payer("C1", 100), payer("C2", 500))[-1] == ("grant", "C2", 50, 1)


@pytest.mark.parametrize(
    ("excluded", "policy", "expected"),
    [
        ("next_contract", "ignore", [("grant", "C2", 20, 1), ("ignored", "C1", 10, 1)]),
        ("next_contract", "rollover", [("grant", "C2", 20, 1), ("ignored", "C1", 10, 1)]),
        ("next_contract", "bill", [("grant", "C2", 20, 1), ("overage", "C1", 10, 1)]),
        ("bill", "rollover", [("overage", "C1", 30, 1)]),
        ("free", "rollover", [("ignored", "C1", 30, 1)]),
    ],
)
def test_the_covering_contract_does_not_pay_what_is_excluded(
    excluded: ExcludedTime, policy: TimeExpired, expected: list[object]
) -> None:
    found = slices(
        entry(segment(0, 60), segment(1, 30, excluded), policy=policy), payer("C1", 100), payer("C2", 20)
    )
    assert found == [("grant", "C1", 60, 0), *expected]


def test_a_subscription_that_follows_covers_what_is_excluded() -> None:
    found = slices(entry(segment(0, 30, "next_contract")), payer("C1", 100), payer("C2", 0, draws="nothing"))
    assert found == [("covered", "C2", 30, 0)]


def test_work_without_a_contract_is_recorded_whatever_is_excluded() -> None:
    alone = entry(segment(0, 30, "bill"), segment(1, 30))._replace(payers=())
    assert slices(alone) == [("ignored", None, 30, 0), ("ignored", None, 30, 1)]


def test_what_a_segment_carries_is_drawn_although_another_one_follows_it() -> None:
    """The next contract draws it, although a later segment was paid by a grant."""
    late = replace(
        payer("C1", 10),
        grants=(Grant("C1-G", "C1", "minutes", 10, START + HOUR, None, 10),),
    )
    following = replace(payer("C2", 50), valid_from=START + 5 * HOUR)
    carrying = entry(segment(0, 30), segment(1, 5), policy="rollover")._replace(payers=("C1",))
    plan = plan_entries([carrying], {"C1": late, "C2": following})
    assert [piece.kind for piece in plan.slices["E"]] == ["carried", "grant"]
    assert [(draw.contract, draw.minutes) for draw in plan.carried_draws] == [("C2", 30)]

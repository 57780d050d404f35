"""Entries of a service request that are rounded together: any order of arrival gives each its minutes."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DeskError
from engine.periods import zone_named
from engine.quantities import ROUNDING_SCOPES, Rounding, round_minutes
from engine.rounding import WorkToRound, minutes_before, rounded_minutes

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
QUARTERS = Rounding(15, scope="service_request_day")
roundings = st.builds(
    Rounding, st.integers(1, 60), st.integers(0, 90), st.integers(0, 59), st.sampled_from(ROUNDING_SCOPES)
)
zones = st.sampled_from(["UTC", "Pacific/Auckland", "America/St_Johns"])


def work(number: int, at: datetime, minutes: int, rounding: Rounding, zone: str = "UTC") -> WorkToRound:
    return WorkToRound(f"e{number:02d}", at, at, minutes, rounding, zone)


@st.composite
def requests(draw: st.DrawFn) -> list[WorkToRound]:
    """The work of one request under one rounding, in one time zone."""
    rounding, zone = draw(roundings), draw(zones)
    hours = draw(st.lists(st.tuples(st.integers(0, 80), st.integers(1, 90)), max_size=12))
    return [
        work(number, MIDNIGHT + timedelta(hours=hour), minutes, rounding, zone)
        for number, (hour, minutes) in enumerate(hours)
    ]


def charged(entries: list[WorkToRound]) -> dict[str, int]:
    before = minutes_before(entries)
    return {
        one.id: rounded_minutes(one.worked_minutes, one.rounding, before_minutes=before[one.id])
        for one in entries
    }


def test_three_entries_of_one_day_are_charged_once() -> None:
    entries = [work(n, MIDNIGHT + timedelta(hours=9 + n), 5, QUARTERS) for n in range(3)]
    assert charged(entries) == {"e00": 15, "e01": 0, "e02": 0}


@pytest.mark.parametrize(
    ("scope", "zone", "expected"),
    [
        ("entry", "UTC", [15, 15, 15]),
        ("service_request_day", "UTC", [15, 0, 15]),
        ("service_request_day", "Europe/Berlin", [15, 15, 0]),
        ("service_request", "UTC", [15, 0, 0]),
    ],
)
def test_the_day_is_that_of_the_provider(scope: str, zone: str, expected: list[int]) -> None:
    """22:00, 23:30 and 00:30 UTC: in Berlin the second is on the next day already."""
    rounding = Rounding(15, scope=scope)  # type: ignore[arg-type]  # a text from the table above
    times = [timedelta(hours=22), timedelta(hours=23, minutes=30), timedelta(hours=24, minutes=30)]
    entries = [work(n, MIDNIGHT + at, 5, rounding, zone) for n, at in enumerate(times)]
    assert list(charged(entries).values()) == expected


def test_entries_of_one_instant_count_in_the_order_recorded_then_of_ids() -> None:
    late = WorkToRound("a", MIDNIGHT, MIDNIGHT + timedelta(hours=1), 5, QUARTERS, "UTC")
    early = [work(number, MIDNIGHT, 5, QUARTERS) for number in (2, 1)]
    assert charged([late, *early]) == {"e01": 15, "e02": 0, "a": 0}


def test_an_entry_is_charged_by_its_own_rounding_after_a_change_of_the_setting() -> None:
    entries = [
        work(0, MIDNIGHT, 5, Rounding()),
        work(1, MIDNIGHT, 5, Rounding(30, scope="service_request")),
        work(2, MIDNIGHT, 25, Rounding(60, scope="service_request")),
    ]
    assert charged(entries) == {"e00": 5, "e01": 0, "e02": 0}


@given(requests(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_the_same(entries: list[WorkToRound], chance: random.Random) -> None:
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert charged(shuffled) == charged(entries)


@given(requests())
def test_the_parts_sum_to_what_is_rounded_together(entries: list[WorkToRound]) -> None:
    groups: dict[object, int] = {}
    for one in entries:
        day = one.worked_at.astimezone(zone_named(one.time_zone)).date()
        group = {"entry": one.id, "service_request": "", "service_request_day": day}[one.rounding.scope]
        groups[group] = groups.get(group, 0) + one.worked_minutes
    parts = charged(entries)
    assert all(part >= 0 for part in parts.values())
    assert sum(parts.values()) == sum(
        round_minutes(minutes, entries[0].rounding) for minutes in groups.values()
    )


@given(requests(), st.data())
def test_an_entry_changes_only_those_after_it(entries: list[WorkToRound], data: st.DataObject) -> None:
    late = data.draw(st.integers(0, 80)), data.draw(st.integers(1, 90)), data.draw(roundings)
    entry = WorkToRound("z", MIDNIGHT + timedelta(hours=late[0]), MIDNIGHT, late[1], late[2], "UTC")
    before, after = minutes_before(entries), minutes_before([*entries, entry])
    for one in entries:
        if one.worked_at < entry.worked_at:
            assert after[one.id] == before[one.id]
        else:
            assert after[one.id] in (before[one.id], before[one.id] + entry.worked_minutes)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(DeskError):
        minutes_before([work(0, MIDNIGHT, 5, QUARTERS, "Europe/Nowhere")])

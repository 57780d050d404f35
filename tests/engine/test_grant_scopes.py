"""Priority and scope of grants: which of them pay for work, and in which order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import Grant, Holder, Window
from engine.drawdown import plan_entries
from engine.payers import EntryToPay, Payer
from engine.rulebook import ChargingFacts, check_scope, scope_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WORK_TYPES = ["travel", "remote", None]


def is_type(value: Any) -> dict[str, Any]:
    return {"name": "work_type", "operator": "equal_to", "value": value}


def messages(scope: Any) -> list[tuple[str, str]]:
    return [(one.pointer, one.message) for one in check_scope(scope)]


def test_a_scope_holds_for_work_with_its_facts() -> None:
    scope = scope_of({"all": [{"any": [is_type("travel"), is_type("on_site")]}, saturday()]})
    assert scope is not None
    assert scope.holds(ChargingFacts(work_type="travel", worked_weekday="saturday"))
    assert not scope.holds(ChargingFacts(work_type="travel", worked_weekday="monday"))
    assert not scope.holds(ChargingFacts(work_type="remote", worked_weekday="saturday"))
    assert scope.text == "(work type is travel or work type is on_site) and weekday of the work is saturday"
    assert scope_of(None) is None


def saturday() -> dict[str, Any]:
    return {"name": "worked_weekday", "operator": "equal_to", "value": "saturday"}


@pytest.mark.parametrize(
    ("scope", "pointer", "part"),
    [
        ({"all": [{"name": "worktype", "operator": "equal_to", "value": "x"}]}, "/all/0/name", "work_type"),
        ({"name": "contract_type", "operator": "equal_to", "value": "x"}, "/name", "contract_type"),
        ({"name": "calendars", "operator": "contains", "value": "after_hours"}, "/name", "calendars"),
        ({"name": "work_type", "operator": "is", "value": "x"}, "/operator", "equal_to"),
        ({"name": "priority", "operator": "equal_to", "value": "hihg"}, "/value", "high"),
        ({"name": "worked_hour", "operator": "less_than", "value": "ten"}, "/value", "ten"),
        ({"name": "work_type", "operator": "equal_to"}, "", "value"),
        ({"all": []}, "/all", "empty"),
        ({}, "", "name"),
        ({"all": [is_type("a")], "any": [is_type("b")]}, "", "only key"),
        ({"any": [is_type("a")] * 51}, "", "50"),
        (is_type("a\x00"), "/value", "control"),
        (is_type("\ud800"), "/value", "surrogate"),
        (is_type(7), "/value", "7"),
    ],
)
def test_a_scope_that_cannot_be_read_is_named_with_its_place(scope: Any, pointer: str, part: str) -> None:
    found = messages(scope)
    assert any(where == pointer and part in message for where, message in found), found


def test_conditions_that_are_nested_too_deeply_are_refused() -> None:
    for depth in (21, 100, 100_000):
        scope: dict[str, Any] = is_type("a")
        for _ in range(depth):
            scope = {"all": [scope]}
        assert messages(scope), depth


grants = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.sampled_from([1, 99, 100, 101]),
        st.sampled_from([None, 1, 2, 3]),
        st.sampled_from(WORK_TYPES),
    ),
    max_size=6,
)
entries = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60), st.sampled_from(WORK_TYPES)), max_size=6)


@given(grants, entries)
def test_minute_by_minute_the_first_open_grant_whose_scope_holds_pays(
    given_grants: list[Any], given_entries: list[Any]
) -> None:
    """The same, stated as simply as possible."""
    held = [
        Grant(
            f"G{number}",
            "C",
            "minutes",
            minutes,
            None,
            NOON + ends * MINUTE if ends is not None else None,
            minutes,
            priority=priority,
            scope=scope_of(is_type(work_type)) if work_type is not None else None,
        )
        for number, (minutes, priority, ends, work_type) in enumerate(given_grants)
    ]
    payer = Payer("C", Holder("customer", "ann"), Window(NOON, None), "minutes", tuple(held))
    work = [
        EntryToPay(
            f"E{number}",
            NOON + after * MINUTE,
            None,
            minutes,
            NOON,
            ("C",),
            facts=ChargingFacts(work_type=work_type),
        )
        for number, (after, minutes, work_type) in enumerate(given_entries)
    ]
    plan = plan_entries(work, {"C": payer})

    left = {one.id: one.available for one in held}
    last = datetime.max.replace(tzinfo=UTC)
    in_order = sorted(held, key=lambda one: (one.priority, one.expires_at or last, one.id))
    for entry in sorted(work, key=lambda one: (one.started_at, one.id)):
        expected: dict[str | None, int] = {}
        for _ in range(entry.chargeable_minutes):
            pays = next(
                (
                    one.id
                    for one in in_order
                    if left[one.id]
                    and (one.expires_at is None or entry.started_at < one.expires_at)
                    and (one.scope is None or one.scope.holds(entry.facts))
                ),
                None,
            )
            if pays is not None:
                left[pays] -= 1
            expected[pays] = expected.get(pays, 0) + 1
        taken = {piece.grant: piece.minutes for piece in plan.slices[entry.id]}
        assert taken == expected
    assert plan.left == left

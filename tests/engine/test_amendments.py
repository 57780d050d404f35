"""The terms of a contract as of an instant, from its effective-dated amendments."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.amendments import Amendment, terms_as_of

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("sla", "price_minor", "holder_id")
changes = st.tuples(st.integers(0, 40), st.sampled_from(NAMES), st.integers(0, 5))


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def in_force(history: list[tuple[int, str, int]], day: int) -> dict[str, Any]:
    """The terms on a day, by a model: replay the changes in the order of their days."""
    terms: dict[str, Any] = dict.fromkeys(NAMES, -1)
    for since, name, value in sorted(history, key=lambda one: one[0]):
        if since <= day:
            terms[name] = value
    return terms


@given(st.lists(changes, max_size=12), st.integers(0, 20), st.integers(0, 45))
def test_terms_are_those_of_the_last_amendment_in_effect(
    history: list[tuple[int, str, int]], today: int, asked: int
) -> None:
    """Whatever the order in which the changes were recorded, and which of them the stored terms have."""
    recorded: list[Amendment] = []
    for number, (day, name, value) in enumerate(history):
        before = in_force(history[:number], day)[name]
        recorded.append(Amendment(at(day), {name: before}, {name: value}))
    stored = in_force(history, today)
    assert terms_as_of(stored, recorded, at(asked)) == in_force(history, asked)


def test_an_example() -> None:
    recorded = [
        Amendment(at(4), {"sla": "gold"}, {"sla": "platinum"}),
        Amendment(at(2), {"sla": "gold"}, {"sla": "silver"}),
    ]
    terms = {"sla": "silver", "price_minor": 100}
    found = [terms_as_of(terms, recorded, at(day))["sla"] for day in (1, 2, 3, 4)]
    assert found == ["gold", "silver", "silver", "platinum"]
    assert terms_as_of(terms, recorded, at(9))["price_minor"] == 100

"""What later contracts still draw of carried minutes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.carried_minutes import Dated, remaining_draws

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def on(day: int, minutes: int) -> Dated:
    return START + timedelta(days=day), minutes


@pytest.mark.parametrize(
    ("carried", "draws", "remaining"),
    [
        ([on(0, 20), on(1, 30)], [on(5, 50)], [50]),
        ([on(1, 30)], [on(5, 50)], [30]),
        ([on(1, 30)], [on(5, 20), on(6, 30)], [20, 10]),
        ([on(1, 30)], [on(1, 30)], [30]),
        ([on(7, 30)], [on(5, 20), on(8, 30)], [0, 30]),
        ([], [on(5, 20)], [0]),
        ([on(0, 5)], [], []),
    ],
)
def test_each_draw_keeps_what_is_left_for_it(
    carried: list[Dated], draws: list[Dated], remaining: list[int]
) -> None:
    assert remaining_draws(carried, draws) == remaining


amounts = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 50)), max_size=5)


@given(amounts, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=5))
def test_they_are_what_contracts_of_those_minutes_would_draw(
    worked: list[tuple[int, int]], contracts: list[tuple[int, int]]
) -> None:
    # one after the other, each contract takes what is carried by then, as far as it has minutes
    def drawn(carried: list[tuple[int, int]]) -> list[int]:
        taken: list[int] = []
        for day, has in sorted(contracts):
            pool = sum(minutes for at, minutes in carried if at <= day) - sum(taken)
            taken.append(min(has, pool))
        return taken

    draws = [on(day, minutes) for (day, _), minutes in zip(sorted(contracts), drawn(worked), strict=True)]
    for left_out in range(len(worked)):
        others = worked[:left_out] + worked[left_out + 1 :]
        assert remaining_draws([on(*one) for one in others], draws) == drawn(others)

"""Work cut at the boundaries of calendars, and its minutes shared by elapsed time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.quantities import Period
from engine.segments import Piece, cut_work

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(hours=hour, minutes=minute)


@st.composite
def calendars(draw: st.DrawFn) -> dict[str, list[Period]]:
    """A few calendars with disjoint periods of a day, in whole minutes."""
    named = {}
    for name in draw(st.lists(st.sampled_from("abc"), unique=True)):
        cuts = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
        pairs = zip(cuts[::2], cuts[1::2], strict=False)
        named[name] = [Period(at(0, opens), at(0, closes)) for opens, closes in pairs]
    return named


def test_an_entry_is_cut_where_a_calendar_begins() -> None:
    pieces = cut_work(
        at(16),
        at(19),
        worked_minutes=180,
        rounded_minutes=190,
        open_periods={"after_hours": [Period(at(17), at(24))], "other": [Period(at(1), at(2))]},
    )
    assert pieces == [
        Piece(at(16), at(17), 60, 63, frozenset()),
        Piece(at(17), at(19), 120, 127, frozenset({"after_hours"})),
    ]


def test_minutes_at_one_instant_are_never_cut() -> None:
    evening = {"after_hours": [Period(at(17), at(17, 1))]}
    [piece] = cut_work(at(17), None, worked_minutes=600, rounded_minutes=600, open_periods=evening)
    assert piece == Piece(at(17), None, 600, 600, frozenset({"after_hours"}))


@given(calendars(), st.integers(0, 1439), st.integers(1, 1440), st.integers(0, 5000))
def test_the_shares_sum_to_the_whole(
    open_periods: dict[str, list[Period]], start: int, length: int, minutes: int
) -> None:
    end = at(0, start + length)
    pieces = cut_work(
        at(0, start), end, worked_minutes=length, rounded_minutes=minutes, open_periods=open_periods
    )
    assert sum(one.rounded_minutes for one in pieces) == minutes
    assert [one.worked_minutes for one in pieces] == [
        (one.end - one.start) // timedelta(minutes=1) for one in pieces if one.end
    ]
    assert (pieces[0].start, pieces[-1].end) == (at(0, start), end)
    assert all(one.end == other.start for one, other in pairwise(pieces))
    for one in pieces:
        assert one.end is not None
        assert one.rounded_minutes >= 0
        for name, periods in open_periods.items():
            middle = one.start + (one.end - one.start) / 2
            assert (name in one.calendars) == any(period.contains(middle) for period in periods)

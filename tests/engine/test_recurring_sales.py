"""The periods of a recurring sale: whole ones, parts at both ends, in advance and in arrears."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.recurring_sales import Interval, RecurringTerms, Timing, next_period, periods_from


def terms(
    starts_on: date,
    until_on: date | None = None,
    every: Interval = "month",
    day: int = 1,
    timing: Timing = "advance",
) -> RecurringTerms:
    return RecurringTerms(starts_on, until_on, every, day, timing, 9_000)


def found(given: RecurringTerms, begins_on: date | None = None) -> list[tuple[str, str, int]]:
    periods = periods_from(given, begins_on, 3)
    return [(str(one.from_on), str(one.until_on), one.amount_minor) for one in periods]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (  # 17 of 31 days, a whole month, 10 of 31 days
            terms(date(2026, 1, 15), date(2026, 3, 11)),
            [
                ("2026-01-15", "2026-02-01", 4_935),
                ("2026-02-01", "2026-03-01", 9_000),
                ("2026-03-01", "2026-03-11", 2_903),
            ],
        ),
        (  # the day is clamped to the month, and counted from the first
            terms(date(2026, 1, 31), day=31),
            [
                ("2026-01-31", "2026-02-28", 9_000),
                ("2026-02-28", "2026-03-31", 9_000),
                ("2026-03-31", "2026-04-30", 9_000),
            ],
        ),
        (  # 76 of the 90 days of the quarter
            terms(date(2026, 1, 15), every="quarter"),
            [
                ("2026-01-15", "2026-04-01", 7_600),
                ("2026-04-01", "2026-07-01", 9_000),
                ("2026-07-01", "2026-10-01", 9_000),
            ],
        ),
        (terms(date(2024, 2, 29), date(2025, 2, 28), "year", 29), [("2024-02-29", "2025-02-28", 9_000)]),
        (terms(date(2026, 1, 15), date(2026, 1, 16)), [("2026-01-15", "2026-01-16", 290)]),
    ],
)
def test_periods(given: RecurringTerms, expected: list[tuple[str, str, int]]) -> None:
    assert found(given) == expected


def test_what_follows_a_day_is_the_rest() -> None:
    given = terms(date(2026, 1, 15), date(2026, 3, 11))
    assert found(given, date(2026, 2, 1)) == found(given)[1:]
    assert next_period(given, date(2026, 3, 11)) is None
    assert next_period(given, date(2026, 4, 1)) is None
    # a day on which no period begins
    assert next_period(given, date(2026, 2, 2)) is None


def test_when_a_period_is_due() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    due = {}
    for timing in ("advance", "arrears"):
        period = next_period(terms(date(2026, 3, 1), timing=timing))
        assert period is not None
        due[timing] = period.due_at(berlin)
    assert due == {
        "advance": datetime(2026, 2, 28, 23, tzinfo=UTC),
        "arrears": datetime(2026, 3, 31, 22, tzinfo=UTC),
    }

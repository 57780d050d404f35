"""Cases taken as facts from other systems' tests: working time and period arithmetic agree with them.

The cases are in a separate folder, and more of the same kinds may be added there; without the folder these
tests are skipped.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine.billing_cycles import cycles_in_advance, first_billing_date, prorated_amount
from engine.calendar_text import read_calendar
from engine.calendars import (
    WorkCalendar,
    add_working_seconds,
    is_working,
    segments,
    subtract_working_seconds,
    working_seconds_between,
)
from engine.errors import DeskError
from engine.periods import (
    Duration,
    add_period,
    last_day_of_month,
    period_containing,
    whole_periods,
    zone_named,
)
from engine.quantities import Money, Period

Case = dict[str, Any]

# Where a case allows another answer, ours is:
# - zero: as in the cases, adding 0 gives the next open instant; subtracting 0 gives the last closing time.
# - reversed: as in the cases, there is no working time (0) if the end precedes the start; such a work entry
#   is refused earlier, as an empty Period.
# - nonexistent-local-time: another answer, tested in test_calendars.py. A shift from 02:30 to 03:15 on a day
#   whose clocks go from 02:00 to 03:00 lasts from 03:00 to 03:15.
OTHERWISE_DECIDED = {"nonexistent-local-time"}
# Facts about another program's scheduler: not applicable.
NOT_OURS = {"scheduler_fact"}


@pytest.mark.parametrize("name", ["working_time", "period_arithmetic"])
def test_borrowed_cases_agree(shared_cases: Path, name: str) -> None:
    borrowed = json.loads((shared_cases / f"{name}.json").read_text(encoding="utf-8"))
    calendars = {key: read_calendar(**text) for key, text in borrowed.get("calendars", {}).items()}
    wrong = []
    for case in borrowed["cases"]:
        if case["op"] in NOT_OURS or OTHERWISE_DECIDED.intersection(case["tags"]):
            continue
        if "calendar" in case:
            case["calendar"] = calendars[case["calendar"]]
        compute, expected = ADAPTERS[case["op"]], EXPECTED[case["op"]](case)
        try:
            got = compute(case)
        except DeskError as refused:
            got = f"refused: {refused}" if expected is not REFUSED else REFUSED
        if got != expected:
            wrong.append(f"{case['id']}: expected {expected}, got {got}")
    assert not wrong, "\n".join(wrong)


# Reading the cases

REFUSED = object()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def span_of(case: Case) -> tuple[datetime, datetime]:
    start, end = instant(case["start_utc"]), instant(case["end_utc"])
    if "lifetime_utc" in case:
        born, died = map(instant, case["lifetime_utc"])
        return max(start, born), min(end, died)
    return start, end


def pauses_of(case: Case) -> list[Period]:
    return [Period(*map(instant, pause)) for pause in case.get("pauses_utc", [])]


def duration_of(case: Case) -> Duration:
    return Duration(**case["period"])


def date_or_datetime(text: str) -> date:
    """A date, a wall-clock time or an instant, depending on the text."""
    return date.fromisoformat(text) if len(text) == len("2026-01-01") else datetime.fromisoformat(text)


def days(pair: list[str]) -> tuple[date, date]:
    from_on, until_on = map(date.fromisoformat, pair)
    return from_on, until_on


def cents(amount: str) -> Money:
    return Money(int(amount.replace(".", "")), "USD")


# The function under test for each kind of case


def elapsed(case: Case) -> int:
    return working_seconds_between(case["calendar"], *span_of(case), pauses=pauses_of(case))


def open_segments(case: Case) -> list[tuple[datetime, datetime | None]]:
    found = segments(case["calendar"], *span_of(case), pauses=pauses_of(case))
    return [(period.start, period.end) for period in found]


def stepped(step: Callable[..., datetime]) -> Callable[[Case], datetime]:
    def compute(case: Case) -> datetime:
        calendar: WorkCalendar = case["calendar"]
        return step(calendar, instant(case["start_utc"]), case["seconds"], pauses=pauses_of(case))

    return compute


def containing(case: Case) -> Period:
    return period_containing(
        instant(case["at"]),
        anchor=instant(case["anchor"]),
        duration=duration_of(case),
        zone=zone_named(case["time_zone"]),
    )


def cycles(case: Case) -> Fraction:
    return cycles_in_advance(
        starts_on=date.fromisoformat(case["start"]),
        until_on=date.fromisoformat(case["end"]) if case["end"] else None,
        target_on=date.fromisoformat(case["target"]),
        billing_day=case["billing_day"],
        duration=duration_of(case),
    )


ADAPTERS: dict[str, Callable[[Case], object]] = {
    "elapsed": elapsed,
    "add": stepped(add_working_seconds),
    "subtract": stepped(subtract_working_seconds),
    "is_working": lambda case: is_working(case["calendar"], instant(case["at_utc"])),
    "segments": open_segments,
    "add_period": lambda case: add_period(date_or_datetime(case["start"]), duration_of(case)),
    "last_day_of_month": lambda case: last_day_of_month(date.fromisoformat(case["date"])),
    "whole_periods": lambda case: whole_periods(
        date_or_datetime(case["start"]), date_or_datetime(case["end"]), duration_of(case)
    ),
    "period_containing": containing,
    "first_billing_date": lambda case: first_billing_date(
        date.fromisoformat(case["start"]), case["billing_day"], duration_of(case)
    ),
    "cycles_in_advance": cycles,
    "prorated_amount": lambda case: prorated_amount(
        cents(case["price"]), part=days(case["segment"]), whole=days(case["period_range"])
    ),
}


def or_refused(read: Callable[[Case], object]) -> Callable[[Case], object]:
    return lambda case: REFUSED if case.get("expected_error") else read(case)


EXPECTED: dict[str, Callable[[Case], object]] = {
    op: or_refused(read)
    for op, read in {
        "elapsed": lambda case: case["expected_seconds"],
        "add": lambda case: instant(case["expected_end_utc"]),
        "subtract": lambda case: instant(case["expected_end_utc"]),
        "is_working": lambda case: case["expected_working"],
        "segments": lambda case: [tuple(map(instant, pair)) for pair in case["expected_segments_utc"]],
        "add_period": lambda case: date_or_datetime(case["expected"]),
        "last_day_of_month": lambda case: date.fromisoformat(case["expected"]),
        "whole_periods": lambda case: case["expected"],
        "period_containing": lambda case: Period(
            instant(case["expected_from"]), instant(case["expected_to_exclusive"])
        ),
        "first_billing_date": lambda case: date.fromisoformat(case["expected"]),
        "cycles_in_advance": lambda case: sum(map(Fraction, case["expected_cycles"])),
        "prorated_amount": lambda case: cents(case["expected"]),
    }.items()
}

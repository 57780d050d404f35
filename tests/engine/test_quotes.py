"""The state of a version of a quote as of any instant."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.quotes import QuoteState, QuoteTimes

SENT, LAPSES = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (SENT - MOMENT, "draft"),
        (SENT, "sent"),
        (LAPSES - MOMENT, "sent"),
        (LAPSES, "lapsed"),
        (LAPSES + timedelta(days=900), "lapsed"),
    ],
)
def test_a_version_lapses_at_its_instant(at: datetime, state: QuoteState) -> None:
    assert QuoteTimes(SENT, LAPSES).state_as_of(at) == state
    assert QuoteTimes(None, None).state_as_of(at) == "draft"


def test_a_decision_holds_from_its_instant_on() -> None:
    decided_at = LAPSES - MOMENT
    accepted = QuoteTimes(SENT, LAPSES, decision="accepted", decided_at=decided_at)
    assert accepted.state_as_of(decided_at - MOMENT) == "sent"
    assert accepted.state_as_of(decided_at) == accepted.state_as_of(LAPSES) == "accepted"


def test_what_came_first_counts() -> None:
    superseded = QuoteTimes(SENT, LAPSES, superseded_at=SENT + timedelta(days=1))
    assert superseded.state_as_of(SENT + timedelta(days=1)) == "superseded"
    assert superseded.state_as_of(LAPSES) == "superseded"
    late = QuoteTimes(SENT, LAPSES, superseded_at=LAPSES + timedelta(days=1))
    assert late.state_as_of(LAPSES + timedelta(days=2)) == "lapsed"
    assert QuoteTimes(SENT, LAPSES, decision="accepted", decided_at=LAPSES).state_as_of(LAPSES) == "lapsed"

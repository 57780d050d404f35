"""Which reminder of an invoice comes next, and when."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.dunning import DUE_SOON, OVERDUE, Payable, Reminder, ReminderTerms, next_reminder, reminder_kind

ZONE = ZoneInfo("Europe/Berlin")
ISSUED = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = date(2026, 3, 16)
TERMS = ReminderTerms(3, (7, 14))


def midnight(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=ZONE).astimezone(UTC)


def payable(last: Reminder | None = None, *, since: datetime = ISSUED, issued: datetime = ISSUED) -> Payable:
    return Payable(issued, DUE, midnight(3, 17), since, last)


def test_each_comes_on_its_day_also_over_the_change_of_the_clock() -> None:
    found, last = [], None
    while (last := next_reminder(payable(last), TERMS, ZONE)) is not None:
        found.append((last.stage, last.due_at))
    assert found == [
        (DUE_SOON, midnight(3, 13)),
        (OVERDUE, midnight(3, 17)),
        (1, midnight(3, 23)),
        (2, midnight(3, 30)),
    ]
    assert [reminder_kind(stage) for stage, _ in found] == ["due_soon", "overdue", "level", "level"]


def test_a_warning_comes_after_the_issue_and_before_the_invoice_is_overdue_or_not_at_all() -> None:
    at_once = payable(issued=midnight(3, 13), since=midnight(3, 13))
    assert next_reminder(at_once, TERMS, ZONE) == Reminder(OVERDUE, midnight(3, 17))
    before = midnight(3, 13) - timedelta(seconds=1)
    assert next_reminder(payable(issued=before), TERMS, ZONE) == Reminder(DUE_SOON, midnight(3, 13))
    late = payable(since=midnight(3, 17))
    assert next_reminder(late, TERMS, ZONE) == Reminder(OVERDUE, midnight(3, 17))
    assert next_reminder(payable(), ReminderTerms(None, ()), ZONE) == Reminder(OVERDUE, midnight(3, 17))


@pytest.mark.parametrize("last", [Reminder(2, midnight(3, 30)), Reminder(5, midnight(3, 30))])
def test_nothing_comes_after_the_last_level(last: Reminder) -> None:
    assert next_reminder(payable(last), TERMS, ZONE) is None


def test_after_a_pause_a_level_keeps_its_distance_from_the_one_before() -> None:
    since = midnight(4, 11)
    first = next_reminder(payable(Reminder(OVERDUE, midnight(3, 17)), since=since), TERMS, ZONE)
    assert first == Reminder(1, since)
    assert next_reminder(payable(first, since=since), TERMS, ZONE) == Reminder(2, midnight(4, 18))


def test_a_late_notice_of_being_overdue_leaves_the_days_to_the_first_level() -> None:
    """As where a payment bounced, or a dispute was declined, long after the invoice was due."""
    since = midnight(4, 20) + timedelta(hours=9)
    first = next_reminder(payable(since=since), TERMS, ZONE)
    assert first == Reminder(OVERDUE, since)
    assert next_reminder(payable(first, since=since), TERMS, ZONE) == Reminder(1, midnight(4, 26))
    at_once = ReminderTerms(None, (1, 14))
    assert next_reminder(payable(first, since=since), at_once, ZONE) == Reminder(1, since)

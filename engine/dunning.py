"""Reminders of an invoice: before it is due, when it is overdue, and the dunning levels after that.

They come one after another. With a warning 3 days ahead, and levels 7 and 14 days after the due day:

    due 2026-03-16       2026-03-13 due_soon, 03-17 overdue, 03-23 level 1, 03-30 level 2
    paused to 04-10      level 1 on 04-11, level 2 on 04-18: each keeps its distance from the one before
    reopened 04-10       overdue 04-10, level 1 on 04-16

Instants are aware UTC, amounts minor units. Source: product.md sections 10 and 11.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from engine.periods import first_instant_of

ReminderKind = Literal["due_soon", "overdue", "level"]
REMINDER_KINDS: tuple[ReminderKind, ...] = get_args(ReminderKind)
DUE_SOON, OVERDUE = -1, 0
"""Stages before the dunning levels, which are numbered from 1."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder by its stage, as of the instant at which it is due."""

    stage: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ReminderTerms:
    """When an invoice is reminded of: days before it is due (None: not), and days after it for each level."""

    warning_days: int | None
    level_days: Sequence[int]


@dataclass(frozen=True, slots=True)
class Payable:
    """The dates of an issued invoice, and its last reminder.

    Nothing is due before `since`: the end of a pause, a change of the terms, or when it was opened again.
    """

    issued_at: datetime
    due_on: date
    overdue_at: datetime
    since: datetime
    last: Reminder | None = None


def next_reminder(invoice: Payable, terms: ReminderTerms, zone: ZoneInfo) -> Reminder | None:
    """The reminder that comes next, in the past if it is late; None after the last one.

    A warning that would not come after the issue, or would come when the invoice is overdue, is left out.
    """
    if invoice.last is None and terms.warning_days is not None:
        warned_at = first_instant_of(invoice.due_on - timedelta(days=terms.warning_days), zone)
        due_at = max(warned_at, invoice.since)
        if invoice.issued_at < warned_at and due_at < invoice.overdue_at:
            return Reminder(DUE_SOON, due_at)
    if invoice.last is None or invoice.last.stage < OVERDUE:
        return Reminder(OVERDUE, max(invoice.overdue_at, invoice.since))
    stage = invoice.last.stage + 1
    if stage > len(terms.level_days):
        return None
    days = terms.level_days[stage - 1]
    due_at = max(first_instant_of(invoice.due_on + timedelta(days=days), zone), invoice.since)
    before = (
        terms.level_days[stage - 2] if stage > 1 else _days_after(invoice.due_on, invoice.overdue_at, zone)
    )
    distance = timedelta(days=max(days - before, 0))
    day_before = invoice.last.due_at.astimezone(zone).date()
    return Reminder(stage, max(due_at, first_instant_of(day_before + distance, zone)))


def _days_after(day: date, at: datetime, zone: ZoneInfo) -> int:
    return (at.astimezone(zone).date() - day).days


def reminder_kind(stage: int) -> ReminderKind:
    """The kind of a stage."""
    return "due_soon" if stage < OVERDUE else "overdue" if stage == OVERDUE else "level"

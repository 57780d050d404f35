"""The states, outcomes, priorities and reasons of service requests, and which of them belong together.

Stated here once: tables, commands, queries, rule files and pages take them from here.
Source: product.md sections 6 and 9.
"""

from datetime import datetime, timedelta
from typing import Literal, get_args

State = Literal["open", "pending_no_contract", "in_progress", "on_hold", "resolved", "closed", "cancelled"]
Trigger = Literal["start", "hold", "resume", "resolve", "close", "reopen", "cancel"]
HoldReason = Literal["customer", "supplier", "scheduled"]
Priority = Literal["low", "normal", "high", "critical"]
Outcome = Literal["covered", "waiting", "created", "offered", "refused", "uncovered"]

STATES: tuple[State, ...] = get_args(State)
UNFINISHED_STATES: tuple[State, ...] = ("open", "pending_no_contract", "in_progress", "on_hold")
FINISHED_STATES: tuple[State, ...] = ("resolved", "closed", "cancelled")
REOPENABLE_STATES: tuple[State, ...] = ("resolved", "closed")
ENDED_STATES: tuple[State, ...] = ("closed", "cancelled")
"""Nothing is done in these by itself any more, and no contract is searched."""
NOT_ENDED_STATES: tuple[State, ...] = (*UNFINISHED_STATES, "resolved")
WORK_STATES: tuple[State, ...] = ("open", "in_progress", "on_hold", "resolved")
"""Work may be logged in these."""

TRIGGERS: tuple[Trigger, ...] = get_args(Trigger)
"""What people fire; the system has moves of its own."""
HOLD_REASONS: tuple[HoldReason, ...] = get_args(HoldReason)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""What a coverage decision comes to."""
WAITING_OUTCOMES: tuple[Outcome, ...] = ("waiting", "created", "offered", "refused")
"""These leave a service request without a contract that pays, until one is valid for it."""
OPENING_OUTCOMES: tuple[Outcome, ...] = ("covered", "uncovered")
"""With these a service request may be worked on."""

RECENT_REMINDER_MINUTES = 15


def is_recent_reminder(reminded_at: datetime, now: datetime) -> bool:
    """Whether a customer was reminded so lately that the next reminder is probably one by mistake.

    Instants are aware UTC.
    """
    return now - reminded_at < timedelta(minutes=RECENT_REMINDER_MINUTES)

"""The targets of a service request as of an instant: their states, the working time left, and which is next.

Source: product.md section 9.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal, null, or_, type_coerce

from engine.service_requests import UNFINISHED_STATES
from engine.sla_clock import TargetState, remaining_minutes, target_state
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla import levels_in_force
from workflows.store import tables as t
from workflows.store.column_types import Instant, text_constant

OPEN_STATES: tuple[TargetState, ...] = ("open", "stopped", "missed")
"""Of a target that is not done: it is still to be reached, even if too late."""


class MinutesLeft(NamedTuple):
    """The working minutes left of each target, rounded down; None for one that is over."""

    response: int | None
    resolution: int | None


NOT_COUNTED = MinutesLeft(None, None)


def response_state(row: Any, at: datetime) -> TargetState | None:
    """The state of the response target of a request's row at `at`; None without a target."""
    return _state(row, row.response_due_at, row.responded_at, at)


def resolution_state(row: Any, at: datetime) -> TargetState | None:
    """The state of the resolution target of a request's row at `at`; None without a target."""
    return _state(row, row.resolution_due_at, row.resolved_at, at)


def sql_response_state(at: datetime) -> ColumnElement[str | None]:
    """SQL: `response_state` of a row of `service_request`."""
    return _sql_state(_r.response_due_at, _r.responded_at, at)


def sql_resolution_state(at: datetime) -> ColumnElement[str | None]:
    """SQL: `resolution_state` of a row of `service_request`."""
    return _sql_state(_r.resolution_due_at, _r.resolved_at, at)


def minutes_left(tx: Transaction, row: Any) -> MinutesLeft:
    """What is left of the targets of a request's row now; nothing is counted without a service level."""
    terms = levels_in_force(tx).terms(row.sla, row.priority)
    if terms is None:
        return NOT_COUNTED

    def left(due_at: datetime | None, done_at: datetime | None) -> int | None:
        is_over = done_at is not None or _state(row, due_at, done_at, tx.now) not in OPEN_STATES
        if due_at is None or is_over:
            return None
        return remaining_minutes(terms.calendar, due_at, stopped_at=row.paused_at, at=tx.now)

    return MinutesLeft(
        left(row.response_due_at, row.responded_at), left(row.resolution_due_at, row.resolved_at)
    )


def minutes_left_at_first(tx: Transaction, row: Any) -> MinutesLeft:
    """`minutes_left` of a request that was logged just now: all of its level's, which takes no arithmetic."""
    terms = levels_in_force(tx).terms(row.sla, row.priority)
    if terms is None:
        return NOT_COUNTED
    return MinutesLeft(terms.target.response_minutes, terms.target.resolution_minutes)


def next_target_at() -> ColumnElement[datetime]:
    """SQL: the due instant of a request's next target: the response if it is awaited, and due first."""
    return _NEXT_TARGET_AT


def next_due_at() -> ColumnElement[datetime]:
    """SQL: `next_target_at`, but NULL for a target that is postponed because the clock is stopped."""
    return _NEXT_DUE_AT


def _state(row: Any, due_at: datetime | None, done_at: datetime | None, at: datetime) -> TargetState | None:
    is_cancelled = row.state == "cancelled"
    return target_state(due_at, done_at, stopped_at=row.paused_at, is_cancelled=is_cancelled, at=at)


def _sql_state(
    due_at: ColumnElement[datetime], done_at: ColumnElement[datetime], at: datetime
) -> ColumnElement[str | None]:
    """SQL: the same as `engine.sla_clock.target_state`; a property test holds the two to each other."""
    stopped_at = _r.paused_at
    return case(
        (due_at.is_(None), null()),
        (and_(done_at.is_not(None), done_at <= due_at), text_constant("met")),
        (done_at.is_not(None), text_constant("missed")),
        (due_at < func.coalesce(stopped_at, literal(at, Instant)), text_constant("missed")),
        (_r.state == text_constant("cancelled"), text_constant("cancelled")),
        (stopped_at.is_(None), text_constant("open")),
        else_=text_constant("stopped"),
    )


_r = t.service_request.c
_NEXT_TARGET_AT: ColumnElement[datetime] = type_coerce(
    case(
        (
            and_(
                _r.responded_at.is_(None),
                or_(_r.resolution_due_at.is_(None), _r.response_due_at < _r.resolution_due_at),
            ),
            _r.response_due_at,
        ),
        else_=_r.resolution_due_at,
    ),
    Instant(),
)
"""Written as in its index, which would not be used otherwise."""

_NEXT_DUE_AT: ColumnElement[datetime] = type_coerce(
    case(
        (
            and_(
                _r.state.in_([text_constant(state) for state in UNFINISHED_STATES]),
                _r.paused_at <= _NEXT_TARGET_AT,
            ),
            null(),
        ),
        else_=_NEXT_TARGET_AT,
    ),
    Instant(),
)

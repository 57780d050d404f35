"""Response and resolution targets: from the contract's service level, in the level's calendar.

The clock runs while the service request is covered and being worked on; it stops on hold and while it
waits for a contract. A stop moves the targets on by the working time that was left. Source: product.md 9.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from engine.calendars import Hours, WorkCalendar, add_working_seconds, working_seconds_between
from engine.contracts import Contract
from engine.sla import Sla
from workflows.desk import Transaction
from workflows.settings import WorkCalendarSetting

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def sla_columns(tx: Transaction, contract: Contract | None, request: Row[Any] | Any) -> dict[str, Any]:
    """The targets of a request that a contract covers from now on; none where it has no service level."""
    sla = tx.rules.slas.get(contract.sla) if contract is not None and contract.sla else None
    if sla is None:
        return {"sla": None, "response_due_at": None, "resolution_due_at": None}
    target = sla.targets[request.priority]
    calendar = _calendar(sla, tx)
    return {
        "sla": sla.id,
        "response_due_at": _due(calendar, tx.now, target.response_minutes * 60),
        "resolution_due_at": _due(calendar, tx.now, target.resolution_minutes * 60),
    }


def paused_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """Stop the clock."""
    return {"paused_at": request.paused_at or tx.now}


def resumed_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """Let the clock run again: what was left when it stopped is left from now."""
    sla = tx.rules.slas.get(request.sla) if request.sla else None
    if request.paused_at is None or sla is None:
        return {"paused_at": None}
    calendar = _calendar(sla, tx)
    moved: dict[str, Any] = {"paused_at": None}
    for column in ("response_due_at", "resolution_due_at"):
        due = getattr(request, column)
        if due is not None and due > request.paused_at:
            left = _left(calendar, request.paused_at, due)
            moved[column] = _due(calendar, tx.now, left)
    return moved


def _calendar(sla: Sla, tx: Transaction) -> WorkCalendar | None:
    """The level's calendar; None is round the clock."""
    if sla.calendar == "always":
        return None
    return _business_hours(tx.settings.work_calendar.model_dump_json(), tx.settings.zone)


@lru_cache(maxsize=8)
def _business_hours(setting: str, zone: ZoneInfo) -> WorkCalendar:
    calendar = WorkCalendarSetting.model_validate_json(setting)
    return WorkCalendar(
        time_zone=zone,
        weekly=tuple(
            tuple(
                Hours(_minute(window.opens), _minute(window.closes))
                for window in calendar.weekly.get(day, [])  # type: ignore[call-overload]
            )
            for day in DAYS
        ),
        holidays=frozenset(date.fromisoformat(day) for day in calendar.holidays),
    )


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _due(calendar: WorkCalendar | None, start: datetime, seconds: int) -> datetime | None:
    return (
        start + timedelta(seconds=seconds)
        if calendar is None
        else add_working_seconds(calendar, start, seconds)
    )


def _left(calendar: WorkCalendar | None, start: datetime, due: datetime) -> int:
    if calendar is None:
        return int((due - start).total_seconds())
    return working_seconds_between(calendar, start, due)

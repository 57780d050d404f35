"""Response and resolution targets, from the contract's SLA and in the SLA's calendar.

The clock runs while the service request is covered and not on hold; it stops on hold and while the request
waits for a contract. After a stop the targets move so that the remaining working time is the same.
Source: product.md section 9.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from engine.calendars import (
    WorkCalendar,
    add_working_seconds,
    subtract_working_seconds,
    working_seconds_between,
)
from engine.contracts import Contract
from engine.sla import Sla
from workflows.core.transaction import Transaction


def sla_columns(tx: Transaction, contract: Contract | None, request: Row[Any] | Any) -> dict[str, Any]:
    """The SLA columns of a request that a contract covers; they are None if the contract has no SLA.

    Targets count from the start of the request's clock, which another contract or priority does not restart.
    """
    sla = tx.rules.slas.get(contract.sla) if contract is not None and contract.sla else None
    if sla is None:
        return {"sla": None, "response_due_at": None, "resolution_due_at": None}
    clock_at = request.sla_clock_at or tx.now
    return {"sla": sla.id, "sla_clock_at": clock_at, **_targets(tx, sla, request.priority, clock_at)}


def paused_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The columns that stop the clock."""
    return {"paused_at": request.paused_at or tx.now}


def resumed_columns(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The columns that restart the clock, with the same elapsed working time as when it stopped."""
    sla = tx.rules.slas.get(request.sla) if request.sla else None
    if request.paused_at is None or sla is None or request.sla_clock_at is None:
        return {"paused_at": None}
    calendar = _calendar(sla, tx)
    gone_by = _between(calendar, request.sla_clock_at, request.paused_at)
    if calendar is None:
        clock_at = tx.now - timedelta(seconds=gone_by)
    else:
        clock_at = subtract_working_seconds(calendar, tx.now, gone_by)
    return {"paused_at": None, "sla_clock_at": clock_at, **_targets(tx, sla, request.priority, clock_at)}


def _targets(tx: Transaction, sla: Sla, priority: str, clock_at: datetime) -> dict[str, datetime]:
    target, calendar = sla.targets[priority], _calendar(sla, tx)
    response_due_at = _due(calendar, clock_at, target.response_minutes * 60)
    after = target.resolution_minutes - target.response_minutes
    # the later target is counted from the earlier one, so that no working hour is walked through twice
    start, minutes = (response_due_at, after) if after > 0 else (clock_at, target.resolution_minutes)
    return {
        "response_due_at": response_due_at,
        "resolution_due_at": _due(calendar, start, minutes * 60),
    }


def _calendar(sla: Sla, tx: Transaction) -> WorkCalendar | None:
    """The SLA's calendar; None means around the clock."""
    if sla.calendar == "always":
        return None
    return tx.settings.business_hours


def _due(calendar: WorkCalendar | None, start: datetime, seconds: int) -> datetime:
    if calendar is None:
        return start + timedelta(seconds=seconds)
    return add_working_seconds(calendar, start, seconds)


def _between(calendar: WorkCalendar | None, start: datetime, end: datetime) -> int:
    if calendar is None:
        return max(0, (end - start) // timedelta(seconds=1))
    return working_seconds_between(calendar, start, end)

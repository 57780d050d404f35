"""Which open targets the time zone and holiday data in use would put at another instant than is stored.

An upgrade of the data moves no target: each stays as it was computed, with the versions that gave it, until
something moves it, such as the end of a hold or another level. This report says what the upgrade would move.
Source: product.md section 9.
"""

from typing import Any

from sqlalchemy import Row, or_, select

from engine.service_requests import NOT_ENDED_STATES
from engine.sla_alerts import SLA_TARGETS
from engine.sla_clock import change_terms
from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla import (
    ServiceLevels,
    clock_of,
    counted_time,
    levels_in_force,
)
from workflows.operations.time_zone_data import calendar_data
from workflows.store import tables as t
from workflows.views.sla import CalendarDataView, TargetOfOtherData

MOST_LISTED = 200

r = t.service_request


def read_calendar_data(tx: Transaction) -> CalendarDataView:
    """The data in use, and the open targets that it would move; nothing is changed.

    Raises: NotAllowed for technicians and customers; WorkTimeNotReached and NoHolidayData, which the checks
    of settings and rules prevent.
    """
    tx.require(*OFFICE)
    levels, data = levels_in_force(tx), calendar_data()
    other, differ = 0, []
    for row in tx.connection.execute(_computed_otherwise(data)):
        found, count = _targets(tx, levels, row, data)
        other += count
        differ += found
    return CalendarDataView(data, other, len(differ), differ[:MOST_LISTED])


def _computed_otherwise(data: str) -> Any:
    """SQL: the unfinished requests with an open target that other data gave."""
    conditions = [
        r.c[f"{target}_due_at"].is_not(None)
        & r.c[done].is_(None)
        & r.c[f"{target}_due_data"].is_distinct_from(data)
        for target, done in (("response", "responded_at"), ("resolution", "resolved_at"))
    ]
    return select(r).where(r.c.state.in_(NOT_ENDED_STATES), or_(*conditions)).order_by(r.c.opened_at, r.c.id)


def _targets(
    tx: Transaction, levels: ServiceLevels, row: Row[Any], data: str
) -> tuple[list[TargetOfOtherData], int]:
    """The targets of a request that would move, and how many open ones other data gave."""
    terms = levels.terms(row.sla, row.priority)
    if terms is None:
        return [], 0
    clock = clock_of(row, terms, counted_time(tx, row.id))
    now = change_terms(clock, terms, tx.now)
    found, count = [], 0
    for target in SLA_TARGETS:
        due_at, would_be = getattr(clock, f"{target}_due_at"), getattr(now, f"{target}_due_at")
        done_at = clock.responded_at if target == "response" else clock.resolved_at
        is_open = due_at is not None and done_at is None and due_at > (clock.stopped_at or tx.now)
        given_by = getattr(row, f"{target}_due_data")
        if not is_open or given_by == data:
            continue
        count += 1
        if would_be != due_at:
            found.append(TargetOfOtherData(row.id, row.number, target, given_by, due_at, would_be))
    return found, count

"""The order in which a desk works on service requests: the most urgent first.

Overdue requests come first, then those due soon, then the other requests that can be worked on, then those on
hold, those that wait for a contract, and those that are finished. Within each of these groups the higher
priority comes first, then the earlier target, then the older request.
"""

from datetime import datetime, timedelta

from sqlalchemy import case, func, literal, or_

from engine.drawdown import NEVER
from engine.service_requests import FINISHED_STATES, PRIORITIES
from workflows.core.paging import Sort
from workflows.lifecycle.service_requests.sla_targets import next_target_at
from workflows.store import tables as t
from workflows.store.column_types import Instant, number_constant

AT_RISK_HOURS = 4
r = t.service_request


def urgency(now: datetime) -> Sort:
    """SQL: the order by urgency as of `now` (aware UTC)."""
    due_at = next_target_at()
    group = case(
        (r.c.state.in_(FINISHED_STATES), number_constant(5)),
        (r.c.state == "pending_no_contract", number_constant(4)),
        (or_(r.c.state == "on_hold", r.c.paused_at.is_not(None)), number_constant(3)),
        (due_at <= now, number_constant(0)),
        (due_at <= now + timedelta(hours=AT_RISK_HOURS), number_constant(1)),
        else_=number_constant(2),
    )
    priority = case(
        *((r.c.priority == one, number_constant(-rank)) for rank, one in enumerate(PRIORITIES)),
        else_=number_constant(0),
    )
    return Sort(group, then=(priority, func.coalesce(due_at, literal(NEVER, Instant)), r.c.opened_at))

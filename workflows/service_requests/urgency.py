"""The order in which a desk works on service requests: the most urgent first.

Overdue requests come first, then those due soon, then the other requests that can be worked on, then those on
hold, those that wait for a contract, and those that are finished. Within each of these groups the higher
priority comes first, then the earlier target, then the older request.
"""

from sqlalchemy import bindparam, case, func, literal, or_

from engine.payers import NEVER
from engine.service_requests import FINISHED_STATES, PRIORITIES
from workflows.core.paging import Sort
from workflows.lifecycle.service_requests.sla_targets import next_target_at
from workflows.store import tables as t
from workflows.store.column_types import Instant, number_constant, text_constant

AT_RISK_HOURS = 4
NOW = bindparam("now", type_=Instant, required=True)
SOON = bindparam("soon", type_=Instant, required=True)
"""`AT_RISK_HOURS` after now. Both are parameters, so that statements are compiled once."""


def _urgency() -> Sort:
    r, due_at = t.service_request.c, next_target_at()
    group = case(
        (r.state.in_([text_constant(state) for state in FINISHED_STATES]), number_constant(5)),
        (r.state == text_constant("pending_no_contract"), number_constant(4)),
        (or_(r.state == text_constant("on_hold"), r.paused_at.is_not(None)), number_constant(3)),
        (due_at <= NOW, number_constant(0)),
        (due_at <= SOON, number_constant(1)),
        else_=number_constant(2),
    )
    priority = case(
        *((r.priority == text_constant(one), number_constant(-rank)) for rank, one in enumerate(PRIORITIES)),
        else_=number_constant(0),
    )
    return Sort(group, then=(priority, func.coalesce(due_at, literal(NEVER, Instant)), r.opened_at))


URGENCY = _urgency()
"""SQL: the order by urgency as of the parameters `now` and `soon` (aware UTC)."""

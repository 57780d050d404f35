"""Moving the open targets of all service requests, after a change of business hours or of the service levels.

What has counted was counted by the hours in force at the time, and stays counted.
Source: product.md section 9.
"""

from typing import Any

from sqlalchemy import Row, select

from engine.service_requests import NOT_ENDED_STATES, PRIORITIES
from engine.sla_clock import change_terms
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla import (
    ServiceLevels,
    changed_columns,
    clock_of,
    counted_time,
)
from workflows.store import tables as t


def move_open_targets(tx: Transaction, before: ServiceLevels, after: ServiceLevels) -> None:
    """Move the open targets of every service request whose level or business hours change now.

    The caller has locked the deployment's row. Raises: WorkTimeNotReached, which the checks of settings and
    rules prevent.
    """
    changed = [
        sla
        for sla in sorted({*before.slas, *after.slas})
        if any(before.terms(sla, priority) != after.terms(sla, priority) for priority in PRIORITIES)
    ]
    if not changed:
        return
    r, c = t.service_request, t.contract
    rows = tx.connection.execute(
        select(r, c.c.sla.label("contract_sla"))
        .join_from(r, c, c.c.id == r.c.contract_id)
        .where(r.c.state.in_(NOT_ENDED_STATES), c.c.sla.in_(changed))
        .order_by(r.c.id)
        .with_for_update(of=r)
    ).all()
    for row in rows:
        _move(tx, row, before, after)


def _move(tx: Transaction, row: Row[Any], before: ServiceLevels, after: ServiceLevels) -> None:
    # Rules that could not be read any more have no levels: what has counted since is counted as from now on.
    old = before.terms(row.sla, row.priority) or after.terms(row.sla, row.priority)
    new = after.terms(row.contract_sla, row.priority)
    clock = clock_of(row, old, counted_time(tx, row.id))
    changes = changed_columns(tx, row, clock, change_terms(clock, new, tx.now))
    sla = row.contract_sla if new is not None else None
    if changes or sla != row.sla:
        version = t.service_request.c.version + 1
        tx.change(t.service_request, row.id, sla=sla, **changes, version=version)

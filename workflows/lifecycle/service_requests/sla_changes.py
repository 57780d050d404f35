"""Moving the open targets of all service requests, after a change of business hours or of the service levels.

What has counted was counted by the hours in force at the time, and stays counted. A target that moves is
added to its request's audit trail. The preview computes the same clocks, and writes nothing.
Source: product.md section 9.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from engine.service_requests import NOT_ENDED_STATES, PRIORITIES
from engine.sla_clock import SlaClock, change_terms
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla import (
    ServiceLevels,
    changed_columns,
    clock_of,
    counted_time,
    levels_in_force,
)
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.views.sla import MovedTarget, MovedTargets

MOST_LISTED = 50


class _Change(NamedTuple):
    """A service request's row, with its clock before and after the change, and the level after it."""

    row: Row[Any]
    before: SlaClock
    after: SlaClock
    sla: str | None


def preview_moved_targets(tx: Transaction, after: ServiceLevels) -> MovedTargets:
    """The open targets that these levels and business hours would move now; nothing is changed.

    Raises: WorkTimeNotReached, which the checks of settings and rules prevent.
    """
    moved = [
        target for change in _changes(tx, levels_in_force(tx), after, lock=False) for target in _moved(change)
    ]
    return MovedTargets(len(moved), moved[:MOST_LISTED])


def move_open_targets(tx: Transaction, before: ServiceLevels, after: ServiceLevels, *, why: str) -> int:
    """Move the open targets of every service request whose level or business hours change now.

    The caller has locked the deployment's row. `why` is part of the audit trail. Returns how many targets
    moved. Raises: WorkTimeNotReached, which the checks of settings and rules prevent.
    """
    count = 0
    for change in _changes(tx, before, after, lock=True):
        moved = _moved(change)
        count += len(moved)
        _store(tx, change, moved, why)
    return count


def _changes(
    tx: Transaction, before: ServiceLevels, after: ServiceLevels, *, lock: bool
) -> Iterator[_Change]:
    """The requests of the levels that change, with their clocks; locked where they are to be moved."""
    changed = [
        sla
        for sla in sorted({*before.slas, *after.slas})
        if any(before.terms(sla, priority) != after.terms(sla, priority) for priority in PRIORITIES)
    ]
    if not changed:
        return
    r, c = t.service_request, t.contract
    wanted = (
        select(r, c.c.sla.label("contract_sla"))
        .join_from(r, c, c.c.id == r.c.contract_id)
        .where(r.c.state.in_(NOT_ENDED_STATES), c.c.sla.in_(changed))
        .order_by(r.c.id)
    )
    for row in tx.connection.execute(wanted.with_for_update(of=r) if lock else wanted).all():
        # Rules that could not be read any more have no levels: what has counted since counts as from now on.
        old = before.terms(row.sla, row.priority) or after.terms(row.sla, row.priority)
        new = after.terms(row.contract_sla, row.priority)
        if row.sla == row.contract_sla and before.terms(row.sla, row.priority) == new:
            # Of another priority than those that change: its targets stay as they were computed.
            continue
        clock = clock_of(row, old, counted_time(tx, row.id))
        sla = row.contract_sla if new is not None else None
        yield _Change(row, clock, change_terms(clock, new, tx.now), sla)


def _moved(change: _Change) -> list[MovedTarget]:
    """The targets that are due at another instant after the change."""
    row, before, after = change.row, change.before, change.after
    return [
        MovedTarget(row.id, row.number, name, old, new)
        for name, old, new in (
            ("response", before.response_due_at, after.response_due_at),
            ("resolution", before.resolution_due_at, after.resolution_due_at),
        )
        if old != new
    ]


def _store(tx: Transaction, change: _Change, moved: list[MovedTarget], why: str) -> None:
    changes = changed_columns(tx, change.row, change.before, change.after)
    if not changes and change.sla == change.row.sla:
        return
    version = next_version(t.service_request)
    tx.change(t.service_request, change.row.id, sla=change.sla, **changes, version=version)
    if moved:
        details: dict[str, Any] = {
            f"{one.target}_due_at": {"from": _text(one.from_due_at), "to": _text(one.to_due_at)}
            for one in moved
        }
        tx.audit("service_request", change.row.id, "targets moved", why=why, **details)


def _text(at: Any) -> str | None:
    return at.isoformat() if at is not None else None

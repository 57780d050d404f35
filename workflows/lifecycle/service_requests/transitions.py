"""State transitions of a service request's row: the one place that changes its state.

Source: product.md section 9.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple, TypedDict, Unpack

from sqlalchemy import Row, bindparam, select

from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.sla import (
    reopened_columns,
    resolved_columns,
    running_columns,
    started_columns,
    stopped_columns,
)
from workflows.lifecycle.service_requests.states import fire
from workflows.notifications.events import publish
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared, next_version
from workflows.store.ids import new_id


class HistoryLine(TypedDict, total=False):
    """What a line of the history may say; `other` is the id of another request that it names."""

    note: str | None
    reason: str | None
    inferred: bool
    other: str | None


class Move(NamedTuple):
    """What a trigger changes: the new state, the changed columns with it, and the line of the history."""

    target: str
    columns: Mapping[str, Any]
    history: Mapping[str, Any]


def move_request(
    tx: Transaction,
    request: Row[Any],
    trigger: str,
    *,
    note: str | None = None,
    reason: str | None = None,
    inferred: bool = False,
    history_trigger: str | None = None,
    other: str | None = None,
) -> str:
    """Fire a trigger on a locked row and write its columns and history; returns the new state.

    `history_trigger` is recorded in the history instead of an internal trigger; `other` is the id of another
    request that the line names.
    Raises: StateForbids if the state has no such transition. Source: product.md section 9.
    """
    move = plan_move(
        tx,
        request,
        trigger,
        note=note,
        reason=reason,
        inferred=inferred,
        history_trigger=history_trigger,
        other=other,
    )
    tx.change(t.service_request, request.id, **move.columns, version=next_version(t.service_request))
    tx.add(t.service_request_history, **move.history)
    data = {"service_request": request.id, "number": request.number, "trigger": history_trigger or trigger}
    publish(tx, "service_request_moved", {**data, "from_state": request.state, "to_state": move.target})
    return move.target


def plan_move(
    tx: Transaction,
    request: Any,
    trigger: str,
    *,
    note: str | None = None,
    reason: str | None = None,
    inferred: bool = False,
    history_trigger: str | None = None,
    other: str | None = None,
) -> Move:
    """What `move_request` writes; `request` has the columns of a row. Raises: StateForbids."""
    target = fire(request.state, trigger)
    columns = {"state": target, **_columns(tx, request, trigger, note=note, reason=reason)}
    history = history_values(
        tx,
        request.id,
        history_trigger or trigger,
        request.state,
        target,
        note=note,
        reason=reason,
        inferred=inferred,
        other=other,
    )
    return Move(target, columns, history)


def write_history(
    tx: Transaction,
    service_request_id: str,
    trigger: str,
    from_state: str | None,
    to_state: str,
    **line: Unpack[HistoryLine],
) -> None:
    """Write one line of a service request's history."""
    values = history_values(tx, service_request_id, trigger, from_state, to_state, **line)
    tx.add(t.service_request_history, **values)


def history_values(
    tx: Transaction,
    service_request_id: str,
    trigger: str,
    from_state: str | None,
    to_state: str,
    **line: Unpack[HistoryLine],
) -> dict[str, Any]:
    """The row that `write_history` writes."""
    return {
        "id": new_id(),
        "service_request_id": service_request_id,
        "trigger": trigger,
        "from_state": from_state,
        "to_state": to_state,
        "at": tx.now,
        "recorded_at": tx.recorded_at,
        "actor": tx.actor.name,
        "note": line.get("note"),
        "reason": line.get("reason"),
        "inferred": line.get("inferred", False),
        "other_id": line.get("other"),
    }


def _columns(
    tx: Transaction, request: Row[Any], trigger: str, *, note: str | None, reason: str | None
) -> dict[str, Any]:
    """The columns that a trigger changes in addition to the state."""
    now = tx.now
    if trigger == "cover":
        return running_columns(tx, request)
    if trigger in ("start", "resume"):
        return {"on_hold_reason": None, **_started(tx, request), **started_columns(tx, request)}
    if trigger == "hold":
        return {"on_hold_reason": reason, **stopped_columns(tx, request)}
    if trigger == "resolve":
        return {
            "on_hold_reason": None,
            "resolution": note,
            "auto_close_at": now + timedelta(days=tx.settings.auto_close_days),
            **resolved_columns(tx, request),
        }
    if trigger == "close":
        return {"closed_at": now, "auto_close_at": None}
    if trigger == "reopen":
        open_again = {"closed_at": None, "auto_close_at": None}
        return open_again | _started(tx, request) | reopened_columns(tx, request, waits=False)
    if trigger == "split":
        return {"closed_at": None, "auto_close_at": None, **reopened_columns(tx, request, waits=False)}
    if trigger in ("reopen_uncovered", "split_uncovered"):
        return {"closed_at": None, "auto_close_at": None, **reopened_columns(tx, request, waits=True)}
    if trigger in ("cancel", "merge"):
        return {
            "on_hold_reason": None,
            "closed_at": now,
            "auto_close_at": None,
            **stopped_columns(tx, request),
        }
    return {}


def _started(tx: Transaction, request: Row[Any]) -> dict[str, Any]:
    """The columns of a request that is in progress from now on: it has a start, and is assigned.

    Every way into this state has started the work, a hold before the start and a reopening included.
    """
    return {
        "started_at": request.started_at or tx.now,
        "technician_id": request.technician_id or (tx.actor.id if tx.actor.is_staff else None),
    }


def lock_request(tx: Transaction, request_id: str) -> Row[Any]:
    """A service request's row, locked until the transaction ends. Raises: LookupError if there is none.

    Others may still insert rows that refer to it: drawing the work of several requests again locks none of
    them.
    """
    row: Row[Any] = _LOCKED.one(tx.connection, {"id": request_id})
    return row


_LOCKED = Prepared(
    select(t.service_request)
    .where(t.service_request.c.id == bindparam("id", type_=Id, required=True))
    .with_for_update(key_share=True)
)

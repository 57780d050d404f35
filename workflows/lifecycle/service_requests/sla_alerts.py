"""Recording the service level alerts of a request, each once, with their messages.

An alert that is due is recorded by the job, or before by a change of the request's clock: the row is locked,
and its `sla_alert_at` says from when on alerts are not recorded yet. Source: product.md sections 9, 11, 12.
"""

from typing import Any

from sqlalchemy import Row, select

from engine.sla_alerts import SlaAlert, alerts_of_change, alerts_since
from engine.sla_clock import SlaClock
from workflows.core.transaction import Transaction
from workflows.notifications.alerts import notify_sla_alert
from workflows.store import tables as t
from workflows.store.ids import new_id

a = t.alert.c


def record_alerts(tx: Transaction, request: Row[Any], before: SlaClock, after: SlaClock) -> None:
    """Record the alerts of a locked row that were due before a change of its clock, and those it makes due.

    Raises: WorkTimeNotReached.
    """
    due_at = request.sla_alert_at
    if due_at is not None and due_at <= tx.now:
        for alert in alerts_since(before, due_at, tx.now):
            _record(tx, request, alert)
    if after is before:
        return
    made_due = alerts_of_change(after, tx.now)
    given = _given(tx, request.id) if made_due else set()
    for alert in made_due:
        if (alert.target, alert.kind) not in given:
            _record(tx, request, alert)


def _given(tx: Transaction, request_id: str) -> set[tuple[str, str]]:
    """The target and the kind of each alert that a request has had."""
    rows = tx.connection.execute(select(a.target, a.kind).where(a.service_request_id == request_id))
    return {(row.target, row.kind) for row in rows}


def _record(tx: Transaction, request: Row[Any], alert: SlaAlert) -> None:
    tx.add(
        t.alert,
        id=new_id(),
        kind=alert.kind,
        service_request_id=request.id,
        target=alert.target,
        at=alert.at,
        due_at=alert.due_at,
        recorded_at=tx.recorded_at,
    )
    notify_sla_alert(tx, request, alert)

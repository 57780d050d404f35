"""Service requests that wait for a payment: a warning, then the cancellation with the reason `unpaid`.

Hours count from when the request began to wait, or from when the contract that it waits for was made or the
setting was changed, where that is later. Each step is done as of its instant, however late the job is.
Source: product.md sections 3 and 11.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, func, select

from workflows.commands.service_requests import FireTrigger
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.states import awaits_payment
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.notifications.alerts import local_text
from workflows.notifications.billing import notify
from workflows.notifications.events import rfc_3339
from workflows.notifications.messages import customer_email
from workflows.service_requests.use_cases import fire_trigger
from workflows.store import tables as t
from workflows.store.column_types import Instant

UnpaidStep = Literal["warn", "cancel"]
REASON = "unpaid"
WARNING, CANCEL = "unpaid_request_warning_hours", "unpaid_request_cancel_hours"
WAITING = "pending_no_contract"
r, c, s, i = t.service_request.c, t.contract.c, t.sold_item.c, t.invoice.c


@dataclass(frozen=True, slots=True, order=True)
class UnpaidDue:
    """What is due of a request, at which instant (aware UTC)."""

    due_at: datetime
    request: str
    step: UnpaidStep


def unpaid_due(tx: Transaction, request_id: str | None = None) -> list[UnpaidDue]:
    """What is or will be due of the requests that wait for a payment, or of one of them, in order.

    An instant that has passed is due now.
    """
    if not tx.settings.contracts or not _hours(tx):
        return []
    changed = _settings_changed(tx)
    rows = tx.connection.execute(_waiting(tx, request_id)).all()
    return sorted(due for row in rows for due in _due_of(tx, row, changed))


def take_unpaid_step(tx: Transaction, request_id: str, step: UnpaidStep) -> bool:
    """Warn of an unpaid request, or cancel it, if that is due as of now; returns whether it was."""
    lock_request(tx, request_id)
    due = {one.step: one.due_at for one in unpaid_due(tx, request_id)}
    if step not in due or due[step] > tx.now:
        return False
    if step == "cancel":
        fire_trigger(tx, request_id, FireTrigger(trigger="cancel", reason=REASON))
        return True
    row = tx.connection.execute(_waiting(tx, request_id)).one()
    tx.change(t.service_request, request_id, unpaid_warned_at=tx.now)
    tx.audit("service_request", request_id, "warned that it is unpaid", contract=row.contract_number)
    cancel_at = due.get("cancel")

    def values() -> dict[str, str]:
        cancels = ""
        if cancel_at is not None:
            cancels = gettext(
                "Without it, the request is cancelled on %(instant)s.", instant=local_text(tx, cancel_at)
            )
        return {
            "number": row.number,
            "subject": row.subject,
            "contract": row.contract_number,
            "cancels": cancels,
        }

    notify(
        tx,
        "request_unpaid",
        recipient=customer_email(tx, row.customer_id),
        about=("service_request", request_id),
        values=values,
        data={
            "service_request": request_id,
            "number": row.number,
            "contract": row.contract_id,
            "cancel_at": rfc_3339(cancel_at) if cancel_at is not None else None,
        },
    )
    return True


def next_unpaid(tx: Transaction) -> datetime | None:
    """When the next warning or cancellation is due, in the past if it is late; None if none is."""
    return min((one.due_at for one in unpaid_due(tx)), default=None)


def _due_of(tx: Transaction, row: Any, changed: dict[str, datetime]) -> Iterator[UnpaidDue]:
    since = max(row.waits_since, row.made_at)
    hours = _hours(tx)
    due = {
        key: max(since, changed.get(key, since)) + timedelta(hours=number) for key, number in hours.items()
    }
    if CANCEL in due:
        yield UnpaidDue(due[CANCEL], row.id, "cancel")
    is_warned = row.unpaid_warned_at is not None and row.unpaid_warned_at >= since
    if WARNING in due and not is_warned and (CANCEL not in due or due[WARNING] < due[CANCEL]):
        yield UnpaidDue(due[WARNING], row.id, "warn")


def _hours(tx: Transaction) -> dict[str, int]:
    hours = {
        WARNING: tx.settings.unpaid_request_warning_hours,
        CANCEL: tx.settings.unpaid_request_cancel_hours,
    }
    return {key: number for key, number in hours.items() if number is not None}


def _settings_changed(tx: Transaction) -> dict[str, datetime]:
    """When each of both settings was changed last."""
    change = t.setting_change.c
    found = (
        select(change.key, func.max(change.changed_at, type_=Instant()).label("at"))
        .where(change.key.in_((WARNING, CANCEL)))
        .group_by(change.key)
    )
    return {row.key: row.at for row in tx.connection.execute(found)}


def _waiting(tx: Transaction, request_id: str | None) -> Select[Any]:
    """The requests that wait for a contract of which the payment is missing, and since when they wait."""
    h = t.service_request_history.c
    waits_since = (
        select(func.max(h.at, type_=Instant()))
        .where(h.service_request_id == r.id, h.to_state == WAITING, h.from_state.is_distinct_from(WAITING))
        .correlate(t.service_request)
        .scalar_subquery()
    )
    decision = t.coverage_decision.c
    found = (
        select(
            r.id,
            r.number,
            r.subject,
            r.customer_id,
            r.unpaid_warned_at,
            func.coalesce(waits_since, r.opened_at, type_=Instant()).label("waits_since"),
            c.id.label("contract_id"),
            c.number.label("contract_number"),
            c.created_at.label("made_at"),
        )
        .select_from(t.service_request)
        .join(t.coverage_decision, decision.id == r.decision_id)
        .join(t.contract, c.id == decision.contract_id)
        .where(r.state == WAITING, awaits_payment(tx.now), ~_is_paid())
    )
    return found if request_id is None else found.where(r.id == request_id)


def _is_paid() -> ColumnElement[bool]:
    """SQL: nothing is open of the invoice that sold the contract, which has only to be processed."""
    return (
        select(s.id)
        .join(t.invoice, i.id == s.invoice_id)
        .where(and_(s.contract_id == c.id, i.state == "issued", i.open_minor == 0, i.written_off_minor == 0))
        .correlate(t.contract)
        .exists()
    )

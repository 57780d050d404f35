"""Reminding the customer of a service request that waits for a contract what opens it.

Staff do, with a line in the history of the request; it moves to no other state. Source: product.md section 9.
"""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from engine.contracts import Contract, Limits, PendingReason
from engine.coverage import contract_state
from engine.periods import local_date
from engine.service_requests import is_recent_reminder
from workflows.commands.service_requests import RemindCustomer
from workflows.core.actors import STAFF
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.coverage.reasons import why_text
from workflows.coverage.unlocking import AwaitedContract, unlock_condition
from workflows.languages.formats import day_text
from workflows.languages.texts import gettext, ngettext
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.service_requests.access import as_customer, may_name, require_visible
from workflows.lifecycle.service_requests.states import STATE_LABELS
from workflows.lifecycle.service_requests.transitions import write_history
from workflows.notifications.billing import notify
from workflows.notifications.mail_links import PLACEHOLDER, REMINDER_EVENT
from workflows.notifications.messages import customer_email
from workflows.service_requests.closing import lock_current
from workflows.store import tables as t

REMIND = "remind"
"""The line of the history: no trigger, since the state stays."""


class _Waiting(NamedTuple):
    """Why a request waits, for which contract if it may be named, and whether its customer can sign in."""

    why: str
    outcome: str
    contract: Contract | None
    pending: PendingReason | None
    signs_in: bool


def remind_customer(tx: Transaction, service_request_id: str, command: RemindCustomer) -> str:
    """Write to the customer of a waiting request what opens it; returns its id.

    Raises: NotAllowed for customers; NotFound; StateForbids where it does not wait for a contract, or where
    its customer was reminded minutes ago, unless the command says `again`. Source: product.md section 9.
    """
    tx.require(*STAFF)
    request = lock_current(tx, require_visible(tx, service_request_id))
    if request.state != "pending_no_contract":
        raise StateForbids(
            gettext(
                "%(number)s does not wait for a contract: it is %(state)s.",
                number=request.number,
                state=gettext(STATE_LABELS.get(request.state, request.state)),
            ),
            remedy=gettext("Write a note to the customer instead."),
            state=request.state,
        )
    if not command.again:
        _require_none_recent(tx, request)
    write_history(tx, request.id, REMIND, request.state, request.state)
    tx.audit("service_request", request.id, "reminded")
    _write(tx, request, _waiting(tx, request))
    return str(request.id)


def _require_none_recent(tx: Transaction, request: Row[Any]) -> None:
    """Raises: StateForbids where the customer was reminded minutes ago."""
    h = t.service_request_history.c
    found = tx.connection.execute(
        select(h.at, h.actor)
        .where(h.service_request_id == request.id, h.trigger == REMIND)
        .order_by(h.at.desc(), h.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None or not is_recent_reminder(found.at, tx.now):
        return
    minutes = (tx.now - found.at) // timedelta(minutes=1)
    ago = ngettext(
        "%(who)s reminded the customer %(num)s minute ago.",
        "%(who)s reminded the customer %(num)s minutes ago.",
        minutes,
        who=found.actor,
    )
    raise StateForbids(
        ago if minutes else gettext("%(who)s has just reminded the customer.", who=found.actor),
        remedy=gettext("To write once more, remind again (API: again is true)."),
        state=request.state,
        reminded_at=found.at,
    )


def _waiting(tx: Transaction, request: Row[Any]) -> _Waiting:
    d, c, u = t.coverage_decision.c, t.contract.c, t.user_account.c
    decision = select(d.why, d.outcome, d.contract_id).where(d.id == request.decision_id)
    made = tx.connection.execute(decision).one()
    contract, pending, reader = None, None, as_customer(tx, request.customer_id)
    if made.contract_id is not None and may_name(reader, "contract", made.contract_id):
        row = tx.connection.execute(select(t.contract).where(c.id == made.contract_id)).one()
        contract = contract_value(row)
        pending = contract_state(contract, Limits(), tx.now, tx.rules).pending_reason
    login = select(u.id).where(u.customer_id == request.customer_id, u.disabled_at.is_(None)).limit(1)
    signs_in = tx.connection.execute(login).first() is not None
    return _Waiting(made.why, made.outcome, contract, pending, signs_in)


def _write(tx: Transaction, request: Row[Any], waiting: _Waiting) -> None:
    """Write the mail, and the event for webhooks."""

    def values() -> dict[str, str]:
        awaited = None
        contract = waiting.contract
        if contract is not None and waiting.pending is not None:
            day = day_text(local_date(contract.starts_at, contract.zone))
            awaited = AwaitedContract(contract.number, waiting.pending, day)
        condition = unlock_condition(waiting.outcome, awaited)
        link = gettext("You can choose a contract on its page:\n\n%(link)s", link=PLACEHOLDER)
        return {
            "number": request.number,
            "subject": request.subject,
            "why": why_text(waiting.why),
            "opens": gettext("The request opens automatically %(condition)s.", condition=condition),
            "choose": link if waiting.signs_in else "",
        }

    notify(
        tx,
        REMINDER_EVENT,
        recipient=customer_email(tx, request.customer_id),
        about=("service_request", request.id),
        values=values,
        data={"service_request": request.id, "number": request.number},
        link=request.id if waiting.signs_in else None,
    )

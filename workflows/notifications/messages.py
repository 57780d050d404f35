"""What people are told: written in the business transaction, delivered by a job.

A row of the outbox is one message with its words already in it, so that it says what was true then.
Source: product.md section 12.
"""

from typing import Any

from sqlalchemy import select

from engine.contracts import Contract
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.ids import new_id

CONTRACT_WORDS = {
    "active": ("contract_activated", "Contract {number} is active", "Your contract {number} is active now."),
    "expired": ("contract_expired", "Contract {number} has ended", "Your contract {number} has ended."),
    "exhausted": (
        "contract_expired",
        "Contract {number} is used up",
        "Nothing is left of your contract {number}.",
    ),
}
REQUEST_WORDS = {
    "no_contract": (
        "Your request {number} waits for a contract",
        "We have your request «{subject}». No contract covers it yet: {why}",
    ),
    "opened": (
        "Your request {number} is open",
        "Your request «{subject}» is covered now, and work can begin.",
    ),
    "resolved": ("Your request {number} is solved", "We have solved your request «{subject}»: {note}"),
    "cancelled": ("Your request {number} is cancelled", "Your request «{subject}» was cancelled: {note}"),
}


def tell(
    tx: Transaction,
    event: str,
    *,
    recipient: str | None,
    subject: str,
    body: str,
    about: tuple[str, str],
    payload: dict[str, Any] | None = None,
    dedupe_key: str | None = None,
) -> None:
    """Put one message into the outbox. `about` is the record it speaks of: kind and id."""
    kind, record_id = about
    tx.add(
        t.outbox,
        id=new_id(),
        event=event,
        recipient=recipient,
        subject=subject,
        body=body,
        payload={"event": event, kind: record_id, **(payload or {})},
        subject_kind=kind,
        subject_id=record_id,
        dedupe_key=dedupe_key,
        created_at=tx.now,
        next_attempt_at=tx.real_now,
    )


def notify_administrators(
    tx: Transaction,
    event: str,
    *,
    subject: str,
    body: str,
    about: tuple[str, str],
    payload: dict[str, Any] | None = None,
) -> None:
    """Tell every administrator but the one who acts; one message without an address is the event itself."""
    user = t.user_account
    addresses = tx.connection.execute(
        select(user.c.email)
        .where(user.c.role == "administrator", user.c.disabled_at.is_(None))
        .where(user.c.id != (tx.actor.id or ""))
        .order_by(user.c.email)
    ).scalars()
    for recipient in (None, *addresses.all()):
        tell(tx, event, recipient=recipient, subject=subject, body=body, about=about, payload=payload)


def notify_contract_event(tx: Transaction, contract: Contract, state: str) -> None:
    """Tell the holder that a contract became active or ended."""
    if state not in CONTRACT_WORDS:
        return
    event, subject, body = CONTRACT_WORDS[state]
    tell(
        tx,
        event,
        recipient=_holder_address(tx, contract),
        subject=subject.format(number=contract.number),
        body=body.format(number=contract.number),
        about=("contract", contract.id),
        payload={"number": contract.number, "state": state},
    )


def notify_request_event(tx: Transaction, request: Any, event: str, *, why: str = "", note: str = "") -> None:
    """Tell the customer what became of a service request; `request` is its row."""
    subject, body = REQUEST_WORDS[event]
    words = {"number": request.number, "subject": request.subject, "why": why, "note": note}
    address = tx.connection.execute(
        select(t.customer.c.email).where(t.customer.c.id == request.customer_id)
    ).scalar_one()
    tell(
        tx,
        "no_contract" if event == "no_contract" else f"service_request_{event}",
        recipient=address,
        subject=subject.format(**words),
        body=body.format(**words),
        about=("service_request", request.id),
        payload={"number": request.number},
    )


def _holder_address(tx: Transaction, contract: Contract) -> str | None:
    kind, holder_id = contract.holder
    if kind == "customer":
        wanted = select(t.customer.c.email).where(t.customer.c.id == holder_id)
    elif kind == "item":
        owner = t.item.c.owner_customer_id
        wanted = (
            select(t.customer.c.email).join(t.item, owner == t.customer.c.id).where(t.item.c.id == holder_id)
        )
    elif kind == "service_request":
        asker = t.service_request.c.customer_id
        wanted = (
            select(t.customer.c.email)
            .join(t.service_request, asker == t.customer.c.id)
            .where(t.service_request.c.id == holder_id)
        )
    else:
        return None
    address: str | None = tx.connection.execute(wanted).scalar()
    return address

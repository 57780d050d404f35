"""Messages to people: written in the business transaction, delivered later by a job.

A row of the outbox is one message with its final text, so that it states what was true when it was written.
Every row of the outbox is made here. Source: product.md section 12.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select

from engine.contracts import HOLDER_KINDS, Contract, HolderKind
from engine.periods import local_date
from workflows.core.transaction import Transaction
from workflows.languages.formats import day_text
from workflows.languages.texts import LANGUAGES, SOURCE, gettext, mark
from workflows.notifications.events import EVENT_TYPES, is_wanted, publish, publish_each
from workflows.notifications.recipients import by_language, language_of, languages_of
from workflows.notifications.template_text import MailText
from workflows.notifications.templates import Values, mail_text
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id, new_ids_from

MOVED_TO = ("in_progress", "on_hold", "closed")
"""The states of a service request of which its customer gets a mail by `notify_moved`."""
HELD_FOR = {
    "customer": mark("We are waiting for your answer."),
    "supplier": mark("We are waiting for a supplier."),
    "scheduled": mark("It is scheduled for later."),
}
"""What a customer reads of the reason of a hold."""
CONTRACT_EVENTS = {
    "active": "contract_activated",
    "expired": "contract_expired",
    "exhausted": "contract_expired",
}
"""The states of a contract that are events; the text of each is the template `contract_STATE`."""
_CUSTOMER_EMAIL = Prepared(
    select(t.customer.c.email).where(t.customer.c.id == bindparam("id", type_=Id, required=True))
)


def send(
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
    """Put one message into the outbox. `about` is the kind and the id of the record that it is about."""
    values = _outbox_values(
        tx,
        event,
        recipient=recipient,
        subject=subject,
        body=body,
        about=about,
        payload=payload,
        dedupe_key=dedupe_key,
    )
    tx.add(t.outbox, id=new_id(), **values)


def notify_administrators(
    tx: Transaction,
    event: str,
    values: Values,
    *,
    about: tuple[str, str],
    payload: dict[str, Any] | None = None,
) -> None:
    """Write to every administrator except the actor, by the template with the event's name.

    One more message, without a recipient, is the event itself.
    """
    user = t.user_account
    addresses = tx.connection.execute(
        select(user.c.email)
        .where(user.c.role == "administrator", user.c.disabled_at.is_(None))
        .where(user.c.id != (tx.actor.id or ""))
        .order_by(user.c.email)
    ).scalars()
    recipients = addresses.all()
    languages = languages_of(tx, recipients)
    texts = {
        code: mail_text(tx, event, values, code) for code in dict.fromkeys((SOURCE, *languages.values()))
    }
    for recipient in (None, *recipients):
        subject, body = texts[languages.get(recipient or "", SOURCE)]
        send(tx, event, recipient=recipient, subject=subject, body=body, about=about, payload=payload)
    if event in EVENT_TYPES:
        publish(tx, event, {about[0]: about[1], **(payload or {})})


def notify_contract_event(tx: Transaction, contract: Contract, state: str) -> None:
    """Write to the holder that the contract became active or ended; other states are no event."""
    if state not in CONTRACT_EVENTS:
        return
    address = holder_email(tx, contract)
    text = mail_text(tx, f"contract_{state}", {"number": contract.number}, language_of(tx, address))
    values = _contract_values(tx, state, contract.id, contract.number, address, text)
    tx.add(t.outbox, id=new_id(), **values)
    publish(tx, CONTRACT_EVENTS[state], values["payload"])


def notify_contract_renewed(
    tx: Transaction, contract: Contract, successor_id: str, successor: str, starts_at: datetime
) -> None:
    """Write to the holder of a contract that its `successor`, a number, follows at an instant (aware UTC)."""

    def values() -> dict[str, str]:
        first_day = day_text(local_date(starts_at, contract.zone))
        return {"number": contract.number, "successor": successor, "first_day": first_day}

    address = holder_email(tx, contract)
    subject, body = mail_text(tx, "contract_renewed", values, language_of(tx, address))
    data = {"contract": contract.id, "number": contract.number, "successor": successor_id}
    send(
        tx,
        "contract_renewed",
        recipient=address,
        subject=subject,
        body=body,
        about=("contract", contract.id),
        payload=data,
    )
    publish(tx, "contract_renewed", data)


def customer_email(tx: Transaction, customer_id: str) -> str:
    """The address of a customer."""
    return str(_CUSTOMER_EMAIL.one(tx.connection, {"id": customer_id}).email)


def holder_email(tx: Transaction, contract: Contract) -> str | None:
    """The address of a contract's holder; None for an org unit, and an item that belongs to one."""
    query = _holder_email(*contract.holder)
    if query is None:
        return None
    address: Any = tx.connection.execute(query).scalar()
    return str(address) if address is not None else None


def notify_contract_events(tx: Transaction, contracts: ColumnElement[bool], state: str) -> None:
    """`notify_contract_event` for each contract that a condition selects, by one statement."""
    c = t.contract.c
    recipient, language = (
        case(
            *(
                (c.holder_kind == kind, query.scalar_subquery())
                for kind in HOLDER_KINDS
                if (query := of_kind(kind, c.holder_id)) is not None
            )
        )
        for of_kind in (_holder_email, _holder_language)
    )
    text = by_language(
        language,
        {code: mail_text(tx, f"contract_{state}", {"number": c.number}, code) for code in LANGUAGES},
    )
    values = _contract_values(tx, state, c.id, c.number, recipient, text)
    tx.add_for_each(contracts, t.outbox, {"id": new_ids_from(c.id), **values})
    event = CONTRACT_EVENTS[state]
    if is_wanted(tx, event):
        ended = tx.connection.execute(select(c.id, c.number).where(contracts).order_by(c.expires_at, c.id))
        data = [{"contract": row.id, "number": row.number, "state": state} for row in ended]
        publish_each(tx, event, data)


def notify_public_note(tx: Transaction, request: Any, note_id: str, body: str) -> None:
    """Write to those who wait for an answer: a note by staff goes to the customer, another one to the desk.

    The desk is the assignee who can still log in, else the company's address of the settings; without an
    address the message is only a record, and for webhooks. A customer also gets what a colleague writes on
    their request. `request` is its row.
    """
    values = {
        "number": request.number,
        "subject": request.subject,
        "author": tx.actor.name,
        "note": body,
    }
    recipients: list[tuple[str | None, str]] = []
    if tx.actor.customer != request.customer_id:
        recipients.append((customer_email(tx, request.customer_id), "note_to_customer"))
    if not tx.actor.is_staff:
        recipients.append((_desk_address(tx, request), "note_to_desk"))
    for recipient, template in recipients:
        subject, text = mail_text(tx, template, values, language_of(tx, recipient))
        send(
            tx,
            "service_request_note_added",
            recipient=recipient,
            subject=subject,
            body=text,
            about=("service_request", request.id),
            payload={"number": request.number, "note": note_id},
        )
    data = {"service_request": request.id, "number": request.number, "note": note_id}
    publish(tx, "service_request_note_added", data)


def notify_request_event(tx: Transaction, request: Any, event: str, *, why: str = "", note: str = "") -> None:
    """Write to the customer of a service request about a change of its state; `request` is its row.

    `note` is the number of the request that is left, where it was merged.
    """

    def values() -> dict[str, str]:
        return {
            "number": request.number,
            "subject": request.subject,
            "why": gettext(why) if why else "",
            "note": note,
            "other": note,
        }

    address = customer_email(tx, request.customer_id)
    subject, body = mail_text(tx, f"request_{event}", values, language_of(tx, address))
    send(
        tx,
        "no_contract" if event == "no_contract" else f"service_request_{event}",
        recipient=address,
        subject=subject,
        body=body,
        about=("service_request", request.id),
        payload={"number": request.number},
    )
    if event == "no_contract":
        # the other events are moves to another state, and published with these
        publish(tx, event, {"service_request": request.id, "number": request.number})


def notify_moved(tx: Transaction, request: Any, state: str, *, reason: str | None = None) -> None:
    """Write to the customer of a service request that it has another state, unless they moved it themselves.

    `request` is its row. States that have a text of their own, such as resolved, are `notify_request_event`.
    """
    if state in MOVED_TO and tx.actor.customer != request.customer_id:
        notify_request_event(tx, request, state, why=HELD_FOR.get(reason or "", ""))


# ------------------------------------------------------------------ rows of the outbox


def _contract_values(
    tx: Transaction, state: str, contract_id: Any, number: Any, recipient: Any, text: MailText
) -> dict[str, Any]:
    """The values of a message about a contract: of one, or of many with SQL expressions."""
    return _outbox_values(
        tx,
        CONTRACT_EVENTS[state],
        recipient=recipient,
        subject=text.subject,
        body=text.body,
        about=("contract", contract_id),
        payload={"number": number, "state": state},
    )


def _outbox_values(
    tx: Transaction,
    event: str,
    *,
    recipient: Any,
    subject: Any,
    body: Any,
    about: tuple[str, Any],
    payload: dict[str, Any] | None,
    dedupe_key: str | None = None,
) -> dict[str, Any]:
    """The values of a row of the outbox, its id aside; some of them SQL expressions for a set of rows."""
    kind, record_id = about
    return {
        "event": event,
        "recipient": recipient,
        "subject": subject,
        "body": body,
        "payload": {"event": event, kind: record_id, **(payload or {})},
        "subject_kind": kind,
        "subject_id": record_id,
        "dedupe_key": dedupe_key,
        "created_at": tx.now,
        "next_attempt_at": tx.real_now,
    }


def _desk_address(tx: Transaction, request: Any) -> str | None:
    """The address of a request's assignee, else that of the company."""
    user = t.user_account.c
    assignee = select(user.email).where(user.id == request.technician_id, user.disabled_at.is_(None))
    found: str | None = tx.connection.execute(assignee).scalar()
    return found or tx.settings.company.email or None


def _holder_email(kind: HolderKind, holder_id: Any) -> Select[tuple[str]] | None:
    """The query for a holder's address, by its id or an SQL expression for it.

    An org unit has none, and neither has a customer who was erased.
    """
    return _of_holder(select(t.customer.c.email).where(t.customer.c.erased_at.is_(None)), kind, holder_id)


def _holder_language(kind: HolderKind, holder_id: Any) -> Select[tuple[str]] | None:
    """The query for the language of the address, as `languages_of` finds it."""
    user, billing, customer = t.user_account.c, t.billing_details.c, t.customer.c
    own = (
        select(func.coalesce(user.language, billing.language))
        .select_from(t.customer)
        .outerjoin(t.user_account, user.email == customer.email)
        .outerjoin(t.billing_details, billing.customer_id == customer.id)
    )
    return _of_holder(own, kind, holder_id)


def _of_holder(query: Select[Any], kind: HolderKind, holder_id: Any) -> Select[Any] | None:
    """A query of customers, of the one who holds a contract."""
    customer = t.customer.c
    if kind == "customer":
        return query.where(customer.id == holder_id)
    if kind == "item":
        return query.join(t.item, t.item.c.owner_customer_id == customer.id).where(t.item.c.id == holder_id)
    if kind == "service_request":
        request = t.service_request.c
        return query.join(t.service_request, request.customer_id == customer.id).where(
            request.id == holder_id
        )
    return None

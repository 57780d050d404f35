"""Mail and webhooks about disputes: to those who decide once one is opened, then to the customer.

Source: product.md sections 10 and 12.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.quantities import hours_text
from workflows.billing.invoicing.parties import buyer_of
from workflows.core.transaction import Transaction
from workflows.languages.formats import instant_text, money_text
from workflows.languages.texts import gettext
from workflows.notifications.events import publish
from workflows.notifications.messages import send
from workflows.notifications.recipients import language_of
from workflows.notifications.templates import mail_text
from workflows.register.holder_names import holder_names
from workflows.store import tables as t

DECIDER_ROLES = ("finance", "supervisor")


def notify_opened(tx: Transaction, row: Row[Any]) -> None:
    """Write to everyone of finance and the supervisors, except the actor, that a dispute was opened."""
    publish(tx, "dispute_opened", {"dispute": row.id, "kind": row.kind})
    user = t.user_account.c
    addresses = tx.connection.execute(
        select(user.email)
        .where(user.role.in_(DECIDER_ROLES), user.disabled_at.is_(None), user.id != (tx.actor.id or ""))
        .order_by(user.email)
    ).scalars()
    for address in addresses.all():
        _mail(tx, "dispute_opened", row, address)


def notify_decided(tx: Transaction, row: Row[Any]) -> None:
    """Write to whom a dispute concerns that it was accepted or declined, with the reason."""
    publish(tx, f"dispute_{row.state}", {"dispute": row.id, "kind": row.kind})
    party = _party_of(row)
    address = _address_of(tx, *party) if party is not None else None
    _mail(tx, f"dispute_{row.state}", row, address)


def _mail(tx: Transaction, event: str, row: Row[Any], address: str | None) -> None:
    party = _party_of(row)

    def values() -> dict[str, str]:
        return {
            "customer": holder_names(tx, [party]).get(party, "") if party is not None else "",
            "what": _what(tx, row),
            "reason": (row.reason if row.state == "open" else row.decision_reason) or "",
            "effect": _effect(tx, row),
            "company": tx.settings.company.name,
        }

    subject, body = mail_text(tx, event, values, language_of(tx, address, party))
    send(
        tx,
        event,
        recipient=address or None,
        subject=subject,
        body=body,
        about=("dispute", row.id),
        payload={"dispute": row.id, "kind": row.kind},
    )


def _party_of(row: Row[Any]) -> tuple[str, str] | None:
    if row.customer_id is not None:
        return ("customer", row.customer_id)
    return ("org_unit", row.org_unit_id) if row.org_unit_id is not None else None


def _address_of(tx: Transaction, kind: str, party_id: str) -> str | None:
    """A customer's own address; of an org unit that of its billing details."""
    if kind == "org_unit":
        return buyer_of(tx, kind, party_id).email
    c = t.customer.c
    found: str | None = tx.connection.execute(select(c.email).where(c.id == party_id)).scalar()
    return found


def _what(tx: Transaction, row: Row[Any]) -> str:
    """What is objected to, in the language of the mail."""
    values = row.subject
    if row.kind == "invoice_line":
        i = t.invoice.c
        number = tx.connection.execute(select(i.number).where(i.id == row.invoice_id)).scalar_one()
        return gettext(
            "the line “%(line)s” of invoice %(number)s", line=values["description"][:80], number=number
        )
    at = instant_text(datetime.fromisoformat(values["at"]), tx.settings.zone)
    if row.kind == "statement_line":
        c = t.contract.c
        number = tx.connection.execute(select(c.number).where(c.id == row.contract_id)).scalar_one()
        return gettext("the line of %(at)s of the statement of %(number)s", at=at, number=number)
    r = t.service_request.c
    number = tx.connection.execute(select(r.number).where(r.id == row.service_request_id)).scalar_one()
    return gettext(
        "the entry of %(time)s at %(at)s on %(number)s",
        time=hours_text(values["worked_minutes"]),
        at=at,
        number=number,
    )


def _effect(tx: Transaction, row: Row[Any]) -> str:
    """What its acceptance has changed, as a sentence; "" where it has changed nothing."""
    changed = row.changed or {}
    if row.credit_note_id is not None:
        i = t.invoice.c
        note = tx.connection.execute(
            select(i.number, i.total_minor, i.currency).where(i.id == row.credit_note_id)
        ).one()
        return gettext(
            "Credit note %(number)s of %(amount)s was issued.",
            number=note.number,
            amount=money_text(note.total_minor, note.currency),
        )
    if "minutes_left" in changed:
        minutes = changed["minutes_left"]
        if not minutes:
            return gettext("The entry is not billed.")
        return gettext("%(time)s of the entry is left.", time=hours_text(minutes))
    return gettext("What the line took was given back.") if "returned" in changed else ""

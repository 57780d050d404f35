"""The events that webhooks are sent for, and writing one for each endpoint that gets it.

`EVENT_TYPES` is the only list of them. An event is published where people are written to about it, in the
same transaction, with the names of records and codes: receivers that need more ask the API for it. Only the
fields named here leave the desk. Source: product.md section 12.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workflows.core.transaction import Transaction
from workflows.languages.texts import mark
from workflows.store import tables as t
from workflows.store.ids import new_id


@dataclass(frozen=True, slots=True)
class EventType:
    """What receivers know of an event: its `name`, `when` it is sent, and the `fields` of its data."""

    name: str
    when: str
    fields: tuple[str, ...]


CONTRACT = ("contract", "number")
REQUEST = ("service_request", "number")
TARGET = (*REQUEST, "target", "at", "due_at")
INVOICE = ("invoice", "number")
PAYMENT = ("payment", "invoices")
DISPUTE = ("dispute", "kind")
QUOTE = ("quote", "number", "version")
APPROVAL = (*REQUEST, "approval")

EVENT_TYPES: dict[str, EventType] = {
    "no_contract": EventType(
        "service_request.no_contract", mark("A service request waits: no contract covers it."), REQUEST
    ),
    "service_request_moved": EventType(
        "service_request.state_changed",
        mark("A service request was logged or moved to another state; from_state is null for the first one."),
        (*REQUEST, "trigger", "from_state", "to_state"),
    ),
    "service_request_note_added": EventType(
        "service_request.note_added", mark("A note that its customer sees was added."), (*REQUEST, "note")
    ),
    "request_reminded": EventType(
        "service_request.reminded",
        mark("The customer of a service request that waits for a contract was reminded."),
        REQUEST,
    ),
    "request_unpaid": EventType(
        "service_request.unpaid",
        mark("A service request waits for the payment of a contract: it is cancelled at cancel_at."),
        (*REQUEST, "contract", "cancel_at"),
    ),
    "sla_warning": EventType("sla.warning", mark("A target of a service level is close."), TARGET),
    "sla_breach": EventType("sla.breach", mark("A target of a service level was missed."), TARGET),
    "approval_asked": EventType(
        "approval.asked", mark("A customer was asked to approve time beyond a contract."), APPROVAL
    ),
    "approval_approved": EventType(
        "approval.approved", mark("Time beyond a contract was approved."), APPROVAL
    ),
    "approval_declined": EventType(
        "approval.declined", mark("Time beyond a contract was declined."), APPROVAL
    ),
    "work_beyond": EventType(
        "work.beyond_contract",
        mark("Work went past what a contract pays, or past its limit."),
        (*REQUEST, "contract"),
    ),
    "work_beyond_approval": EventType(
        "work.beyond_approval",
        mark("Work was logged in an emergency beyond what the customer had approved."),
        (*REQUEST, "work_entry"),
    ),
    "work_rejected": EventType("work.rejected", mark("A work entry was rejected."), (*REQUEST, "work_entry")),
    "contract_activated": EventType(
        "contract.activated", mark("A contract became active."), (*CONTRACT, "state")
    ),
    "contract_expired": EventType(
        "contract.expired", mark("A contract has ended, or is used up."), (*CONTRACT, "state")
    ),
    "contract_threshold": EventType(
        "contract.threshold",
        mark("A contract is used up to a threshold: level is its percentage."),
        (*CONTRACT, "level"),
    ),
    "contract_expiring": EventType(
        "contract.expiring",
        mark("A contract ends soon: level is the number of days."),
        (*CONTRACT, "level", "due_at"),
    ),
    "contract_exhaustion": EventType(
        "contract.exhaustion",
        mark("A contract is likely to be used up soon: level is the number of days."),
        (*CONTRACT, "level", "due_at"),
    ),
    "contract_renewed": EventType(
        "contract.renewed", mark("A contract was renewed by a successor."), (*CONTRACT, "successor")
    ),
    "contract_top_up": EventType(
        "contract.top_up", mark("An automatic top-up was due: state is what was done."), (*CONTRACT, "state")
    ),
    "invoice_issued": EventType("invoice.issued", mark("An invoice was issued."), (*INVOICE, "due_on")),
    "credit_note_issued": EventType(
        "credit_note.issued",
        mark("A credit note was issued for an invoice."),
        ("credit_note", "number", "invoice"),
    ),
    "invoice_voided": EventType(
        "invoice.voided", mark("An issued invoice was voided, by a credit note."), (*INVOICE, "credit_note")
    ),
    "invoice_due_soon": EventType(
        "invoice.due_soon", mark("An invoice that is not paid is due soon."), (*INVOICE, "due_on")
    ),
    "invoice_overdue": EventType("invoice.overdue", mark("An invoice is overdue."), (*INVOICE, "due_on")),
    "invoice_dunned": EventType(
        "invoice.dunned",
        mark(
            "An overdue invoice has reached a dunning level; fee_invoice charges its fee, where it has one."
        ),
        (*INVOICE, "level", "fee_invoice"),
    ),
    "invoice_written_off": EventType(
        "invoice.written_off", mark("What was open of an invoice is written off."), (*INVOICE, "due_on")
    ),
    "payment_received": EventType(
        "payment.received", mark("A payment was recorded: invoices are those that it names."), PAYMENT
    ),
    "payment_reversed": EventType(
        "payment.reversed", mark("A payment was taken back: invoices are those that it had settled."), PAYMENT
    ),
    "quote_sent": EventType("quote.sent", mark("A version of a quote was sent."), QUOTE),
    "quote_accepted": EventType("quote.accepted", mark("A quote was accepted."), QUOTE),
    "quote_declined": EventType("quote.declined", mark("A version of a quote was declined."), QUOTE),
    "quote_lapsed": EventType("quote.lapsed", mark("The last day of a quote is over."), QUOTE),
    "dispute_opened": EventType(
        "dispute.opened",
        mark("A customer objects to a work entry, a statement line or an invoice line."),
        DISPUTE,
    ),
    "dispute_accepted": EventType("dispute.accepted", mark("A dispute was accepted."), DISPUTE),
    "dispute_declined": EventType("dispute.declined", mark("A dispute was declined."), DISPUTE),
    "statement_accepted": EventType(
        "statement.accepted",
        mark("A customer has accepted the statement of a contract up to an instant."),
        (*CONTRACT, "up_to"),
    ),
    "rules_published": EventType("rules.published", mark("A rule set is in force."), ("rule_set",)),
    "rules_proposed": EventType(
        "rules.proposed", mark("A rule set was proposed for approval."), ("rule_proposal",)
    ),
    "rules_rejected": EventType(
        "rules.rejected", mark("A proposed rule set was rejected."), ("rule_proposal",)
    ),
    "rules_refused": EventType("rules.refused", mark("The rules folder has errors."), ("errors",)),
}
"""By the name that the outbox has for the event, if people are written to about it."""

TEST_EVENT = EventType("webhook.test", "An administrator sent a test.", ("webhook",))
TYPE_NAMES = tuple(sorted(one.name for one in EVENT_TYPES.values()))


def publish(tx: Transaction, event: str, data: Mapping[str, Any]) -> None:
    """Write an event for each endpoint that gets it; `data` has at least the fields of its type.

    Instants are text, money would be text as well: the receivers' library reads other numbers as floats.
    Raises: KeyError for an unknown event, or a field that is missing while an endpoint gets it.
    """
    for row in _rows(tx, EVENT_TYPES[event], [data]):
        tx.add(t.webhook_delivery, **row)


def publish_each(tx: Transaction, event: str, data: Sequence[Mapping[str, Any]]) -> None:
    """`publish` for many records at once, in their order."""
    tx.add_all(t.webhook_delivery, _rows(tx, EVENT_TYPES[event], data))


def is_wanted(tx: Transaction, event: str) -> bool:
    """Whether any endpoint gets this event."""
    return any(one.gets(EVENT_TYPES[event].name) for one in tx.config.subscriptions)


def delivery_row(
    tx: Transaction, kind: EventType, data: Mapping[str, Any], endpoint_id: str
) -> dict[str, Any]:
    """The values of a delivery that waits for its first attempt."""
    delivery_id = new_id()
    body = {
        "type": kind.name,
        "timestamp": rfc_3339(tx.now),
        "data": {name: data[name] for name in kind.fields},
    }
    return {
        "id": delivery_id,
        "endpoint_id": endpoint_id,
        "event": kind.name,
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "place": delivery_id,
        "created_at": tx.real_now,
        "next_attempt_at": tx.real_now,
    }


def rfc_3339(at: datetime) -> str:
    """An instant (aware) in UTC as receivers get it: "2026-03-02T09:00:00Z"."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _rows(tx: Transaction, kind: EventType, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    wanted = [one.endpoint_id for one in tx.config.subscriptions if one.gets(kind.name)]
    return [delivery_row(tx, kind, data, endpoint_id) for data in records for endpoint_id in wanted]

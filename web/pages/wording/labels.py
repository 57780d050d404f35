"""Words before codes: what people read where the desk keeps a code, with the shape and tone beside it.

A tone only tints; the word and the shape say it all.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["success", "warning", "error", "info", "neutral"]


@dataclass(frozen=True, slots=True)
class Label:
    """A code in words, its shape (see `glyphs.py`) and its tone."""

    text: str
    icon: str
    tone: Tone = "neutral"


REQUEST_STATES = {
    "open": Label("Open", "ring", "info"),
    "pending_no_contract": Label("Waiting for a contract", "lock", "warning"),
    "in_progress": Label("In progress", "half", "info"),
    "on_hold": Label("On hold", "pause", "neutral"),
    "resolved": Label("Resolved", "check-circle", "success"),
    "closed": Label("Closed", "check-box", "neutral"),
    "cancelled": Label("Cancelled", "slash", "neutral"),
}
CONTRACT_STATES = {
    "pending": Label("Pending", "hourglass", "warning"),
    "active": Label("Active", "dot", "success"),
    "expired": Label("Expired", "calendar-off", "neutral"),
    "exhausted": Label("Used up", "empty", "error"),
    "cancelled": Label("Cancelled", "slash", "neutral"),
}
CONTRACT_OVER = {
    "expired": "ended",
    "cancelled": "was cancelled",
    "ended": "ended with its request",
    "exhausted": "used up",
}
PENDING_REASONS = {
    "awaiting_start": "starts later",
    "awaiting_payment": "waits for payment",
    "awaiting_enable": "waits to be enabled",
}
OUTCOMES = {
    "covered": Label("Covered", "shield", "success"),
    "waiting": Label("Waits for a contract", "hourglass", "warning"),
    "created": Label("Contract made, not taken up yet", "page-plus", "warning"),
    "offered": Label("A contract must be chosen", "choose", "warning"),
    "refused": Label("Refused", "slash", "error"),
    "uncovered": Label("No contract", "shield-off", "neutral"),
}
# The same, of a decision that is only previewed: nothing has been made yet.
WOULD_BE = OUTCOMES | {"created": Label("No contract covers this yet", "page-plus", "warning")}
STANDINGS = {
    "valid": Label("Valid", "check-circle", "success"),
    "pending": Label("Pending", "hourglass", "warning"),
    "ended": Label("Ended", "slash", "neutral"),
    "excluded": Label("Excluded", "minus-circle", "error"),
}
ALLOCATIONS = {
    "grant": Label("Drawn from the contract", "down", "info"),
    "covered": Label("Covered, nothing drawn", "shield", "success"),
    "carried": Label("Carried to the next contract", "arrow", "warning"),
    "ignored": Label("Recorded, charged to nobody", "minus-circle", "neutral"),
    "overage": Label("Billed at the overage rate", "page-plus", "warning"),
}
CONTRACT_ACTIONS = {
    "created": "Sold",
    "pending": "Waits again",
    "active": "Became active",
    "expired": "Expired",
    "exhausted": "Used up",
    "cancelled": "Cancelled",
    "enabled": "Enabled",
    "topped up": "Topped up",
    "adjusted": "Adjusted",
    "renewed": "Renewed",
}
MOVEMENTS = {
    "grant": "Granted",
    "withdraw": "Withdrawn",
    "draw": "Drawn for work",
    "hold": "Held for a request",
    "settle": "Used by a request",
    "release": "Explicit back by a request",
    "expire": "Expired unused",
    "restore": "In force again",
    "carry": "Carried to the next contract",
    "draw_carried": "Carried time drawn",
    "ignore": "Recorded, charged to nobody",
    "overage": "Overage to bill",
    "reversal": "Taken back",
}
PRIORITIES = {
    "low": Label("Low", "down"),
    "normal": Label("Normal", "minus-circle"),
    "high": Label("High", "up", "warning"),
    "critical": Label("Critical", "warn", "error"),
}
PRIORITY_CHOICES = [(code, label.text) for code, label in PRIORITIES.items()]
ROLES = {
    "administrator": "Administrator",
    "finance": "Finance",
    "supervisor": "Supervisor",
    "technician": "Technician",
    "customer": "Customer",
    "system": "Coverdesk",
}
HOLDER_KINDS = {
    "service_request": "this service request",
    "item": "item",
    "customer": "customer",
    "org_unit": "org unit",
}
HOLD_REASONS = {
    "customer": "Waiting for the customer",
    "supplier": "Waiting for a supplier",
    "scheduled": "Scheduled for later",
}
TIME_EXPIRED = {
    "rollover": "Rollover: carried to the holder's next contract",
    "ignore": "Ignore: recorded, charged to nobody",
    "bill": "Bill: charged at the overage rate",
}
CAUSES = {
    "log": "when it was logged",
    "asked": "when staff asked",
    "assigned": "assigned by a supervisor",
    "changed": "when the request was changed",
    "contract": "when a contract changed",
    "reopened past the window": "when it was reopened",
    "activation": "when contracts were switched on",
    "preview": "as a preview",
}
TRIGGERS = {
    "log": "Logged",
    "cover": "Opened: a contract covers it now",
    "start": "Start",
    "hold": "Put on hold",
    "resume": "Resume",
    "resolve": "Resolve",
    "close": "Close",
    "reopen": "Reopen",
    "reopen_uncovered": "Reopened without a contract",
    "cancel": "Cancel",
}
TRIGGERS_DONE = {
    "log": "Logged",
    "cover": "Opened, a contract covers it now",
    "start": "Work started",
    "hold": "Put on hold",
    "resume": "Work resumed",
    "resolve": "Resolved",
    "close": "Closed",
    "reopen": "Reopened",
    "reopen_uncovered": "Reopened, but no contract covers it",
    "cancel": "Cancelled",
}


def readable(code: str | None) -> str:
    """A code that has no words of its own, made readable: `on_site` is "on site"."""
    return (code or "").replace("_", " ").replace("-", " ").strip()


def label_of(labels: dict[str, Label], code: str | None) -> Label:
    """The words of a code; one that is not known is shown as it is."""
    return labels.get(code or "") or Label(readable(code).capitalize() or "Unknown", "info")

"""Labels of codes, with icon and tone.

The tone only sets the colour; text and icon have the full meaning.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["success", "warning", "error", "info", "neutral"]


@dataclass(frozen=True, slots=True)
class Label:
    """The text of a code, its icon (see `web/pages/layout/icons.py`) and its tone."""

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
    "awaiting_payment": "awaiting payment",
    "awaiting_enable": "awaiting activation",
}
OUTCOMES = {
    "covered": Label("Covered", "shield", "success"),
    "waiting": Label("Waiting for a contract", "hourglass", "warning"),
    "created": Label("Contract created, not active yet", "page-plus", "warning"),
    "offered": Label("A contract must be chosen", "choose", "warning"),
    "refused": Label("Refused", "slash", "error"),
    "uncovered": Label("No contract", "shield-off", "neutral"),
}
# Labels for a previewed decision: nothing has been created yet.
WOULD_BE = OUTCOMES | {"created": Label("No contract covers this yet", "page-plus", "warning")}
STANDINGS = {
    "valid": Label("Valid", "check-circle", "success"),
    "pending": Label("Pending", "hourglass", "warning"),
    "ended": Label("Ended", "slash", "neutral"),
    "excluded": Label("Excluded", "minus-circle", "error"),
}
ALLOCATIONS = {
    "grant": Label("Drawn from the contract", "down", "info"),
    "covered": Label("Covered without draw-down", "shield", "success"),
    "carried": Label("Carried forward", "arrow", "warning"),
    "ignored": Label("Recorded, not billed", "minus-circle", "neutral"),
    "overage": Label("Billed at the overage rate", "page-plus", "warning"),
}
CONTRACT_ACTIONS = {
    "created": "Created",
    "pending": "Pending again",
    "active": "Activated",
    "expired": "Expired",
    "exhausted": "Used up",
    "cancelled": "Cancelled",
    "enabled": "Enabled",
    "cancellation scheduled": "Cancellation scheduled",
    "amended": "Terms changed",
    "transferred": "Transferred",
    "topped up": "Topped up",
    "adjusted": "Adjusted",
    "renewed": "Renewed",
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
    "rollover": "Rollover: carried forward to the holder's next contract",
    "ignore": "Ignore: recorded, not billed",
    "bill": "Bill: charged at the overage rate",
}
CAUSES = {
    "log": "when it was logged",
    "asked": "requested by staff",
    "assigned": "assigned by a supervisor",
    "changed": "after the request was changed",
    "contract": "after a contract changed",
    "reopened past the window": "after it was reopened",
    "activation": "when contracts were activated",
    "preview": "as a preview",
}
TRIGGERS = {
    "log": "Logged",
    "cover": "Opened: now covered by a contract",
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
    "cover": "Opened: now covered by a contract",
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
    """A code without a label as text: `on_site` is "on site"."""
    return (code or "").replace("_", " ").replace("-", " ").strip()


def label_of(labels: dict[str, Label], code: str | None) -> Label:
    """The label of a code; an unknown code is shown as text."""
    return labels.get(code or "") or Label(readable(code).capitalize() or "Unknown", "info")

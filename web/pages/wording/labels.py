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
WORK_STATES = {
    "submitted": Label("Awaiting approval", "hourglass", "warning"),
    "approved": Label("Approved", "check-circle", "success"),
    "rejected": Label("Rejected", "slash", "error"),
}
INVOICE_STATES = {
    "draft": Label("Draft", "edit", "neutral"),
    "issued": Label("Issued", "check-circle", "info"),
    "void": Label("Void", "slash", "neutral"),
}
PAYMENT_STATES = {
    "unpaid": Label("Unpaid", "ring", "info"),
    "part_paid": Label("Partly paid", "half", "warning"),
    "paid": Label("Paid", "check-circle", "success"),
    "overdue": Label("Overdue", "warn", "error"),
    "written_off": Label("Written off", "slash", "neutral"),
}
ENTRY_STATES = {
    "matched": Label("Paid at once", "check-circle", "success"),
    "assigned": Label("Assigned", "check-circle", "success"),
    "offered": Label("Offered", "hourglass", "warning"),
    "left": Label("Left", "ring", "info"),
    "set_aside": Label("Set aside", "slash", "neutral"),
    "not_receipt": Label("No receipt", "slash", "neutral"),
}
MATCH_REASONS = {
    "named_and_amount": "The text names them, and the amount is theirs",
    "named": "The text names them, with another amount",
    "payer_and_amount": "The amount, from this customer",
    "payer_and_sum": "The sum of all that this customer owes",
    "amount": "The amount alone",
    "nothing": "Nothing was found",
}
CONTRACT_STATES = {
    "pending": Label("Pending", "hourglass", "warning"),
    "active": Label("Active", "dot", "success"),
    "expired": Label("Expired", "calendar-off", "neutral"),
    "exhausted": Label("Used up", "empty", "error"),
    "cancelled": Label("Cancelled", "slash", "neutral"),
}
AUTO_TOP_UPS = {
    "warned": Label("Warned", "warn", "warning"),
    "capped": Label("Limit of the month reached", "warn", "warning"),
    "draft": Label("Waiting to be confirmed", "hourglass", "warning"),
    "issued": Label("Topped up", "check-circle", "success"),
    "declined": Label("Declined", "slash", "neutral"),
}
PRODUCT_KINDS = {
    "contract_type": "Contract",
    "top_up": "Top-up",
    "one_off": "One-off",
    "part": "Part",
    "travel": "Travel",
    "expense": "Expense",
}
PRICE_STANDINGS = {
    "past": Label("Past", "calendar-off", "neutral"),
    "current": Label("Current", "dot", "success"),
    "to_come": Label("To come", "hourglass", "info"),
}
DELIVERY_STATES = {
    "waiting": Label("Waiting", "hourglass", "warning"),
    "delivered": Label("Delivered", "check-circle", "success"),
    "set_aside": Label("Set aside", "cross", "error"),
}
QUOTE_STATES = {
    "draft": Label("Draft", "edit", "neutral"),
    "sent": Label("Open", "mail", "info"),
    "accepted": Label("Accepted", "check-circle", "success"),
    "declined": Label("Declined", "slash", "error"),
    "superseded": Label("Superseded", "arrow", "neutral"),
    "lapsed": Label("Lapsed", "calendar-off", "warning"),
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
    "unused part credited": "Unused part credited",
    "amended": "Terms changed",
    "transferred": "Transferred",
    "topped up": "Topped up",
    "automatic top-up set": "Automatic top-up changed",
    "automatic top-up warned": "Warned: little is left",
    "automatic top-up capped": "No more automatic top-ups this month",
    "automatic top-up draft": "Top-up prepared",
    "automatic top-up issued": "Topped up automatically",
    "automatic top-up declined": "Top-up declined",
    "adjusted": "Adjusted",
    "renewed": "Renewed",
}
EXPORT_FORMATS = {"datev": "DATEV", "csv": "CSV"}
"""The formats in which journals are exported."""
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
    "work_moved_here": "Work moved here",
    "work_moved_away": "Work moved away",
    "merge": "Merged",
    "merged_here": "Merged here:",
    "split": "Split",
    "split_away": "Split off:",
}
OTHER_REQUEST = {"work_moved_here": "from", "work_moved_away": "to", "merge": "into", "split": "from"}
"""How the other service request is named after the text of a line."""


def readable(code: str | None) -> str:
    """A code without a label as text: `on_site` is "on site"."""
    return (code or "").replace("_", " ").replace("-", " ").strip()


def label_of(labels: dict[str, Label], code: str | None) -> Label:
    """The label of a code; an unknown code is shown as text."""
    return labels.get(code or "") or Label(readable(code).capitalize() or "Unknown", "info")

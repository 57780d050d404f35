"""Words before codes: what people read where the desk keeps a code, with the shape and tone beside it.

A tone only tints; the word and the shape say it all.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "wait", "bad", "work", "rest"]


@dataclass(frozen=True, slots=True)
class Word:
    """A code in words, its shape (see `glyphs.py`) and its tone."""

    word: str
    shape: str
    tone: Tone = "rest"


REQUEST_STATES = {
    "open": Word("Open", "ring", "work"),
    "pending_no_contract": Word("Waiting for a contract", "lock", "wait"),
    "in_progress": Word("In progress", "half", "work"),
    "on_hold": Word("On hold", "pause", "rest"),
    "resolved": Word("Resolved", "check-circle", "good"),
    "closed": Word("Closed", "check-box", "rest"),
    "cancelled": Word("Cancelled", "slash", "rest"),
}
CONTRACT_STATES = {
    "pending": Word("Pending", "hourglass", "wait"),
    "active": Word("Active", "dot", "good"),
    "expired": Word("Expired", "calendar-off", "rest"),
    "exhausted": Word("Used up", "empty", "bad"),
    "cancelled": Word("Cancelled", "slash", "rest"),
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
    "covered": Word("Covered", "shield", "good"),
    "waiting": Word("Waits for a contract", "hourglass", "wait"),
    "created": Word("Contract made, not taken up yet", "page-plus", "wait"),
    "offered": Word("A contract must be chosen", "choose", "wait"),
    "refused": Word("Refused", "slash", "bad"),
    "uncovered": Word("No contract", "shield-off", "rest"),
}
# The same, of a decision that is only previewed: nothing has been made yet.
WOULD_BE = OUTCOMES | {"created": Word("No contract covers this yet", "page-plus", "wait")}
STANDINGS = {
    "valid": Word("Valid", "check-circle", "good"),
    "pending": Word("Pending", "hourglass", "wait"),
    "ended": Word("Ended", "slash", "rest"),
    "excluded": Word("Excluded", "minus-circle", "bad"),
}
ALLOCATIONS = {
    "grant": Word("Drawn from the contract", "down", "work"),
    "covered": Word("Covered, nothing drawn", "shield", "good"),
    "carried": Word("Carried to the next contract", "arrow", "wait"),
    "ignored": Word("Recorded, charged to nobody", "minus-circle", "rest"),
    "overage": Word("Billed at the overage rate", "page-plus", "wait"),
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
    "release": "Given back by a request",
    "expire": "Expired unused",
    "restore": "In force again",
    "carry": "Carried to the next contract",
    "draw_carried": "Carried time drawn",
    "ignore": "Recorded, charged to nobody",
    "overage": "Overage to bill",
    "reversal": "Taken back",
}
PRIORITIES = {
    "low": Word("Low", "down"),
    "normal": Word("Normal", "minus-circle"),
    "high": Word("High", "up", "wait"),
    "critical": Word("Critical", "warn", "bad"),
}
PRIORITY_CHOICES = [(code, word.word) for code, word in PRIORITIES.items()]
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


def spoken(code: str | None) -> str:
    """A code that has no words of its own, made readable: `on_site` is "on site"."""
    return (code or "").replace("_", " ").replace("-", " ").strip()


def word_of(words: dict[str, Word], code: str | None) -> Word:
    """The words of a code; one that is not known is shown as it is."""
    return words.get(code or "") or Word(spoken(code).capitalize() or "Unknown", "info")

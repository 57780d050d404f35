"""Labels of codes, with icon and tone, in the reader's language.

The tone only sets the colour; text and icon have the full meaning.
"""

from dataclasses import dataclass
from typing import Literal

from web.languages import Texts, gettext, mark, mark_in

Tone = Literal["success", "warning", "error", "info", "neutral"]


@dataclass(frozen=True, slots=True)
class Label:
    """The text of a code, its icon (see `web/pages/layout/icons.py`) and its tone.

    `source` is the text in English, or one that was translated when the label was made.
    """

    source: str
    icon: str
    tone: Tone = "neutral"

    @property
    def text(self) -> str:
        return gettext(self.source)


# In the contexts, the states agree in gender with what has them, in languages where they do.
REQUEST_STATES = {
    "open": Label(mark_in("request", "Open"), "ring", "info"),
    "pending_no_contract": Label(mark("Waiting for a contract"), "lock", "warning"),
    "in_progress": Label(mark("In progress"), "half", "info"),
    "on_hold": Label(mark("On hold"), "pause", "neutral"),
    "resolved": Label(mark_in("request", "Resolved"), "check-circle", "success"),
    "closed": Label(mark_in("request", "Closed"), "check-box", "neutral"),
    "cancelled": Label(mark_in("request", "Cancelled"), "slash", "neutral"),
}
MAIL_STATES = {
    "waiting": Label(mark("Waiting to be sent"), "hourglass", "warning"),
    "failed": Label(mark("Failed, will be sent again"), "warn", "error"),
    "given_up": Label(mark("Failed"), "cross", "error"),
    "delivered": Label(mark("Sent"), "check-circle", "success"),
    "logged": Label(mark("Not sent, only logged"), "note", "neutral"),
}
WORK_STATES = {
    "submitted": Label(mark("Awaiting approval"), "hourglass", "warning"),
    "approved": Label(mark("Approved"), "check-circle", "success"),
    "rejected": Label(mark("Rejected"), "slash", "error"),
}
APPROVAL_STATES = {
    "asked": Label(mark("Waiting for the customer"), "hourglass", "warning"),
    "approved": Label(mark("Approved"), "check-circle", "success"),
    "declined": Label(mark("Declined"), "slash", "error"),
    "lapsed": Label(mark("Lapsed"), "calendar-off", "neutral"),
}
BEYOND_APPROVAL = Label(mark("Beyond approval"), "warn", "warning")
INVOICE_STATES = {
    "draft": Label(mark("Draft"), "edit", "neutral"),
    "issued": Label(mark_in("invoice", "Issued"), "check-circle", "info"),
    "void": Label(mark_in("invoice", "Void"), "slash", "neutral"),
}
CREDIT_NOTE_STATES = INVOICE_STATES | {"issued": Label(mark("Issued"), "check-circle", "info")}
PAYMENT_STATES = {
    "unpaid": Label(mark_in("invoice", "Unpaid"), "ring", "info"),
    "part_paid": Label(mark_in("invoice", "Partly paid"), "half", "warning"),
    "paid": Label(mark_in("invoice", "Paid"), "check-circle", "success"),
    "overdue": Label(mark("Overdue"), "warn", "error"),
    "written_off": Label(mark_in("invoice", "Written off"), "slash", "neutral"),
}
ENTRY_STATES = {
    "matched": Label(mark("Paid at once"), "check-circle", "success"),
    "assigned": Label(mark("Assigned"), "check-circle", "success"),
    "offered": Label(mark("Offered"), "hourglass", "warning"),
    "left": Label(mark("Left"), "ring", "info"),
    "set_aside": Label(mark("Set aside"), "slash", "neutral"),
    "not_receipt": Label(mark("Not a receipt"), "slash", "neutral"),
}
MATCH_REASONS = Texts(
    {
        "named_and_amount": mark("The text names them, and the amount is theirs"),
        "named": mark("The text names them, with another amount"),
        "payer_and_amount": mark("The amount, from this customer"),
        "payer_and_sum": mark("The sum of all that this customer owes"),
        "amount": mark("The amount alone"),
        "nothing": mark("Nothing was found"),
    }
)
CONTRACT_STATES = {
    "pending": Label(mark("Pending"), "hourglass", "warning"),
    "active": Label(mark("Active"), "dot", "success"),
    "expired": Label(mark("Expired"), "calendar-off", "neutral"),
    "exhausted": Label(mark("Used up"), "empty", "error"),
    "cancelled": Label(mark_in("contract", "Cancelled"), "slash", "neutral"),
}
AUTO_TOP_UPS = {
    "warned": Label(mark("Warned"), "warn", "warning"),
    "capped": Label(mark("Limit of the month reached"), "warn", "warning"),
    "draft": Label(mark("Waiting to be confirmed"), "hourglass", "warning"),
    "awaiting_payment": Label(mark("Waiting for its payment"), "hourglass", "warning"),
    "issued": Label(mark("Topped up"), "check-circle", "success"),
    "declined": Label(mark("Declined"), "slash", "neutral"),
}
OVERAGE_POLICIES = Texts(
    {
        "go_on": mark("Go on without asking"),
        "notify": mark("Go on and notify the customer"),
        "ask": mark("Ask the customer first"),
    }
)
LIMITS_PER = Texts(
    {
        "contract": mark("in all"),
        "month": mark("each month"),
        "service_request": mark("for each request"),
    }
)
PRODUCT_KINDS = Texts(
    {
        "contract_type": mark("Contract"),
        "top_up": mark("Top-up"),
        "one_off": mark("One-off"),
        "part": mark("Part"),
        "travel": mark("Travel"),
        "expense": mark("Expense"),
    }
)
PRICE_STANDINGS = {
    "past": Label(mark("Past"), "calendar-off", "neutral"),
    "current": Label(mark("Current"), "dot", "success"),
    "to_come": Label(mark("To come"), "hourglass", "info"),
}
DELIVERY_STATES = {
    "waiting": Label(mark("Waiting"), "hourglass", "warning"),
    "delivered": Label(mark("Delivered"), "check-circle", "success"),
    "set_aside": Label(mark("Set aside"), "cross", "error"),
}
QUOTE_STATES = {
    "draft": Label(mark("Draft"), "edit", "neutral"),
    "sent": Label(mark("Open"), "mail", "info"),
    "accepted": Label(mark("Accepted"), "check-circle", "success"),
    "declined": Label(mark("Declined"), "slash", "error"),
    "superseded": Label(mark("Superseded"), "arrow", "neutral"),
    "lapsed": Label(mark("Lapsed"), "calendar-off", "warning"),
}
DISPUTE_STATES = {
    "open": Label(mark("In dispute"), "hourglass", "warning"),
    "accepted": Label(mark("Accepted"), "check-circle", "success"),
    "declined": Label(mark("Declined"), "slash", "neutral"),
}
CONTRACT_OVER = Texts(
    {
        "expired": mark("ended"),
        "cancelled": mark("was cancelled"),
        "ended": mark("ended with its request"),
        "exhausted": mark("used up"),
    }
)
PENDING_REASONS = Texts(
    {
        "awaiting_start": mark("starts later"),
        "awaiting_payment": mark("awaiting payment"),
        "awaiting_enable": mark("awaiting activation"),
    }
)
OUTCOMES = {
    "covered": Label(mark("Covered"), "shield", "success"),
    "waiting": Label(mark("Waiting for a contract"), "hourglass", "warning"),
    "created": Label(mark("Contract created, not active yet"), "page-plus", "warning"),
    "offered": Label(mark("A contract must be chosen"), "choose", "warning"),
    "refused": Label(mark("Refused"), "slash", "error"),
    "uncovered": Label(mark("No contract"), "shield-off", "neutral"),
}
# Labels for a previewed decision: nothing has been created yet.
WOULD_BE = OUTCOMES | {"created": Label(mark("No contract covers this yet"), "page-plus", "warning")}
STANDINGS = {
    "valid": Label(mark("Valid"), "check-circle", "success"),
    "pending": Label(mark("Pending"), "hourglass", "warning"),
    "ended": Label(mark("Ended"), "slash", "neutral"),
    "excluded": Label(mark("Excluded"), "minus-circle", "error"),
}
ALLOCATIONS = {
    "grant": Label(mark("Drawn from the contract"), "down", "info"),
    "covered": Label(mark("Covered without draw-down"), "shield", "success"),
    "carried": Label(mark("Carried forward"), "arrow", "warning"),
    "ignored": Label(mark("Recorded, not billed"), "minus-circle", "neutral"),
    "overage": Label(mark("Billed at the overage rate"), "page-plus", "warning"),
}
CONTRACT_ACTIONS = Texts(
    {
        "created": mark("Created"),
        "pending": mark("Pending again"),
        "active": mark("Activated"),
        "expired": mark("Expired"),
        "exhausted": mark("Used up"),
        "cancelled": mark_in("contract", "Cancelled"),
        "enabled": mark("Enabled"),
        "cancellation scheduled": mark("Cancellation scheduled"),
        "unused part credited": mark("Unused part credited"),
        "amended": mark("Terms changed"),
        "transferred": mark("Transferred"),
        "topped up": mark("Topped up"),
        "top-up sold": mark("Top-up sold"),
        "top-up declined": mark("Top-up declined"),
        "automatic top-up set": mark("Automatic top-up changed"),
        "automatic top-up warned": mark("Warned: little is left"),
        "automatic top-up capped": mark("No more automatic top-ups this month"),
        "automatic top-up draft": mark("Top-up prepared"),
        "automatic top-up issued": mark("Topped up automatically"),
        "automatic top-up declined": mark("Top-up declined"),
        "adjusted": mark("Adjusted"),
        "renewed": mark("Renewed"),
    }
)
EXPORT_FORMATS = {"datev": "DATEV", "csv": "CSV"}
"""The formats in which journals are exported."""
PRIORITIES = {
    "low": Label(mark("Low"), "down"),
    "normal": Label(mark("Normal"), "minus-circle"),
    "high": Label(mark("High"), "up", "warning"),
    "critical": Label(mark("Critical"), "warn", "error"),
}
ROLES = Texts(
    {
        "administrator": mark("Administrator"),
        "finance": mark("Finance"),
        "supervisor": mark("Supervisor"),
        "technician": mark("Technician"),
        "customer": mark("Customer"),
        "system": mark("Coverdesk"),
    }
)
HOLDER_KINDS = Texts(
    {
        "service_request": mark("this service request"),
        "item": mark("item"),
        "customer": mark("customer"),
        "org_unit": mark("org unit"),
    }
)
CHANNELS = Texts(
    {
        "": mark("Not specified"),
        "phone": mark("Phone"),
        "mail": mark("Email"),
        "portal": mark("Portal"),
        "chat": mark("Chat"),
        "in_person": mark("In person"),
    }
)
HOLD_REASONS = Texts(
    {
        "customer": mark("Waiting for the customer"),
        "supplier": mark("Waiting for a supplier"),
        "scheduled": mark("Scheduled for later"),
    }
)
HOLD_REASON_WORDS = Texts(
    {
        "customer": mark("customer"),
        "supplier": mark("supplier"),
        "scheduled": mark("scheduled"),
    }
)
"""Why a service request is on hold, in a word after its state."""
TIME_EXPIRED = Texts(
    {
        "rollover": mark("Rollover: carried forward to the holder's next contract"),
        "ignore": mark("Ignore: recorded, not billed"),
        "bill": mark("Bill: charged at the overage rate"),
    }
)
CAUSES = Texts(
    {
        "log": mark("when it was logged"),
        "asked": mark("requested by staff"),
        "assigned": mark("assigned by a supervisor"),
        "changed": mark("after the request was changed"),
        "ordered": mark("after a contract was ordered"),
        "contract": mark("after a contract changed"),
        "reopened past the window": mark("after it was reopened"),
        "activation": mark("when contracts were activated"),
        "preview": mark("as a preview"),
    }
)
TRIGGERS_DONE = Texts(
    {
        "log": mark("Logged"),
        "cover": mark("Opened: now covered by a contract"),
        "start": mark("Work started"),
        "hold": mark("Put on hold"),
        "resume": mark("Work resumed"),
        "resolve": mark_in("request", "Resolved"),
        "close": mark_in("request", "Closed"),
        "reopen": mark("Reopened"),
        "open_uncovered": mark("Opened without a contract"),
        "reopen_uncovered": mark("Reopened, but no contract covers it"),
        "cancel": mark_in("request", "Cancelled"),
        "remind": mark("Customer reminded of the missing contract"),
        "work_moved_here": mark("Work moved here"),
        "work_moved_away": mark("Work moved away"),
        "merge": mark("Merged"),
        "merged_here": mark("Merged here:"),
        "split": mark("Split"),
        "split_away": mark("Split off:"),
    }
)
TRIGGERS_DONE_WITH_OTHER = Texts(
    {
        "work_moved_here": mark("Work moved here from"),
        "work_moved_away": mark("Work moved away to"),
        "merge": mark("Merged into"),
        "split": mark("Split from"),
    }
)
"""The text of a line after which the other service request is named."""


def labelled(label: str, text: str) -> str:
    """A text after its label, with the colon of the language: "Tax rates: There are two"."""
    return gettext("%(label)s: %(text)s", label=label, text=text)


def readable(code: str | None) -> str:
    """A code without a label as text: `on_site` is "on site"."""
    return (code or "").replace("_", " ").replace("-", " ").strip()


def priority_choices() -> list[tuple[str, str]]:
    """The priorities to choose from, each with its text."""
    return [(code, label.text) for code, label in PRIORITIES.items()]


def label_of(labels: dict[str, Label], code: str | None) -> Label:
    """The label of a code; an unknown code is shown as text."""
    return labels.get(code or "") or Label(readable(code).capitalize() or mark("Unknown"), "info")

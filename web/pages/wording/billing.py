"""Words of invoices: units of lines, names of e-invoices, reminders."""

from workflows.views.billing import ReminderView

UNITS = {
    "C62": "piece",
    "HUR": "hour",
    "DAY": "day",
    "MON": "month",
    "ANN": "year",
    "KMT": "km",
    "LS": "lump sum",
}
"""Units that forms offer, by their code of UN/ECE Recommendation 20."""


def unit_text(code: str) -> str:
    """The word for a unit: HUR is "hour"; nothing for a piece; the code itself if it is not one of ours."""
    return "" if code == "C62" else UNITS.get(code, code)


E_INVOICE_NAMES = {
    "en16931": ("Factur-X (ZUGFeRD)", "Peppol BIS Billing 3"),
    "xrechnung": ("XRechnung, CII", "XRechnung, UBL"),
}
"""What an e-invoice is called in CII and in UBL, by its profile."""


def reminder_text(one: ReminderView) -> str:
    """What a reminder was: "Reminder 2", "Overdue" or "Due soon"."""
    return {"due_soon": "Due soon", "overdue": "Overdue"}.get(one.kind) or f"Reminder {one.level}"


def dunning_level_text(level: int) -> str:
    """How far an overdue invoice is: "Reminder 2", "No reminder yet"."""
    return f"Reminder {level}" if level else "Before the first level"


SOLD_KINDS = {
    "contract": "contract",
    "renewal": "renewal",
    "top_up": "top-up",
    "overage": "time beyond the contract",
    "recurring": "recurring charge",
    "one_off": "product",
    "part": "part",
    "travel": "travel",
    "expense": "expense",
}
"""What was sold, by its kind."""


def quantity_text(quantity: str, unit: str) -> str:
    """A quantity with its unit: "2 ×" of pieces, "1.5 hour" of anything else."""
    return f"{quantity} ×" if unit == "piece" else f"{quantity} {unit}"


EVERY = {"month": "Month", "quarter": "Quarter", "year": "Year"}
"""How often something is sold."""
SALE_TIMINGS = {
    "advance": "In advance: on the first day of a period",
    "arrears": "In arrears: after its last day",
}
SALE_STATES = {"to_come": "To come", "running": "Running", "ended": "Ended"}

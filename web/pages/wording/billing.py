"""Words of invoices: units of lines, names of e-invoices, reminders, payments."""

from collections.abc import Iterable
from decimal import Decimal

from web.languages import Texts, gettext, mark, mark_in
from web.pages.wording.formats import decimal_text
from web.posting_reasons import posting_reason
from workflows.billing.documents.units import PIECE, unit_words
from workflows.languages.engine_texts import by_form
from workflows.views.billing import ReminderView

UNITS = Texts(
    {
        "C62": mark("piece"),
        "HUR": mark("hour"),
        "DAY": mark("day"),
        "MON": mark("month"),
        "ANN": mark("year"),
        "KMT": mark("km"),
        "LS": mark("lump sum"),
    }
)
"""Units that forms offer, by their code of UN/ECE Recommendation 20."""


def unit_text(unit: str, quantity: str = "1") -> str:
    """The word for a unit after its quantity: 2 of HUR are "hours"; nothing for a piece (C62)."""
    return "" if unit == PIECE else unit_words(unit, Decimal(quantity))


def percent_text(value: str) -> str:
    """A stored percentage: "7.5 %"."""
    return gettext("%(number)s %%", number=decimal_text(value))


E_INVOICE_NAMES = {
    "en16931": ("Factur-X (ZUGFeRD)", "Peppol BIS Billing 3"),
    "xrechnung": ("XRechnung, CII", "XRechnung, UBL"),
}
"""What an e-invoice is called in CII and in UBL, by its profile."""
INVOICE_STANDINGS = Texts(
    {
        "draft": mark("draft"),
        "issued": mark("issued"),
        "void": mark("void"),
        "unpaid": mark("unpaid"),
        "part_paid": mark("partly paid"),
        "paid": mark("paid"),
        "overdue": mark("overdue"),
        "written_off": mark("written off"),
    }
)
"""What an invoice is, in a sentence: by its payment, else by its state."""
PAYMENT_METHODS = Texts(
    {
        "transfer": mark("Transfer"),
        "card": mark("Card"),
        "direct_debit": mark("Direct debit"),
        "cash": mark_in("payment method", "Cash"),
        "cheque": mark("Cheque"),
        "other": mark("Other"),
    }
)
ALLOCATIONS = Texts(
    {
        "payment": mark("Payment"),
        "credit": mark("Credit of the customer"),
        "credit_note": mark("Credit note"),
        "early_payment": mark("Discount for early payment"),
        "write_off": mark("Written off"),
    }
)
"""What takes something off the open amount of an invoice, by its kind."""


_SYSTEM_REASONS = Texts(
    {
        "Discount": mark("Discount"),
        "Deleted": mark("Deleted"),
        "Not subject to VAT": mark("Not subject to VAT"),
    }
)
"""Reasons that nobody wrote, as they are stored."""


_ENTRY_TEXTS = (mark("%(number)s: %(amount)s was asked"),)


def entry_texts(texts: Iterable[str]) -> list[str]:
    """The texts of a bank entry: as the bank wrote them, the product’s own in the reader’s language."""
    return [by_form(text, _ENTRY_TEXTS) for text in texts]


def reason_text(reason: str) -> str:
    """A stored reason: as it was written, or translated where it is one of the system's."""
    return _SYSTEM_REASONS.get(reason) or posting_reason(reason)


def reminder_text(one: ReminderView) -> str:
    """What a reminder was: "Reminder 2", "Overdue" or "Due soon"."""
    if one.kind == "due_soon":
        return gettext("Due soon")
    return gettext("Overdue") if one.kind == "overdue" else gettext("Reminder %(level)s", level=one.level)


def dunning_level_text(level: int) -> str:
    """How far an overdue invoice is: "Reminder 2", "Before the first level"."""
    return gettext("Reminder %(level)s", level=level) if level else gettext("Before the first level")


SOLD_KINDS = Texts(
    {
        "contract": mark("contract"),
        "renewal": mark("renewal"),
        "top_up": mark("top-up"),
        "overage": mark("time beyond the contract"),
        "recurring": mark("recurring charge"),
        "one_off": mark("product"),
        "part": mark("part"),
        "travel": mark("travel"),
        "expense": mark("expense"),
    }
)
"""What was sold, by its kind."""


def quantity_text(quantity: str, unit: str) -> str:
    """A quantity with its unit: "2 ×" of pieces, "1.5 hours" of anything else."""
    number = decimal_text(quantity)
    return f"{number} ×" if unit == "piece" else f"{number} {unit_text(unit, quantity)}"


EVERY = Texts({"month": mark("Month"), "quarter": mark("Quarter"), "year": mark("Year")})
"""How often something is sold."""
SALE_TIMINGS = Texts(
    {
        "advance": mark("In advance: on the first day of a period"),
        "arrears": mark("In arrears: after its last day"),
    }
)
SALE_STATES = Texts(
    {"to_come": mark("To come"), "running": mark("Running"), "ended": mark_in("recurring sale", "Ended")}
)

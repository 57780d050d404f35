"""What the program itself writes into the description of a sold item: in English, as texts are stored.

It is read in the current language, which is the customer's where a line of an invoice is written.
"""

import re
from decimal import Decimal

from engine.invoices import SoldKind
from workflows.billing.documents.wording import quantity_words
from workflows.languages.texts import gettext, mark

PART = mark("%(what)s (%(days)s of %(whole)s days)")
_PART = re.compile(
    r"(?:(?P<many>\d+(?:\.\d+)?) × )?(?P<what>.+) \((?P<days>\d+) of (?P<whole>\d+) days\)", re.DOTALL
)


def part_of_period(what: str, days: int, whole: int) -> str:
    """The description of a part of a period, as it is stored: "Hosting (10 of 31 days)"."""
    return PART % {"what": what, "days": days, "whole": whole}


def description_text(kind: SoldKind, description: str) -> str:
    """A sold item in the current language; what a person wrote stays as it is."""
    part = _PART.fullmatch(description) if kind == "recurring" else None
    if part is None:
        return description
    many = f"{quantity_words(Decimal(part['many']))} × " if part["many"] else ""
    return gettext(PART, what=f"{many}{part['what']}", days=part["days"], whole=part["whole"])

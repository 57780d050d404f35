"""Which field of an invoice a published rule is about, in the words of the pages.

The texts of the rules name business terms of EN 16931, such as BT-31. A few name none, or first another one
than what to correct.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from engine.invoice_document import TaxSubtotal
from workflows.billing.documents.e_invoice import quantity_text
from workflows.languages.texts import gettext, mark

_TERMS = {
    1: mark("invoice number"),
    2: mark("day of issue"),
    3: mark("kind of document"),
    5: mark("currency"),
    9: mark("due day"),
    10: mark("buyer reference"),
    13: mark("order number"),
    20: mark("terms of payment"),
    22: mark("note"),
    25: mark("number of the corrected invoice"),
    26: mark("day of the corrected invoice"),
    27: mark("seller name"),
    29: mark("seller VAT id"),
    30: mark("seller VAT id"),
    31: mark("seller VAT id"),
    32: mark("seller tax number"),
    34: mark("seller email address"),
    35: mark("seller street"),
    37: mark("seller city"),
    38: mark("seller postal code"),
    40: mark("seller country"),
    41: mark("seller contact name"),
    42: mark("seller phone number"),
    43: mark("seller email address"),
    44: mark("buyer name"),
    48: mark("buyer VAT id"),
    49: mark("buyer email address"),
    50: mark("buyer street"),
    52: mark("buyer city"),
    53: mark("buyer postal code"),
    55: mark("buyer country"),
    73: mark("first day of service"),
    74: mark("last day of service"),
    77: mark("buyer city"),
    78: mark("buyer postal code"),
    80: mark("buyer country"),
    81: mark("IBAN"),
    84: mark("IBAN"),
    86: mark("BIC"),
    92: mark("discount, amount"),
    93: mark("discount, base"),
    94: mark("discount, percent"),
    95: mark("discount, tax category"),
    96: mark("discount, tax rate"),
    97: mark("discount, reason"),
    106: mark("sum of the lines"),
    107: mark("sum of the discounts"),
    109: mark("net total"),
    110: mark("tax total"),
    112: mark("total"),
    113: mark("amount paid"),
    115: mark("amount to pay"),
    116: mark("tax base"),
    117: mark("tax amount"),
    118: mark("tax category"),
    119: mark("tax rate"),
    120: mark("reason for zero tax"),
    121: mark("reason for zero tax"),
    129: mark("quantity"),
    130: mark("unit"),
    131: mark("net amount"),
    134: mark("first day of service"),
    135: mark("last day of service"),
    136: mark("discount"),
    137: mark("discount"),
    138: mark("discount, percent"),
    139: mark("discount"),
    146: mark("unit price"),
    151: mark("tax category"),
    152: mark("tax rate"),
    153: mark("description"),
    154: mark("description"),
}

# Rules whose text names no term, or names another one first. A party is put in place of {party}.
_RULES = {
    "BR-08": mark("seller address"),
    "BR-10": mark("buyer address"),
    "BR-16": mark("lines"),
    "BR-CO-03": mark("first day of service"),
    "BR-CO-09": "{party} VAT id",
    "BR-CO-18": mark("taxes"),
    "BR-CL-03": mark("currency"),
    "BR-CL-04": mark("currency"),
    "BR-CL-14": "{party} country",
    "BR-CL-15": "{party} country",
    "BR-CL-17": mark("tax category"),
    "BR-CL-18": mark("tax category"),
    "BR-CL-23": mark("unit"),
    "BR-CL-25": "{party} email address",
    "BR-CO-26": mark("seller VAT id"),
    "BR-CO-04": mark("tax category"),
    "BR-AE-02": mark("VAT ids of seller and buyer"),
    "BR-AE-03": mark("VAT ids of seller and buyer"),
    "BR-IC-02": mark("VAT ids of seller and buyer"),
    "BR-IC-03": mark("VAT ids of seller and buyer"),
    "BR-CO-17": mark("tax amount"),
    "BR-DE-1": mark("IBAN"),
    "BR-DE-2": mark("seller contact name"),
    "BR-DE-16": mark("seller VAT id"),
    "BR-DE-18": mark("early payment"),
    "BR-DE-TMP-32": mark("first day of service"),
    "UBL-DT-01": mark("amounts"),
    "PEPPOL-EN16931-R003": mark("buyer reference or order number"),
    "PEPPOL-EN16931-R010": mark("buyer email address"),
    "PEPPOL-EN16931-R020": mark("seller email address"),
    "PEPPOL-EN16931-R040": mark("discount, percent"),
    "PEPPOL-EN16931-R041": mark("discount, base"),
    "PEPPOL-EN16931-R042": mark("discount, percent"),
    "PEPPOL-EN16931-R110": mark("first day of service"),
    "PEPPOL-EN16931-R111": mark("last day of service"),
    "PEPPOL-EN16931-R120": mark("net amount"),
}

# BR-S-05 for the standard rate, BR-E-05 for what is exempt, and so on.
_CATEGORY_RULE = re.compile(r"BR-[A-Z]+-(\d\d)")
_CATEGORY_RULES = {
    "02": mark("seller VAT id"),
    "03": mark("seller VAT id"),
    "05": mark("tax rate"),
    "06": mark("discount, tax rate"),
    "08": mark("tax base"),
    "09": mark("tax amount"),
    "10": mark("reason for zero tax"),
}

# The rules for German buyers are published in German.
_ENGLISH = {
    "BR-DE-1": mark("An XRechnung says how to pay."),
    "BR-DE-2": mark("An XRechnung needs a contact of the seller."),
    "BR-DE-3": mark("An XRechnung needs the city of the seller."),
    "BR-DE-4": mark("An XRechnung needs the postal code of the seller."),
    "BR-DE-5": mark("An XRechnung needs a contact of the seller."),
    "BR-DE-6": mark("An XRechnung needs a phone number of the seller."),
    "BR-DE-7": mark("An XRechnung needs an email address of the seller."),
    "BR-DE-8": mark("An XRechnung needs the city of the buyer."),
    "BR-DE-9": mark("An XRechnung needs the postal code of the buyer."),
    "BR-DE-10": mark("An XRechnung needs the city of the delivery address."),
    "BR-DE-11": mark("An XRechnung needs the postal code of the delivery address."),
    "BR-DE-15": mark("An XRechnung needs a buyer reference, such as the Leitweg-ID of an authority."),
    "BR-DE-16": mark("An XRechnung needs the VAT id or the tax number of the seller."),
    "BR-DE-18": mark("Terms of payment have an early-payment discount in lines of their own."),
    "BR-DE-19": mark("The IBAN for a SEPA transfer is a valid one."),
    "BR-DE-27": mark("A phone number has at least three digits."),
    "BR-DE-28": mark("An email address has one @ between at least two characters on either side."),
    "BR-DE-TMP-32": mark(
        "An invoice says when the service was delivered: a day, or the period of the service."
    ),
}

# Not said of a line or of a tax, also where a rule looks at one.
_OF_THE_DOCUMENT = ("seller", "buyer", "VAT ids", "currency", "amounts")
_TERM = re.compile(r"\bBT-(\d+)\b")
_STEP = re.compile(r"([A-Za-z]+)\[(\d+)\]")
_PREFIX = re.compile(r"^\s*\[[^\]]*\]\s*-?\s*")
_PARTIES = {
    "SellerTradeParty": "seller",
    "AccountingSupplierParty": "seller",
    "BuyerTradeParty": "buyer",
    "AccountingCustomerParty": "buyer",
    "ShipToTradeParty": "buyer",
    "Delivery": "buyer",
}
_OF_EITHER = (
    mark("buyer VAT id"), mark("seller or buyer VAT id"), mark("seller or buyer country"),
    mark("seller or buyer email address"),
)  # fmt: skip
"""What the rules with {party} come to, besides the terms above."""
_LINES = ("IncludedSupplyChainTradeLineItem", "InvoiceLine", "CreditNoteLine")


def field_name(rule: str, text: str, location: str, taxes: Sequence[TaxSubtotal]) -> str:
    """The field that a rule is about: "seller VAT id", "line 2, tax rate", "tax at 19 %, tax base"."""
    steps = {name: int(number) for name, number in _STEP.findall(location)}
    field = _RULES.get(rule) or _of_a_category(rule) or _first_term(text)
    party = next((word for step, word in _PARTIES.items() if step in steps), "seller or buyer")
    field = field.format(party=party)
    text = gettext(field)
    if field.startswith(_OF_THE_DOCUMENT):
        return text
    for name in _LINES:
        if name in steps:
            return gettext("line %(number)s, %(field)s", number=steps[name], field=text)
    return f"{_tax(steps, taxes)}{text}"


def message(rule: str, text: str) -> str:
    """What a rule says, without its id."""
    own = _ENGLISH.get(rule)
    return gettext(own) if own is not None else _PREFIX.sub("", " ".join(text.split()))


def tax_name(rate: Decimal) -> str:
    """What the tax of a rate is called."""
    return gettext("tax at %(rate)s %%", rate=quantity_text(rate))


def _of_a_category(rule: str) -> str:
    """The field of the rules that each tax category has under the same number."""
    found = _CATEGORY_RULE.fullmatch(rule)
    return _CATEGORY_RULES.get(found[1], "") if found else ""


def _first_term(text: str) -> str:
    for number in _TERM.findall(text):
        if int(number) in _TERMS:
            return _TERMS[int(number)]
    return mark("invoice")


def _tax(steps: dict[str, int], taxes: Sequence[TaxSubtotal]) -> str:
    in_header = "ApplicableHeaderTradeSettlement" in steps or "TaxTotal" in steps
    number = steps.get("ApplicableTradeTax", steps.get("TaxSubtotal", 0))
    if not in_header or not 1 <= number <= len(taxes):
        return ""
    return f"{tax_name(taxes[number - 1].rate)}, "

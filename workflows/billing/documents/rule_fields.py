"""Which field of an invoice a published rule is about, in the words of the pages.

The texts of the rules name business terms of EN 16931, such as BT-31. A few name none, or first another one
than what to correct.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from engine.invoice_document import TaxSubtotal
from workflows.billing.documents.e_invoice import quantity_text

_TERMS = {
    1: "invoice number",
    2: "day of issue",
    3: "kind of document",
    5: "currency",
    9: "due day",
    10: "buyer reference",
    13: "order number",
    20: "terms of payment",
    22: "note",
    25: "number of the corrected invoice",
    26: "day of the corrected invoice",
    27: "seller name",
    29: "seller VAT id",
    30: "seller VAT id",
    31: "seller VAT id",
    32: "seller tax number",
    34: "seller mail address",
    35: "seller street",
    37: "seller city",
    38: "seller postal code",
    40: "seller country",
    41: "seller contact name",
    42: "seller phone number",
    43: "seller mail address",
    44: "buyer name",
    48: "buyer VAT id",
    49: "buyer mail address",
    50: "buyer street",
    52: "buyer city",
    53: "buyer postal code",
    55: "buyer country",
    73: "first day of service",
    74: "last day of service",
    77: "buyer city",
    78: "buyer postal code",
    80: "buyer country",
    81: "IBAN",
    84: "IBAN",
    86: "BIC",
    92: "discount, amount",
    93: "discount, base",
    94: "discount, percent",
    95: "discount, tax category",
    96: "discount, tax rate",
    97: "discount, reason",
    106: "sum of the lines",
    107: "sum of the discounts",
    109: "net total",
    110: "tax total",
    112: "total",
    113: "amount paid",
    115: "amount to pay",
    116: "tax base",
    117: "tax amount",
    118: "tax category",
    119: "tax rate",
    120: "reason for zero tax",
    121: "reason for zero tax",
    129: "quantity",
    130: "unit",
    131: "net amount",
    134: "first day of service",
    135: "last day of service",
    136: "discount",
    137: "discount",
    138: "discount, percent",
    139: "discount",
    146: "unit price",
    151: "tax category",
    152: "tax rate",
    153: "description",
    154: "description",
}

# Rules whose text names no term, or names another one first. A party is put in place of {party}.
_RULES = {
    "BR-08": "seller address",
    "BR-10": "buyer address",
    "BR-16": "lines",
    "BR-CO-03": "first day of service",
    "BR-CO-09": "{party} VAT id",
    "BR-CO-18": "taxes",
    "BR-CL-03": "currency",
    "BR-CL-04": "currency",
    "BR-CL-14": "{party} country",
    "BR-CL-15": "{party} country",
    "BR-CL-17": "tax category",
    "BR-CL-18": "tax category",
    "BR-CL-23": "unit",
    "BR-CL-25": "{party} mail address",
    "BR-CO-26": "seller VAT id",
    "BR-CO-04": "tax category",
    "BR-AE-02": "VAT ids of seller and buyer",
    "BR-AE-03": "VAT ids of seller and buyer",
    "BR-IC-02": "VAT ids of seller and buyer",
    "BR-IC-03": "VAT ids of seller and buyer",
    "BR-CO-17": "tax amount",
    "BR-DE-1": "IBAN",
    "BR-DE-2": "seller contact name",
    "BR-DE-16": "seller VAT id",
    "BR-DE-18": "early payment",
    "BR-DE-TMP-32": "first day of service",
    "UBL-DT-01": "amounts",
    "PEPPOL-EN16931-R003": "buyer reference or order number",
    "PEPPOL-EN16931-R010": "buyer mail address",
    "PEPPOL-EN16931-R020": "seller mail address",
    "PEPPOL-EN16931-R040": "discount, percent",
    "PEPPOL-EN16931-R041": "discount, base",
    "PEPPOL-EN16931-R042": "discount, percent",
    "PEPPOL-EN16931-R110": "first day of service",
    "PEPPOL-EN16931-R111": "last day of service",
    "PEPPOL-EN16931-R120": "net amount",
}

# BR-S-05 for the standard rate, BR-E-05 for what is exempt, and so on.
_CATEGORY_RULE = re.compile(r"BR-[A-Z]+-(\d\d)")
_CATEGORY_RULES = {
    "02": "seller VAT id",
    "03": "seller VAT id",
    "05": "tax rate",
    "06": "discount, tax rate",
    "08": "tax base",
    "09": "tax amount",
    "10": "reason for zero tax",
}

# The rules for German buyers are published in German.
_ENGLISH = {
    "BR-DE-1": "An XRechnung says how to pay.",
    "BR-DE-2": "An XRechnung has a contact of the seller.",
    "BR-DE-3": "An XRechnung has the city of the seller.",
    "BR-DE-4": "An XRechnung has the postal code of the seller.",
    "BR-DE-5": "An XRechnung has a contact of the seller.",
    "BR-DE-6": "An XRechnung has a phone number of the seller.",
    "BR-DE-7": "An XRechnung has a mail address of the seller.",
    "BR-DE-8": "An XRechnung has the city of the buyer.",
    "BR-DE-9": "An XRechnung has the postal code of the buyer.",
    "BR-DE-10": "An XRechnung has the city where it delivers to.",
    "BR-DE-11": "An XRechnung has the postal code where it delivers to.",
    "BR-DE-15": "An XRechnung has a buyer reference, such as the Leitweg-ID of an authority.",
    "BR-DE-16": "An XRechnung has the VAT id or the tax number of the seller.",
    "BR-DE-18": "Terms of payment have an early-payment discount in lines of their own.",
    "BR-DE-19": "The IBAN for a SEPA transfer is a valid one.",
    "BR-DE-27": "A phone number has at least three digits.",
    "BR-DE-28": "A mail address has one @ between at least two characters on either side.",
    "BR-DE-TMP-32": "An invoice says when the service was delivered: a day, or the period of the service.",
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
_LINES = ("IncludedSupplyChainTradeLineItem", "InvoiceLine", "CreditNoteLine")


def field_name(rule: str, text: str, location: str, taxes: Sequence[TaxSubtotal]) -> str:
    """The field that a rule is about: "seller VAT id", "line 2, tax rate", "tax at 19 %, tax base"."""
    steps = {name: int(number) for name, number in _STEP.findall(location)}
    field = _RULES.get(rule) or _of_a_category(rule) or _first_term(text)
    party = next((word for step, word in _PARTIES.items() if step in steps), "seller or buyer")
    field = field.format(party=party)
    if field.startswith(_OF_THE_DOCUMENT):
        return field
    for name in _LINES:
        if name in steps:
            return f"line {steps[name]}, {field}"
    return f"{_tax(steps, taxes)}{field}"


def message(rule: str, text: str) -> str:
    """What a rule says, without its id."""
    return _ENGLISH.get(rule) or _PREFIX.sub("", " ".join(text.split()))


def tax_name(rate: Decimal) -> str:
    """What the tax of a rate is called."""
    return f"tax at {quantity_text(rate)} %"


def _of_a_category(rule: str) -> str:
    """The field of the rules that each tax category has under the same number."""
    found = _CATEGORY_RULE.fullmatch(rule)
    return _CATEGORY_RULES.get(found[1], "") if found else ""


def _first_term(text: str) -> str:
    for number in _TERM.findall(text):
        if int(number) in _TERMS:
            return _TERMS[int(number)]
    return "invoice"


def _tax(steps: dict[str, int], taxes: Sequence[TaxSubtotal]) -> str:
    in_header = "ApplicableHeaderTradeSettlement" in steps or "TaxTotal" in steps
    number = steps.get("ApplicableTradeTax", steps.get("TaxSubtotal", 0))
    if not in_header or not 1 <= number <= len(taxes):
        return ""
    return f"{tax_name(taxes[number - 1].rate)}, "

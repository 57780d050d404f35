"""What an e-invoice says beyond the values of the document, the same in CII and UBL.

    net price 100.00 × 10 HUR = 1000.00, less 10 % = 100.00, line net 900.00
    early payment: 2 % within 14 days -> #SKONTO#TAGE=14#PROZENT=2.00# in an XRechnung

An amount has two decimals, and more where it needs them, of which EN 16931 allows none (BR-DEC): JPY 1000 is
1000.00, KWD 1.230 is 1.23, and the rules refuse KWD 1.234.
Sources: EN 16931-1; XRechnung 3.0.2; Peppol BIS Billing 3.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from engine.currencies import minor_digits
from engine.invoice_document import InvoiceDocument, Party, TaxSubtotal
from engine.quantities import round_half_up
from workflows.languages.texts import gettext, mark, ngettext

Profile = Literal["en16931", "xrechnung"]
"""`en16931`: Factur-X (ZUGFeRD) EN 16931 in CII, Peppol BIS Billing 3 in UBL. `xrechnung`: German buyers."""

PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
XRECHNUNG = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
DISCOUNT = mark("Discount")

# Electronic address schemes of VAT ids, by their first two letters.
_VAT_ID_SCHEMES = dict(
    pair.split(":")
    for pair in (
        "AT:9914 BE:9925 BG:9926 CY:9928 CZ:9929 DE:9930 EE:9931 EL:9933 ES:9920 FR:9957 GB:9932 HR:9934 "
        "HU:9910 IE:9935 LI:9936 LT:9937 LU:9938 LV:9939 MT:9943 NL:9944 PL:9945 PT:9946 RO:9947 RS:9948 "
        "SI:9949 SK:9950"
    ).split()
)

# Why no VAT is charged: the code of VATEX, and the words where the document has none. E has no code.
_EXEMPTIONS: dict[str, tuple[str, str]] = {
    "AE": ("VATEX-EU-AE", mark("Reverse charge")),
    "K": ("VATEX-EU-IC", mark("Intra-Community supply")),
    "G": ("VATEX-EU-G", mark("Export outside the EU")),
    "O": ("VATEX-EU-O", mark("Not subject to VAT")),
    "E": ("", ""),
}


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line with what its amounts are made of: `base_minor` − `allowance_minor` is its net."""

    number: int
    name: str
    description: str
    quantity: Decimal
    unit_price_minor: int
    base_minor: int
    allowance_minor: int


@dataclass(frozen=True, slots=True)
class PaymentMeans:
    """How to pay: the code of UNCL4461, and the account."""

    code: str
    iban: str
    bic: str


def amount_text(amount_minor: int, currency: str) -> str:
    """An amount for an e-invoice: two decimals, more only where not zero. 100000 EUR is "1000.00"."""
    digits = minor_digits(currency)
    amount = Decimal(amount_minor).scaleb(-digits)
    places = 2
    while places < digits and amount != amount.quantize(Decimal(1).scaleb(-places)):
        places += 1
    return f"{amount:.{places}f}"


def quantity_text(value: Decimal) -> str:
    """A quantity without an exponent or zeros at its end: Decimal("1E+2") is "100"."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent_text(value: Decimal) -> str:
    """A percentage with at least two decimals: 19 is "19.00"."""
    whole, _, part = quantity_text(value).partition(".")
    return f"{whole}.{part:0<2}"


def written_lines(document: InvoiceDocument) -> Iterator[WrittenLine]:
    """The lines, numbered from 1. A negative price is a negative quantity, since a price may not be (BR-27).

    What a discount takes off is the difference between quantity × price, rounded once, and the line's net.
    """
    for number, line in enumerate(document.lines, 1):
        sign = -1 if line.unit_price_minor < 0 else 1
        base_minor = round_half_up(Fraction(line.quantity) * line.unit_price_minor)
        discounted = line.discount_percent is not None or line.discount_minor
        name, _, rest = line.description.strip().partition("\n")
        yield WrittenLine(
            number,
            name.strip(),
            rest.strip(),
            line.quantity * sign,
            line.unit_price_minor * sign,
            base_minor,
            base_minor - line.net_minor if discounted else 0,
        )


def discount_reason(reason: str = "") -> str:
    """Why a discount is given; where nobody said why, the word in the language of the document."""
    return gettext(DISCOUNT) if reason in ("", DISCOUNT) else reason


def allowances_minor(document: InvoiceDocument) -> int:
    """The sum of the discounts on the whole document."""
    return sum(discount.amount_minor for discount in document.discounts)


def states_percent(amount_minor: int, percent: Decimal | None, base_minor: int, currency: str) -> bool:
    """Whether a discount is given with its percentage and base, which then have to fit to 0.02 (R040).

    In a currency without decimals, rounding may change the amount by more: then it is given alone.
    """
    if percent is None:
        return False
    if minor_digits(currency) >= 2:
        return True
    return abs(Fraction(base_minor) * Fraction(percent) / 100 - amount_minor) <= Fraction(2, 100)


def lines_minor(document: InvoiceDocument) -> int:
    """The sum of the lines' nets, before discounts on the whole document."""
    return sum(line.net_minor for line in document.lines)


def period(document: InvoiceDocument) -> tuple[date | None, date | None]:
    """The first and the last day of all service periods: a period of the header spans those of the lines."""
    return (
        min(_given(line.service_from for line in document.lines), default=None),
        max(_given(line.service_to for line in document.lines), default=None),
    )


def exemption(subtotal: TaxSubtotal) -> tuple[str, str]:
    """The code and the words that say why a category charges no VAT; both empty if it needs none."""
    if subtotal.category not in _EXEMPTIONS:
        return "", ""
    code, words = _EXEMPTIONS[subtotal.category]
    return code, gettext(words) if words and subtotal.reason in ("", words) else subtotal.reason


def outside_vat(document: InvoiceDocument) -> bool:
    """Whether VAT does not apply at all: then no VAT ids may be given (BR-O-02)."""
    return any(subtotal.category == "O" for subtotal in document.taxes)


def seller_id(document: InvoiceDocument) -> str:
    """What identifies a seller whose VAT id is not given (BR-CO-26)."""
    seller = document.seller
    if outside_vat(document):
        return seller.tax_number or seller.vat_id
    return "" if seller.vat_id else seller.tax_number


def electronic_address(party: Party, *, by_vat_id: bool = False) -> tuple[str, str]:
    """The scheme and the address where a party takes e-invoices: its mail address (scheme EM).

    `by_vat_id`: its VAT id where the country has a scheme for it, since Peppol delivers to no mail address.
    """
    scheme = _VAT_ID_SCHEMES.get(party.vat_id[:2])
    if by_vat_id and scheme:
        return scheme, party.vat_id
    return "EM", party.email


def payment_means(document: InvoiceDocument) -> PaymentMeans:
    """A SEPA or another credit transfer, or "not defined" where there is no account."""
    iban = document.iban.replace(" ", "")
    if not iban:
        return PaymentMeans("1", "", "")
    return PaymentMeans("58" if document.currency == "EUR" else "30", iban, document.bic.replace(" ", ""))


def payment_terms(document: InvoiceDocument, profile: Profile) -> str:
    """The terms of payment; the early-payment discount in the form that XRechnung prescribes, or in words."""
    early = document.early_payment
    if early is None:
        return document.terms
    if profile == "xrechnung":
        # elsewhere in the terms, the sign would be read as the start of such a line (BR-DE-18)
        terms = document.terms.replace("#", "")
        skonto = f"#SKONTO#TAGE={early.days}#PROZENT={early.percent:.2f}#\n"
        return f"{terms}\n{skonto}" if terms else skonto
    # both forms are the same in English: documents that were issued stay as they are
    words = ngettext(
        "%(percent)s %% discount if paid within %(num)s days.",
        "%(percent)s %% discount if paid within %(num)s days.",
        early.days,
        percent=percent_text(early.percent),
    )
    return f"{document.terms}\n{words}" if document.terms else words


def _given(days: Iterable[date | None]) -> list[date]:
    return [day for day in days if day is not None]

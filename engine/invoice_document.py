"""What an invoice or a credit note says: the values that its page, its PDF and its e-invoices are made from.

Amounts are integers in minor units of the document's currency, rates and percentages Decimals in percent,
days are dates in the provider's time zone. Sources: product.md section 10; EN 16931-1 (tax categories).
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

DocumentKind = Literal["invoice", "credit_note"]
TaxCategory = Literal["S", "Z", "E", "AE", "K", "G", "O"]
"""Standard, zero, exempt, reverse charge, within the EU, export, outside the scope of VAT (UNCL5305)."""


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or a buyer. `country` is an ISO 3166-1 code of two letters, empty if unknown."""

    name: str
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = ""
    vat_id: str = ""
    tax_number: str = ""
    email: str = ""
    contact_name: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line; `unit` is a UN/ECE Recommendation 20 code (HUR hour, C62 piece); the net is rounded once.

    `discount_percent` is of quantity × price, `discount_minor` what the discount is in money; `service_to` is
    inclusive.
    """

    description: str
    quantity: Decimal
    unit: str
    unit_price_minor: int
    net_minor: int
    tax_category: TaxCategory
    tax_rate: Decimal
    discount_percent: Decimal | None = None
    discount_minor: int = 0
    service_from: date | None = None
    service_to: date | None = None


@dataclass(frozen=True, slots=True)
class DocumentDiscount:
    """A discount on the whole document, as it falls on the lines of one tax rate."""

    reason: str
    base_minor: int
    percent: Decimal | None
    amount_minor: int
    tax_category: TaxCategory
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class TaxSubtotal:
    """The base and the tax of one category and rate; `reason` says why nothing is charged, where so."""

    category: TaxCategory
    rate: Decimal
    base_minor: int
    tax_minor: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EarlyPayment:
    """A discount in percent for payment within so many days of the issue."""

    days: int
    percent: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """An invoice or credit note as issued; of a credit note, amounts are positive and are what is credited.

    `paid_minor` is what was paid or credited before the issue; `corrects` the number and day of the invoice
    that a credit note corrects; `buyer_reference` a routing id such as a German Leitweg-ID.
    """

    kind: DocumentKind
    number: str
    issued_on: date
    due_on: date | None
    currency: str
    seller: Party
    buyer: Party
    lines: tuple[DocumentLine, ...]
    discounts: tuple[DocumentDiscount, ...]
    taxes: tuple[TaxSubtotal, ...]
    net_minor: int
    tax_minor: int
    total_minor: int
    paid_minor: int = 0
    order_number: str = ""
    buyer_reference: str = ""
    note: str = ""
    terms: str = ""
    early_payment: EarlyPayment | None = None
    iban: str = ""
    bic: str = ""
    corrects: tuple[str, date] | None = None
    language: str = "en"

    @property
    def payable_minor(self) -> int:
        """What remains to be paid."""
        return self.total_minor - self.paid_minor

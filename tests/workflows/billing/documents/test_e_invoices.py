"""E-invoices of many kinds of documents, in both syntaxes and profiles: valid, and exact."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import pytest

from engine.invoice_document import DocumentDiscount, EarlyPayment, InvoiceDocument, Party
from tests.support.e_invoice_schemas import schema_errors, texts
from tests.support.invoice_documents import BUYER, SELLER, document, line, without
from workflows.billing.documents.cii import cii_invoice
from workflows.billing.documents.e_invoice import Profile
from workflows.billing.documents.ubl import ubl_invoice
from workflows.billing.documents.validation import validate

PROFILES: tuple[Profile, ...] = get_args(Profile)
WRITERS: dict[str, Callable[[InvoiceDocument, Profile], bytes]] = {"CII": cii_invoice, "UBL": ubl_invoice}
MARCH: dict[str, Any] = {"service_from": date(2026, 3, 1), "service_to": date(2026, 3, 31)}
APRIL: dict[str, Any] = {"service_from": date(2026, 4, 1), "service_to": date(2026, 4, 30)}

FRENCH = Party(
    name="Électricité d’Été SARL",
    street="1 rue de l’Œuvre",
    postal_code="75001",
    city="Paris",
    country="FR",
    vat_id="FR83404833048",
    email="factures@ete.example",
)

DOCUMENTS: dict[str, InvoiceDocument] = {
    "one line": document(),
    "several rates": document(line(tax_rate="19"), line(tax_rate="7"), line(tax_rate="19", quantity="0.25")),
    "discount of a line": document(line(discount_percent="10"), line(discount_percent="33.333")),
    "discount of a line in money": document(replace(line(), discount_minor=5_000, net_minor=95_000)),
    "discount of the document": document(line(), line(tax_rate="7"), discount_percent="10"),
    "discount of the document in money": document(discount_minor=1_000),
    "both discounts": document(line(discount_percent="5"), discount_percent="2.5"),
    "free of charge": document(line(discount_percent="100")),
    "reverse charge": document(line(tax_category="AE", tax_rate="0"), buyer=FRENCH),
    "within the EU": document(line(tax_category="K", tax_rate="0"), buyer=FRENCH),
    "export": document(line(tax_category="G", tax_rate="0"), buyer=replace(BUYER, country="CH", vat_id="")),
    "zero rated": document(line(tax_category="Z", tax_rate="0")),
    "exempt": document(line(tax_category="E", tax_rate="0"), line(tax_rate="19")),
    "outside VAT": document(line(tax_category="O", tax_rate="0")),
    "credit note": document(kind="credit_note", number="G-1", corrects=("R-2026-0001", date(2026, 11, 1))),
    "partly paid": document(paid_minor=20_000),
    "paid": document(paid_minor=119_000, due_on=None, terms=""),
    "early payment": document(early_payment=EarlyPayment(14, Decimal("2"))),
    "early payment alone": document(early_payment=EarlyPayment(7, Decimal("2.5")), terms="", due_on=None),
    "yen": document(line(unit_price_minor=1_234), currency="JPY"),
    "dinars in whole fils of ten": document(line(unit_price_minor=10_000), currency="KWD"),
    "guilders of Curaçao": document(currency="XCG"),
    "service periods": document(line(**MARCH), line(**APRIL), line()),
    "long description": document(line("Support\n" + "All that was done on the servers. " * 200, **MARCH)),
    "special characters": document(
        line("Kabel <Ø 3\" & 5'> \x00\x0b\ud800 漢字 עברית 😀"),
        note="Zeile 1\nZeile 2 ]]>",
        order_number="A&B <7>",
    ),
    "negative line": document(line(), line("Refund", unit_price_minor=-1_000)),
    "exponents": document(replace(line(), quantity=Decimal("1E+1"), tax_rate=Decimal("1.9E+1"))),
    "no bank account": document(iban=""),
    "dollars": document(currency="USD", bic="BYLADEM1001"),
    "seller without VAT id": document(seller=without(SELLER, "vat_id")),
    "many lines": document(*(line(f"Hour {number}", quantity="0.33") for number in range(300))),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_valid(name: str, profile: Profile) -> None:
    """By the published rules of the profile in CII and UBL, and by their XML schemas."""
    for write in WRITERS.values():
        assert schema_errors(write(DOCUMENTS[name], profile)) == []
    assert validate(DOCUMENTS[name], profile).fatal == ()


def test_discount_over_two_rates() -> None:
    """33.33 at 19 % and 66.67 at 7 %, 10 % off the document: bases 30.00 and 60.00, VAT 5.70 and 4.20."""
    invoice = document(
        line(quantity="1", unit_price_minor=3_333),
        line(quantity="1", unit_price_minor=6_667, tax_rate="7"),
        discount_percent="10",
    )
    assert validate(invoice, "xrechnung").fatal == ()
    cii, ubl = cii_invoice(invoice, "xrechnung"), ubl_invoice(invoice, "xrechnung")
    header = "//ram:ApplicableHeaderTradeSettlement"
    assert texts(cii, f"{header}/ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount") == ["3.33", "6.67"]
    assert texts(cii, f"{header}/ram:SpecifiedTradeAllowanceCharge/ram:BasisAmount") == ["33.33", "66.67"]
    assert texts(cii, f"{header}/ram:ApplicableTradeTax/ram:BasisAmount") == ["30.00", "60.00"]
    assert texts(cii, f"{header}/ram:ApplicableTradeTax/ram:CalculatedAmount") == ["5.70", "4.20"]
    assert texts(cii, "//ram:GrandTotalAmount") == ["99.90"]
    assert texts(ubl, "/*/cac:AllowanceCharge/cbc:Amount") == ["3.33", "6.67"]
    assert texts(ubl, "//cac:TaxSubtotal/cbc:TaxableAmount") == ["30.00", "60.00"]
    assert texts(ubl, "//cac:TaxSubtotal/cbc:TaxAmount") == ["5.70", "4.20"]
    assert texts(ubl, "//cbc:PayableAmount") == ["99.90"]


def test_a_base_is_given_with_a_percentage_only() -> None:
    percent, money = document(discount_percent="10"), document(discount_minor=1_000)
    assert texts(cii_invoice(percent, "en16931"), "//ram:CalculationPercent") == ["10.00"]
    assert texts(ubl_invoice(percent, "en16931"), "//cbc:MultiplierFactorNumeric") == ["10.00"]
    allowance = "//ram:SpecifiedTradeAllowanceCharge"
    assert texts(cii_invoice(money, "en16931"), f"{allowance}/ram:CalculationPercent") == []
    assert texts(cii_invoice(money, "en16931"), f"{allowance}/ram:BasisAmount") == []
    assert texts(ubl_invoice(money, "en16931"), "//cbc:BaseAmount") == []


def test_a_percentage_that_rounding_hides_is_left_out() -> None:
    """0.12 % of JPY 417 is 0.50, rounded to 1, which no rule would accept as 0.12 %."""
    invoice = document(line(quantity="1", unit_price_minor=417), currency="JPY", discount_percent="0.12")
    assert texts(cii_invoice(invoice, "en16931"), "//ram:ActualAmount") == ["1.00"]
    assert texts(cii_invoice(invoice, "en16931"), "//ram:CalculationPercent") == []
    assert validate(invoice, "en16931").fatal == ()


def test_the_period_of_the_header_spans_those_of_the_lines() -> None:
    invoice = document(line(**APRIL), line(**MARCH), line())
    header = "//ram:ApplicableHeaderTradeSettlement/ram:BillingSpecifiedPeriod"
    cii, ubl = cii_invoice(invoice, "xrechnung"), ubl_invoice(invoice, "xrechnung")
    assert texts(cii, f"{header}/ram:StartDateTime/udt:DateTimeString") == ["20260301"]
    assert texts(cii, f"{header}/ram:EndDateTime/udt:DateTimeString") == ["20260430"]
    assert texts(ubl, "/*/cac:InvoicePeriod/cbc:StartDate") == ["2026-03-01"]
    assert texts(ubl, "/*/cac:InvoicePeriod/cbc:EndDate") == ["2026-04-30"]
    assert texts(cii_invoice(document(), "xrechnung"), f"{header}//udt:DateTimeString") == []


def test_early_payment_is_a_line_of_its_own() -> None:
    invoice = document(terms="Within 30 days. #1 rule", early_payment=EarlyPayment(14, Decimal("2")))
    expected = ["Within 30 days. 1 rule\n#SKONTO#TAGE=14#PROZENT=2.00#\n"]
    path = "//ram:SpecifiedTradePaymentTerms/ram:Description"
    assert texts(cii_invoice(invoice, "xrechnung"), path) == expected
    assert texts(ubl_invoice(invoice, "xrechnung"), "//cac:PaymentTerms/cbc:Note") == expected
    assert texts(cii_invoice(invoice, "en16931"), path) == [
        "Within 30 days. #1 rule\n2.00 % discount if paid within 14 days."
    ]


def test_zero_rates_have_their_reasons() -> None:
    """Z has none (BR-Z-10), E has words, the others a code and words; outside VAT there is no VAT id."""
    reasons = {
        "Z": ([], []),
        "E": ([], ["Exempt under § 4 no. 21 UStG"]),
        "AE": (["VATEX-EU-AE"], ["Reverse charge"]),
        "K": (["VATEX-EU-IC"], ["Intra-Community supply"]),
        "G": (["VATEX-EU-G"], ["Export outside the EU"]),
        "O": (["VATEX-EU-O"], ["Not subject to VAT"]),
    }
    for category, (codes, words) in reasons.items():
        invoice = document(line(tax_category=category, tax_rate="0"))  # type: ignore[arg-type]
        cii, ubl = cii_invoice(invoice, "en16931"), ubl_invoice(invoice, "en16931")
        assert texts(cii, "//ram:ExemptionReasonCode") == codes, category
        assert texts(cii, "//ram:ExemptionReason") == words, category
        assert texts(ubl, "//cbc:TaxExemptionReasonCode") == codes, category
        assert texts(ubl, "//cbc:TaxExemptionReason") == words, category
        vat_ids = texts(cii, "//ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']")
        assert vat_ids == ([] if category == "O" else ["DE123456788", "DE987654324"])


@pytest.mark.parametrize(
    ("currency", "price_minor", "text"),
    [("EUR", 100_000, "1000.00"), ("JPY", 1_000, "1000.00"), ("KWD", 1_230, "1.23"), ("KWD", 1_234, "1.234")],
)
def test_amounts_have_two_decimals_also_when_zero(currency: str, price_minor: int, text: str) -> None:
    invoice = document(line(quantity="1", unit_price_minor=price_minor), currency=currency)
    assert texts(cii_invoice(invoice, "en16931"), "//ram:ChargeAmount") == [text]
    assert texts(ubl_invoice(invoice, "en16931"), "//cbc:PriceAmount") == [text]


def test_a_negative_price_is_a_negative_quantity() -> None:
    invoice = document(line(), line("Refund", quantity="2", unit_price_minor=-1_000))
    assert texts(cii_invoice(invoice, "en16931"), "//ram:BilledQuantity") == ["10", "-2"]
    assert texts(cii_invoice(invoice, "en16931"), "//ram:ChargeAmount") == ["100.00", "10.00"]
    assert texts(cii_invoice(invoice, "en16931"), "//ram:LineTotalAmount") == ["1000.00", "-20.00", "980.00"]


def test_a_credit_note_names_what_it_corrects() -> None:
    note = DOCUMENTS["credit note"]
    cii, ubl = cii_invoice(note, "xrechnung"), ubl_invoice(note, "xrechnung")
    assert texts(cii, "//rsm:ExchangedDocument/ram:TypeCode") == ["381"]
    assert texts(cii, "//ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["R-2026-0001"]
    assert texts(ubl, "//cbc:CreditNoteTypeCode") == ["381"]
    assert texts(ubl, "//cac:InvoiceDocumentReference/cbc:ID") == ["R-2026-0001"]
    assert texts(ubl, "//cac:InvoiceDocumentReference/cbc:IssueDate") == ["2026-11-01"]
    assert texts(ubl, "//cbc:DueDate") == []
    assert texts(ubl, "//cac:PaymentMeans/cbc:PaymentDueDate") == ["2026-12-13"]


def test_peppol_addresses_are_vat_ids_where_a_country_has_a_scheme() -> None:
    swiss = replace(BUYER, country="CH", vat_id="CHE123456789MWST")
    assert texts(ubl_invoice(document(buyer=FRENCH), "en16931"), "//cbc:EndpointID[@schemeID='9957']") == [
        "FR83404833048"
    ]
    assert texts(ubl_invoice(document(buyer=swiss), "en16931"), "//cbc:EndpointID[@schemeID='EM']") == [
        swiss.email
    ]
    assert texts(ubl_invoice(document(), "xrechnung"), "//cbc:EndpointID[@schemeID='EM']") == [
        SELLER.email,
        BUYER.email,
    ]


def test_the_same_document_is_the_same_bytes() -> None:
    for write in WRITERS.values():
        assert write(document(), "en16931") == write(document(), "en16931")


def test_discounts_of_nothing_are_left_out() -> None:
    discount = DocumentDiscount("None", 100_000, Decimal(0), 0, "S", Decimal(19))
    assert texts(cii_invoice(document(discounts=(discount,)), "en16931"), "//ram:ActualAmount") == []

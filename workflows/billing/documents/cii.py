"""An invoice or credit note as a UN/CEFACT Cross Industry Invoice (CII D16B): Factur-X and XRechnung.

Sources: EN 16931-3-3; Factur-X 1.09, profile EN 16931; XRechnung 3.0.2.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from engine.invoice_document import DocumentDiscount, DocumentLine, InvoiceDocument, Party, TaxSubtotal
from workflows.billing.documents.e_invoice import (
    PROCESS,
    XRECHNUNG,
    Profile,
    WrittenLine,
    allowances_minor,
    amount_text,
    discount_reason,
    electronic_address,
    exemption,
    lines_minor,
    outside_vat,
    payment_means,
    payment_terms,
    percent_text,
    period,
    quantity_text,
    seller_id,
    states_percent,
    written_lines,
)
from workflows.billing.documents.wording import in_its_language
from workflows.billing.documents.xml_text import NOTHING, Xml, leaf, parent, xml_file

_GUIDELINES: dict[Profile, str] = {"en16931": "urn:cen.eu:en16931:2017", "xrechnung": XRECHNUNG}
_TYPES = {"invoice": "380", "credit_note": "381"}
_UN = "urn:un:unece:uncefact:data:standard"


@in_its_language
def cii_invoice(document: InvoiceDocument, profile: Profile) -> bytes:
    """The document as CII, in UTF-8."""
    return xml_file(
        parent(
            "rsm:CrossIndustryInvoice",
            _context(profile),
            parent(
                "rsm:ExchangedDocument",
                leaf("ram:ID", document.number),
                leaf("ram:TypeCode", _TYPES[document.kind]),
                _day("ram:IssueDateTime", document.issued_on),
                parent("ram:IncludedNote", leaf("ram:Content", document.note)),
            ),
            parent(
                "rsm:SupplyChainTradeTransaction",
                *_lines(document),
                _agreement(document),
                _delivery(document),
                _settlement(document, profile),
            ),
            xmlns__rsm=f"{_UN}:CrossIndustryInvoice:100",
            xmlns__ram=f"{_UN}:ReusableAggregateBusinessInformationEntity:100",
            xmlns__udt=f"{_UN}:UnqualifiedDataType:100",
            xmlns__qdt=f"{_UN}:QualifiedDataType:100",
        )
    )


def _context(profile: Profile) -> Xml:
    return parent(
        "rsm:ExchangedDocumentContext",
        parent("ram:BusinessProcessSpecifiedDocumentContextParameter", leaf("ram:ID", PROCESS)),
        parent("ram:GuidelineSpecifiedDocumentContextParameter", leaf("ram:ID", _GUIDELINES[profile])),
    )


def _lines(document: InvoiceDocument) -> Iterable[Xml]:
    currency = document.currency
    for line, written in zip(document.lines, written_lines(document), strict=True):
        yield parent(
            "ram:IncludedSupplyChainTradeLineItem",
            parent("ram:AssociatedDocumentLineDocument", leaf("ram:LineID", str(written.number))),
            parent(
                "ram:SpecifiedTradeProduct",
                leaf("ram:Name", written.name),
                leaf("ram:Description", written.description),
            ),
            parent(
                "ram:SpecifiedLineTradeAgreement",
                parent(
                    "ram:NetPriceProductTradePrice",
                    leaf("ram:ChargeAmount", amount_text(written.unit_price_minor, currency)),
                ),
            ),
            parent(
                "ram:SpecifiedLineTradeDelivery",
                leaf("ram:BilledQuantity", quantity_text(written.quantity), unitCode=line.unit),
            ),
            _line_settlement(line, written, currency),
        )


def _line_settlement(line: DocumentLine, written: WrittenLine, currency: str) -> Xml:
    return parent(
        "ram:SpecifiedLineTradeSettlement",
        parent("ram:ApplicableTradeTax", *_tax_category(line.tax_category, line.tax_rate)),
        _period(line.service_from, line.service_to),
        _allowance(
            written.allowance_minor, line.discount_percent, written.base_minor, discount_reason(), currency
        ),
        parent(
            "ram:SpecifiedTradeSettlementLineMonetarySummation",
            leaf("ram:LineTotalAmount", amount_text(line.net_minor, currency)),
        ),
    )


def _agreement(document: InvoiceDocument) -> Xml:
    vat_ids = not outside_vat(document)
    return parent(
        "ram:ApplicableHeaderTradeAgreement",
        leaf("ram:BuyerReference", document.buyer_reference),
        _party("ram:SellerTradeParty", document.seller, vat_ids, seller_id(document)),
        _party("ram:BuyerTradeParty", document.buyer, vat_ids),
        parent("ram:BuyerOrderReferencedDocument", leaf("ram:IssuerAssignedID", document.order_number)),
    )


def _party(name: str, party: Party, vat_id: bool, own_id: str = "") -> Xml:
    scheme, address = electronic_address(party)
    seller = name == "ram:SellerTradeParty"
    return parent(
        name,
        leaf("ram:ID", own_id),
        leaf("ram:Name", party.name),
        parent(
            "ram:DefinedTradeContact",
            leaf("ram:PersonName", party.contact_name),
            parent("ram:TelephoneUniversalCommunication", leaf("ram:CompleteNumber", party.phone)),
            parent("ram:EmailURIUniversalCommunication", leaf("ram:URIID", party.email)),
        ),
        _address(party),
        parent("ram:URIUniversalCommunication", leaf("ram:URIID", address, schemeID=scheme)),
        parent("ram:SpecifiedTaxRegistration", leaf("ram:ID", party.vat_id if vat_id else "", schemeID="VA")),
        parent(
            "ram:SpecifiedTaxRegistration", leaf("ram:ID", party.tax_number if seller else "", schemeID="FC")
        ),
    )


def _address(party: Party) -> Xml:
    return parent(
        "ram:PostalTradeAddress",
        leaf("ram:PostcodeCode", party.postal_code),
        leaf("ram:LineOne", party.street),
        leaf("ram:CityName", party.city),
        leaf("ram:CountryID", party.country),
    )


def _delivery(document: InvoiceDocument) -> Xml:
    # the schema wants the element, also where there is nothing in it
    within_eu = any(subtotal.category == "K" for subtotal in document.taxes)
    if not within_eu:
        return Xml("<ram:ApplicableHeaderTradeDelivery/>")
    return parent(
        "ram:ApplicableHeaderTradeDelivery",
        parent(
            "ram:ShipToTradeParty",
            _address(document.buyer),
        ),
        parent(
            "ram:ActualDeliverySupplyChainEvent",
            _day("ram:OccurrenceDateTime", period(document)[1] or document.issued_on),
        ),
    )


def _settlement(document: InvoiceDocument, profile: Profile) -> Xml:
    currency = document.currency
    means = payment_means(document)
    return parent(
        "ram:ApplicableHeaderTradeSettlement",
        leaf("ram:PaymentReference", document.number),
        leaf("ram:InvoiceCurrencyCode", currency),
        parent(
            "ram:SpecifiedTradeSettlementPaymentMeans",
            leaf("ram:TypeCode", means.code),
            parent("ram:PayeePartyCreditorFinancialAccount", leaf("ram:IBANID", means.iban)),
            parent("ram:PayeeSpecifiedCreditorFinancialInstitution", leaf("ram:BICID", means.bic)),
        ),
        *(_subtotal(subtotal, currency) for subtotal in document.taxes),
        _period(*period(document)),
        *(_document_discount(discount, currency) for discount in document.discounts),
        parent(
            "ram:SpecifiedTradePaymentTerms",
            leaf("ram:Description", payment_terms(document, profile)),
            _day("ram:DueDateDateTime", document.due_on),
        ),
        _totals(document),
        _corrected(document),
    )


def _subtotal(subtotal: TaxSubtotal, currency: str) -> Xml:
    code, reason = exemption(subtotal)
    return parent(
        "ram:ApplicableTradeTax",
        leaf("ram:CalculatedAmount", amount_text(subtotal.tax_minor, currency)),
        leaf("ram:TypeCode", "VAT"),
        leaf("ram:ExemptionReason", reason),
        leaf("ram:BasisAmount", amount_text(subtotal.base_minor, currency)),
        leaf("ram:CategoryCode", subtotal.category),
        leaf("ram:ExemptionReasonCode", code),
        leaf("ram:RateApplicablePercent", percent_text(subtotal.rate)),
    )


def _document_discount(discount: DocumentDiscount, currency: str) -> Xml:
    return _allowance(
        discount.amount_minor,
        discount.percent,
        discount.base_minor,
        discount_reason(discount.reason),
        currency,
        parent("ram:CategoryTradeTax", *_tax_category(discount.tax_category, discount.tax_rate)),
    )


def _allowance(
    amount_minor: int,
    percent: Decimal | None,
    base_minor: int,
    reason: str,
    currency: str,
    tax: Xml = NOTHING,
) -> Xml:
    """A discount; a base is given with a percentage only (R041, R042)."""
    if not amount_minor:
        return NOTHING
    stated = percent if states_percent(amount_minor, percent, base_minor, currency) else None
    return parent(
        "ram:SpecifiedTradeAllowanceCharge",
        parent("ram:ChargeIndicator", leaf("udt:Indicator", "false")),
        leaf("ram:CalculationPercent", "" if stated is None else percent_text(stated)),
        leaf("ram:BasisAmount", "" if stated is None else amount_text(base_minor, currency)),
        leaf("ram:ActualAmount", amount_text(amount_minor, currency)),
        leaf("ram:Reason", reason),
        tax,
    )


def _totals(document: InvoiceDocument) -> Xml:
    currency = document.currency
    discounts_minor, paid_minor = allowances_minor(document), document.paid_minor
    return parent(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        leaf("ram:LineTotalAmount", amount_text(lines_minor(document), currency)),
        leaf("ram:AllowanceTotalAmount", amount_text(discounts_minor, currency) if discounts_minor else ""),
        leaf("ram:TaxBasisTotalAmount", amount_text(document.net_minor, currency)),
        leaf("ram:TaxTotalAmount", amount_text(document.tax_minor, currency), currencyID=currency),
        leaf("ram:GrandTotalAmount", amount_text(document.total_minor, currency)),
        leaf("ram:TotalPrepaidAmount", amount_text(paid_minor, currency) if paid_minor else ""),
        leaf("ram:DuePayableAmount", amount_text(document.payable_minor, currency)),
    )


def _corrected(document: InvoiceDocument) -> Xml:
    if document.corrects is None:
        return NOTHING
    number, issued_on = document.corrects
    return parent(
        "ram:InvoiceReferencedDocument",
        leaf("ram:IssuerAssignedID", number),
        _day("ram:FormattedIssueDateTime", issued_on, "qdt"),
    )


def _tax_category(category: str, rate: Decimal) -> tuple[Xml, ...]:
    # what is outside the scope of VAT has no rate, not even 0 (BR-O-05)
    return (
        leaf("ram:TypeCode", "VAT"),
        leaf("ram:CategoryCode", category),
        leaf("ram:RateApplicablePercent", "" if category == "O" else percent_text(rate)),
    )


def _period(first: date | None, last: date | None) -> Xml:
    return parent(
        "ram:BillingSpecifiedPeriod", _day("ram:StartDateTime", first), _day("ram:EndDateTime", last)
    )


def _day(name: str, day: date | None, prefix: str = "udt") -> Xml:
    return parent(name, leaf(f"{prefix}:DateTimeString", f"{day:%Y%m%d}" if day else "", format="102"))

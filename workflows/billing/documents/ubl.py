"""An invoice or credit note as OASIS UBL 2.1: Peppol BIS Billing 3 and XRechnung.

Sources: EN 16931-3-2; Peppol BIS Billing 3; XRechnung 3.0.2.
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

_CUSTOMIZATIONS: dict[Profile, str] = {
    "en16931": "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
    "xrechnung": XRECHNUNG,
}
_OASIS = "urn:oasis:names:specification:ubl:schema:xsd"


@in_its_language
def ubl_invoice(document: InvoiceDocument, profile: Profile) -> bytes:
    """The document as a UBL Invoice or CreditNote, in UTF-8."""
    credit_note = document.kind == "credit_note"
    root = "CreditNote" if credit_note else "Invoice"
    means = payment_means(document)
    return xml_file(
        parent(
            root,
            leaf("cbc:CustomizationID", _CUSTOMIZATIONS[profile]),
            leaf("cbc:ProfileID", PROCESS),
            leaf("cbc:ID", document.number),
            leaf("cbc:IssueDate", document.issued_on.isoformat()),
            NOTHING if credit_note else _day("cbc:DueDate", document.due_on),
            leaf(f"cbc:{root}TypeCode", "381" if credit_note else "380"),
            leaf("cbc:Note", document.note),
            leaf("cbc:DocumentCurrencyCode", document.currency),
            leaf("cbc:BuyerReference", document.buyer_reference),
            _period(*period(document)),
            _references(document),
            *_parties(document, profile),
            _delivery(document),
            parent(
                "cac:PaymentMeans",
                leaf("cbc:PaymentMeansCode", means.code),
                # a credit note has its due day only here
                _day("cbc:PaymentDueDate", document.due_on if credit_note else None),
                leaf("cbc:PaymentID", document.number),
                parent(
                    "cac:PayeeFinancialAccount",
                    leaf("cbc:ID", means.iban),
                    parent("cac:FinancialInstitutionBranch", leaf("cbc:ID", means.bic)),
                ),
            ),
            parent("cac:PaymentTerms", leaf("cbc:Note", payment_terms(document, profile))),
            *(_document_discount(discount, document.currency) for discount in document.discounts),
            _taxes(document),
            _totals(document),
            *_lines(document, root),
            xmlns=f"{_OASIS}:{root}-2",
            xmlns__cac=f"{_OASIS}:CommonAggregateComponents-2",
            xmlns__cbc=f"{_OASIS}:CommonBasicComponents-2",
        )
    )


def _references(document: InvoiceDocument) -> Xml:
    number, issued_on = document.corrects or ("", None)
    return Xml(
        parent("cac:OrderReference", leaf("cbc:ID", document.order_number))
        + parent(
            "cac:BillingReference",
            parent("cac:InvoiceDocumentReference", leaf("cbc:ID", number), _day("cbc:IssueDate", issued_on)),
        )
    )


def _parties(document: InvoiceDocument, profile: Profile) -> tuple[Xml, Xml]:
    vat_ids = not outside_vat(document)
    seller, buyer = document.seller, document.buyer
    return (
        parent(
            "cac:AccountingSupplierParty",
            _party(seller, _endpoint(seller, profile), vat_ids, seller.tax_number, seller_id(document)),
        ),
        parent("cac:AccountingCustomerParty", _party(buyer, _endpoint(buyer, profile), vat_ids)),
    )


def _endpoint(party: Party, profile: Profile) -> Xml:
    scheme, address = electronic_address(party, by_vat_id=profile == "en16931")
    return leaf("cbc:EndpointID", address, schemeID=scheme)


def _party(party: Party, endpoint: Xml, vat_id: bool, tax_number: str = "", own_id: str = "") -> Xml:
    return parent(
        "cac:Party",
        endpoint,
        parent("cac:PartyIdentification", leaf("cbc:ID", own_id)),
        parent("cac:PartyName", leaf("cbc:Name", party.name)),
        _address("cac:PostalAddress", party),
        _tax_scheme("VAT", party.vat_id if vat_id else ""),
        _tax_scheme("FC", tax_number),
        parent("cac:PartyLegalEntity", leaf("cbc:RegistrationName", party.name)),
        parent(
            "cac:Contact",
            leaf("cbc:Name", party.contact_name),
            leaf("cbc:Telephone", party.phone),
            leaf("cbc:ElectronicMail", party.email),
        ),
    )


def _address(name: str, party: Party) -> Xml:
    return parent(
        name,
        leaf("cbc:StreetName", party.street),
        leaf("cbc:CityName", party.city),
        leaf("cbc:PostalZone", party.postal_code),
        parent("cac:Country", leaf("cbc:IdentificationCode", party.country)),
    )


def _tax_scheme(scheme: str, number: str) -> Xml:
    if not number.strip():
        return NOTHING
    return parent(
        "cac:PartyTaxScheme",
        leaf("cbc:CompanyID", number),
        parent("cac:TaxScheme", leaf("cbc:ID", scheme)),
    )


def _delivery(document: InvoiceDocument) -> Xml:
    if all(subtotal.category != "K" for subtotal in document.taxes):
        return NOTHING
    return parent(
        "cac:Delivery",
        _day("cbc:ActualDeliveryDate", period(document)[1] or document.issued_on),
        parent(
            "cac:DeliveryLocation",
            _address("cac:Address", document.buyer),
        ),
    )


def _taxes(document: InvoiceDocument) -> Xml:
    currency = document.currency
    return parent(
        "cac:TaxTotal",
        _amount("cbc:TaxAmount", document.tax_minor, currency),
        *(_subtotal(subtotal, currency) for subtotal in document.taxes),
    )


def _subtotal(subtotal: TaxSubtotal, currency: str) -> Xml:
    code, reason = exemption(subtotal)
    return parent(
        "cac:TaxSubtotal",
        _amount("cbc:TaxableAmount", subtotal.base_minor, currency),
        _amount("cbc:TaxAmount", subtotal.tax_minor, currency),
        parent(
            "cac:TaxCategory",
            leaf("cbc:ID", subtotal.category),
            leaf("cbc:Percent", percent_text(subtotal.rate)),
            leaf("cbc:TaxExemptionReasonCode", code),
            leaf("cbc:TaxExemptionReason", reason),
            parent("cac:TaxScheme", leaf("cbc:ID", "VAT")),
        ),
    )


def _totals(document: InvoiceDocument) -> Xml:
    currency = document.currency
    discounts_minor = allowances_minor(document)
    return parent(
        "cac:LegalMonetaryTotal",
        _amount("cbc:LineExtensionAmount", lines_minor(document), currency),
        _amount("cbc:TaxExclusiveAmount", document.net_minor, currency),
        _amount("cbc:TaxInclusiveAmount", document.total_minor, currency),
        _amount("cbc:AllowanceTotalAmount", discounts_minor, currency) if discounts_minor else NOTHING,
        _amount("cbc:PrepaidAmount", document.paid_minor, currency) if document.paid_minor else NOTHING,
        _amount("cbc:PayableAmount", document.payable_minor, currency),
    )


def _lines(document: InvoiceDocument, root: str) -> Iterable[Xml]:
    quantity = "cbc:CreditedQuantity" if root == "CreditNote" else "cbc:InvoicedQuantity"
    for line, written in zip(document.lines, written_lines(document), strict=True):
        yield parent(
            f"cac:{root}Line",
            leaf("cbc:ID", str(written.number)),
            leaf(quantity, quantity_text(written.quantity), unitCode=line.unit),
            _amount("cbc:LineExtensionAmount", line.net_minor, document.currency),
            _period(line.service_from, line.service_to),
            _allowance(
                written.allowance_minor,
                line.discount_percent,
                written.base_minor,
                discount_reason(),
                document.currency,
            ),
            _item(line, written),
            parent("cac:Price", _amount("cbc:PriceAmount", written.unit_price_minor, document.currency)),
        )


def _item(line: DocumentLine, written: WrittenLine) -> Xml:
    return parent(
        "cac:Item",
        leaf("cbc:Description", written.description),
        leaf("cbc:Name", written.name),
        _tax_category("cac:ClassifiedTaxCategory", line.tax_category, line.tax_rate),
    )


def _document_discount(discount: DocumentDiscount, currency: str) -> Xml:
    return _allowance(
        discount.amount_minor,
        discount.percent,
        discount.base_minor,
        discount_reason(discount.reason),
        currency,
        _tax_category("cac:TaxCategory", discount.tax_category, discount.tax_rate),
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
        "cac:AllowanceCharge",
        leaf("cbc:ChargeIndicator", "false"),
        leaf("cbc:AllowanceChargeReason", reason),
        leaf("cbc:MultiplierFactorNumeric", "" if stated is None else percent_text(stated)),
        _amount("cbc:Amount", amount_minor, currency),
        NOTHING if stated is None else _amount("cbc:BaseAmount", base_minor, currency),
        tax,
    )


def _tax_category(name: str, category: str, rate: Decimal) -> Xml:
    return parent(
        name,
        leaf("cbc:ID", category),
        # what is outside the scope of VAT has no rate, not even 0 (BR-O-05)
        leaf("cbc:Percent", "" if category == "O" else percent_text(rate)),
        parent("cac:TaxScheme", leaf("cbc:ID", "VAT")),
    )


def _period(first: date | None, last: date | None) -> Xml:
    return parent("cac:InvoicePeriod", _day("cbc:StartDate", first), _day("cbc:EndDate", last))


def _day(name: str, day: date | None) -> Xml:
    return leaf(name, day.isoformat() if day else "")


def _amount(name: str, amount_minor: int, currency: str) -> Xml:
    return leaf(name, amount_text(amount_minor, currency), currencyID=currency)

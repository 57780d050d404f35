"""An invoice or credit note as a PDF: what people read, with the e-invoice for programs in the same file.

The same document gives the same bytes. No validator of PDF/A is at hand: the tests see the label, the output
intent, the embedded fonts, the tags, the attachment and the metadata.
Sources: ISO 19005-3; Factur-X 1.09 (file name, relationship and metadata of the attachment).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import NamedTuple
from xml.sax.saxutils import escape

from engine.currencies import money_text
from engine.invoice_document import DocumentLine, InvoiceDocument, Party
from workflows.billing.documents.cii import cii_invoice
from workflows.billing.documents.e_invoice import (
    Profile,
    exemption,
    lines_minor,
    period,
    quantity_text,
)
from workflows.billing.documents.pdf_page import MARGIN_MM, PROGRAM, Column, Page
from workflows.billing.documents.xml_text import writable

UNITS = {
    "C62": ("", ""),
    "HUR": ("hour", "hours"),
    "MIN": ("min", "min"),
    "DAY": ("day", "days"),
    "MON": ("month", "months"),
    "ANN": ("year", "years"),
    "KMT": ("km", "km"),
    "LS": ("lump sum", "lump sums"),
}
"""Units of UN/ECE Recommendation 20 in words, one and several; others are printed as they are."""


class _Attachment(NamedTuple):
    """What a profile's attachment is called, and how the metadata names the profile."""

    file_name: str
    level: str
    version: str


_ATTACHMENTS: dict[Profile, _Attachment] = {
    "en16931": _Attachment("factur-x.xml", "EN 16931", "1.0"),
    "xrechnung": _Attachment("xrechnung.xml", "XRECHNUNG", "3.0"),
}
_FACTUR_X = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": "name of the embedded XML invoice file",
    "DocumentType": "INVOICE",
    "Version": "version of the XML schema of the invoice",
    "ConformanceLevel": "profile of the embedded invoice",
}


def invoice_pdf(document: InvoiceDocument, profile: Profile | None, logo: bytes | None = None) -> bytes:
    """The document as PDF/A-3B; with a profile, the CII of that profile is attached. `logo`: PNG or JPEG."""
    seller = document.seller
    title = writable(f"{_kind(document)} {document.number}")
    page = Page(title, writable(seller.name), document.issued_on, _footer(seller))
    if logo:
        page.picture(logo, alternative=f"Logo of {seller.name}", width_mm=55, height_mm=20)
    _address_and_facts(page, document)
    page.set_y(max(page.y, 98))
    page.text_block(title, tag="H1", size=16, bold=True)
    page.ln(3)
    page.table(_columns(document.currency), [*map(_row, *_numbered(document))])
    _totals(page, document)
    _taxes(page, document)
    _payment(page, document)
    _metadata(page, document, title, profile)
    if profile:
        created_at = datetime.combine(document.issued_on, time(), UTC)
        page.embed_file(
            bytes=cii_invoice(document, profile),
            basename=_ATTACHMENTS[profile].file_name,
            mime_type="text/xml",
            modification_date=created_at,
            creation_date=created_at,
            associated_file_relationship="ALTERNATIVE",
            desc="The invoice for programs (EN 16931)",
            compress=True,
        )
    return bytes(page.output())


def _kind(document: InvoiceDocument) -> str:
    return "Credit note" if document.kind == "credit_note" else "Invoice"


def _footer(seller: Party) -> list[str]:
    lines = (
        _joined(seller.name, seller.street, f"{seller.postal_code} {seller.city}".strip(), seller.country),
        _joined(
            seller.contact_name,
            seller.phone,
            seller.email,
            f"VAT id {seller.vat_id}" if seller.vat_id else "",
            f"Tax number {seller.tax_number}" if seller.tax_number else "",
        ),
    )
    return [line for line in lines if line]


def _address_and_facts(page: Page, document: InvoiceDocument) -> None:
    """The buyer in the window of an envelope, and on its right what the document refers to."""
    seller, buyer = document.seller, document.buyer
    page.set_y(45)
    sender = _joined(seller.name, seller.street, f"{seller.postal_code} {seller.city}".strip())
    page.text_block(sender, size=7, width_mm=85)
    page.ln(2)
    for text in (
        buyer.name,
        buyer.contact_name,
        buyer.street,
        f"{buyer.postal_code} {buyer.city}".strip(),
        buyer.country if buyer.country != seller.country else "",
    ):
        if text:
            page.text_block(text, size=10.5, width_mm=85)
    below = page.y
    page.set_y(45)
    for label, value in _facts(document):
        top = page.y
        page.set_xy(MARGIN_MM + 95, top)
        page.text_block(label, size=9, width_mm=32)
        bottom = page.y
        page.set_xy(MARGIN_MM + 127, top)
        page.text_block(value, size=9, width_mm=47, align="R")
        page.set_y(max(bottom, page.y))
    page.set_y(max(below, page.y) + 6)


def _facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    first, last = period(document)
    corrects = f"{document.corrects[0]} of {_day(document.corrects[1])}" if document.corrects else ""
    facts = [
        ("Number", document.number),
        ("Date", _day(document.issued_on)),
        ("Corrects invoice", corrects),
        ("Service period", _days(first, last)),
        ("Due", _day(document.due_on) if document.kind == "invoice" else ""),
        ("Your order", document.order_number),
        ("Your reference", document.buyer_reference),
        ("Your VAT id", document.buyer.vat_id),
    ]
    return [(label, value) for label, value in facts if value]


def _columns(currency: str) -> list[Column]:
    return [
        Column("No.", 9),
        Column("Description", 79),
        Column("Quantity", 23, "R"),
        Column("Unit price", 23, "R"),
        Column("Tax", 14, "R"),
        Column(f"Amount {currency}", 26, "R"),
    ]


def _numbered(document: InvoiceDocument) -> tuple[Sequence[int], Sequence[DocumentLine], Sequence[str]]:
    count = len(document.lines)
    return range(1, count + 1), document.lines, [document.currency] * count


def _row(number: int, line: DocumentLine, currency: str) -> list[str]:
    description = [line.description]
    service = _days(line.service_from, line.service_to)
    if service:
        description.append(f"Service period: {service}")
    if line.discount_percent is not None:
        description.append(
            f"Discount {_percent(line.discount_percent)}: −{_amount(line.discount_minor, currency)}"
        )
    elif line.discount_minor:
        description.append(f"Discount: −{_amount(line.discount_minor, currency)}")
    return [
        str(number),
        "\n".join(description),
        f"{quantity_text(line.quantity)} {_unit(line)}".strip(),
        _amount(line.unit_price_minor, currency),
        _percent(line.tax_rate),
        _amount(line.net_minor, currency),
    ]


def _unit(line: DocumentLine) -> str:
    one, several = UNITS.get(line.unit, (line.unit, line.unit))
    return one if line.quantity == 1 else several


def _totals(page: Page, document: InvoiceDocument) -> None:
    currency = document.currency
    sums: list[tuple[str, int]] = []
    if document.discounts:
        sums.append(("Sum of the lines", lines_minor(document)))
        for discount in document.discounts:
            percent = "" if discount.percent is None else f" {_percent(discount.percent)}"
            name = f"{discount.reason or 'Discount'}{percent} (tax {_percent(discount.tax_rate)})"
            sums.append((name, -discount.amount_minor))
    sums.append(("Net", document.net_minor))
    sums += [(f"Tax {_percent(tax.rate)}", tax.tax_minor) for tax in document.taxes if tax.tax_minor]
    sums.append(("Amount credited" if document.kind == "credit_note" else "Total", document.total_minor))
    if document.paid_minor:
        sums.append(("Already paid", -document.paid_minor))
    if document.paid_minor or document.kind == "invoice":
        sums.append(("Amount to pay", document.payable_minor))
    page.ln(2)
    page.break_page_before(5 * min(len(sums), 8))
    for number, (label, amount_minor) in enumerate(sums, 1):
        _sum(page, label, f"{currency} {_amount(amount_minor, currency)}", bold=number == len(sums))
    page.ln(4)


def _sum(page: Page, label: str, amount: str, *, bold: bool) -> None:
    page.break_page_before(6)
    top = page.y
    page.set_xy(MARGIN_MM + 60, top)
    page.text_block(label, width_mm=74, bold=bold)
    bottom = page.y
    page.set_xy(MARGIN_MM + 134, min(top, bottom))
    page.text_block(amount, width_mm=40, align="R", bold=bold)
    page.set_y(max(bottom, page.y))


def _taxes(page: Page, document: InvoiceDocument) -> None:
    columns = [
        Column("Tax rate", 22),
        Column("Base", 30, "R"),
        Column("Tax", 30, "R"),
        Column("", 5),
        Column("Reason", 87),
    ]
    currency = document.currency
    rows = [
        [
            _percent(tax.rate),
            _amount(tax.base_minor, currency),
            _amount(tax.tax_minor, currency),
            "",
            exemption(tax)[1],
        ]
        for tax in document.taxes
    ]
    page.table(columns, rows, size=8.5)
    page.ln(4)


def _payment(page: Page, document: InvoiceDocument) -> None:
    paragraphs = [document.note, document.terms]
    early = document.early_payment
    if early is not None:
        paragraphs.append(
            f"{_percent(early.percent)} discount if paid within {early.days} days of the date of the invoice."
        )
    account = _joined(
        f"IBAN {document.iban}" if document.iban else "",
        f"BIC {document.bic}" if document.bic else "",
        f"reference {document.number}" if document.iban else "",
    )
    if account and document.kind == "invoice":
        paragraphs.append(f"Bank account: {account}")
    for text in paragraphs:
        if text.strip():
            page.text_block(text.strip())
            page.ln(2)


def _metadata(page: Page, document: InvoiceDocument, title: str, profile: Profile | None) -> None:
    """The metadata, which PDF/A has as XMP alone."""
    created = f"{document.issued_on.isoformat()}T00:00:00+00:00"
    page.set_xmp_metadata(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"'
        ' xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
        "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>"
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title>'
        f"<dc:creator><rdf:Seq><rdf:li>{escape(writable(document.seller.name))}</rdf:li></rdf:Seq></dc:creator>"
        f"<xmp:CreatorTool>{PROGRAM}</xmp:CreatorTool><pdf:Producer>{PROGRAM}</pdf:Producer>"
        f"<xmp:CreateDate>{created}</xmp:CreateDate><xmp:ModifyDate>{created}</xmp:ModifyDate>"
        f"</rdf:Description>{_factur_x(profile)}</rdf:RDF></x:xmpmeta>"
    )


def _factur_x(profile: Profile | None) -> str:
    """What the attachment is, and the description of these properties, which PDF/A demands."""
    if profile is None:
        return ""
    attachment = _ATTACHMENTS[profile]
    described = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{text}</pdfaProperty:description></rdf:li>"
        for name, text in _PROPERTIES.items()
    )
    return (
        f'<rdf:Description rdf:about="" xmlns:fx="{_FACTUR_X}">'
        f"<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>{attachment.file_name}</fx:DocumentFileName>"
        f"<fx:Version>{attachment.version}</fx:Version>"
        f"<fx:ConformanceLevel>{attachment.level}</fx:ConformanceLevel></rdf:Description>"
        '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
        ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
        ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
        '<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_FACTUR_X}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{described}</rdf:Seq></pdfaSchema:property>"
        "</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    )


def _amount(amount_minor: int, currency: str) -> str:
    """An amount without its currency, which the column or the line names."""
    return money_text(amount_minor, currency).removeprefix(f"{currency} ").replace("-", "−")


def _percent(percent: Decimal) -> str:
    return f"{quantity_text(percent)} %"


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _days(first: date | None, last: date | None) -> str:
    if first and last:
        return f"{_day(first)} to {_day(last)}"
    return f"from {_day(first)}" if first else f"until {_day(last)}" if last else ""


def _joined(*texts: str) -> str:
    return " · ".join(text for text in texts if text)

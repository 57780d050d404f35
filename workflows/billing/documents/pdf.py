"""An invoice or credit note as a PDF: what people read, with the e-invoice for programs in the same file.

The same document gives the same bytes. No validator of PDF/A is at hand: the tests see the label, the output
intent, the embedded fonts, the tags, the attachment and the metadata.
Sources: ISO 19005-3; Factur-X 1.09 (file name, relationship and metadata of the attachment).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple
from xml.sax.saxutils import escape

from engine.invoice_document import DocumentLine, InvoiceDocument, Party
from workflows.billing.documents.cii import cii_invoice
from workflows.billing.documents.e_invoice import (
    Profile,
    discount_reason,
    exemption,
    lines_minor,
    period,
)
from workflows.billing.documents.pdf_page import MARGIN_MM, PROGRAM, Column, Page
from workflows.billing.documents.units import PIECE, unit_words
from workflows.billing.documents.wording import (
    amount_words,
    day_words,
    days_words,
    in_its_language,
    percent_words,
    quantity_words,
    sum_words,
)
from workflows.billing.documents.xml_text import writable
from workflows.languages.texts import gettext, language, mark_in, ngettext


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


@in_its_language
def invoice_pdf(document: InvoiceDocument, profile: Profile | None, logo: bytes | None = None) -> bytes:
    """The document as PDF/A-3B; with a profile, the CII of that profile is attached. `logo`: PNG or JPEG."""
    seller = document.seller
    title = writable(_title(document))
    page = Page(title, writable(seller.name), document.issued_on, _footer(seller), language())
    if logo:
        page.picture(
            logo, alternative=gettext("Logo of %(name)s", name=seller.name), width_mm=55, height_mm=20
        )
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
            desc=gettext("The invoice for programs (EN 16931)"),
            compress=True,
        )
    return bytes(page.output())


def _title(document: InvoiceDocument) -> str:
    if document.kind == "credit_note":
        return gettext("Credit note %(number)s", number=document.number)
    return gettext("Invoice %(number)s", number=document.number)


def _footer(seller: Party) -> list[str]:
    lines = (
        _joined(seller.name, seller.street, f"{seller.postal_code} {seller.city}".strip(), seller.country),
        _joined(
            seller.contact_name,
            seller.phone,
            seller.email,
            gettext("VAT id %(id)s", id=seller.vat_id) if seller.vat_id else "",
            gettext("Tax number %(number)s", number=seller.tax_number) if seller.tax_number else "",
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
    corrects = ""
    if document.corrects:
        number, day = document.corrects
        corrects = gettext("%(number)s of %(day)s", number=number, day=day_words(day))
    facts = [
        (gettext("Number"), document.number),
        (gettext("Date"), day_words(document.issued_on)),
        (gettext("Corrects invoice"), corrects),
        (gettext("Service period"), days_words(first, last)),
        (gettext("Due"), day_words(document.due_on) if document.kind == "invoice" else ""),
        (gettext("Your order"), document.order_number),
        (gettext("Your reference"), document.buyer_reference),
        (gettext("Your VAT id"), document.buyer.vat_id),
    ]
    return [(label, value) for label, value in facts if value]


def _columns(currency: str) -> list[Column]:
    return [
        Column(gettext("No."), 9),
        Column(gettext("Description"), 79),
        Column(gettext("Quantity"), 23, "R"),
        Column(gettext("Unit price"), 23, "R"),
        Column(gettext("Tax"), 14, "R"),
        Column(gettext("Amount %(currency)s", currency=currency), 26, "R"),
    ]


def _numbered(document: InvoiceDocument) -> tuple[Sequence[int], Sequence[DocumentLine], Sequence[str]]:
    count = len(document.lines)
    return range(1, count + 1), document.lines, [document.currency] * count


def _row(number: int, line: DocumentLine, currency: str) -> list[str]:
    description = [line.description]
    service = days_words(line.service_from, line.service_to)
    if service:
        description.append(gettext("Service period: %(period)s", period=service))
    if line.discount_percent is not None:
        description.append(
            gettext(
                "Discount %(percent)s: −%(amount)s",
                percent=percent_words(line.discount_percent),
                amount=amount_words(line.discount_minor, currency),
            )
        )
    elif line.discount_minor:
        amount = amount_words(line.discount_minor, currency)
        description.append(gettext("Discount: −%(amount)s", amount=amount))
    return [
        str(number),
        "\n".join(description),
        f"{quantity_words(line.quantity)} {_unit(line)}".strip(),
        amount_words(line.unit_price_minor, currency),
        percent_words(line.tax_rate),
        amount_words(line.net_minor, currency),
    ]


def _unit(line: DocumentLine) -> str:
    """Pieces are printed as a number alone."""
    return "" if line.unit == PIECE else unit_words(line.unit, line.quantity)


def _totals(page: Page, document: InvoiceDocument) -> None:
    currency = document.currency
    sums: list[tuple[str, int]] = []
    if document.discounts:
        sums.append((gettext("Sum of the lines"), lines_minor(document)))
        for discount in document.discounts:
            name = discount_reason(discount.reason)
            if discount.percent is not None:
                name = f"{name} {percent_words(discount.percent)}"
            text = gettext(
                "%(discount)s (tax %(rate)s)", discount=name, rate=percent_words(discount.tax_rate)
            )
            sums.append((text, -discount.amount_minor))
    sums.append((gettext("Net"), document.net_minor))
    for tax in document.taxes:
        if tax.tax_minor:
            sums.append((gettext("Tax %(percent)s", percent=percent_words(tax.rate)), tax.tax_minor))
    total = (
        gettext("Amount credited") if document.kind == "credit_note" else gettext(mark_in("invoice", "Total"))
    )
    sums.append((total, document.total_minor))
    if document.paid_minor:
        sums.append((gettext("Already paid"), -document.paid_minor))
    if document.paid_minor or document.kind == "invoice":
        sums.append((gettext("Amount to pay"), document.payable_minor))
    page.ln(2)
    page.break_page_before(5 * min(len(sums), 8))
    for number, (label, amount_minor) in enumerate(sums, 1):
        _sum(page, label, sum_words(amount_minor, currency), bold=number == len(sums))
    page.ln(4)


def _sum(page: Page, label: str, amount: str, *, bold: bool) -> None:
    page.break_page_before(6)
    top = page.y
    page.set_xy(MARGIN_MM + 60, top)
    page.text_block(label, width_mm=74, bold=bold)
    bottom = page.y
    page.set_xy(MARGIN_MM + 134, min(top, bottom))
    size = page.size_for([(amount, 40)], 9.5, bold=bold)
    page.text_block(amount, width_mm=40, align="R", bold=bold, size=size)
    page.set_y(max(bottom, page.y))


def _taxes(page: Page, document: InvoiceDocument) -> None:
    columns = [
        Column(gettext("Tax rate"), 22),
        Column(gettext("Base"), 30, "R"),
        Column(gettext("Tax"), 30, "R"),
        Column("", 5),
        Column(gettext("Reason"), 87),
    ]
    currency = document.currency
    rows = [
        [
            percent_words(tax.rate),
            amount_words(tax.base_minor, currency),
            amount_words(tax.tax_minor, currency),
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
            # both forms are the same in English: documents that were issued stay as they are
            ngettext(
                "%(percent)s discount if paid within %(num)s days of the date of the invoice.",
                "%(percent)s discount if paid within %(num)s days of the date of the invoice.",
                early.days,
                percent=percent_words(early.percent),
            )
        )
    account = _joined(
        f"IBAN {document.iban}" if document.iban else "",
        f"BIC {document.bic}" if document.bic else "",
        gettext("reference %(number)s", number=document.number) if document.iban else "",
    )
    if account and document.kind == "invoice":
        paragraphs.append(gettext("Bank account: %(account)s", account=account))
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


def _joined(*texts: str) -> str:
    return " · ".join(text for text in texts if text)

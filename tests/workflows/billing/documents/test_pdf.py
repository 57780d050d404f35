"""PDF documents of invoices: what they show, the e-invoice in them, and what a PDF/A-3 needs."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from engine.invoice_document import EarlyPayment, InvoiceDocument
from tests.support.invoice_documents import SELLER, document, line
from tests.workflows.billing.documents.test_e_invoices import DOCUMENTS
from web.statement_pdf import Column, statement_pdf
from workflows.billing.documents.cii import cii_invoice
from workflows.billing.documents.e_invoice import Profile
from workflows.billing.documents.pdf import invoice_pdf
from workflows.billing.documents.ubl import ubl_invoice
from workflows.core.pdf_font import printable
from workflows.languages.texts import in_language

FULL = document(
    line(
        "Support\nOn site", service_from=date(2026, 3, 1), service_to=date(2026, 3, 31), discount_percent="10"
    ),
    line("Travel", "1", 123_456, unit="C62", tax_rate="7"),
    line("Training", "1", 50_000, tax_category="E", tax_rate="0"),
    discount_percent="5",
    order_number="PO-77",
    early_payment=EarlyPayment(14, Decimal(2)),
    bic="BYLADEM1001",
    paid_minor=10_000,
    note="Thank you.",
)


ORIENTATION = 0x0112
"""The tag of Exif."""


def read(
    invoice: InvoiceDocument, profile: Profile | None = "en16931", logo: bytes | None = None
) -> PdfReader:
    return PdfReader(BytesIO(invoice_pdf(invoice, profile, logo)))


def shown(reader: PdfReader) -> str:
    """The text of all pages, blanks joined."""
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def picture(mode: str, file_format: str) -> bytes:
    data = BytesIO()
    Image.new(mode, (120, 40)).save(data, file_format)
    return data.getvalue()


def catalog(reader: PdfReader) -> Any:
    """The root of the file's objects; what is in them has no types."""
    return reader.trailer["/Root"]


def test_what_it_shows() -> None:
    text = shown(read(FULL))
    for part in (
        "Invoice R-2026-0001",
        "Stadtwerke Beispiel Marktplatz 2 80331 München",
        "Date 2026-11-29",
        "Due 2026-12-13",
        "Service period 2026-03-01 to 2026-03-31",
        "Your order PO-77",
        "Your reference 04011000-12345-34",
        "Your VAT id DE987654324",
        "Discount 10 %: −100.00",
        "1,234.56",
        "Sum of the lines EUR 2,634.56",
        "Loyalty 5 % (tax 19 %) EUR −45.00",
        "Tax 19 % EUR 162.45",
        "Already paid EUR −100.00",
        f"Amount to pay EUR {FULL.payable_minor / 100:,.2f}",
        "Exempt under § 4 no. 21 UStG",
        "Thank you.",
        "Payable within 14 days.",
        "2 % discount if paid within 14 days",
        "IBAN DE02 1203 0000 0000 2020 51 · BIC BYLADEM1001 · reference R-2026-0001",
        "VAT id DE123456788 · Tax number 37/123/45678",
        "Ada Müller · +49 30 1234567 · billing@mueller.example",
        "Page 1 of 1",
    ):
        assert part in text


def test_a_credit_note_says_what_it_corrects() -> None:
    text = shown(read(DOCUMENTS["credit note"]))
    assert "Credit note G-1" in text
    assert "Corrects invoice R-2026-0001 of 2026-11-01" in text
    assert "Amount credited EUR 1,190.00" in text
    assert not re.search("Amount to pay|Due|IBAN", text)


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "JPY 119,000"), ("KWD", "KWD 119.000")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, amount: str) -> None:
    assert f"Total {amount}" in shown(read(document(currency=currency)))


def test_the_e_invoice_is_attached() -> None:
    for profile, name, level in (
        ("en16931", "factur-x.xml", "EN 16931"),
        ("xrechnung", "xrechnung.xml", "XRECHNUNG"),
    ):
        reader = read(FULL, profile)  # type: ignore[arg-type]
        assert reader.attachments == {name: [cii_invoice(FULL, profile)]}  # type: ignore[arg-type]
        (associated,) = catalog(reader)["/AF"]
        assert associated.get_object()["/AFRelationship"] == "/Alternative"
        xmp = catalog(reader)["/Metadata"].get_object().get_data().decode()
        assert f"<fx:ConformanceLevel>{level}</fx:ConformanceLevel>" in xmp
        assert f"<fx:DocumentFileName>{name}</fx:DocumentFileName>" in xmp


def test_without_a_profile_nothing_is_attached() -> None:
    reader = read(FULL, None)
    assert reader.attachments == {}
    assert "factur-x" not in catalog(reader)["/Metadata"].get_object().get_data().decode()


def test_what_a_pdf_a_3_needs() -> None:
    """Label, output intent, embedded fonts, tags, language, and metadata."""
    reader = read(replace(FULL, seller=replace(SELLER, name="A & B <Co>\x0b")), logo=picture("RGB", "PNG"))
    root = catalog(reader)
    xmp = reader.xmp_metadata
    assert xmp is not None
    text = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in text
    (intent,) = root["/OutputIntents"]
    assert intent.get_object()["/S"] == "/GTS_PDFA1"
    assert len(intent.get_object()["/DestOutputProfile"].get_object().get_data()) > 1_000
    fonts = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        for font in catalog(reader)["/Pages"]["/Kids"][0].get_object()["/Resources"]["/Font"].values()
    ]
    assert [len(font["/FontFile2"].get_object().get_data()) > 1_000 for font in fonts] == [True, True]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert xmp.dc_title == {"x-default": "Invoice R-2026-0001"}
    assert xmp.dc_creator == ["A & B <Co> "]
    assert xmp.pdf_producer == xmp.xmp_creator_tool == "Coverdesk"
    assert xmp.xmp_create_date is not None
    assert xmp.xmp_create_date.date() == date(2026, 11, 29)


@pytest.mark.parametrize(
    ("size", "orientation", "shown_size"),
    [
        ((120, 40), 1, (120, 40)),
        # 6: the camera was held upright, so the picture has to be turned
        ((120, 40), 6, (40, 120)),
        ((4000, 1000), 1, (1320, 330)),
        ((1000, 4000), 6, (1320, 330)),
    ],
)
def test_the_logo_is_the_way_up_and_no_finer_than_printers(
    size: tuple[int, int], orientation: int, shown_size: tuple[int, int]
) -> None:
    data, tags = BytesIO(), Image.Exif()
    tags[ORIENTATION] = orientation
    Image.new("RGB", size).save(data, "JPEG", exif=tags)
    (found,) = read(FULL, logo=data.getvalue()).pages[0].images
    assert found.image is not None
    assert found.image.size == shown_size


def test_marks_are_numbered_on_each_page() -> None:
    """Each piece of a page is one element of the structure, the picture with its text instead."""
    reader = read(DOCUMENTS["many lines"], logo=picture("RGB", "JPEG"))
    elements = catalog(reader)["/StructTreeRoot"]["/K"][0].get_object()["/K"]
    by_page: dict[int, list[int]] = {}
    for element in elements:
        on = element.get_object()
        by_page.setdefault(on.raw_get("/Pg").idnum, []).extend(on["/K"])
    assert len(by_page) == len(reader.pages)
    assert elements[0].get_object()["/Alt"] == f"Logo of {SELLER.name}"
    assert "/H1" in {element.get_object()["/S"] for element in elements}
    for page in reader.pages:
        assert page.indirect_reference is not None
        marks = by_page[page.indirect_reference.idnum]
        content = page.get_contents()
        assert content is not None
        assert marks == list(range(len(marks)))
        assert sorted(map(int, re.findall(rb"<</MCID (\d+)>>", content.get_data()))) == marks


@pytest.mark.parametrize("name", ["special characters", "service periods", "credit note"])
def test_the_same_document_is_the_same_bytes(name: str) -> None:
    assert invoice_pdf(DOCUMENTS[name], "xrechnung") == invoice_pdf(DOCUMENTS[name], "xrechnung")


def test_many_lines_have_a_head_on_each_page() -> None:
    reader = read(DOCUMENTS["many lines"])
    assert len(reader.pages) > 5
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert "Description" in text
        assert f"Page {number} of {len(reader.pages)}" in text
    assert [int(number) for number in re.findall(r"Hour (\d+)", shown(reader))] == list(range(300))


def test_a_row_longer_than_a_page_goes_on() -> None:
    words = " ".join(f"w{number}" for number in range(3_000))
    reader = read(document(line(f"{'x' * 500}\n{words}"), line("Last"), note=words))
    text = shown(reader)
    assert len(reader.pages) > 4
    assert text.count("w2999") == 2
    assert "2 Last" in text


def test_letters_that_the_font_lacks_are_written_in_latin_ones() -> None:
    assert printable("Ø ż Ω Я 北京 שלום 😀\n") == "Ø ż Ω Я BeiJing slvm :grinning:\n"
    assert printable("\x00\u200f\ue000\u0613السلام") == "   lslm"
    invoice = document(line("東京サーバー"), seller=replace(SELLER, name="北京 GmbH"))
    text = shown(read(invoice))
    assert "DongJingsaba" in text
    assert "BeiJing GmbH" in text
    statement = statement_pdf(
        title="北京",
        facts=["Fact 漢字"],
        columns=[Column("A", 1)],
        rows=[["東京"]],
        sender="上海",
        created_at=datetime(2026, 11, 29, tzinfo=UTC),
    )
    assert shown(PdfReader(BytesIO(statement))) == "ShangHai BeiJing Fact HanZi A DongJing Page 1 of 1"


def test_a_statement_has_each_amount_in_one_line() -> None:
    """By fpdf2 2.8.9 alone, it has "EUR 10,000.0" and a "0" below it: findings/fpdf2-amount-over-lines.sh."""
    amounts = ["EUR 10,000.00", "-1.234.567.890,12\xa0IDR"]
    statement = statement_pdf(
        title="Statement",
        facts=[],
        columns=[Column("Reason", 90), Column("Change", 10, "RIGHT"), Column("Balance", 9, "RIGHT")],
        rows=[["Sold " * 40, *amounts]],
        sender="Acme",
        created_at=datetime(2026, 11, 29, tzinfo=UTC),
    )
    text = shown(PdfReader(BytesIO(statement)))
    assert "Change Balance" in text
    assert all(" ".join(amount.split()) in text for amount in amounts)
    assert text.count("Sold") == 40


def test_an_invoice_has_each_amount_in_one_line() -> None:
    text = shown(read(document(line("Licence", "1", 98_765_432_109_876), currency="IDR"), None))
    assert text.count(" 987,654,321,098.76") == 4
    assert "Amount to pay IDR 1,175,308,642,107.52" in text


@pytest.mark.parametrize(
    ("mode", "file_format"), [("RGBA", "PNG"), ("CMYK", "JPEG"), ("P", "PNG"), ("L", "JPEG")]
)
def test_logos_are_stored_in_rgb(mode: str, file_format: str) -> None:
    (image,) = read(FULL, logo=picture(mode, file_format)).pages[0].images
    assert image.image is not None
    assert image.image.mode == "RGB"


def test_hardly_any_details() -> None:
    """A document without addresses, bank account, terms and e-invoice is possible."""
    bare = document(
        seller=replace(SELLER, street="", postal_code="", city="", country="", vat_id="", tax_number=""),
        due_on=None,
        terms="",
        iban="",
        buyer_reference="",
    )
    assert "Total EUR 1,190.00" in shown(read(bare, None))


GERMAN = replace(FULL, language="de")


def test_it_is_in_the_language_of_the_invoice() -> None:
    text = shown(read(GERMAN))
    for part in (
        "Rechnung R-2026-0001",
        "Fällig 13.12.2026",
        "Leistungszeitraum 01.03.2026 bis 31.03.2026",
        "Rabatt 10 %: −100,00",
        "1.234,56",
        "Zu zahlender Betrag",
        "2 % Skonto bei Zahlung innerhalb von 14 Tagen",
        "Seite 1 von 1",
    ):
        assert part in text
    assert catalog(read(GERMAN))["/Lang"] == "de"


def test_a_french_invoice_names_its_sums_as_french_ones_do() -> None:
    text = " ".join(shown(read(replace(FULL, language="fr"))).split())
    for sum_text in ("Total HT ", "TVA 19 % ", "Total TTC "):
        after = text.partition(sum_text)[2]
        assert after.split(" EUR")[0].replace(" ", "").replace(",", "").isdigit(), sum_text


def test_the_language_of_the_reader_makes_no_difference() -> None:
    with in_language("fr"):
        french = [write(GERMAN, "xrechnung") for write in (invoice_pdf, cii_invoice, ubl_invoice)]
        english = shown(read(FULL))
    assert french == [write(GERMAN, "xrechnung") for write in (invoice_pdf, cii_invoice, ubl_invoice)]
    assert "Invoice R-2026-0001" in english


def test_an_e_invoice_says_why_in_its_language() -> None:
    assert "<ram:Reason>Rabatt</ram:Reason>" in cii_invoice(GERMAN, "xrechnung").decode()
    assert "Rabatt</cbc:AllowanceChargeReason>" in ubl_invoice(GERMAN, "xrechnung").decode()

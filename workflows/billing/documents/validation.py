"""Whether a document makes e-invoices that the published rules accept, and what is wrong otherwise, by field.

The rules run in this process. Each file is compiled at its first use, in less than half a second, and stays
in memory: all four take some 200 MB, however many documents are checked.
Sources: the rule files in vendor/, whose README says what they are.
"""

import threading
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Literal, NamedTuple
from xml.etree import ElementTree

from engine.invoice_document import InvoiceDocument, TaxSubtotal
from engine.quantities import round_half_up
from workflows.billing.documents.cii import cii_invoice
from workflows.billing.documents.e_invoice import (
    Profile,
    allowances_minor,
    lines_minor,
    written_lines,
)
from workflows.billing.documents.rule_fields import field_name, message, tax_name
from workflows.billing.documents.ubl import ubl_invoice
from workflows.languages.texts import gettext

if TYPE_CHECKING:
    from saxonche import PySaxonProcessor, PyXsltExecutable

RULES_VERSION = "KoSIT 2026-08-31: EN 16931, XRechnung 3.0.2 (Schematron 2.6.0)"
Severity = Literal["fatal", "warning", "information"]
_PEPPOL = "PEPPOL-"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_SEVERITIES: dict[str, Severity] = {"warning": "warning", "information": "information"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a rule objects to; `field` names it as the pages do. A fatal one makes it invalid."""

    rule: str
    severity: Severity
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What the rules of a version say about a document; without a fatal problem it is valid."""

    rules_version: str
    problems: tuple[Problem, ...]

    @property
    def fatal(self) -> tuple[Problem, ...]:
        """The problems because of which the e-invoice is refused."""
        return tuple(problem for problem in self.problems if problem.severity == "fatal")


class _Files(NamedTuple):
    """A syntax: the rules of EN 16931, and those that XRechnung adds."""

    base: str
    xrechnung: str


_CII = _Files("EN16931-CII-validation.xsl", "XRechnung-CII-validation.xsl")
_UBL = _Files("EN16931-UBL-validation.xsl", "XRechnung-UBL-validation.xsl")


def validate(document: InvoiceDocument, profile: Profile) -> Validation:
    """Check the document as CII and as UBL, and its sums exactly. A problem of both is named once.

    The published rules allow a cent or more of difference in some sums; here every sum is exact.
    """
    problems = [
        *_inexact_sums(document),
        *_missing_reference(document, profile),
        *_by_rules(document, cii_invoice(document, profile), _CII, profile, peppol=False),
        *_by_rules(document, ubl_invoice(document, profile), _UBL, profile, peppol=True),
    ]
    first: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.rule, problem.field), problem)
    return Validation(RULES_VERSION, tuple(first.values()))


def _by_rules(
    document: InvoiceDocument, xml: bytes, names: _Files, profile: Profile, *, peppol: bool
) -> list[Problem]:
    problems = _run(names.base, xml, document)
    if profile == "xrechnung":
        problems += _run(names.xrechnung, xml, document)
    elif peppol:
        # XRechnung's file has the rules of Peppol that it takes over
        problems += [each for each in _run(names.xrechnung, xml, document) if each.rule.startswith(_PEPPOL)]
    return problems


def _run(name: str, xml: bytes, document: InvoiceDocument) -> list[Problem]:
    report = ElementTree.fromstring(_rules().report(name, xml))
    return [_problem(failed, document) for failed in report.iter(f"{_SVRL}failed-assert")]


def _problem(failed: ElementTree.Element, document: InvoiceDocument) -> Problem:
    rule = failed.get("id", "").strip()
    text = "".join(failed.itertext())
    return Problem(
        rule,
        _SEVERITIES.get(failed.get("flag", "fatal"), "fatal"),
        field_name(rule, text, failed.get("location", ""), document.taxes),
        message(rule, text),
    )


def _missing_reference(document: InvoiceDocument, profile: Profile) -> list[Problem]:
    """Peppol's rule about references, which is not among those that XRechnung takes over."""
    if profile == "xrechnung" or document.buyer_reference.strip() or document.order_number.strip():
        return []
    rule = "PEPPOL-EN16931-R003"
    text = "A buyer reference or a purchase order reference MUST be provided."
    return [Problem(rule, "fatal", field_name(rule, text, "", ()), text)]


def _inexact_sums(document: InvoiceDocument) -> list[Problem]:
    problems = []

    def expect(is_minor: int, should_be_minor: int, field: str, rule: str) -> None:
        if is_minor != should_be_minor:
            problems.append(
                Problem(
                    rule,
                    "fatal",
                    field,
                    gettext(
                        "It is %(is_minor)s in minor units and must be %(should_be)s.",
                        is_minor=is_minor,
                        should_be=should_be_minor,
                    ),
                )
            )

    for line, written in zip(document.lines, written_lines(document), strict=True):
        expect(
            line.net_minor,
            written.base_minor - written.allowance_minor,
            gettext("line %(number)s, %(field)s", number=written.number, field=gettext("net amount")),
            "exact-line",
        )
    for tax in document.taxes:
        key = (tax.category, tax.rate)
        base_minor = sum(
            line.net_minor for line in document.lines if (line.tax_category, line.tax_rate) == key
        )
        base_minor -= sum(
            each.amount_minor for each in document.discounts if (each.tax_category, each.tax_rate) == key
        )
        expect(tax.base_minor, base_minor, f"{tax_name(tax.rate)}, {gettext('tax base')}", "exact-base")
        should_be = round_half_up(Fraction(tax.base_minor) * Fraction(tax.rate) / 100)
        expect(tax.tax_minor, should_be, f"{tax_name(tax.rate)}, {gettext('tax amount')}", "exact-tax")
    net_minor = lines_minor(document) - allowances_minor(document)
    expect(document.net_minor, net_minor, gettext("net total"), "exact-net")
    expect(
        document.tax_minor,
        sum(tax.tax_minor for tax in document.taxes),
        gettext("tax total"),
        "exact-tax-total",
    )
    expect(document.total_minor, document.net_minor + document.tax_minor, gettext("total"), "exact-total")
    return problems


def _base_minor(document: InvoiceDocument, tax: TaxSubtotal) -> int:
    """What the lines and discounts of a category and rate sum to."""
    key = (tax.category, tax.rate)
    lines = sum(line.net_minor for line in document.lines if (line.tax_category, line.tax_rate) == key)
    discounts = (each for each in document.discounts if (each.tax_category, each.tax_rate) == key)
    return lines - sum(discount.amount_minor for discount in discounts)


class _Rules:
    """The compiled rule files of this process. One document is checked at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processor: PySaxonProcessor | None = None
        self._compiled: dict[str, PyXsltExecutable] = {}

    def report(self, name: str, xml: bytes) -> str:
        """What a rule file says about a document, as SVRL."""
        with self._lock:
            processor = self._processor or self._start()
            executable = self._compiled.get(name) or self._compile(processor, name)
            node = processor.parse_xml(xml_text=xml.decode())
            report: str = executable.transform_to_string(xdm_node=node)
            return report

    def _start(self) -> "PySaxonProcessor":
        # not with the module: loading it takes 30 MB that only a process needs which issues invoices
        from saxonche import PySaxonProcessor

        self._processor = PySaxonProcessor(license=False)
        return self._processor

    def _compile(self, processor: "PySaxonProcessor", name: str) -> "PyXsltExecutable":
        with as_file(files(__package__).joinpath("vendor", name)) as path:
            executable = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))
        self._compiled[name] = executable
        return executable


@cache
def _rules() -> _Rules:
    return _Rules()

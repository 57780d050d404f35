"""Reads and checks the file of checks of invoices, including its examples.

Source: product.md section 10.
"""

from typing import Any, NamedTuple

from engine.rulebook.checks.lint import lint_checks
from engine.rulebook.evaluation.invoice_checks import InvoiceCheckBook, InvoiceFacts
from engine.rulebook.files.examples import MAX_TEXT, engines_agree
from engine.rulebook.files.rule_reader import Declarations
from engine.rulebook.files.ruled_file import read_ruled_file
from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import (
    read_list,
    read_object,
    read_text,
    read_whole_number,
    read_yes_no,
)
from engine.rulebook.vocabulary.registry import INVOICE_CHECK, LARGEST_NUMBER


def read_invoice_check_file(report: FileReport, root: Node, known: Declarations) -> InvoiceCheckBook | None:
    """The checks of the file, after running its examples; None if there are errors."""
    return read_ruled_file(report, root, (INVOICE_CHECK, known), lint_checks, InvoiceCheckBook, _read_example)


class _Example(NamedTuple):
    name: str
    facts: InvoiceFacts
    expected: list[str]
    place: Place

    def run(self, report: FileReport, book: InvoiceCheckBook, plain_book: InvoiceCheckBook) -> None:
        actual, plain = ([rule.id for rule in one.reasons(self.facts)] for one in (book, plain_book))
        agree = engines_agree(
            report, self.place, self.name, plain=_describe(plain), compiled=_describe(actual)
        )
        if agree and actual != self.expected:
            report.error(
                self.place,
                f"Example {quoted(self.name)} expects {_describe(self.expected)}, "
                f"but the result is {_describe(actual)}. Correct the rules or the example.",
            )


def _read_example(report: FileReport, node: Node) -> _Example | None:
    fields = read_object(report, node, ("name", "facts", "reasons"))
    if fields is None or fields.missing:
        return None
    name = read_text(report, fields["name"], maximum=MAX_TEXT)
    facts = _read_facts(report, fields["facts"])
    ids = [read_text(report, one, maximum=MAX_TEXT) for one in read_list(report, fields["reasons"], of="ids")]
    if name is None or facts is None:
        return None
    return _Example(name, facts, [one for one in ids if one is not None], fields["reasons"].place)


def _read_facts(report: FileReport, node: Node) -> InvoiceFacts | None:
    fields = read_object(report, node, (), tuple(INVOICE_CHECK.variables))
    if fields is None:
        return None
    read = {name: _fact(report, member, name) for name, member in fields.members.items()}
    return InvoiceFacts(**{name: value for name, value in read.items() if value is not None})


def _fact(report: FileReport, node: Node, name: str) -> Any:
    match INVOICE_CHECK.variables[name].type:
        case "number":
            return read_whole_number(report, node, minimum=0, maximum=LARGEST_NUMBER)
        case "yes_no":
            return read_yes_no(report, node)
        case _:
            return read_text(report, node, maximum=MAX_TEXT, minimum=0)


def _describe(ids: list[str]) -> str:
    return ", ".join(f'rule "{one}"' for one in ids) if ids else "no rule"

"""Checks the charging file, its examples included.

Source: product.md section 7.
"""

from typing import NamedTuple

from engine.rulebook.charging import Charge, ChargingBook, ChargingFacts
from engine.rulebook.problems import FileReport, Place
from engine.rulebook.reading import (
    place_of,
    read_choice,
    read_list,
    read_object,
    read_text,
    read_whole_number,
)
from engine.rulebook.registry import CHARGING
from engine.rulebook.rules import Known, RuleReader
from engine.rulebook.scanner import Node, quoted

MOST_TEXT = 200
MOST_EXAMPLES = 500
MOST_PERCENT = 1000


def read_charging_file(report: FileReport, root: Node) -> ChargingBook | None:
    """The book that the file holds; None when the report has errors. Its examples have then run."""
    fields = read_object(report, root, ("rules",), ("$schema", "name", "examples"))
    if fields is None:
        return None
    for key in ("$schema", "name"):
        if key in fields:
            read_text(report, fields[key], most=MOST_TEXT)
    rules = RuleReader(report, CHARGING, Known()).rules(fields["rules"]) if "rules" in fields else ()
    book = ChargingBook(rules)
    elements = read_list(report, fields["examples"], of="examples") if "examples" in fields else []
    if not elements:
        report.warning(
            place_of(fields, "examples"),
            "There are no examples. Add some: they prove the rules each time the file is loaded.",
        )
    if len(elements) > MOST_EXAMPLES:
        report.error(
            fields["examples"].place, f"{len(elements)} examples are too many. Keep {MOST_EXAMPLES}."
        )
        return None
    read = [_read_example(report, element) for element in elements]
    if not report.has_errors:
        for example in read:
            if example is not None:
                example.run(report, book)
    return None if report.has_errors else book


class _Example(NamedTuple):
    name: str
    facts: ChargingFacts
    expected: Charge
    place: Place

    def run(self, report: FileReport, book: ChargingBook) -> None:
        came = book.charge(self.facts)
        if (came.percent, came.rule_id) != (self.expected.percent, self.expected.rule_id):
            report.error(
                self.place,
                f"Example {quoted(self.name)} expects {_said(self.expected)}, "
                f"but comes out as {_said(came)}. Correct the rules or the example.",
            )


def _read_example(report: FileReport, node: Node) -> _Example | None:
    fields = read_object(report, node, ("name", "facts", "charge"))
    if fields is None:
        return None
    name = read_text(report, fields["name"], most=MOST_TEXT) if "name" in fields else None
    facts = _facts(report, fields["facts"]) if "facts" in fields else None
    expected = _charge(report, fields["charge"]) if "charge" in fields else None
    if name is None or facts is None or expected is None:
        return None
    return _Example(name, facts, expected, fields["charge"].place)


def _facts(report: FileReport, node: Node) -> ChargingFacts | None:
    fields = read_object(report, node, (), tuple(CHARGING.variables))
    if fields is None:
        return None
    values = {}
    for name, member in fields.members.items():
        options = CHARGING.variables[name].options
        values[name] = (
            read_choice(report, member, options, what=name)
            if options
            else read_text(report, member, most=MOST_TEXT, least=0)
        )
    return ChargingFacts(**values)


def _charge(report: FileReport, node: Node) -> Charge | None:
    fields = read_object(report, node, ("percent", "rule"))
    if fields is None or fields.missing:
        return None
    percent = read_whole_number(report, fields["percent"], least=0, most=MOST_PERCENT)
    rule_node = fields["rule"]
    rule_id = None if rule_node.value is None else read_text(report, rule_node, most=MOST_TEXT)
    return None if percent is None else Charge(percent, rule_id=rule_id)


def _said(charge: Charge) -> str:
    return f"{charge.percent} % by " + (f'rule "{charge.rule_id}"' if charge.rule_id else "no rule")

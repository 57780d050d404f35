"""Reads and checks the charging file, including its examples.

Source: product.md section 7.
"""

from dataclasses import replace
from typing import Any, NamedTuple, cast

from engine.contracts import EXCLUDED_TIME, ExcludedTime
from engine.rulebook.checks.lint import lint_charging
from engine.rulebook.evaluation.charging import Charge, ChargingBook, ChargingFacts
from engine.rulebook.files.examples import MAX_TEXT, engines_agree
from engine.rulebook.files.rule_reader import EXCLUDED, Declarations
from engine.rulebook.files.ruled_file import read_ruled_file
from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import (
    read_choice,
    read_list,
    read_object,
    read_text,
    read_whole_number,
)
from engine.rulebook.vocabulary.registry import CHARGING, LARGEST_NUMBER

MAX_PERCENT = 1000


def read_charging_file(report: FileReport, root: Node, known: Declarations) -> ChargingBook | None:
    """The charging rules of the file, after running its examples; None if there are errors."""
    return read_ruled_file(report, root, (CHARGING, known), lint_charging, ChargingBook, _read_example)


class _Example(NamedTuple):
    name: str
    facts: ChargingFacts
    expected: Charge
    place: Place

    def run(self, report: FileReport, book: ChargingBook, plain_book: ChargingBook) -> None:
        actual, plain = book.charge(self.facts), plain_book.charge(self.facts)
        agree = engines_agree(
            report, self.place, self.name, plain=_describe(plain), compiled=_describe(actual)
        )
        if agree and replace(actual, why=None) != self.expected:
            report.error(
                self.place,
                f"Example {quoted(self.name)} expects {_describe(self.expected)}, "
                f"but the result is {_describe(actual)}. Correct the rules or the example.",
            )


def _read_example(report: FileReport, node: Node) -> _Example | None:
    fields = read_object(report, node, ("name", "facts", "charge"))
    if fields is None:
        return None
    name = read_text(report, fields["name"], maximum=MAX_TEXT) if "name" in fields else None
    facts = read_work_facts(report, fields["facts"]) if "facts" in fields else None
    expected = _charge(report, fields["charge"]) if "charge" in fields else None
    if name is None or facts is None or expected is None:
        return None
    return _Example(name, facts, expected, fields["charge"].place)


def read_work_facts(report: FileReport, node: Node) -> ChargingFacts | None:
    """The facts of an example of charging or rate rules."""
    fields = read_object(report, node, (), tuple(CHARGING.variables))
    if fields is None:
        return None
    read = {name: _fact(report, member, name) for name, member in fields.members.items()}
    return ChargingFacts(**{name: value for name, value in read.items() if value is not None})


def _fact(report: FileReport, node: Node, name: str) -> Any:
    variable = CHARGING.variables[name]
    if variable.type == "number":
        return read_whole_number(report, node, minimum=0, maximum=LARGEST_NUMBER)
    if variable.type == "names":
        named = [read_text(report, one, maximum=MAX_TEXT) for one in read_list(report, node, of="names")]
        return frozenset(one for one in named if one is not None)
    if variable.options:
        return read_choice(report, node, variable.options, what=name)
    return read_text(report, node, maximum=MAX_TEXT, minimum=0)


def _charge(report: FileReport, node: Node) -> Charge | None:
    fields = read_object(report, node, ("percent", "rule"), ("excluded",))
    if fields is None or fields.missing:
        return None
    percent = read_whole_number(report, fields["percent"], minimum=0, maximum=MAX_PERCENT)
    rule_node = fields["rule"]
    rule_id = None if rule_node.value is None else read_text(report, rule_node, maximum=MAX_TEXT)
    excluded: str | None = None
    if "excluded" in fields and fields["excluded"].value is not None:
        excluded = read_choice(report, fields["excluded"], EXCLUDED_TIME, what=EXCLUDED)
    if percent is None:
        return None
    return Charge(percent, rule_id=rule_id, excluded=cast("ExcludedTime | None", excluded))


def _describe(charge: Charge) -> str:
    then = f", excluded: {charge.excluded}," if charge.excluded else ""
    return f"{charge.percent} %{then} by " + (f'rule "{charge.rule_id}"' if charge.rule_id else "no rule")

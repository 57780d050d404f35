"""Reads and checks one rate card, including its examples.

Source: product.md section 7.
"""

from dataclasses import replace
from datetime import date
from re import compile as regex
from typing import NamedTuple

from engine.rulebook.checks.lint import lint_rates
from engine.rulebook.evaluation.charging import ChargingFacts
from engine.rulebook.evaluation.rates import Rate, RateCard, validity
from engine.rulebook.files.charging_file import read_work_facts
from engine.rulebook.files.examples import MAX_TEXT, engines_agree
from engine.rulebook.files.rule_reader import Declarations, RuleReader
from engine.rulebook.files.ruled_file import run_examples
from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.syntax_tree import Rule
from engine.rulebook.syntax.typed_reader import read_day, read_name, read_object, read_text, read_whole_number
from engine.rulebook.vocabulary.registry import MAX_MINOR, RATES

CURRENCY = regex(r"[A-Z]{3}")
SOME_DAY = date(2026, 1, 1)


def read_rate_card(report: FileReport, root: Node, name: str, known: Declarations) -> RateCard | None:
    """The rate card of the file, after running its examples; None if there are errors."""
    fields = read_object(report, root, ("label", "currency", "rules"), ("$schema", "examples"))
    if fields is None:
        return None
    if "$schema" in fields:
        read_text(report, fields["$schema"], maximum=MAX_TEXT)
    label = read_text(report, fields["label"], maximum=60) if "label" in fields else None
    currency = (
        read_name(report, fields["currency"], CURRENCY, "the three capital letters of ISO 4217, such as EUR")
        if "currency" in fields
        else None
    )
    rules = RuleReader(report, RATES, known).rules(fields["rules"]) if "rules" in fields else ()
    if "rules" in fields and not report.has_errors:
        _check_validity(report, rules, fields["rules"])
        lint_rates(report, rules, fields["rules"])
    card = RateCard(name, label or "", currency or "", rules)
    run_examples(report, fields, rules, _read_example, card, lambda: replace(card, engine="plain"))
    return None if report.has_errors else card


def _check_validity(report: FileReport, rules: tuple[Rule, ...], node: Node) -> None:
    assert isinstance(node.value, list)
    for rule, element in zip(rules, node.value, strict=True):
        first, last = validity(rule)
        if last < first:
            report.reject(
                element.place, f'Rule "{rule.id}" ends on {last}, before it begins. Correct its days.'
            )


class _Example(NamedTuple):
    name: str
    facts: ChargingFacts
    day: date
    expected: Rate | None
    place: Place

    def run(self, report: FileReport, card: RateCard, plain_card: RateCard) -> None:
        actual, plain = card.rate(self.facts, self.day), plain_card.rate(self.facts, self.day)
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
    fields = read_object(report, node, ("name", "facts", "rate"), ("day",))
    if fields is None or fields.missing:
        return None
    name = read_text(report, fields["name"], maximum=MAX_TEXT)
    facts = read_work_facts(report, fields["facts"])
    day = read_day(report, fields["day"]) if "day" in fields else SOME_DAY
    rate_node = fields["rate"]
    expected = None if rate_node.value is None else _rate(report, rate_node)
    if name is None or facts is None or day is None or (expected is None and rate_node.value is not None):
        return None
    return _Example(name, facts, day, expected, rate_node.place)


def _rate(report: FileReport, node: Node) -> Rate | None:
    fields = read_object(report, node, ("per_hour_minor", "rule"))
    if fields is None or fields.missing:
        return None
    per_hour = read_whole_number(report, fields["per_hour_minor"], minimum=1, maximum=MAX_MINOR)
    rule_id = read_text(report, fields["rule"], maximum=MAX_TEXT)
    return Rate(per_hour, rule_id) if per_hour is not None and rule_id is not None else None


def _describe(rate: Rate | None) -> str:
    return f'{rate.per_hour_minor} per hour by rule "{rate.rule_id}"' if rate is not None else "no rate"

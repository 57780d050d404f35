"""The conditions of contract types, charging rules and checks of invoices as Python functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.rulebook.compiled.expressions import expression
from engine.rulebook.compiled.source import Source
from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Condition, Conditions, Rule, mentions
from engine.rulebook.vocabulary.terms import Variable


@dataclass(frozen=True)
class CompiledType:
    """A contract type's conditions: `unmet` gives the first unmet one of `valid_when`, or None."""

    source: Source
    unmet: Callable[[Any], Condition | None]
    has_ended: Callable[[Any], bool]


@dataclass(frozen=True)
class CompiledCharging:
    """Charging rules: `first_rule` gives the first one that matches, or None."""

    source: Source
    first_rule: Callable[[Any], Rule | None]


@dataclass(frozen=True)
class CompiledChecks:
    """Checks of invoices: `matching` gives all rules that match."""

    source: Source
    matching: Callable[[Any], list[Rule]]


def compile_type(valid_when: Conditions, expires_when: Conditions) -> CompiledType:
    conditions = tuple(mentions(valid_when))
    source = Source({"conditions": conditions})
    with source.block("def unmet(contract):"):
        _write_unmet(source, valid_when, {id(one): number for number, one in enumerate(conditions)})
        source.line("return None")
    source.line("")
    with source.block("def has_ended(contract):"):
        source.line(f"return {expression(expires_when, source, _fact_name)}")
    made = source.run("contract type")
    return CompiledType(source, made["unmet"], made["has_ended"])


def compile_charging(rules: Sequence[Rule]) -> CompiledCharging:
    source = Source({"rules": tuple(rules)})
    with source.block("def first_rule(work):"):
        for number, rule in enumerate(rules):
            with source.block(f"if {expression(rule.conditions, source, _fact_name)}:", rule.id):
                source.line(f"return rules[{number}]")
        source.line("return None")
    return CompiledCharging(source, source.run("charging rules")["first_rule"])


def compile_checks(rules: Sequence[Rule]) -> CompiledChecks:
    source = Source({"rules": tuple(rules)})
    with source.block("def matching(invoice):"):
        source.line("found = []")
        for number, rule in enumerate(rules):
            with source.block(f"if {expression(rule.conditions, source, _fact_name)}:", rule.id):
                source.line(f"found.append(rules[{number}])")
        source.line("return found")
    return CompiledChecks(source, source.run("invoice checks")["matching"])


def compile_scope(conditions: Conditions) -> Callable[[Any], bool]:
    """Conditions on work as a function of its facts."""
    source = Source({})
    with source.block("def holds(work):"):
        source.line(f"return {expression(conditions, source, _fact_name)}")
    holds: Callable[[Any], bool] = source.run("scope")["holds"]
    return holds


def _write_unmet(source: Source, conditions: Conditions, numbers: dict[int, int]) -> None:
    """Generate code that returns the first unmet condition, or continues if all are met."""
    match conditions:
        case Condition():
            with source.block(f"if not ({expression(conditions, source, _fact_name)}):", conditions.text):
                source.line(f"return conditions[{numbers[id(conditions)]}]")
        case AllOf(parts):
            for part in parts:
                _write_unmet(source, part, numbers)
        case AnyOf(parts):
            with source.block(f"if not ({expression(conditions, source, _fact_name)}):"):
                _write_unmet(source, parts[0], numbers)


def _fact_name(variable: Variable) -> str:
    return f"{variable.scope}.{variable.fact}"

"""Contract types' conditions and charging rules as Python functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.rulebook.compiled.expressions import expression
from engine.rulebook.compiled.source import Source
from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Condition, Conditions, Rule, mentions
from engine.rulebook.vocabulary.terms import Variable


@dataclass(frozen=True)
class CompiledType:
    """A contract type's conditions: `unmet` is the first in the way of `valid_when`, None when it holds."""

    source: Source
    unmet: Callable[[Any], Condition | None]
    has_ended: Callable[[Any], bool]


@dataclass(frozen=True)
class CompiledCharging:
    """Charging rules: `first_rule` is the first that holds, None where none does."""

    source: Source
    first_rule: Callable[[Any], Rule | None]


def compile_type(valid_when: Conditions, expires_when: Conditions) -> CompiledType:
    conditions = tuple(mentions(valid_when))
    source = Source({"conditions": conditions})
    with source.block("def unmet(contract):"):
        _write_unmet(source, valid_when, {id(one): number for number, one in enumerate(conditions)})
        source.line("return None")
    source.line("")
    with source.block("def has_ended(contract):"):
        source.line(f"return {expression(expires_when, source, _of_subject)}")
    made = source.run("contract type")
    return CompiledType(source, made["unmet"], made["has_ended"])


def compile_charging(rules: Sequence[Rule]) -> CompiledCharging:
    source = Source({"rules": tuple(rules)})
    with source.block("def first_rule(work):"):
        for number, rule in enumerate(rules):
            with source.block(f"if {expression(rule.conditions, source, _of_subject)}:", rule.id):
                source.line(f"return rules[{number}]")
        source.line("return None")
    return CompiledCharging(source, source.run("charging rules")["first_rule"])


def _write_unmet(source: Source, conditions: Conditions, numbers: dict[int, int]) -> None:
    """Return the first condition that keeps the whole from being met, or go on behind it."""
    match conditions:
        case Condition():
            with source.block(f"if not ({expression(conditions, source, _of_subject)}):", conditions.words):
                source.line(f"return conditions[{numbers[id(conditions)]}]")
        case AllOf(parts):
            for part in parts:
                _write_unmet(source, part, numbers)
        case AnyOf(parts):
            with source.block(f"if not ({expression(conditions, source, _of_subject)}):"):
                _write_unmet(source, parts[0], numbers)


def _of_subject(variable: Variable) -> str:
    return f"{variable.scope}.{variable.fact}"

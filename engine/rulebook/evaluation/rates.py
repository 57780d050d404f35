"""The price of an hour of work, according to the rules of a rate card.

Source: product.md section 7 (From worked to chargeable minutes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from engine.rulebook.compiled.single import CompiledCharging, compile_charging
from engine.rulebook.evaluation.business_rules_adapter import RATE_EVALUATOR as EVALUATOR
from engine.rulebook.evaluation.charging import ChargingFacts, calendars_named
from engine.rulebook.syntax.syntax_tree import Rule
from engine.rulebook.vocabulary.engines import RulesEngine

EVER = (date.min, date.max)
STANDARD_CARD = "standard"
"""The rate card of a contract that names none, if the rules have it."""


class Rate(NamedTuple):
    """The price of an hour in the currency's minor unit, and the rule that says so."""

    per_hour_minor: int
    rule_id: str


@dataclass(frozen=True)
class RateCard:
    """One checked file of `rules/rate_cards/`: the prices of hours, all in one currency (ISO 4217)."""

    name: str
    label: str
    currency: str
    rules: tuple[Rule, ...] = ()
    engine: RulesEngine = "compiled"
    _by_validity: dict[tuple[int, ...], CompiledCharging] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    @cached_property
    def calendars(self) -> frozenset[str]:
        """The calendars that the rules name."""
        return calendars_named(self.rules)

    def rate(self, facts: ChargingFacts, on: date) -> Rate | None:
        """The rate of the first rule that matches and that a day (of the provider's time zone) is valid for.

        None if there is none. Source: product.md section 7.
        """
        valid = tuple(number for number, rule in enumerate(self.rules) if is_valid_on(rule, on))
        if not valid:
            return None
        if self.engine == "compiled":
            rule = self._compiled(valid).first_rule(facts)
            return _rate(rule, rule.params) if rule is not None else None
        asked = EVALUATOR.facts(facts)
        for number in valid:
            if EVALUATOR.holds(self.rules[number].conditions_json, asked):
                return _rate(self.rules[number], EVALUATOR.act(self.rules[number])[1])
        return None

    def _compiled(self, valid: tuple[int, ...]) -> CompiledCharging:
        """The rules that are valid on some day; compiled once for all days that have the same ones."""
        if valid not in self._by_validity:
            self._by_validity[valid] = compile_charging([self.rules[number] for number in valid])
        return self._by_validity[valid]


def is_valid_on(rule: Rule, on: date) -> bool:
    """Whether a day is from the first to the last day of a rule, both included."""
    first, last = validity(rule)
    return first <= on <= last


def validity(rule: Rule) -> tuple[date, date]:
    """The first and the last day of a rule."""
    first, last = (rule.params.get(name) for name in ("first_day", "last_day"))
    return (
        date.fromisoformat(first) if first else EVER[0],
        date.fromisoformat(last) if last else EVER[1],
    )


def _rate(rule: Rule, params: Mapping[str, Any]) -> Rate:
    return Rate(params["per_hour_minor"], rule.id)

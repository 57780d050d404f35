"""How much of the worked time is charged, according to the charging rules.

Source: product.md section 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from engine.contracts import ExcludedTime
from engine.rulebook.compiled.single import CompiledCharging, compile_charging
from engine.rulebook.evaluation.business_rules_adapter import CHARGING_EVALUATOR as EVALUATOR
from engine.rulebook.syntax.syntax_tree import Rule, mentions
from engine.rulebook.vocabulary.engines import RulesEngine

NOON = 12


@dataclass(frozen=True, slots=True)
class ChargingFacts:
    """A work entry as the charging rules see it; None means not given.

    Weekday (monday to sunday) and hour (0 to 23) are those of the start of the work, in the desk's time zone.
    `calendars` are those that the segment of the work is in.
    """

    work_type: str | None = None
    priority: str | None = None
    role: str | None = None
    channel: str | None = None
    worked_weekday: str | None = None
    worked_hour: int = NOON
    item_type: str | None = None
    calendars: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Charge:
    """The percentage of worked minutes to charge (an integer), and the rule that says so, if any.

    `excluded` is what becomes of time that the covering contract does not pay for; None if it does.
    """

    percent: int
    why: str | None = None
    rule_id: str | None = None
    excluded: ExcludedTime | None = None


def calendars_named(rules: Sequence[Rule]) -> frozenset[str]:
    """The calendars that the conditions of some rules name."""
    named = (one for rule in rules for one in mentions(rule.conditions) if one.variable.type == "names")
    return frozenset(str(one.value) for one in named)


@dataclass(frozen=True)
class ChargingBook:
    """The checked charging file."""

    rules: tuple[Rule, ...] = ()
    engine: RulesEngine = "compiled"
    compiled: CompiledCharging = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", compile_charging(self.rules))

    @cached_property
    def calendars(self) -> frozenset[str]:
        """The calendars that the rules name."""
        return calendars_named(self.rules)

    @cached_property
    def passes_on(self) -> bool:
        """Whether any rule excludes time that the next contract pays for."""
        return any(rule.params.get("then") == "next_contract" for rule in self.rules)

    def run_by(self, engine: RulesEngine) -> "ChargingBook":
        """The same rules, run by another engine."""
        return self if engine == self.engine else replace(self, engine=engine)

    def charge(self, facts: ChargingFacts) -> Charge:
        """The charge by the first rule that matches; 100 percent if none does.

        Source: product.md section 7.
        """
        if self.engine == "compiled":
            rule = self.compiled.first_rule(facts)
            params = rule.params if rule is not None else {}
        else:
            rule, params = self._interpret(facts)
        if rule is None:
            return Charge(100)
        excluded = params.get("then")
        percent = params.get("percent", 0 if excluded is None else 100)
        return Charge(percent, rule.why, rule.id, excluded)

    def _interpret(self, facts: ChargingFacts) -> tuple[Rule | None, Mapping[str, Any]]:
        asked = EVALUATOR.facts(facts)
        for rule in self.rules:
            if EVALUATOR.holds(rule.conditions_json, asked):
                return rule, EVALUATOR.act(rule)[1]
        return None, {}

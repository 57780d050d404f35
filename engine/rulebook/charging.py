"""How much of the worked time is charged, by rules.

Source: product.md section 7.
"""

from dataclasses import dataclass

from engine.rulebook.library import CHARGING_EVALUATOR as EVALUATOR
from engine.rulebook.tree import Rule


@dataclass(frozen=True, slots=True)
class ChargingFacts:
    """A work entry as the charging rules see it; None is what was not given."""

    work_type: str | None = None
    priority: str | None = None
    role: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """Whole percent of the worked minutes that are charged; the rule that says so, None where none does."""

    percent: int
    why: str | None = None
    rule_id: str | None = None


@dataclass(frozen=True)
class ChargingBook:
    """The charging file, checked."""

    rules: tuple[Rule, ...] = ()

    def charge(self, facts: ChargingFacts) -> Charge:
        """By the first rule that holds; without one, time is charged as worked."""
        asked = EVALUATOR.facts(facts)
        for rule in self.rules:
            if EVALUATOR.holds(rule.conditions_json, asked):
                _, params = EVALUATOR.act(rule)
                return Charge(params.get("percent", 0), rule.why, rule.id)
        return Charge(100)

"""When a contract of a type is valid, and when it has ended.

Source: product.md section 4.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from engine.contracts import ContractType
from engine.facts import RuledOut
from engine.rulebook.compiled.single import CompiledType, compile_type
from engine.rulebook.evaluation.business_rules_adapter import CONTRACT_TYPE_EVALUATOR as EVALUATOR
from engine.rulebook.syntax.syntax_tree import Condition, Conditions
from engine.rulebook.vocabulary.engines import RulesEngine

# The reason codes if one of these facts is the first unmet condition.
EXHAUSTED_CODES = {
    "minutes_available": "no_minutes_left",
    "incidents_available": "no_incidents_left",
    "money_available": "no_money_left",
}
STATE_CODES = {
    "within_period": "outside_period",
    "period_over": "outside_period",
    "service_request_closed": "service_request_closed",
}


class ContractFacts(NamedTuple):
    """What a contract type's conditions may read, at one instant. Amounts are whole units of their kind."""

    within_period: bool
    period_over: bool
    minutes_available: int
    incidents_available: int
    incidents_held: int
    money_available: int
    own_incident_held: bool
    service_request_closed: bool


@dataclass(frozen=True)
class TypeRules:
    """A contract type with its checked conditions. `has_ended` returns whether `expires_when` is met."""

    type: ContractType
    valid_when: Conditions
    expires_when: Conditions
    engine: RulesEngine = "compiled"
    compiled: CompiledType = field(init=False, repr=False, compare=False)
    has_ended: Callable[[ContractFacts], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = compile_type(self.valid_when, self.expires_when)
        object.__setattr__(self, "compiled", compiled)
        # An attribute instead of a method, for speed: it is called for every contract found.
        has_ended = compiled.has_ended if self.engine == "compiled" else self._interpreted_has_ended
        object.__setattr__(self, "has_ended", has_ended)

    def run_by(self, engine: RulesEngine) -> "TypeRules":
        """The same type, with its conditions run by another engine."""
        return self if engine == self.engine else replace(self, engine=engine)

    def is_valid(self, facts: ContractFacts) -> RuledOut | None:
        """None if `valid_when` is met, otherwise the reason: its first unmet condition."""
        unmet = self.compiled.unmet(facts) if self.engine == "compiled" else self._interpreted_unmet(facts)
        return None if unmet is None else _ruled_out_by(unmet, facts)

    def _interpreted_unmet(self, facts: ContractFacts) -> Condition | None:
        asked = EVALUATOR.facts(None, facts)
        if EVALUATOR.holds(self.type.valid_when, asked):
            return None
        return EVALUATOR.first_unmet(self.valid_when, asked)

    def _interpreted_has_ended(self, facts: ContractFacts) -> bool:
        return EVALUATOR.holds(self.type.expires_when, EVALUATOR.facts(None, facts))


def _ruled_out_by(condition: Condition, facts: ContractFacts) -> RuledOut:
    name = condition.variable.name
    if name in STATE_CODES:
        return RuledOut(STATE_CODES[name])
    if name in EXHAUSTED_CODES and not condition.variable.read(facts):
        return RuledOut(EXHAUSTED_CODES[name])
    return RuledOut("condition", value=condition.text)

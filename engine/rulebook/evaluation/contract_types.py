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

# What it is called when such a fact says there is nothing left, or the time is not right.
EXHAUSTED_CODES = {"minutes_available": "no_minutes_left", "incidents_available": "no_incidents_left"}
STATE_CODES = {
    "within_period": "outside_period",
    "period_over": "outside_period",
    "service_request_closed": "service_request_closed",
}


class ContractFacts(NamedTuple):
    """What a contract type's conditions may ask, at one instant. Minutes and incidents are whole numbers."""

    within_period: bool
    period_over: bool
    minutes_available: int
    incidents_available: int
    incidents_held: int
    own_incident_held: bool
    service_request_closed: bool


@dataclass(frozen=True)
class TypeRules:
    """A contract type with its checked conditions. `has_ended` tells whether `expires_when` holds."""

    type: ContractType
    valid_when: Conditions
    expires_when: Conditions
    engine: RulesEngine = "compiled"
    compiled: CompiledType = field(init=False, repr=False, compare=False)
    has_ended: Callable[[ContractFacts], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = compile_type(self.valid_when, self.expires_when)
        object.__setattr__(self, "compiled", compiled)
        # Held directly, as the coverage rules are: it is asked of every contract found.
        has_ended = compiled.has_ended if self.engine == "compiled" else self._has_plainly_ended
        object.__setattr__(self, "has_ended", has_ended)

    def run_by(self, engine: RulesEngine) -> "TypeRules":
        """The same type, its conditions run by another engine."""
        return self if engine == self.engine else replace(self, engine=engine)

    def is_valid(self, facts: ContractFacts) -> RuledOut | None:
        """None when `valid_when` holds, else the first condition that keeps it from holding."""
        unmet = self.compiled.unmet(facts) if self.engine == "compiled" else self._plainly_unmet(facts)
        return None if unmet is None else _ruled_out_by(unmet, facts)

    def _plainly_unmet(self, facts: ContractFacts) -> Condition | None:
        asked = EVALUATOR.facts(None, facts)
        if EVALUATOR.holds(self.type.valid_when, asked):
            return None
        return EVALUATOR.first_unmet(self.valid_when, asked)

    def _has_plainly_ended(self, facts: ContractFacts) -> bool:
        return EVALUATOR.holds(self.type.expires_when, EVALUATOR.facts(None, facts))


def _ruled_out_by(condition: Condition, facts: ContractFacts) -> RuledOut:
    name = condition.variable.name
    if name in STATE_CODES:
        return RuledOut(STATE_CODES[name])
    if name in EXHAUSTED_CODES and not condition.variable.read(facts):
        return RuledOut(EXHAUSTED_CODES[name])
    return RuledOut("condition", value=condition.words)

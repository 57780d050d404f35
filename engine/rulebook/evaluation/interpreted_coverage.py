"""Coverage rules run by business-rules: rule by rule, each for the contracts in rank order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.facts import Candidate, RequestFacts
from engine.rulebook.compiled.coverage import RuleMatch
from engine.rulebook.evaluation.business_rules_adapter import COVERAGE_EVALUATOR as EVALUATOR
from engine.rulebook.syntax.syntax_tree import Condition, Rule


@dataclass(frozen=True)
class InterpretedCoverage:
    """The same interface as `CompiledCoverage`, evaluated with business-rules itself."""

    rules: Sequence[Rule]
    rank: Callable[[Iterable[Candidate]], tuple[Candidate, ...]]

    def decide(self, request: RequestFacts, contracts: Iterable[Candidate]) -> RuleMatch:
        asked = [(candidate, EVALUATOR.facts(request, candidate)) for candidate in self.rank(contracts)]
        without = EVALUATOR.facts(request)
        for rule in self.rules:
            if not rule.action.needs_contract:
                if EVALUATOR.holds(rule.conditions_json, without):
                    return rule, None
                continue
            for candidate, facts in asked:
                if EVALUATOR.holds(rule.conditions_json, facts):
                    return rule, candidate
        return None, None

    def meets_a_rule(self, request: RequestFacts, candidate: Candidate) -> bool:
        facts = EVALUATOR.facts(request, candidate)
        asked = (rule for rule in self.rules if rule.action.needs_contract)
        return any(EVALUATOR.holds(rule.conditions_json, facts) for rule in asked)

    def is_met(self, condition: Condition, request: RequestFacts, candidate: Candidate) -> bool:
        return EVALUATOR.first_unmet(condition, EVALUATOR.facts(request, candidate)) is None

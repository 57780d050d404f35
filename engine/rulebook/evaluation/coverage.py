"""The coverage rules in force: which contract comes first, and which rule decides.

Source: product.md section 6.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from engine.facts import Candidate, RequestFacts
from engine.rulebook.compiled.coverage import CompiledCoverage, Decide, compile_coverage
from engine.rulebook.evaluation.business_rules_adapter import COVERAGE_EVALUATOR
from engine.rulebook.evaluation.interpreted_coverage import InterpretedCoverage
from engine.rulebook.syntax.syntax_tree import Condition, Rule, can_be_met, first_unmet
from engine.rulebook.vocabulary.engines import RulesEngine


class Match(NamedTuple):
    """The rule that decided, its action, and the contract it applies to (None if it needs none)."""

    rule_id: str
    why: str
    action: str
    params: Mapping[str, Any]
    candidate: Candidate | None


@dataclass(frozen=True)
class CoverageBook:
    """One checked coverage file. Rules are evaluated in order, each for the candidates in rank order.

    `decide` finds the first rule that matches and, if the rule needs a contract, the first candidate in rank
    order that matches it; it returns (None, None) if no rule matches. The candidates may be in any order.
    """

    name: str
    rank_by: tuple[str, ...]
    rules: tuple[Rule, ...]
    engine: RulesEngine = "compiled"
    compiled: CompiledCoverage = field(init=False, repr=False, compare=False)
    plain: InterpretedCoverage = field(init=False, repr=False, compare=False)
    decide: Decide = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = compile_coverage(self.rules, self.rank_by)
        plain = InterpretedCoverage(self.rules, self.rank)
        # An attribute instead of a method: the extra call would take a tenth of the decision's time.
        decide = compiled.decide if self.engine == "compiled" else plain.decide
        for name, value in (("compiled", compiled), ("plain", plain), ("decide", decide)):
            object.__setattr__(self, name, value)

    def run_by(self, engine: RulesEngine) -> "CoverageBook":
        """The same rules, run by another engine."""
        return self if engine == self.engine else replace(self, engine=engine)

    def rank(self, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
        """The candidates in rank order: nearer org units first, then by the file's rank, then by id.

        The id makes the order total, so that it does not depend on the input order.
        """
        return tuple(sorted(candidates, key=self.compiled.order))

    def first_match(self, request: RequestFacts, candidates: Iterable[Candidate]) -> Match | None:
        """The result of `decide`, with the rule's action; None if no rule matches.

        Raises: UnknownTimeZone if a rule about dates is evaluated and the request's time zone is unknown.
        """
        rule, candidate = self.decide(request, candidates)
        if rule is None:
            return None
        if self.engine == "plain":
            return Match(rule.id, rule.why, *COVERAGE_EVALUATOR.act(rule), candidate)
        return Match(rule.id, rule.why, rule.action.name, rule.params, candidate)

    def first_failing(self, request: RequestFacts, candidate: Candidate) -> tuple[str, str] | None:
        """The rule that applies to this kind of contract, and its first unmet condition as text.

        This is the first rule whose conditions on the holder are met, otherwise the first rule that needs a
        contract. None if the contract matches a rule, or if no rule needs a contract.
        """
        asking = self.compiled if self.engine == "compiled" else self.plain
        if asking.meets_a_rule(request, candidate):
            return None
        rules = [rule for rule in self.rules if rule.action.needs_contract]
        if not rules:
            return None

        def is_met(condition: Condition) -> bool:
            return asking.is_met(condition, request, candidate)

        def holder_fits(condition: Condition) -> bool | None:
            return is_met(condition) if condition.variable.name == "contract_holder" else None

        meant = next((rule for rule in rules if can_be_met(rule.conditions, holder_fits)), rules[0])
        unmet = first_unmet(meant.conditions, is_met)
        return (meant.id, unmet.text) if unmet is not None else None

"""The coverage rules in force: which contract comes first, and which rule decides.

Source: product.md section 6.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.facts import Candidate, RequestFacts
from engine.rulebook.library import COVERAGE_EVALUATOR as EVALUATOR
from engine.rulebook.tree import Condition, Rule, can_be_met

DEFAULT_RANK = ("ends_first", "started_first", "created_first")
NO_END = datetime.max.replace(tzinfo=UTC)

# Each criterion: what is compared, and whether the largest comes first.
RANK_CRITERIA: Mapping[str, tuple[Callable[[Candidate], datetime], bool]] = {
    "ends_first": (lambda candidate: candidate.expires_at or NO_END, False),
    "ends_last": (lambda candidate: candidate.expires_at or NO_END, True),
    "started_first": (lambda candidate: candidate.starts_at, False),
    "started_last": (lambda candidate: candidate.starts_at, True),
    "created_first": (lambda candidate: candidate.created_at, False),
    "created_last": (lambda candidate: candidate.created_at, True),
}


@dataclass(frozen=True)
class Match:
    """The rule that decided, what it does, and the contract it does it with (None where it needs none)."""

    rule_id: str
    why: str
    action: str
    params: Mapping[str, Any]
    candidate: Candidate | None


@dataclass(frozen=True)
class CoverageBook:
    """One coverage file, checked. Rules are asked in order, and each of the candidates in rank order."""

    name: str
    rank_by: tuple[str, ...]
    rules: tuple[Rule, ...]

    def rank(self, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
        """The candidates in the order they are asked in: nearer org units first, then by the file's rank.

        What is equal in all of it goes by id, so that the order is the same wherever it is asked.
        """
        ranked = sorted(candidates, key=lambda candidate: candidate.contract)
        for criterion in reversed(self.rank_by):
            key, largest_first = RANK_CRITERIA[criterion]
            ranked.sort(key=key, reverse=largest_first)
        ranked.sort(key=lambda candidate: candidate.distance)
        return tuple(ranked)

    def first_match(self, request: RequestFacts, candidates: Sequence[Candidate]) -> Match | None:
        """The first rule that holds, with the first ranked candidate that meets it; None where none does."""
        asked = [(candidate, EVALUATOR.facts(request, candidate)) for candidate in candidates]
        without = EVALUATOR.facts(request)
        for rule in self.rules:
            if not rule.action.needs_contract:
                if EVALUATOR.holds(rule.conditions_json, without):
                    return _match(rule, None)
                continue
            for candidate, facts in asked:
                if EVALUATOR.holds(rule.conditions_json, facts):
                    return _match(rule, candidate)
        return None

    def first_failing(self, request: RequestFacts, candidate: Candidate) -> tuple[str, str] | None:
        """The rule meant for such a contract and its first condition that is not met, in words.

        Meant for it is the first rule whose conditions on the contract's holder it meets, else the first rule
        that takes contracts at all. None when the contract meets a whole rule, or no rule takes contracts.
        """
        facts = EVALUATOR.facts(request, candidate)
        rules = [rule for rule in self.rules if rule.action.needs_contract]
        if not rules or any(EVALUATOR.holds(rule.conditions_json, facts) for rule in rules):
            return None

        def holder_fits(condition: Condition) -> bool | None:
            if condition.variable.name != "contract_holder":
                return None
            return EVALUATOR.first_unmet(condition, facts) is None

        meant = next((rule for rule in rules if can_be_met(rule.conditions, holder_fits)), rules[0])
        unmet = EVALUATOR.first_unmet(meant.conditions, facts)
        return (meant.id, unmet.words) if unmet is not None else None


def _match(rule: Rule, candidate: Candidate | None) -> Match:
    action, params = EVALUATOR.act(rule)
    return Match(rule.id, rule.why, action, params, candidate)

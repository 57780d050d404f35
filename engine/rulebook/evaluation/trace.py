"""Coverage rules step by step: for each rule in order, why each contract it applies to does not match.

Explains how a decision came about; the decision itself is made by `CoverageBook.first_match`.
Source: product.md section 6, and the coverage explorer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.contracts import HOLDER_KINDS, HolderKind
from engine.facts import STANDINGS, Candidate, RequestFacts, Standing
from engine.rulebook.evaluation.business_rules_adapter import COVERAGE_EVALUATOR as EVALUATOR
from engine.rulebook.evaluation.coverage import CoverageBook
from engine.rulebook.syntax.syntax_tree import Condition, Rule, can_be_met

_ANY_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)
PLACEHOLDER_REQUEST = RequestFacts(at=_ANY_INSTANT, contract_validation=True, customer="")
PLACEHOLDER_CANDIDATE = Candidate(
    "", "", "", "customer", "", 0, "active", None, _ANY_INSTANT, _ANY_INSTANT, None, "valid"
)
"""Placeholders for evaluating only a rule's conditions on the holder."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A contract checked against a rule; `unmet` is the first unmet condition as text, or None."""

    candidate: Candidate
    unmet: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One rule: `unmet` if the rule needs no contract, `asked` if it does."""

    rule: Rule
    unmet: str | None
    asked: tuple[Asked, ...]

    @property
    def holds(self) -> bool:
        if self.rule.action.needs_contract:
            return any(one.unmet is None for one in self.asked)
        return self.unmet is None


def trace(book: CoverageBook, request: RequestFacts, candidates: Sequence[Candidate]) -> list[Step]:
    """Each rule in order, with the candidates whose holder it applies to, in the order given.

    Raises: UnknownTimeZone if a rule about dates is evaluated and the request's time zone is unknown.
    """
    return [_step(rule, request, candidates) for rule in book.rules]


def holder_kinds_asked(book: CoverageBook, until: str | None = None) -> list[HolderKind]:
    """The kinds of holder whose contracts the rules check, in the order of the rules.

    With `until`, only up to and including the rule with that id.
    """
    found: list[HolderKind] = []
    for rule in book.rules:
        if rule.action.needs_contract:
            found += [kind for kind in HOLDER_KINDS if kind not in found and _is_meant_for(rule, kind)]
        if rule.id == until:
            break
    return found


def holders_meant(rule: Rule) -> list[HolderKind]:
    """The kinds of holder whose contracts a rule may take."""
    return [kind for kind in HOLDER_KINDS if _is_meant_for(rule, kind)]


def standings_meant(rule: Rule) -> list[Standing]:
    """How the contracts may stand that a rule takes."""
    return [
        one
        for one in STANDINGS
        if _may_take(rule, "contract_standing", PLACEHOLDER_CANDIDATE._replace(standing=one))
    ]


def _is_meant_for(rule: Rule, kind: HolderKind) -> bool:
    return _may_take(rule, "contract_holder", PLACEHOLDER_CANDIDATE._replace(holder_kind=kind))


def _may_take(rule: Rule, variable: str, candidate: Candidate) -> bool:
    """Whether a rule may take a candidate, by its conditions on one variable alone."""

    def fits(condition: Condition) -> bool | None:
        if condition.variable.name != variable:
            return None
        return EVALUATOR.first_unmet(condition, EVALUATOR.facts(PLACEHOLDER_REQUEST, candidate)) is None

    return can_be_met(rule.conditions, fits)


def _step(rule: Rule, request: RequestFacts, candidates: Sequence[Candidate]) -> Step:
    if not rule.action.needs_contract:
        return Step(rule, _text(EVALUATOR.first_unmet(rule.conditions, EVALUATOR.facts(request))), ())
    asked = []
    for candidate in candidates:
        facts = EVALUATOR.facts(request, candidate)

        def holder_fits(condition: Condition, candidate: Candidate = candidate) -> bool | None:
            if condition.variable.name != "contract_holder":
                return None
            return EVALUATOR.first_unmet(condition, EVALUATOR.facts(request, candidate)) is None

        if can_be_met(rule.conditions, holder_fits):
            asked.append(Asked(candidate, _text(EVALUATOR.first_unmet(rule.conditions, facts))))
    return Step(rule, None, tuple(asked))


def _text(unmet: Condition | None) -> str | None:
    return unmet.text if unmet is not None else None

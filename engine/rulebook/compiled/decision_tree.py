"""The order of evaluation in compiled rules: a text that many rules compare is read once, not once per rule.

The first rule that matches still decides: what is known about a text only simplifies the conditions of the
rules that remain.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.rulebook.compiled.expressions import holds_for
from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Condition, Conditions, mentions, size
from engine.rulebook.vocabulary.terms import Variable

# Deeper code would be unreadable, and Python limits indentation.
MAX_SPLITS = 8
EQUALITIES = ("equal_to", "not_equal_to")


@dataclass(frozen=True, slots=True)
class RuleTest:
    """The rule with this number matches if the conditions are met, or always if they are None."""

    rule: int
    conditions: Conditions | None


@dataclass(frozen=True, slots=True)
class Split:
    """The steps for each value of a text, and for any other value."""

    variable: Variable
    branches: "tuple[tuple[str, Steps], ...]"
    otherwise: "Steps"


Steps = Split | tuple[RuleTest, ...]
"""Rules in order, the first match decides; or a text to branch on first."""

Remaining = list[tuple[int, Conditions | bool]]
"""Rules in order, each with the conditions that remain to be evaluated."""


def steps_for(rules: Sequence[tuple[int, Conditions]], may_split: Callable[[Variable], bool]) -> Steps:
    """The steps that find the first matching rule; `may_split` says which texts may be branched on."""
    return _steps(list(rules), may_split, 0)


def simplified(conditions: Conditions, known: Callable[[Condition], bool | None]) -> Conditions | bool:
    """The conditions that remain if `known` gives the result of some, and None for the others."""
    if isinstance(conditions, Condition):
        answer = known(conditions)
        return conditions if answer is None else answer
    settles = isinstance(conditions, AnyOf)
    parts: list[Conditions] = []
    for part in conditions.parts:
        left = simplified(part, known)
        if left is settles:
            return settles
        if not isinstance(left, bool):
            parts.append(left)
    if not parts:
        return not settles
    if len(parts) == 1:
        return parts[0]
    return AnyOf(tuple(parts)) if settles else AllOf(tuple(parts))


def _steps(rules: Remaining, may_split: Callable[[Variable], bool], depth: int) -> Steps:
    rules = list(_reachable(rules))
    if depth < MAX_SPLITS:
        for variable, values in _splittable(rules, may_split):
            branches = [(value, _assume(rules, _is(variable, value))) for value in values]
            otherwise = _assume(rules, _is_none_of(variable, values))
            if sum(_cost(left) for _, left in branches) + _cost(otherwise) <= _cost(rules):
                return Split(
                    variable,
                    tuple((value, _steps(left, may_split, depth + 1)) for value, left in branches),
                    _steps(otherwise, may_split, depth + 1),
                )
    return tuple(RuleTest(rule, None if isinstance(left, bool) else left) for rule, left in rules)


def _reachable(rules: Remaining) -> Iterator[tuple[int, Conditions | bool]]:
    for rule, left in rules:
        if left is not False:
            yield rule, left
        if left is True:
            return


def _splittable(
    rules: Remaining, may_split: Callable[[Variable], bool]
) -> list[tuple[Variable, tuple[str, ...]]]:
    """Texts that several rules compare, with the values compared; the most promising first."""
    variables: dict[str, Variable] = {}
    values: dict[str, dict[str, None]] = {}
    asked_by: Counter[str] = Counter()
    for _, left in rules:
        compared = [] if isinstance(left, bool) else [one for one in mentions(left) if _compares(one)]
        for condition in compared:
            name = condition.variable.name
            variables[name] = condition.variable
            values.setdefault(name, {})[str(condition.value)] = None
        asked_by.update({condition.variable.name for condition in compared})
    names = sorted(
        (name for name in variables if asked_by[name] > 1 and may_split(variables[name])),
        key=lambda name: (-asked_by[name], len(values[name])),
    )
    return [(variables[name], tuple(values[name])) for name in names]


def _compares(condition: Condition) -> bool:
    is_text = condition.variable.type == "text" and bool(condition.value)
    return is_text and condition.operator.name in EQUALITIES


def _assume(rules: Remaining, known: Callable[[Condition], bool | None]) -> Remaining:
    assumed: Remaining = [
        (rule, left if isinstance(left, bool) else simplified(left, known)) for rule, left in rules
    ]
    return list(_reachable(assumed))


def _is(variable: Variable, value: str) -> Callable[[Condition], bool | None]:
    def known(condition: Condition) -> bool | None:
        return holds_for(condition, value) if condition.variable is variable else None

    return known


def _is_none_of(variable: Variable, values: tuple[str, ...]) -> Callable[[Condition], bool | None]:
    def known(condition: Condition) -> bool | None:
        if condition.variable is not variable or not _compares(condition) or condition.value not in values:
            return None
        return condition.operator.name == "not_equal_to"

    return known


def _cost(rules: Remaining) -> int:
    """The size of the code for the rules: one line per rule and one per condition."""
    return sum(1 if isinstance(left, bool) else 1 + size(left) for _, left in rules)

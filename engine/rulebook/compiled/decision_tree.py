"""The order in which compiled rules ask: a text that many rules compare is looked at once, not once a rule.

"First rule that is met" stays what it is: what is known of a text is only put into the conditions behind it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.rulebook.compiled.expressions import holds_for
from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Condition, Conditions, mentions, size
from engine.rulebook.vocabulary.terms import Variable

# Deeper ones would not be read by anyone, and Python bounds how far code may be indented.
MOST_SPLITS = 8
EQUALITIES = ("equal_to", "not_equal_to")


@dataclass(frozen=True, slots=True)
class Ask:
    """Where the conditions are met, so is the rule of that number; with None it is met anyway."""

    rule: int
    conditions: Conditions | None


@dataclass(frozen=True, slots=True)
class Split:
    """What is asked for each value of a text, and what for any other."""

    variable: Variable
    branches: "tuple[tuple[str, Steps], ...]"
    otherwise: "Steps"


Steps = Split | tuple[Ask, ...]
"""Rules in order, of which the first that is met counts; or one text to be looked at before."""

Left = list[tuple[int, Conditions | bool]]
"""Rules in order, each with what is still to be asked of it."""


def steps_for(rules: Sequence[tuple[int, Conditions]], may_split: Callable[[Variable], bool]) -> Steps:
    """How to find the first of the rules that is met; `may_split` says which texts to look at before."""
    return _steps(list(rules), may_split, 0)


def simplified(conditions: Conditions, known: Callable[[Condition], bool | None]) -> Conditions | bool:
    """What is left to ask where `known` answers some conditions and None for the others."""
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


def _steps(rules: Left, may_split: Callable[[Variable], bool], depth: int) -> Steps:
    rules = list(_reachable(rules))
    if depth < MOST_SPLITS:
        for variable, values in _splittable(rules, may_split):
            branches = [(value, _assume(rules, _is(variable, value))) for value in values]
            otherwise = _assume(rules, _is_none_of(variable, values))
            if sum(_cost(left) for _, left in branches) + _cost(otherwise) <= _cost(rules):
                return Split(
                    variable,
                    tuple((value, _steps(left, may_split, depth + 1)) for value, left in branches),
                    _steps(otherwise, may_split, depth + 1),
                )
    return tuple(Ask(rule, None if isinstance(left, bool) else left) for rule, left in rules)


def _reachable(rules: Left) -> Iterator[tuple[int, Conditions | bool]]:
    for rule, left in rules:
        if left is not False:
            yield rule, left
        if left is True:
            return


def _splittable(rules: Left, may_split: Callable[[Variable], bool]) -> list[tuple[Variable, tuple[str, ...]]]:
    """Texts that several rules compare, with the values they compare them with; the most promising first."""
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


def _assume(rules: Left, known: Callable[[Condition], bool | None]) -> Left:
    assumed: Left = [
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


def _cost(rules: Left) -> int:
    """How much code the rules need: a line each, and one for each condition."""
    return sum(1 if isinstance(left, bool) else 1 + size(left) for _, left in rules)

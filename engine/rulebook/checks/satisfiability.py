"""Whether there are facts for which some conditions hold and others do not: a small backtracking search.

Each variable is tried with as few values as the conditions can distinguish: the texts and numbers they
mention, adjacent numbers, and one other text. A condition that cannot be evaluated this way, such as one on
the start of a text or on a date, is opaque: it is tried as true and as false, or not at all if the result
must not depend on it. So is each name in a set of names, such as the calendars that work is in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.rulebook.compiled.expressions import holds_for
from engine.rulebook.syntax.syntax_tree import AnyOf, Condition, Conditions, mentions
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import LARGEST_NUMBER

EQUALITIES = ("equal_to", "not_equal_to")
EXCLUDED_OPTIONS = {"contract_holder": ("service_request",)}
"""A contract of the service request itself takes precedence over the rules, so they never see one."""


class OtherText:
    """Any text that no condition mentions."""


OTHER_TEXT = OtherText()
Assignment = dict[str | Condition, Any]
"""The value of each variable tried, and the result of each opaque condition."""


class SearchBudgetExceeded(Exception):
    """The search would have to evaluate too many conditions."""


@dataclass
class SearchBudget:
    """How many conditions may still be evaluated, in all searches that share this budget."""

    left: int

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise SearchBudgetExceeded


@dataclass
class Satisfiability:
    """A search over the facts that some conditions can distinguish.

    With `facts_only`, opaque conditions are not evaluated, so that an assignment is found only if it is valid
    regardless of them.
    Raises: SearchBudgetExceeded if there are too many conditions.
    """

    conditions: Sequence[Conditions]
    budget: SearchBudget
    facts_only: bool = False
    _values: dict[str, tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        named: dict[str, list[Condition]] = {}
        for conditions in self.conditions:
            for one in mentions(conditions):
                self.budget.spend()
                named.setdefault(one.variable.name, []).append(one)
        self._values = {name: tuple(_values(some)) for name, some in named.items()}

    def find(
        self,
        holding: Sequence[Conditions],
        failing: Sequence[Conditions],
        assignment: Assignment | None = None,
    ) -> Assignment | None:
        """Facts for which all of `holding` hold and none of `failing` do; None if there are none.

        `assignment` has the values chosen so far. Raises: SearchBudgetExceeded.
        """
        assignment = assignment or {}
        open_question: Condition | None = None
        for wanted, some in ((True, holding), (False, failing)):
            for conditions in some:
                answer, undecided = self._evaluate(conditions, assignment)
                if answer is not None and answer is not wanted:
                    return None
                if answer is None and open_question is None:
                    if undecided is None:
                        return None
                    open_question = undecided
        if open_question is None:
            return assignment
        key, values = self._next_choice(open_question, assignment)
        for value in values:
            found = self.find(holding, failing, {**assignment, key: value})
            if found is not None:
                return found
        return None

    def _evaluate(
        self, conditions: Conditions, assignment: Mapping[Any, Any]
    ) -> tuple[bool | None, Condition | None]:
        """The result so far; if it is still unknown (None), also a condition that can be tried next."""
        if isinstance(conditions, Condition):
            self.budget.spend()
            answer = _evaluate_condition(conditions, assignment)
            return answer, conditions if answer is None and self._can_try(conditions, assignment) else None
        settles = isinstance(conditions, AnyOf)
        is_open, undecided = False, None
        for part in conditions.parts:
            answer, of_part = self._evaluate(part, assignment)
            if answer is settles:
                return settles, None
            if answer is None:
                is_open, undecided = True, undecided or of_part
        return (None, undecided) if is_open else (not settles, None)

    def _can_try(self, condition: Condition, assignment: Mapping[Any, Any]) -> bool:
        return not self.facts_only or not _is_opaque(condition, assignment)

    def _next_choice(
        self, condition: Condition, assignment: Assignment
    ) -> tuple[str | Condition, tuple[Any, ...]]:
        if _is_opaque(condition, assignment):
            return _question(condition), (True, False)
        return condition.variable.name, self._values[condition.variable.name]


def _is_opaque(condition: Condition, assignment: Mapping[Any, Any]) -> bool:
    if condition.variable.type in ("instant", "duration", "names"):
        return True
    return assignment.get(condition.variable.name) is OTHER_TEXT


def _question(condition: Condition) -> Condition:
    """The opaque condition to try: whether a name is among some, also for a condition that it is not."""
    if condition.operator.name != "does_not_contain":
        return condition
    return replace(condition, operator=OPERATORS["names"]["contains"])


def _evaluate_condition(condition: Condition, assignment: Mapping[Any, Any]) -> bool | None:
    variable, name = condition.variable, condition.operator.name
    if _question(condition) in assignment:
        return bool(assignment[_question(condition)]) is (name != "does_not_contain")
    if variable.name not in assignment:
        return None
    value = assignment[variable.name]
    if variable.type == "yes_no":
        return bool(value is (name == "is_true"))
    if value is not OTHER_TEXT:
        return holds_for(condition, value)
    if name in EQUALITIES:
        return name == "not_equal_to"
    return True if name == "non_empty" else None


def _values(conditions: Sequence[Condition]) -> Iterator[Any]:
    """The values to try for the variable of these conditions."""
    variable = conditions[0].variable
    if variable.type == "yes_no":
        yield from (True, False)
    elif variable.type == "number":
        named = {one.value for one in conditions if isinstance(one.value, int)}
        tried = {0, *(value + step for value in named for step in (-1, 0, 1))}
        maximum = LARGEST_NUMBER if variable.maximum is None else variable.maximum
        yield from sorted(number for number in tried if 0 <= number <= maximum)
    elif variable.options:
        yield from (one for one in variable.options if one not in EXCLUDED_OPTIONS.get(variable.name, ()))
        yield from [""] * variable.may_be_empty
    else:
        named_texts = {str(one.value): None for one in conditions if one.operator.name in EQUALITIES}
        yield from (text for text in named_texts if text)
        yield from [""] * variable.may_be_empty
        yield OTHER_TEXT

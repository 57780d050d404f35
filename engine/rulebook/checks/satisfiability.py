"""Whether there can be facts for which some conditions hold and others do not.

Facts are tried value by value, with as few values as conditions can tell apart: the texts and numbers they
name, those beside them, and one other. What cannot be tried so, such as the start of a text or a date, is a
question of its own that may be answered either way; or, where a claim must stand on facts alone, not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.rulebook.compiled.expressions import holds_for
from engine.rulebook.syntax.syntax_tree import AnyOf, Condition, Conditions, mentions
from engine.rulebook.vocabulary.registry import LARGEST_NUMBER

EQUALITIES = ("equal_to", "not_equal_to")
NEVER_ASKED = {"contract_holder": ("service_request",)}
"""A contract of the service request itself comes before the rules."""


class Other:
    """Any text that no condition names."""


OTHER = Other()
World = dict[str | Condition, Any]
"""The value of each variable tried, and the answer to each question of its own."""


class OutOfPatience(Exception):
    """The facts to be tried are too many."""


@dataclass
class Patience:
    """How many conditions may still be asked, in all searches together."""

    left: int

    def ask(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutOfPatience


@dataclass
class Satisfiability:
    """The facts that some conditions can tell apart.

    With `by_facts_alone`, questions of their own have no answer, so that a world is only found where it
    stands whatever the answers are. Raises: OutOfPatience.
    """

    conditions: Sequence[Conditions]
    patience: Patience
    by_facts_alone: bool = False
    _values: dict[str, tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        named: dict[str, list[Condition]] = {}
        for conditions in self.conditions:
            for one in mentions(conditions):
                self.patience.ask()
                named.setdefault(one.variable.name, []).append(one)
        self._values = {name: tuple(_values(some)) for name, some in named.items()}

    def find(
        self, holding: Sequence[Conditions], failing: Sequence[Conditions], world: World | None = None
    ) -> World | None:
        """Facts for which all of `holding` hold and none of `failing`; None where there are none.

        Raises: OutOfPatience.
        """
        world = world or {}
        open_question: Condition | None = None
        for wanted, some in ((True, holding), (False, failing)):
            for conditions in some:
                answer, undecided = self._ask(conditions, world)
                if answer is not None and answer is not wanted:
                    return None
                if answer is None and open_question is None:
                    if undecided is None:
                        return None
                    open_question = undecided
        if open_question is None:
            return world
        key, values = self._tried(open_question, world)
        for value in values:
            found = self.find(holding, failing, {**world, key: value})
            if found is not None:
                return found
        return None

    def _ask(self, conditions: Conditions, world: Mapping[Any, Any]) -> tuple[bool | None, Condition | None]:
        """What is known of the answer, and where it is not known a condition that can still be tried."""
        if isinstance(conditions, Condition):
            self.patience.ask()
            answer = _answer(conditions, world)
            return answer, conditions if answer is None and self._can_try(conditions, world) else None
        settles = isinstance(conditions, AnyOf)
        is_open, undecided = False, None
        for part in conditions.parts:
            answer, of_part = self._ask(part, world)
            if answer is settles:
                return settles, None
            if answer is None:
                is_open, undecided = True, undecided or of_part
        return (None, undecided) if is_open else (not settles, None)

    def _can_try(self, condition: Condition, world: Mapping[Any, Any]) -> bool:
        return not self.by_facts_alone or not _is_question_of_its_own(condition, world)

    def _tried(self, condition: Condition, world: World) -> tuple[str | Condition, tuple[Any, ...]]:
        if _is_question_of_its_own(condition, world):
            return condition, (True, False)
        return condition.variable.name, self._values[condition.variable.name]


def _is_question_of_its_own(condition: Condition, world: Mapping[Any, Any]) -> bool:
    if condition.variable.type in ("instant", "duration"):
        return True
    return world.get(condition.variable.name) is OTHER


def _answer(condition: Condition, world: Mapping[Any, Any]) -> bool | None:
    variable, name = condition.variable, condition.operator.name
    if condition in world:
        return bool(world[condition])
    if variable.name not in world:
        return None
    value = world[variable.name]
    if variable.type == "yes_no":
        return bool(value is (name == "is_true"))
    if value is not OTHER:
        return holds_for(condition, value)
    if name in EQUALITIES:
        return name == "not_equal_to"
    return True if name == "non_empty" else None


def _values(conditions: Sequence[Condition]) -> Iterator[Any]:
    """What to try for the variable that these conditions name."""
    variable = conditions[0].variable
    if variable.type == "yes_no":
        yield from (True, False)
    elif variable.type == "number":
        named = {one.value for one in conditions if isinstance(one.value, int)}
        beside = {0, *(value + step for value in named for step in (-1, 0, 1))}
        most = LARGEST_NUMBER if variable.most is None else variable.most
        yield from sorted(number for number in beside if 0 <= number <= most)
    elif variable.options:
        yield from (one for one in variable.options if one not in NEVER_ASKED.get(variable.name, ()))
        yield from [""] * variable.may_be_empty
    else:
        named_texts = {str(one.value): None for one in conditions if one.operator.name in EQUALITIES}
        yield from (text for text in named_texts if text)
        yield from [""] * variable.may_be_empty
        yield OTHER

"""Checked rules as typed values. Nothing here can name anything but what the registry holds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.rulebook.vocabulary.dates_and_durations import TimeValue, to_json, to_words
from engine.rulebook.vocabulary.terms import Action, Operator, Variable


@dataclass(frozen=True, slots=True)
class Condition:
    """A variable compared with a value by an operator of its type; `value` is None where it takes none."""

    variable: Variable
    operator: Operator
    value: str | int | TimeValue | None = None

    @property
    def words(self) -> str:
        """The condition as people say it: "contract standing is valid"."""
        said = f"{self.variable.label} {self.operator.words}"
        if self.operator.operand == "none":
            return said
        return f"{said} {to_words(self.value)}" if self.value != "" else f"{said} empty"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Met when every part is."""

    parts: "tuple[Conditions, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Met when one part is."""

    parts: "tuple[Conditions, ...]"


Conditions = Condition | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a file. `conditions_json` and `actions_json` are what business-rules runs."""

    id: str
    why: str
    conditions: Conditions
    action: Action
    params: Mapping[str, Any]
    conditions_json: Mapping[str, Any] = field(repr=False, compare=False)
    actions_json: list[dict[str, Any]] = field(repr=False, compare=False)


def rule(id: str, why: str, conditions: Conditions, action: Action, params: Mapping[str, Any]) -> Rule:
    """A rule with the JSON that its tree stands for."""
    actions = [{"name": action.name, "params": dict(params)}]
    return Rule(id, why, conditions, action, params, as_json(conditions), actions)


def as_json(conditions: Conditions) -> dict[str, Any]:
    """The form business-rules takes, made from the checked tree alone; `value` is a must in it."""
    match conditions:
        case AllOf(parts):
            return {"all": [as_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [as_json(part) for part in parts]}
        case Condition(variable, operator, value):
            return {"name": variable.name, "operator": operator.name, "value": to_json(value)}


def first_unmet(conditions: Conditions, is_met: Callable[[Condition], bool]) -> Condition | None:
    """The first condition that keeps the whole from being met; None when it is met."""
    match conditions:
        case Condition():
            return None if is_met(conditions) else conditions
        case AllOf(parts):
            return next((unmet for part in parts if (unmet := first_unmet(part, is_met))), None)
        case AnyOf(parts):
            missing = [first_unmet(part, is_met) for part in parts]
            return None if None in missing else missing[0]


def can_be_met(conditions: Conditions, is_met: Callable[[Condition], bool | None]) -> bool:
    """Whether the whole can be met where `is_met` knows some conditions and answers None to the others."""
    return first_unmet(conditions, lambda condition: is_met(condition) is not False) is None


def mentions(conditions: Conditions) -> Iterator[Condition]:
    """All single conditions, in order."""
    if isinstance(conditions, Condition):
        yield conditions
    else:
        for part in conditions.parts:
            yield from mentions(part)


def size(conditions: Conditions) -> int:
    """How many single conditions there are to ask."""
    return sum(1 for _ in mentions(conditions))

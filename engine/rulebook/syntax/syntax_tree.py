"""Checked rules as typed values, which can only refer to what the registry declares."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.rulebook.vocabulary.dates_and_durations import TimeValue, to_json, to_text
from engine.rulebook.vocabulary.terms import Action, Operator, Variable


@dataclass(frozen=True, slots=True)
class Condition:
    """A variable, an operator of its type, and the value to compare with; None if the operator takes none."""

    variable: Variable
    operator: Operator
    value: str | int | TimeValue | None = None

    @property
    def text(self) -> str:
        """The condition as text: "contract standing is valid"."""
        text = f"{self.variable.label} {self.operator.phrase}"
        if self.operator.operand == "none":
            return text
        return f"{text} {to_text(self.value)}" if self.value != "" else f"{text} empty"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Met if every part is met."""

    parts: "tuple[Conditions, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Met if at least one part is met."""

    parts: "tuple[Conditions, ...]"


Conditions = Condition | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a file. `conditions_json` and `actions_json` are its form for business-rules."""

    id: str
    why: str
    conditions: Conditions
    action: Action
    params: Mapping[str, Any]
    conditions_json: Mapping[str, Any] = field(repr=False, compare=False)
    actions_json: list[dict[str, Any]] = field(repr=False, compare=False)


def rule(id: str, why: str, conditions: Conditions, action: Action, params: Mapping[str, Any]) -> Rule:
    """Create a rule, with the JSON form of its conditions and action."""
    actions = [{"name": action.name, "params": dict(params)}]
    return Rule(id, why, conditions, action, params, as_json(conditions), actions)


def as_json(conditions: Conditions) -> dict[str, Any]:
    """The form that business-rules takes, made only from the checked tree; it always requires `value`."""
    match conditions:
        case AllOf(parts):
            return {"all": [as_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [as_json(part) for part in parts]}
        case Condition(variable, operator, value):
            return {"name": variable.name, "operator": operator.name, "value": to_json(value)}


def first_unmet(conditions: Conditions, is_met: Callable[[Condition], bool]) -> Condition | None:
    """The first condition that prevents the whole from being met; None if it is met."""
    match conditions:
        case Condition():
            return None if is_met(conditions) else conditions
        case AllOf(parts):
            return next((unmet for part in parts if (unmet := first_unmet(part, is_met))), None)
        case AnyOf(parts):
            missing = [first_unmet(part, is_met) for part in parts]
            return None if None in missing else missing[0]


def can_be_met(conditions: Conditions, is_met: Callable[[Condition], bool | None]) -> bool:
    """Whether the whole can be met, if `is_met` returns None for conditions whose result is unknown."""
    return first_unmet(conditions, lambda condition: is_met(condition) is not False) is None


def mentions(conditions: Conditions) -> Iterator[Condition]:
    """All single conditions, in order."""
    if isinstance(conditions, Condition):
        yield conditions
    else:
        for part in conditions.parts:
            yield from mentions(part)


def size(conditions: Conditions) -> int:
    """The number of single conditions."""
    return sum(1 for _ in mentions(conditions))

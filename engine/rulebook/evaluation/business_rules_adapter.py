"""business-rules at work: with `library_time`, the only module that imports it.

It reaches for whatever name a condition holds, so it is only ever given JSON made from a checked tree (see
`engine.rulebook.syntax.syntax_tree`), whose names all come from the registry. Its actions record; nothing is
written here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from business_rules.actions import BaseActions, rule_action
from business_rules.engine import check_conditions_recursively, do_actions
from business_rules.fields import FIELD_TEXT
from business_rules.operators import BooleanType, NumericType, StringType, type_operator
from business_rules.variables import BaseVariables, rule_variable

from engine.rulebook.evaluation.business_rules_time import DurationType, InstantType, time_value
from engine.rulebook.syntax.syntax_tree import Condition, Conditions, Rule, as_json, first_unmet
from engine.rulebook.vocabulary.registry import CHARGING, CONTRACT_TYPE, COVERAGE
from engine.rulebook.vocabulary.terms import Action, ValueType, Variable, Vocabulary


class TextType(StringType):  # type: ignore[misc]  # business-rules ships no types
    """Text of business-rules, with the negation it lacks."""

    name = "text"

    @type_operator(FIELD_TEXT, label="Not Equal To")  # type: ignore[untyped-decorator]
    def not_equal_to(self, other: str) -> bool:
        return bool(self.value != other)


LIBRARY_TYPES: Mapping[ValueType, type] = {
    "text": TextType,
    "number": NumericType,
    "yes_no": BooleanType,
    "instant": InstantType,
    "duration": DurationType,
}


class _Facts(BaseVariables):  # type: ignore[misc]  # business-rules ships no types
    """Variables over what they are read from: one value for each scope of the vocabulary."""

    def __init__(self, request: object, contract: object = None) -> None:
        self.request = request
        self.contract = contract


class _Recorder(BaseActions):  # type: ignore[misc]  # business-rules ships no types
    """Takes down the action that was run."""

    def __init__(self) -> None:
        self.taken: tuple[str, dict[str, Any]] | None = None


class Evaluator:
    """Runs checked conditions and actions of one vocabulary through business-rules. Holds no state."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        variables = {name: _reader(variable) for name, variable in vocabulary.variables.items()}
        actions = {name: _writer(action) for name, action in vocabulary.actions.items()}
        self._facts: type[_Facts] = type("Facts", (_Facts,), variables)
        self._recorder: type[_Recorder] = type("Recorder", (_Recorder,), actions)

    def facts(self, request: object, contract: object = None) -> _Facts:
        """What conditions are asked of. `contract` may be None where no condition names one's variables."""
        return self._facts(request, contract)

    def holds(self, conditions_json: Mapping[str, Any], facts: _Facts) -> bool:
        return bool(check_conditions_recursively(conditions_json, facts))

    def first_unmet(self, conditions: Conditions, facts: _Facts) -> Condition | None:
        return first_unmet(conditions, lambda condition: self.holds(as_json(condition), facts))

    def act(self, rule: Rule) -> tuple[str, dict[str, Any]]:
        """The action a rule takes, with its parameters."""
        recorder = self._recorder()
        do_actions(rule.actions_json, recorder)
        assert recorder.taken is not None, "a checked rule has one action"
        return recorder.taken


def _reader(variable: Variable) -> Callable[[_Facts], object]:
    read = variable.read
    if variable.type in ("instant", "duration"):

        def method(facts: _Facts) -> object:
            return time_value(variable, facts.request, facts.contract)

    elif variable.scope == "contract":

        def method(facts: _Facts) -> object:
            return read(facts.contract)

    else:

        def method(facts: _Facts) -> object:
            return read(facts.request)

    method.__name__ = variable.name
    decorated: Callable[[_Facts], object] = rule_variable(LIBRARY_TYPES[variable.type], label=variable.label)(
        method
    )
    return decorated


def _writer(action: Action) -> Callable[..., None]:
    def method(recorder: _Recorder, **params: Any) -> None:
        recorder.taken = (action.name, params)

    method.__name__ = action.name
    decorated: Callable[..., None] = rule_action(label=action.label)(method)
    return decorated


COVERAGE_EVALUATOR = Evaluator(COVERAGE)
CHARGING_EVALUATOR = Evaluator(CHARGING)
CONTRACT_TYPE_EVALUATOR = Evaluator(CONTRACT_TYPE)

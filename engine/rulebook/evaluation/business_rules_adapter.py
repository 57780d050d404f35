"""Evaluates rules with business-rules; only this module and `business_rules_time` import it.

business-rules accesses any attribute that a condition names, so it only ever gets JSON made from a checked
tree (see `engine.rulebook.syntax.syntax_tree`), whose names all come from the registry. Its actions only
record what was chosen; they write nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from business_rules.actions import BaseActions, rule_action
from business_rules.engine import check_conditions_recursively, do_actions
from business_rules.fields import FIELD_TEXT
from business_rules.operators import BaseType, BooleanType, NumericType, StringType, type_operator
from business_rules.variables import BaseVariables, rule_variable

from engine.rulebook.evaluation.business_rules_time import DurationType, InstantType, operator, time_value
from engine.rulebook.syntax.syntax_tree import Condition, Conditions, Rule, as_json, first_unmet
from engine.rulebook.vocabulary.registry import CHARGING, CONTRACT_TYPE, COVERAGE, INVOICE_CHECK, RATES
from engine.rulebook.vocabulary.terms import Action, ValueType, Variable, Vocabulary


class TextType(StringType):  # type: ignore[misc]  # business-rules ships no types
    """The text type of business-rules, with the negation that it lacks."""

    name = "text"

    @type_operator(FIELD_TEXT, label="Not Equal To")  # type: ignore[untyped-decorator]
    def not_equal_to(self, other: str) -> bool:
        return bool(self.value != other)


class NamesType(BaseType):  # type: ignore[misc]  # business-rules ships no types
    """A set of names: which of them are in it."""

    name = "names"

    def _assert_valid_value_and_cast(self, value: object) -> frozenset[str]:
        if not isinstance(value, frozenset):
            raise AssertionError(f"{value} is not a set of names.")
        return value

    @operator(FIELD_TEXT)
    def contains(self, other: str) -> bool:
        return other in self.value

    @operator(FIELD_TEXT)
    def does_not_contain(self, other: str) -> bool:
        return other not in self.value


BUSINESS_RULES_TYPES: Mapping[ValueType, type] = {
    "text": TextType,
    "number": NumericType,
    "yes_no": BooleanType,
    "instant": InstantType,
    "duration": DurationType,
    "names": NamesType,
}


class _Facts(BaseVariables):  # type: ignore[misc]  # business-rules ships no types
    """The variables, with the objects that they are read from."""

    def __init__(self, request: object, contract: object = None) -> None:
        self.request = request
        self.contract = contract


class _Recorder(BaseActions):  # type: ignore[misc]  # business-rules ships no types
    """Records the action that was run."""

    def __init__(self) -> None:
        self.taken: tuple[str, dict[str, Any]] | None = None


class Evaluator:
    """Runs checked conditions and actions of one vocabulary with business-rules. Stateless."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        variables = {name: _variable_reader(variable) for name, variable in vocabulary.variables.items()}
        actions = {name: _action_recorder(action) for name, action in vocabulary.actions.items()}
        self._facts: type[_Facts] = type("Facts", (_Facts,), variables)
        self._recorder: type[_Recorder] = type("Recorder", (_Recorder,), actions)

    def facts(self, request: object, contract: object = None) -> _Facts:
        """The facts to evaluate conditions on. `contract` may be None if no condition reads a contract."""
        return self._facts(request, contract)

    def holds(self, conditions_json: Mapping[str, Any], facts: _Facts) -> bool:
        """Whether the conditions are met."""
        return bool(check_conditions_recursively(conditions_json, facts))

    def first_unmet(self, conditions: Conditions, facts: _Facts) -> Condition | None:
        """The first condition that prevents the whole from being met; None if it is met."""
        return first_unmet(conditions, lambda condition: self.holds(as_json(condition), facts))

    def act(self, rule: Rule) -> tuple[str, dict[str, Any]]:
        """The action of a rule, with its parameters."""
        recorder = self._recorder()
        do_actions(rule.actions_json, recorder)
        assert recorder.taken is not None, "a checked rule has one action"
        return recorder.taken


def _variable_reader(variable: Variable) -> Callable[[_Facts], object]:
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
    decorated: Callable[[_Facts], object] = rule_variable(
        BUSINESS_RULES_TYPES[variable.type], label=variable.label
    )(method)
    return decorated


def _action_recorder(action: Action) -> Callable[..., None]:
    def method(recorder: _Recorder, **params: Any) -> None:
        recorder.taken = (action.name, params)

    method.__name__ = action.name
    decorated: Callable[..., None] = rule_action(label=action.label)(method)
    return decorated


COVERAGE_EVALUATOR = Evaluator(COVERAGE)
CHARGING_EVALUATOR = Evaluator(CHARGING)
RATE_EVALUATOR = Evaluator(RATES)
CONTRACT_TYPE_EVALUATOR = Evaluator(CONTRACT_TYPE)
INVOICE_CHECK_EVALUATOR = Evaluator(INVOICE_CHECK)

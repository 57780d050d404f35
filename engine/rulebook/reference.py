"""The reference of every variable, operator and action, generated from the registry for rules/README.md."""

import json
from collections.abc import Iterable

from engine.rulebook.compiled.rank import RANK_CRITERIA
from engine.rulebook.files.coverage_examples import OUTCOME_OF_ACTION
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import CHARGING, CONTRACT_TYPE, COVERAGE, INVOICE_CHECK, RATES
from engine.rulebook.vocabulary.terms import Action, Operand, Operator, Param, ValueType, Variable, Vocabulary

TYPE_NAMES: dict[ValueType, str] = {
    "text": "text",
    "number": "whole number",
    "yes_no": "yes or no",
    "instant": "instant",
    "duration": "length of time",
    "names": "names",
}
OPERAND_FORMS: dict[Operand, str] = {
    "text": "text",
    "number": "number",
    "none": "none",
    "point": '`"2026-12-31"` or `"2026-12-31T12:00:00Z"`',
    "around": '`{"date": "2026-12-24", "days": 3}`',
    "length": '`{"days": 30}`, `{"hours": 4, "minutes": 30}`',
}
EXAMPLE_VARIABLES: dict[ValueType, str] = {
    "text": "item_type",
    "number": "contract_minutes_available",
    "yes_no": "contract_holds_incident",
    "instant": "contract_ends_on",
    "duration": "contract_time_left",
    "names": "calendars",
}
"""The variable used in the examples of a type's operators."""
OPERAND_EXAMPLES: dict[Operand, object] = {
    "text": "printer",
    "number": 60,
    "point": "2026-12-31",
    "around": {"date": "2026-12-24", "days": 3},
    "length": {"days": 30},
}
EXAMPLE_OPERATORS: dict[ValueType, str] = {
    "text": "equal_to",
    "number": "greater_than_or_equal_to",
    "yes_no": "is_true",
    "instant": "on_or_after",
    "duration": "longer_than",
    "names": "contains",
}


def reference_text() -> str:
    """The reference as Markdown, starting with its heading."""
    sections = [
        "## Reference",
        "### Conditions of coverage rules: of the service request",
        _variables(COVERAGE, "request"),
        "### Conditions of coverage rules: of a contract",
        "Only in rules that act on a contract: those with `cover_with` or `wait_for`.",
        _variables(COVERAGE, "contract"),
        "### Actions of coverage rules",
        _actions(COVERAGE),
        "### Rank",
        "At most one of each pair; they apply in the order listed in the file: "
        + ", ".join(f"`{criterion}`" for criterion in RANK_CRITERIA)
        + ". The nearer org unit always comes first, before any of these; remaining ties are broken by id.",
        "### Conditions of charging rules",
        _variables(CHARGING, "work"),
        "### Actions of charging rules",
        _actions(CHARGING),
        "### Conditions of rate rules",
        "The same as those of charging rules.",
        "### Actions of rate rules",
        _actions(RATES),
        "### Conditions of checks of invoices",
        _variables(INVOICE_CHECK, "invoice"),
        "### Actions of checks of invoices",
        _actions(INVOICE_CHECK),
        "### Conditions of contract types",
        _variables(CONTRACT_TYPE, "contract"),
        "### Operators",
        _operators(),
    ]
    return "\n\n".join(sections) + "\n"


def _variables(vocabulary: Vocabulary, scope: str) -> str:
    return _table(
        ("Variable", "Type", "Meaning", "Example"),
        (
            (f"`{one.name}`", _type_text(one), one.description, f"`{_condition(one)}`")
            for one in vocabulary.variables.values()
            if one.scope == scope
        ),
    )


def _type_text(variable: Variable) -> str:
    if variable.options:
        return "one of " + ", ".join(f"`{option}`" for option in variable.options)
    return TYPE_NAMES[variable.type]


def _condition(variable: Variable) -> str:
    condition: dict[str, object] = {"name": variable.name, "operator": EXAMPLE_OPERATORS[variable.type]}
    if variable.type == "yes_no":
        condition["operator"] = "is_true" if variable.example else "is_false"
    else:
        condition["value"] = variable.example
    return _json(condition)


def _actions(vocabulary: Vocabulary) -> str:
    outcomes = [
        f" Outcome: {OUTCOME_OF_ACTION[name]}." if name in OUTCOME_OF_ACTION else ""
        for name in vocabulary.actions
    ]
    return _table(
        ("Action", "Does", "Parameters", "Example"),
        (
            (f"`{action.name}`", action.description + outcome, _params(action.params), f"`{_action(action)}`")
            for action, outcome in zip(vocabulary.actions.values(), outcomes, strict=True)
        ),
    )


def _params(params: Iterable[Param]) -> str:
    texts = (
        f"`{param.name}`{' (required)' if param.required else ''}: {param.description}"
        f"{'' if param.required else f' `{_json(param.example)}`'}"
        for param in params
    )
    return "<br>".join(texts) or "none"


def _action(action: Action) -> str:
    params = {param.name: param.example for param in action.params if param.required}
    return _json({"name": action.name, "params": params} if params else {"name": action.name})


def _operators() -> str:
    return _table(
        ("Of", "Operator", "Meaning", "`value`", "Example"),
        (
            (
                TYPE_NAMES[type],
                f"`{one.name}`",
                one.description,
                OPERAND_FORMS[one.operand],
                f"`{_comparison(type, one)}`",
            )
            for type, operators in OPERATORS.items()
            for one in operators.values()
        ),
    )


def _comparison(type: ValueType, operator: Operator) -> str:
    condition: dict[str, object] = {"name": EXAMPLE_VARIABLES[type], "operator": operator.name}
    if type == "names":
        condition["value"] = CHARGING.variables[EXAMPLE_VARIABLES[type]].example
    elif operator.operand != "none":
        condition["value"] = OPERAND_EXAMPLES[operator.operand]
    return _json(condition)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

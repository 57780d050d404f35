"""JSON Schemas of rules, their conditions and their actions."""

from collections.abc import Iterable

from engine.contracts import EXCLUDED_TIME, TIME_EXPIRED
from engine.rulebook.files.rule_reader import ID, MAX_TEXT, MAX_WHY
from engine.rulebook.schemas.parts import (
    NAME_PATTERN,
    YES_NO,
    Schema,
    date_of,
    described,
    list_of,
    number_of,
    object_of,
    of_scope,
    one_of,
    text_of,
)
from engine.rulebook.vocabulary.dates_and_durations import DATE, INSTANT, MAX_COUNTS, MAX_DAYS_AROUND
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import LARGEST_NUMBER
from engine.rulebook.vocabulary.terms import Action, Operand, Param, ValueType, Variable, Vocabulary


def _count(maximum: int) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": maximum}


OPERANDS: dict[Operand, Schema] = {
    "text": {"type": "string", "maxLength": MAX_TEXT},
    "number": {"type": "integer", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER},
    "point": {
        "type": "string",
        "pattern": f"^({DATE.pattern}|{INSTANT.pattern})$",
        "description": "A date, YYYY-MM-DD, or an instant with its offset, such as 2026-12-31T12:00:00Z.",
    },
    "around": object_of(
        {"date": date_of("The date to compare with"), "days": _count(MAX_DAYS_AROUND)}, ["date", "days"]
    ),
    "length": {
        **object_of({name: _count(maximum) for name, maximum in MAX_COUNTS.items()}),
        "minProperties": 1,
        "description": "A length of time: the sum of calendar days, hours and minutes.",
    },
}


def rule_schema(vocabulary: Vocabulary) -> Schema:
    schema = object_of(
        {
            "id": {
                "type": "string",
                "pattern": f"^{ID.pattern}$",
                "description": "The rule's name in decisions; unique.",
            },
            "why": text_of(MAX_WHY, "The reason, in words that a customer understands."),
            "conditions": {"$ref": "#/$defs/conditions"},
            "actions": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": _action(vocabulary.actions.values()),
                "description": "What the rule does: one action.",
            },
        },
        ["id", "why", "conditions", "actions"],
    )
    asked_once = [action.name for action in vocabulary.actions.values() if not action.needs_contract]
    if len(asked_once) < len(vocabulary.actions):
        named = {"properties": {"name": {"enum": asked_once}}, "required": ["name"]}
        schema["if"] = {"properties": {"actions": {"contains": named}}, "required": ["actions"]}
        schema["then"] = {"properties": {"conditions": {"$ref": "#/$defs/request_conditions"}}}
    return schema


def _action(actions: Iterable[Action]) -> Schema:
    known = list(actions)
    schema = object_of({"name": described(known), "params": {"type": "object"}}, ["name"])
    schema["allOf"] = [
        {
            "if": {"properties": {"name": {"const": action.name}}, "required": ["name"]},
            "then": {
                "properties": {"params": _params(action)},
                **({"required": ["params"]} if any(param.required for param in action.params) else {}),
            },
        }
        for action in known
    ]
    return schema


def _params(action: Action) -> Schema:
    required = [param.name for param in action.params if param.required]
    return object_of({param.name: _param(param) for param in action.params}, required)


def _param(param: Param) -> Schema:
    match param.kind:
        case "text":
            return text_of(MAX_WHY, param.description)
        case "number":
            return number_of(param.minimum, param.maximum, param.description)
        case "yes_no":
            return {**YES_NO, "description": param.description}
        case "contract_type" | "sla":
            return {"type": "string", "description": param.description, "examples": [param.example]}
        case "contract_types":
            schema = list_of({"type": "string", "pattern": NAME_PATTERN}, param.description)
            return {**schema, "minItems": 1, "uniqueItems": True}
        case "day":
            return date_of(param.description.removesuffix("."))
        case "time_expired":
            return one_of(TIME_EXPIRED, param.description)
        case "excluded_time":
            return one_of(EXCLUDED_TIME, param.description)


def condition_definitions(vocabulary: Vocabulary) -> Schema:
    variables = list(vocabulary.variables.values())
    definitions = _conditions("conditions", "condition", variables)
    if any(action.needs_contract for action in vocabulary.actions.values()):
        request = of_scope(vocabulary, "request")
        definitions.update(_conditions("request_conditions", "request_condition", request))
    return definitions


def _conditions(joined_name: str, single_name: str, variables: list[Variable]) -> Schema:
    """Definitions of a single condition, and of conditions joined by all and any."""
    parts = {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{joined_name}"}}
    joined = {
        "type": "object",
        "if": {"required": ["all"]},
        "then": object_of({"all": {**parts, "description": "All of these must be met."}}),
        "else": {
            "if": {"required": ["any"]},
            "then": object_of({"any": {**parts, "description": "At least one of these must be met."}}),
            "else": {"$ref": f"#/$defs/{single_name}"},
        },
    }
    single = object_of(
        {"name": described(variables), "operator": {"type": "string"}, "value": {}}, ["name", "operator"]
    )
    by_type = {type: [one.name for one in variables if one.type == type] for type in OPERATORS}
    single["allOf"] = [_comparison(type, names) for type, names in by_type.items() if names]
    single["allOf"] += [_chosen(variable) for variable in variables if variable.options]
    return {joined_name: joined, single_name: single}


def _comparison(type: ValueType, names: list[str]) -> Schema:
    """The operators and values that are allowed for the variables of one type."""
    operators = OPERATORS[type].values()
    then: Schema = {"properties": {"operator": described(operators)}}
    compared = [
        {
            "if": {
                "properties": {
                    "operator": {"enum": [one.name for one in operators if one.operand == operand]}
                }
            },
            "then": {"required": ["value"], "properties": {"value": value}},
        }
        for operand, value in OPERANDS.items()
        if any(one.operand == operand for one in operators)
    ]
    if compared:
        then["allOf"] = compared
    return {"if": {"properties": {"name": {"enum": names}}, "required": ["name"]}, "then": then}


def _chosen(variable: Variable) -> Schema:
    """A variable with options may only be compared with one of them."""
    equality = {"enum": ["equal_to", "not_equal_to"]}
    options = [*variable.options, *([""] if variable.may_be_empty else [])]
    return {
        "if": {"properties": {"name": {"const": variable.name}, "operator": equality}, "required": ["name"]},
        "then": {"properties": {"value": {"enum": options}}},
    }

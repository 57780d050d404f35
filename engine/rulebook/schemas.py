"""The JSON Schemas of the rule files, written from the registry for editors to complete and mark with.

They are never stricter than the checker, which also knows what no schema can say: names in other files,
ids that are taken, examples that fail.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engine.contracts import HOLDER_KINDS
from engine.rulebook.contract_type_file import (
    ALLOCATIONS,
    DRAWS,
    KEY,
    LIMIT_USES,
    LIMITS,
    ON_EXPIRY,
    OPTIONAL,
    PREFIX,
    REQUIRED,
)
from engine.rulebook.coverage_examples import CONTRACT_KEYS, DATES, OUTCOMES
from engine.rulebook.rank import RANK_CRITERIA
from engine.rulebook.registry import (
    CHARGING,
    CONTRACT_TYPE,
    COVERAGE,
    LARGEST_NUMBER,
    MOST_MINOR,
    MOST_MINUTES,
    OPERATORS,
)
from engine.rulebook.rules import ID, MOST_TEXT, MOST_WHY, TIME_EXPIRED
from engine.rulebook.words import Action, Operator, Param, ValueType, Variable, Vocabulary
from engine.sla import PRIORITIES, SLA_CALENDARS

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAME_PATTERN = f"^{KEY.pattern}$"
YES_NO: Schema = {"type": "boolean"}


def schema_texts() -> Mapping[str, str]:
    """The text of each schema file, by its name in `rules/schema/`."""
    schemas = {
        "coverage.schema.json": _coverage(),
        "charging.schema.json": _charging(),
        "contract_type.schema.json": _contract_type(),
        "slas.schema.json": _slas(),
    }
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def _coverage() -> Schema:
    request = _of_scope(COVERAGE, "request")
    decision = _object(
        {
            "outcome": _one_of(OUTCOMES.values(), "What becomes of the service request."),
            "rule": _or_null(_text(MOST_TEXT, "The id of the rule that decides; null when none does.")),
            "contract": _or_null(
                _text(MOST_TEXT, "The contract covered with or waited for, by its id here.")
            ),
        },
        ["outcome", "rule"],
        "The decision that the rules must come to.",
    )
    contracts = {
        "id": _text(MOST_TEXT, "A name for the contract in this example."),
        **{name: _date(name) for name in DATES},
        **{variable.name: _value(variable) for variable in _of_scope(COVERAGE, "contract")},
    }
    example = _object(
        {
            "name": _text(MOST_TEXT, "What the example shows."),
            "facts": _object(
                {variable.name: _value(variable) for variable in request}, (), "The service request."
            ),
            "contracts": _list(_object(contracts, CONTRACT_KEYS), "The contracts found."),
            "decision": decision,
        },
        ["name", "facts", "decision"],
    )
    return _file(
        "Coverage rules",
        "Which contract covers a service request: rules in order, the first that holds decides.",
        {
            "name": _text(MOST_TEXT, "What the rules are called on the pages."),
            "rank": _list(
                _one_of(RANK_CRITERIA, "What comes first."),
                "The order among contracts of one distance; what is equal in all of it goes by id.",
            ),
            "rules": _list(_rule(COVERAGE), "Asked in this order; the first that holds decides."),
            "examples": _list(example, "Run whenever the file is loaded; one that fails refuses the file."),
        },
        ["rules"],
        _condition_definitions(COVERAGE),
    )


def _charging() -> Schema:
    example = _object(
        {
            "name": _text(MOST_TEXT, "What the example shows."),
            "facts": _object({one.name: _value(one) for one in CHARGING.variables.values()}, (), "The work."),
            "charge": _object(
                {
                    "percent": _number(0, 1000, "Percent of the worked minutes that are charged."),
                    "rule": _or_null(
                        _text(MOST_TEXT, "The id of the rule that says so; null when none does.")
                    ),
                },
                ["percent", "rule"],
            ),
        },
        ["name", "facts", "charge"],
    )
    return _file(
        "Charging rules",
        "How much of worked time is charged: the first rule that holds decides; without one, all of it.",
        {
            "name": _text(MOST_TEXT, "What the rules are called on the pages."),
            "rules": _list(_rule(CHARGING), "Asked in this order; the first that holds decides."),
            "examples": _list(example, "Run whenever the file is loaded; one that fails refuses the file."),
        },
        ["rules"],
        _condition_definitions(CHARGING),
    )


def _contract_type() -> Schema:
    conditions = {"$ref": "#/$defs/conditions"}
    properties = {
        "key": {"type": "string", "pattern": NAME_PATTERN, "description": "The same as the file's name."},
        "label": _text(60, "What the type is called on the pages."),
        "description": _text(1000, "What it covers, for those who choose it."),
        "number_prefix": {
            "type": "string",
            "pattern": f"^{PREFIX.pattern}$",
            "description": "What its contracts' numbers begin with; no other type's.",
        },
        "held_by": {**_list(_one_of(HOLDER_KINDS), "Whom it may be held by."), "minItems": 1},
        "limits": _object(
            {limit: _one_of(LIMIT_USES) for limit in LIMITS}, (), "What limits it; a limit left out is none."
        ),
        "defaults": _object(
            {
                "duration_months": _or_null(_number(1, 1200, "How many months it runs.")),
                "minutes": _or_null(_number(1, MOST_MINUTES, "Minutes granted; monthly ones each month.")),
                "incidents": _or_null(_number(1, MOST_MINUTES, "Incidents granted.")),
                "price_minor": _or_null(_number(0, MOST_MINOR, "Its price, in the currency's minor unit.")),
                "sla": _or_null({"type": "string", "description": "An id of slas.json."}),
            },
            (),
            "What a contract gets where the seller says nothing.",
        ),
        "draws": _one_of(DRAWS, "What service requests and their work take from it."),
        "allocation": _one_of(ALLOCATIONS, "Whether minutes are granted once, or anew each month."),
        "carry_over": _or_null(
            _object(
                {
                    "months": _number(1, 120, "How many months longer they live."),
                    "cap_minutes": _number(0, MOST_MINUTES, "At most so many minutes."),
                    "cap_percent": _number(0, 100, "At most so many percent of the month's minutes."),
                },
                ["months"],
                "What of a month's minutes lives on when the month ends.",
            )
        ),
        "valid_when": {**conditions, "description": "When it can cover."},
        "expires_when": {**conditions, "description": "When it has ended."},
        "on_expiry": _one_of(ON_EXPIRY, "time_expired: by the setting, or what the contract says."),
        "examples": _list(
            _object(
                {
                    "name": _text(MOST_TEXT, "What the example shows."),
                    "facts": _object({one.name: _value(one) for one in CONTRACT_TYPE.variables.values()}),
                    "valid": YES_NO,
                    "ended": YES_NO,
                },
                ["name", "facts", "valid", "ended"],
            ),
            "Run whenever the file is loaded; one that fails refuses the file.",
        ),
    }
    optional = [key for key in OPTIONAL if key != "$schema"]
    assert set(properties) == {*REQUIRED, *optional}, "the schema has the checker's keys"
    return _file(
        "Contract type",
        "What can be sold: whom it covers, what limits it, when it is valid and when it ends.",
        properties,
        REQUIRED,
        _condition_definitions(CONTRACT_TYPE),
    )


def _slas() -> Schema:
    target = _object(
        {
            "response_minutes": _number(1, MOST_MINUTES, "Minutes until the first answer."),
            "resolution_minutes": _number(1, MOST_MINUTES, "Minutes until it is solved."),
        },
        ["response_minutes", "resolution_minutes"],
    )
    level = _object(
        {
            "id": {
                "type": "string",
                "pattern": f"^{ID.pattern}$",
                "description": "What contracts name it by.",
            },
            "label": _text(60, "What it is called on the pages."),
            "calendar": _one_of(SLA_CALENDARS, "The hours in which its minutes count."),
            "targets": _object(dict.fromkeys(PRIORITIES, target), PRIORITIES),
        },
        ["id", "label", "calendar", "targets"],
    )
    facts = {"sla": {"type": "string"}, "priority": _one_of(PRIORITIES)}
    example = _object(
        {"name": _text(MOST_TEXT), "facts": _object(facts, ["sla", "priority"]), "targets": target},
        ["name", "facts", "targets"],
    )
    return _file(
        "Service levels",
        "How soon a service request is answered and solved, by its priority.",
        {
            "name": _text(MOST_TEXT, "What the levels are called together."),
            "slas": _list(level, "The service levels that contracts may name."),
            "examples": _list(example, "Checked whenever the file is loaded."),
        },
        ["slas"],
        {},
    )


def _rule(vocabulary: Vocabulary) -> Schema:
    schema = _object(
        {
            "id": {
                "type": "string",
                "pattern": f"^{ID.pattern}$",
                "description": "Its name in decisions; unique.",
            },
            "why": _text(MOST_WHY, "The reason, in words a customer understands."),
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
    schema = _object({"name": _described(known), "params": {"type": "object"}}, ["name"])
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
    return _object({param.name: _param(param) for param in action.params}, required)


def _param(param: Param) -> Schema:
    match param.kind:
        case "text":
            return _text(MOST_WHY, param.description)
        case "number":
            return _number(param.least, param.most, param.description)
        case "yes_no":
            return {**YES_NO, "description": param.description}
        case "contract_type" | "sla":
            return {"type": "string", "description": param.description, "examples": [param.example]}
        case "contract_types":
            schema = _list({"type": "string", "pattern": NAME_PATTERN}, param.description)
            return {**schema, "minItems": 1, "uniqueItems": True}
        case "time_expired":
            return _one_of(TIME_EXPIRED, param.description)


def _condition_definitions(vocabulary: Vocabulary) -> Schema:
    variables = list(vocabulary.variables.values())
    definitions = _conditions("conditions", "condition", variables)
    if any(action.needs_contract for action in vocabulary.actions.values()):
        request = _of_scope(vocabulary, "request")
        definitions.update(_conditions("request_conditions", "request_condition", request))
    return definitions


def _conditions(joined_name: str, single_name: str, variables: list[Variable]) -> Schema:
    """Definitions of a single condition, and of conditions joined by all and any."""
    parts = {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{joined_name}"}}
    joined = {
        "type": "object",
        "if": {"required": ["all"]},
        "then": _object({"all": {**parts, "description": "Every one of these must hold."}}),
        "else": {
            "if": {"required": ["any"]},
            "then": _object({"any": {**parts, "description": "One of these must hold."}}),
            "else": {"$ref": f"#/$defs/{single_name}"},
        },
    }
    single = _object(
        {"name": _described(variables), "operator": {"type": "string"}, "value": {}}, ["name", "operator"]
    )
    by_type = {type: [one.name for one in variables if one.type == type] for type in OPERATORS}
    single["allOf"] = [_comparison(type, names) for type, names in by_type.items() if names]
    single["allOf"] += [_chosen(variable) for variable in variables if variable.options]
    return {joined_name: joined, single_name: single}


def _comparison(type: ValueType, names: list[str]) -> Schema:
    """What operators, and which values, go with the variables of one type."""
    operators = OPERATORS[type].values()
    without_value = {"enum": [operator.name for operator in operators if operator.operand == "none"]}
    then: Schema = {"properties": {"operator": _described(operators)}}
    if type != "yes_no":
        value: Schema = {"type": "string", "maxLength": MOST_TEXT}
        if type == "number":
            value = {"type": "integer", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
        then["if"] = {"not": {"properties": {"operator": without_value}}}
        then["then"] = {"required": ["value"], "properties": {"value": value}}
    return {"if": {"properties": {"name": {"enum": names}}, "required": ["name"]}, "then": then}


def _chosen(variable: Variable) -> Schema:
    """A variable that is one of some options is compared with one of them."""
    equality = {"enum": ["equal_to", "not_equal_to"]}
    options = [*variable.options, *([""] if variable.may_be_empty else [])]
    return {
        "if": {"properties": {"name": {"const": variable.name}, "operator": equality}, "required": ["name"]},
        "then": {"properties": {"value": {"enum": options}}},
    }


def _file(
    title: str, description: str, properties: Schema, required: Iterable[str], definitions: Schema
) -> Schema:
    marked = {"$schema": {"type": "string", "description": "This schema, for editors."}, **properties}
    schema = {"$schema": DRAFT, "title": title, "description": description, **_object(marked, required)}
    return {**schema, "$defs": definitions} if definitions else schema


def _object(properties: Schema, required: Iterable[str] = (), description: str = "") -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if names := list(required):
        schema["required"] = names
    return _with(schema, description)


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "description": description, "items": items}


def _text(most: int, description: str = "") -> Schema:
    return _with({"type": "string", "minLength": 1, "maxLength": most}, description)


def _number(least: int, most: int, description: str) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "description": description}


def _one_of(options: Iterable[str], description: str = "") -> Schema:
    return _with({"enum": list(options)}, description)


def _described(named: Iterable[Action | Variable | Operator]) -> Schema:
    """One of some names, each with what it means."""
    return {"oneOf": [{"const": one.name, "description": one.description} for one in named]}


def _date(name: str) -> Schema:
    return {
        "type": "string",
        "format": "date",
        "description": f"A date, YYYY-MM-DD: {name.replace('_', ' ')} it.",
    }


def _value(variable: Variable) -> Schema:
    """A variable's value in an example."""
    if variable.type == "yes_no":
        schema = dict(YES_NO)
    elif variable.type == "number":
        schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
    elif variable.options:
        schema = {"enum": list(variable.options)}
    else:
        schema = {"type": "string", "maxLength": MOST_TEXT}
    return _with(schema, variable.description)


def _or_null(schema: Schema) -> Schema:
    description = schema.get("description", "")
    return _with({"anyOf": [schema, {"type": "null"}]}, description)


def _with(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema


def _of_scope(vocabulary: Vocabulary, scope: str) -> list[Variable]:
    return [variable for variable in vocabulary.variables.values() if variable.scope == scope]

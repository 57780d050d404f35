"""Building blocks of the JSON Schemas."""

from collections.abc import Iterable
from typing import Any

from engine.rulebook.files.contract_type_file import KEY
from engine.rulebook.files.rule_reader import MAX_TEXT
from engine.rulebook.vocabulary.dates_and_durations import INSTANT
from engine.rulebook.vocabulary.registry import LARGEST_NUMBER
from engine.rulebook.vocabulary.terms import Action, Operator, Variable, Vocabulary

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAME_PATTERN = f"^{KEY.pattern}$"
YES_NO: Schema = {"type": "boolean"}


def file_of(
    title: str, description: str, properties: Schema, required: Iterable[str], definitions: Schema
) -> Schema:
    marked = {"$schema": {"type": "string", "description": "This schema, for editors."}, **properties}
    schema = {"$schema": DRAFT, "title": title, "description": description, **object_of(marked, required)}
    return {**schema, "$defs": definitions} if definitions else schema


def object_of(properties: Schema, required: Iterable[str] = (), description: str = "") -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if names := list(required):
        schema["required"] = names
    return with_description(schema, description)


def list_of(items: Schema, description: str) -> Schema:
    return {"type": "array", "description": description, "items": items}


def text_of(maximum: int, description: str = "") -> Schema:
    return with_description({"type": "string", "minLength": 1, "maxLength": maximum}, description)


def number_of(minimum: int, maximum: int, description: str) -> Schema:
    return {"type": "integer", "minimum": minimum, "maximum": maximum, "description": description}


def one_of(options: Iterable[str], description: str = "") -> Schema:
    return with_description({"enum": list(options)}, description)


def described(named: Iterable[Action | Variable | Operator]) -> Schema:
    """One of some names, each with its description."""
    return {"oneOf": [{"const": one.name, "description": one.description} for one in named]}


def date_of(description: str) -> Schema:
    return {"type": "string", "format": "date", "description": f"{description}, as YYYY-MM-DD."}


def value_of(variable: Variable) -> Schema:
    """A variable's value in an example."""
    if variable.type == "yes_no":
        schema = dict(YES_NO)
    elif variable.type == "number":
        schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
    elif variable.type == "instant":
        schema = {"type": "string", "pattern": f"^{INSTANT.pattern}$"}
    elif variable.type == "names":
        schema = list_of({"type": "string", "maxLength": MAX_TEXT}, "")
    elif variable.options:
        schema = {"enum": list(variable.options)}
    else:
        schema = {"type": "string", "maxLength": MAX_TEXT}
    return with_description(schema, variable.description)


def or_null(schema: Schema) -> Schema:
    description = schema.get("description", "")
    return with_description({"anyOf": [schema, {"type": "null"}]}, description)


def with_description(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema


def of_scope(vocabulary: Vocabulary, scope: str) -> list[Variable]:
    return [variable for variable in vocabulary.variables.values() if variable.scope == scope]

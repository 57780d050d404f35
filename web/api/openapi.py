"""The OpenAPI 3.1 document, generated from the registered operations."""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaMode

from web.api import expansion
from web.api.routing import BASE, NoFields, NoQuery, Operation, TextResponse
from web.api.uploads import FILE_TYPES, FORM
from web.errors import PROBLEM_JSON

_NONE = re.compile(r"\bNone\b")
REF = "#/components/schemas/{model}"
PROBLEMS = {
    "400": "The body is malformed.",
    "401": "The token is missing, unknown, expired or revoked.",
    "403": "The role is not allowed to do this.",
    "404": "The record does not exist, or you may not see it.",
    "409": "The state does not allow this, or it conflicts with another record.",
    "412": "The record has changed since the version named by If-Match.",
    "413": "The body is too large.",
    "414": "The URL is too long.",
    "415": "The body is of a media type that is not listed.",
    "422": "Some fields or parameters are invalid.",
    "503": "No rule set is in force, or the database cannot be reached: nothing was saved. With the type"
    " `outcome-unknown` it may have been saved: send it again under the same Idempotency-Key.",
}
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "A problem (RFC 9457). Further members carry the values that `detail` mentions.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "The invalid fields or parameters.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
DESCRIPTION = """\
Ids are opaque strings. Instants are RFC 3339 with an offset and are returned in UTC; dates are YYYY-MM-DD \
in the provider's time zone. Minutes are whole numbers; money is in the currency's minor unit. Lists are \
paged: pass `next_cursor` as `cursor` to get the next page; it is null on the last one. PATCH merges. Every \
POST accepts an `Idempotency-Key`: repeating the same key and body returns the first response again, with \
the header `Idempotency-Replayed: true`."""

Key = tuple[str, str]


def openapi_document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document of these operations as a JSON value."""
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = paths.setdefault(BASE + operation.path, {})
        described[operation.method.lower()] = _operation(operation, schemas)
    tags = dict.fromkeys(operation.tag for operation in operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Coverdesk", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": PROBLEM_SCHEMA},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token. It belongs to a user and has that user's role.",
                }
            },
        },
    }


def summary_of(operation: Operation) -> tuple[str, str]:
    """Return the first sentence of an operation's docstring, and the whole docstring."""
    text = for_programs(inspect.getdoc(operation.endpoint) or "")
    return text.partition("\n")[0].partition(". ")[0].rstrip("."), text


def for_programs(text: str) -> str:
    """A docstring as a description of JSON: None is null, and what Python raises is left out."""
    return _NONE.sub("null", text.partition("\nRaises: ")[0]).rstrip()


def statuses_of(operation: Operation) -> list[str]:
    """Return the error statuses that an operation may respond with, sorted."""
    found = ["401", "403", "422", "503"]
    if operation.path_names or operation.may_be_missing:
        found.append("404")
    if operation.query is not NoQuery:
        found.append("414")
    if operation.method != "GET":
        found += ["400", "413", "415"]
    if operation.conflicts:
        found.append("409")
    if operation.honours_if_match:
        found.append("412")
    return sorted(found)


def _schemas(operations: Iterable[Operation]) -> tuple[dict[Key, Any], dict[str, Any]]:
    """Return the schema of each operation's body, query and response, and their shared components."""
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = []
    for operation in operations:
        if operation.response is not None:
            wanted.append((f"{operation.name}.response", "serialization", operation.response))
        if operation.accepted is not None:
            wanted.append((f"{operation.name}.accepted", "serialization", operation.accepted))
        if operation.body is not None and operation.body is not NoFields:
            wanted.append((f"{operation.name}.body", "validation", TypeAdapter(operation.body)))
        if operation.query is not NoQuery:
            wanted.append((f"{operation.name}.query", "validation", TypeAdapter(operation.query)))
    schemas, shared = TypeAdapter.json_schemas(wanted, ref_template=REF)
    components: dict[str, Any] = shared.get("$defs", {})
    for component in components.values():
        if "description" in component:
            component["description"] = for_programs(component["description"])
    patched = {
        _target(schemas[f"{operation.name}.body", "validation"])
        for operation in operations
        if operation.method == "PATCH" and operation.body is not None
    }
    for name, schema in components.items():
        if name in patched:
            # A field left out of a PATCH is unchanged; a default would suggest that it is reset.
            for field in schema.get("properties", {}).values():
                field.pop("default", None)
    return {(key, mode): schema for (key, mode), schema in schemas.items()}, components


def _may_be_empty(operation: Operation) -> bool:
    """Return whether the body may be left out: no field of it is required."""
    try:
        operation.body_adapter.validate_python({})
    except ValidationError:
        return False
    return True


def _target(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _operation(operation: Operation, schemas: dict[Key, Any]) -> dict[str, Any]:
    summary, description = summary_of(operation)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": summary,
        "description": description,
        "parameters": list(_parameters(operation, schemas)),
        "responses": {str(operation.status): _success(operation, schemas)}
        | {status: _problem(PROBLEMS[status]) for status in statuses_of(operation)},
    }
    if operation.accepted is not None:
        described["responses"]["202"] = _accepted(schemas[f"{operation.name}.accepted", "serialization"])
    if operation.body is not None:
        body = schemas.get((f"{operation.name}.body", "validation"))
        described["requestBody"] = {
            "required": not _may_be_empty(operation),
            "content": {
                "application/json": {"schema": body or {"type": "object", "additionalProperties": False}}
            },
        }
    if operation.takes_file:
        described["requestBody"] = {"required": True, "content": _file_content()}
    return described


def _file_content() -> dict[str, Any]:
    form = {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
    }
    return {kind: {"schema": {}} for kind in FILE_TYPES} | {FORM: {"schema": form}}


def _parameters(operation: Operation, schemas: dict[Key, Any]) -> Iterator[dict[str, Any]]:
    for name in operation.path_names:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    query = schemas.get((f"{operation.name}.query", "validation"))
    if query is not None:
        inline = TypeAdapter(operation.query).json_schema(ref_template=REF)
        for name, schema in inline["properties"].items():
            schema = {key: value for key, value in schema.items() if key != "title"}
            required = name in inline.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": _without_null(schema)}
    if operation.expands is not None:
        yield expansion.described(operation.expands)
    if operation.honours_if_match:
        yield {
            "name": "If-Match",
            "in": "header",
            "description": "The ETag of the version to change, or several.",
            "schema": {"type": "string"},
        }
    if operation.method == "POST":
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Repeating the same key and body returns the first response again.",
            "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
        }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without null: a query parameter may be left out but is never null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if not choices:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return rest | (choices[0] if len(choices) == 1 else {"anyOf": choices})


def _success(operation: Operation, schemas: dict[Key, Any]) -> dict[str, Any]:
    if operation.response_type is TextResponse:
        return {"description": "Text.", "content": {operation.media_type: {"schema": {"type": "string"}}}}
    if operation.response is None:
        return {"description": "Success, without a body."}
    headers: dict[str, Any] = {}
    if operation.is_single:
        headers["ETag"] = {"description": "The record's version.", "schema": {"type": "string"}}
    schema = schemas[f"{operation.name}.response", "serialization"]
    if operation.expands is not None:
        expanded = {"type": "object", "description": f"With {expansion.PARAMETER}: records instead of ids."}
        schema = {"anyOf": [schema, expanded]}
    success: dict[str, Any] = {
        "description": "Success.",
        "content": {operation.media_type: {"schema": schema}},
    }
    return success | ({"headers": headers} if headers else {})


def _accepted(schema: Any) -> dict[str, Any]:
    location = {"description": "The URL at which the result can be read.", "schema": {"type": "string"}}
    return {
        "description": "Accepted; the result is not available yet.",
        "headers": {"Location": location},
        "content": {"application/json": {"schema": schema}},
    }


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(model="Problem")}
    return {"description": description, "content": {PROBLEM_JSON: {"schema": schema}}}

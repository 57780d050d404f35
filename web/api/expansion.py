"""`?expand=`: in place of the ids of other records, these records, as they are read by themselves.

A record that the caller may not see stays an id. Source: api.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flask import request
from pydantic import TypeAdapter

from workflows.billing.invoicing.queries import read_invoice
from workflows.contracts.queries import read_contract
from workflows.core.errors import NotAllowed, NotFound, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import read_decision
from workflows.register import get_customer, get_item, get_org_unit
from workflows.service_requests.queries import read_service_request

PARAMETER = "expand"
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}
"""What writes a record as JSON, by its type: making one takes longer than reading the record."""


class Expansion(NamedTuple):
    """Where the id of a record is in a body, and what reads the record."""

    path: tuple[str, ...]
    read: Callable[[Transaction, str], Any]


Expansions = Mapping[str, Sequence[Expansion]]
"""By the name under which they are asked for."""

OF_SERVICE_REQUESTS: Expansions = {
    "customer": [Expansion(("customer",), get_customer)],
    "item": [Expansion(("item",), get_item)],
    "org_unit": [Expansion(("org_unit",), get_org_unit)],
    "contract": [Expansion(("coverage", "contract"), read_contract)],
    "decision": [Expansion(("coverage", "decision"), read_decision)],
}
OF_CONTRACTS: Expansions = {
    "holder": [
        Expansion(("holder", "customer"), get_customer),
        Expansion(("holder", "item"), get_item),
        Expansion(("holder", "org_unit"), get_org_unit),
        Expansion(("holder", "service_request"), read_service_request),
    ],
    "service_request": [Expansion(("service_request",), read_service_request)],
    "renewal_of": [Expansion(("renewal_of",), read_contract)],
    "renewed_by": [Expansion(("renewed_by",), read_contract)],
    "invoice": [Expansion(("invoice",), read_invoice)],
}


def read_expand(known: Expansions) -> list[Expansion]:
    """What the call asks for: names separated by commas. Raises: InvalidInput."""
    given = ",".join(request.args.getlist(PARAMETER))
    names = list(dict.fromkeys(one.strip() for one in given.split(","))) if given else []
    for name in names:
        if name not in known:
            raise invalid(
                f"/{PARAMETER}", f"{name!r} cannot be expanded.", f"Name some of {', '.join(known)}."
            )
    return [one for name in names for one in known[name]]


def expand(tx: Transaction, body: dict[str, Any], expansions: Sequence[Expansion]) -> dict[str, Any]:
    """The body of one record, or of a page of them, with each id of the expansions replaced by its record."""
    records: dict[tuple[Any, str], Any] = {}
    for one in body.get("items", [body]):
        for path, read in expansions:
            place, name = _parent(one, path), path[-1]
            record_id = place.get(name)
            if record_id is None:
                continue
            if (read, record_id) not in records:
                records[read, record_id] = _record(tx, read, record_id)
            place[name] = records[read, record_id]
    return body


def described(known: Expansions) -> dict[str, Any]:
    """The parameter, as the OpenAPI document has it."""
    return {
        "name": PARAMETER,
        "in": "query",
        "required": False,
        "description": "Records to be returned in place of their ids: names separated by commas.",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": {"enum": list(known)}, "minItems": 1},
    }


def _parent(body: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path[:-1]:
        body = body.get(name) or {}
    return body


def _record(tx: Transaction, read: Callable[[Transaction, str], Any], record_id: str) -> Any:
    try:
        found = read(tx, record_id)
    except (NotFound, NotAllowed):
        return record_id
    adapter = _ADAPTERS.get(type(found))
    if adapter is None:
        adapter = _ADAPTERS[type(found)] = TypeAdapter(type(found))
    return adapter.dump_python(found, mode="json")

"""Copies of a contract with all that belongs to it, in any number, as rows that an audit finds correct.

One contract, its holder, its service request and its work are created through the product's use cases. Their
rows are then copied with new ids in the same order, and each copy's transactions are hashed in its own chain.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, Table, insert, select

from bench.databases import bulk_loading
from engine.hash_chain import Leg, content_hash, content_text, next_hash
from workflows.ledger.hash_chain import microseconds_of
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id

COPIES_AT_ONCE = 100
HASHED = (
    "chain_id", "id", "kind", "effective_at", "recorded_at", "cause", "idempotency_key", "reverses_id",
    "contract_id", "service_request_id",
)  # fmt: skip
NUMBERED = {"customer": "email", "contract": "number", "service_request": "number"}
"""The columns, by table, of which the values are unique and no ids."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The ids of a contract, of the service request that it covers, and of its first grant."""

    contract: str
    service_request: str
    grant: str


def copy_contracts(
    database: Database, contract: str, service_request: str, copies: int, *, first: int = 1
) -> list[Copied]:
    """Copy a contract so many times; it is held by the customer of its only service request.

    `first` is the number of the first copy: each number can be used once.
    """
    with database.read() as connection:
        copier = _Copier(_rows_of(connection, contract, service_request))
    found = []
    with bulk_loading(database) as connection:
        for start in range(first, first + copies, COPIES_AT_ONCE):
            rows: dict[Table, list[dict[str, Any]]] = {}
            for number in range(start, min(start + COPIES_AT_ONCE, first + copies)):
                found.append(copier.add_copy(rows, number))
            for table, of_table in rows.items():
                connection.execute(insert(table), of_table)
    return found


def _rows_of(
    connection: Connection, contract: str, service_request: str
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Yield the rows in an order in which they can be inserted: postings before their transactions."""
    request = t.service_request.c
    customer = select(request.customer_id).where(request.id == service_request).scalar_subquery()
    entries = select(t.work_entry.c.id).where(t.work_entry.c.service_request_id == service_request)
    transactions = select(t.ledger_transaction.c.id).where(t.ledger_transaction.c.chain_id == contract)
    for table, where in (
        (t.customer, t.customer.c.id == customer),
        (t.contract, t.contract.c.id == contract),
        (t.contract_grant, t.contract_grant.c.contract_id == contract),
        (t.grant_balance, t.grant_balance.c.contract_id == contract),
        (t.service_request, request.id == service_request),
        (t.coverage_decision, t.coverage_decision.c.service_request_id == service_request),
        (t.work_entry, t.work_entry.c.service_request_id == service_request),
        (t.ledger_posting, t.ledger_posting.c.transaction_id.in_(transactions)),
        (t.ledger_transaction, t.ledger_transaction.c.chain_id == contract),
        (t.ledger_chain, t.ledger_chain.c.id == contract),
        (t.work_allocation, t.work_allocation.c.work_entry_id.in_(entries)),
    ):
        order = (table.c.sequence,) if table is t.ledger_transaction else tuple(table.primary_key)
        for row in connection.execute(select(table).where(where).order_by(*order)).mappings():
            yield table, dict(row)


class _Copier:
    """Rows with the places in them where ids are."""

    def __init__(self, rows: Iterator[tuple[Table, dict[str, Any]]]) -> None:
        listed = list(rows)
        self._ids = sorted({row["id"] for table, row in listed if "id" in table.c})
        self._rows = [(table, row, self._places(table, row)) for table, row in listed]
        self._first = {
            table: self._ids.index(row["id"]) for table, row in reversed(listed) if "id" in table.c
        }

    def add_copy(self, rows: dict[Table, list[dict[str, Any]]], number: int) -> Copied:
        """Add the rows of one copy, by table. Returns its ids."""
        ids = [new_id() for _ in self._ids]
        of_copy: dict[Table, list[dict[str, Any]]] = {}
        for table, row, places in self._rows:
            copied = dict(row)
            for column, (text, is_json) in places.items():
                value = text.format(*ids)
                copied[column] = json.loads(value) if is_json else value
            if table.name in NUMBERED:
                copied[NUMBERED[table.name]] = f"copy{number}-{row[NUMBERED[table.name]]}"
            of_copy.setdefault(table, []).append(copied)
        _hash(of_copy)
        for table, found in of_copy.items():
            rows.setdefault(table, []).extend(found)
        return Copied(*(ids[self._first[one]] for one in (t.contract, t.service_request, t.contract_grant)))

    def _places(self, table: Table, row: dict[str, Any]) -> dict[str, tuple[str, bool]]:
        """The columns that have ids in them: their values as format strings, and whether they are JSON."""
        found = {}
        for column in table.c:
            value, is_json = row[column.name], isinstance(column.type, JSON)
            text = json.dumps(value) if is_json else value
            if not isinstance(text, str) or not any(one in text for one in self._ids):
                continue
            text = text.replace("{", "{{").replace("}", "}}")
            for place, one in enumerate(self._ids):
                text = text.replace(one, f"{{{place}}}")
            found[column.name] = (text, is_json)
        return found


def _hash(rows: dict[Table, list[dict[str, Any]]]) -> None:
    """Set the hashes of a chain: in its transactions, and in its head."""
    legs: dict[str, list[Leg]] = {}
    for one in rows[t.ledger_posting]:
        leg = (one["leg"], one["owner"], one["account"], one["unit"], one["amount"])
        legs.setdefault(one["transaction_id"], []).append(leg)
    last = None
    for row in rows[t.ledger_transaction]:
        fields: list[Any] = [*(_hashed(row[name]) for name in HASHED), legs[row["id"]], None, row["job"]]
        last = row["hash"] = next_hash(last, content_hash(content_text(*fields)))
    [head] = rows[t.ledger_chain]
    head["hash"] = last


def _hashed(value: Any) -> Any:
    return microseconds_of(value) if isinstance(value, datetime) else value

"""The names of contract holders: items, customers, org units and service requests."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import literal, select

from workflows.core.paging import matches
from workflows.core.transaction import Transaction
from workflows.store import tables as t


def holder_names(tx: Transaction, holders: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The names of holders, by kind and id, with one statement per kind."""
    columns = {
        "item": (t.item, t.item.c.number + literal(" ") + t.item.c.name),
        "customer": (t.customer, t.customer.c.name),
        "org_unit": (t.org_unit, t.org_unit.c.name),
        "service_request": (t.service_request, t.service_request.c.number),
    }
    names: dict[tuple[str, str], str] = {}
    for kind, (table, name) in columns.items():
        ids = [holder_id for one, holder_id in holders if one == kind]
        if ids:
            rows = tx.connection.execute(select(table.c.id, name.label("name")).where(table.c.id.in_(ids)))
            names |= {(kind, row.id): row.name for row in rows}
    return names


def find_holders_by_name(q: str) -> Any:
    """SQL: the ids of items, customers and org units whose name, number, code or email matches `q`."""
    return (
        select(t.customer.c.id)
        .where(matches(q, t.customer.c.name, t.customer.c.email))
        .union_all(
            select(t.item.c.id).where(matches(q, t.item.c.number, t.item.c.name)),
            select(t.org_unit.c.id).where(matches(q, t.org_unit.c.name, t.org_unit.c.code)),
        )
    )

"""The names of contract holders: items, customers, org units and service requests."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, literal, or_, select

from workflows.core.search import find_ids, parse
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


def held_by_name(tx: Transaction, q: str) -> ColumnElement[bool]:
    """SQL: a contract's holder is an item, a customer or an org unit whose words a search finds."""
    c = t.contract.c
    return or_(
        *(
            and_(c.holder_kind == table.name, c.holder_id.in_(_found(tx, table, q)))
            for table in (t.customer, t.item, t.org_unit)
        )
    )


def paid_by_name(tx: Transaction, q: str, row: Table) -> ColumnElement[bool]:
    """SQL: who pays by a row with `customer_id` and `org_unit_id` has words that a search finds."""
    return or_(
        row.c.customer_id.in_(_found(tx, t.customer, q)), row.c.org_unit_id.in_(_found(tx, t.org_unit, q))
    )


def _found(tx: Transaction, table: Table, q: str) -> Any:
    """The ids of the rows whose words a search finds, or SQL for them where they are many."""
    search = parse(q)
    ids: Any = find_ids(tx, table, search)
    return select(table.c.id).where(search.matches(table)) if ids is None else ids


def holder_name(tx: Transaction, holder: tuple[str, str]) -> str:
    """The name of a holder, by kind and id; empty if there is none."""
    return holder_names(tx, [holder]).get(holder, "")

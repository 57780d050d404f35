"""Shared functions for register records: versions, unique numbers, and which rows a customer may see."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from workflows.core.actors import STAFF
from workflows.core.errors import Conflict, NotFound, VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.store.search_words import search_words

READERS = (*STAFF, "customer")
SEARCHED_COLUMNS = {"org_unit": ("code", "name"), "customer": ("name", "email"), "item": ("number", "name")}


def locked(tx: Transaction, table: Table, record_id: str, expected_version: int | None) -> Row[Any]:
    """The row, locked until the transaction ends.

    Raises: NotFound; VersionChanged if the stored version is not the expected one.
    """
    row = tx.connection.execute(select(table).where(table.c.id == record_id).with_for_update()).one_or_none()
    if row is None:
        raise not_found(table)
    if expected_version is not None and row.version != expected_version:
        raise VersionChanged(
            gettext(
                "This record has been changed: it has version %(version)s, not %(expected_version)s.",
                version=row.version,
                expected_version=expected_version,
            ),
            remedy=gettext("Read it again and repeat the change."),
            version=row.version,
        )
    return row


def require_record(tx: Transaction, table: Table, record_id: str, pointer: str) -> None:
    """Raise InvalidInput at `pointer` if the table has no such record."""
    if _with_id(table).first(tx.connection, {"id": record_id}) is None:
        raise invalid(
            pointer,
            gettext(
                "There is no %(kind)s with the id %(id)s.",
                kind=word(record_kind(table)),
                id=repr(record_id),
            ),
        )


@cache
def _with_id(table: Table) -> Prepared:
    same = table.c.id == bindparam("id", type_=table.c.id.type, required=True)
    return Prepared(select(table.c.id).where(same))


def insert_unique(tx: Transaction, table: Table, values: dict[str, Any], taken: Conflict) -> None:
    """Insert a row; raises `taken` if its number or email address exists (the table's unique key decides)."""
    try:
        tx.add(table, **values, search_words=_words(table, values))
    except IntegrityError:
        raise taken from None


def update_versioned(
    tx: Transaction, table: Table, row: Row[Any], changes: dict[str, Any], taken: Conflict
) -> dict[str, list[Any]]:
    """Update the columns that differ and increase the version; returns `[old, new]` by column.

    Raises: `taken` if a unique key is violated.
    """
    differing = {
        name: [getattr(row, name), value] for name, value in changes.items() if getattr(row, name) != value
    }
    if differing:
        new_values = {name: new for name, (_, new) in differing.items()}
        words = _words(table, {**row._mapping, **new_values})
        try:
            tx.connection.execute(
                update(table)
                .where(table.c.id == row.id)
                .values(version=row.version + 1, search_words=words, **new_values)
            )
        except IntegrityError:
            raise taken from None
    return differing


def _words(table: Table, values: Mapping[str, Any]) -> str:
    return search_words(*(values[column] for column in SEARCHED_COLUMNS[table.name]))


def one_row(tx: Transaction, statement: Select[Any], table: Table) -> Row[Any]:
    """The statement's row. Raises: NotFound, also if the actor may not see it."""
    row = tx.connection.execute(statement).one_or_none()
    if row is None:
        raise not_found(table)
    return row


def not_found(table: Table) -> NotFound:
    return NotFound(gettext("There is no such %(kind)s.", kind=word(record_kind(table))))


def record_kind(table: Table) -> str:
    return table.name.replace("_", " ")


def own_org_units(customer: Any) -> Select[Any]:
    """SQL: the ids of a customer's org units and all their ancestors.

    `customer` is an id, a parameter or a column.
    """
    member, line = t.customer_org_unit, t.org_unit_line
    return (
        select(line.c.ancestor_id)
        .select_from(member.join(line, line.c.org_unit_id == member.c.org_unit_id))
        .where(member.c.customer_id == customer)
        .correlate_except(member, line)
    )


def is_own_org_unit(org_unit: Any, customer: Any) -> ColumnElement[bool]:
    """Whether an org unit is among `own_org_units`, where one row is asked about and not a list."""
    return own_org_units(customer).where(t.org_unit_line.c.ancestor_id == org_unit).exists()

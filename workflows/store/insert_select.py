"""INSERT … SELECT: rows of one table for each row that a condition selects.

The values of a row are given as for a single row, some of them as SQL expressions of the selected row. So the
code that builds one row builds a whole set of them too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    cast,
    insert,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from workflows.store.column_types import Json

Values = Mapping[str, Any]
"""A row by column: plain values, SQL expressions, and for JSON a mapping that may contain expressions."""


def insert_for_each(
    connection: Connection, table: Table, rows: Sequence[Values], where: ColumnElement[bool]
) -> None:
    """Insert all `rows` once for each row that `where` selects, by one statement.

    Every one of the rows names the same columns. Raises: IntegrityError.
    """
    columns = list(rows[0])
    selections = [
        select(*(_expression(table.c[name], row[name]).label(name) for name in columns)).where(where)
        for row in rows
    ]
    selected = selections[0] if len(selections) == 1 else union_all(*selections)
    connection.execute(insert(table).from_select(columns, selected))


def _expression(column: Column[Any], value: Any) -> ColumnElement[Any]:
    if isinstance(value, ColumnElement):
        return value
    if value is None:
        # PostgreSQL takes an untyped NULL in a UNION for text
        return cast(null(), column.type)
    if isinstance(value, Mapping) and any(isinstance(one, ColumnElement) for one in value.values()):
        return JsonObject(*(part for pair in value.items() for part in pair))
    return literal(value, column.type)


class JsonObject(FunctionElement[Any]):
    """A JSON object of keys and values in turn, written as the column types of `Json` store it."""

    type = Json
    inherit_cache = True


@compiles(JsonObject, "sqlite")
def _sqlite_object(element: JsonObject, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_object({compiler.process(element.clauses, **options)})"


@compiles(JsonObject, "postgresql")
def _postgresql_object(element: JsonObject, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_build_object({compiler.process(element.clauses, **options)})"

"""Inserting rows of several tables by one statement, which may first check a precondition.

On PostgreSQL each statement is a round trip: the rows are one INSERT with the others as common table
expressions. On SQLite a writer excludes all others from its first statement to its commit, and waits for the
interpreter at each statement: the rows go through a temporary view, whose trigger inserts them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    MetaData,
    Select,
    Table,
    bindparam,
    exists,
    insert,
    literal_column,
    select,
    true,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.type_api import TypeEngine

from workflows.store.compiled_statements import Prepared, Row, defaults
from workflows.store.database import Database

NewRow = tuple[Table | Prepared, Mapping[str, Any]]
"""A table and the values of a row to insert, each of which may be an SQL expression that is built once; or
another writing statement with its values, to be executed with such rows."""
_numbers = count(1)


class Conditional(Prepared):
    """A writing statement of PostgreSQL that is built with the condition on which it writes.

    `build` gets the condition and a suffix for the names of the parameters.
    """

    def __init__(self, build: Callable[[ColumnElement[bool], str], Any]) -> None:
        super().__init__(build(true(), ""))
        self.build = build


class Precondition(NamedTuple):
    """Rows are inserted only if this query, which is built once, finds a row with these values."""

    query: Select[Any]
    values: Mapping[str, Any]


def insert_rows(
    connection: Connection,
    rows: Sequence[NewRow],
    *,
    returning: Column[Any] | None = None,
    precondition: Precondition | None = None,
    autocommit_on: Database | None = None,
) -> Row | None:
    """Insert rows of several tables by one statement.

    Returns the `returning` column of the first row that has an `id` and is of its table; None, with nothing
    written, where the `precondition` does not hold. Constraints are checked at the end of the statement; on
    PostgreSQL the first row is the one that is returned. With `autocommit_on` the statement is a transaction
    of its own, on a connection that has begun none: on SQLite it is committed together with what other
    threads wait to write of the same shape. Raises: IntegrityError.
    """
    given = [value for _, row in rows for value in row.values()]
    expressions = tuple([(at, value) for at, value in enumerate(given) if isinstance(value, ColumnElement)])
    shape = _shape(tuple([(into, tuple(row)) for into, row in rows]), expressions)
    values = {**shape.defaults, **dict(zip(shape.names, given, strict=True))}
    query = None
    if precondition is not None:
        query = precondition.query
        values.update(precondition.values)
    if connection.dialect.name == "sqlite":
        _through_view(shape, query).run(connection, values, autocommit_on)
        if returning is None:
            return None
        wanted = next(row["id"] for into, row in rows if into is returning.table)
        return _read_back(returning).first(connection, {"wanted": wanted})
    statement = _as_expressions(shape, returning, query)
    if returning is None:
        statement.run(connection, values)
        return None
    return statement.first(connection, values)


@dataclass(frozen=True, eq=False)
class _Shape:
    """Rows without their values: the tables, and for each column an expression or None.

    `names` are the parameters of the values in order, `defaults` the values of columns that are not given.
    """

    rows: list[tuple[Table | Prepared, dict[str, ColumnElement[Any] | None]]]
    names: list[str]
    defaults: dict[str, Any]


@lru_cache(maxsize=256)
def _shape(
    named: tuple[tuple[Table | Prepared, tuple[str, ...]], ...],
    expressions: tuple[tuple[int, ColumnElement[Any]], ...],
) -> _Shape:
    """The shape of rows with these columns, and with expressions at these places among all the values."""
    shape, expression_at = _Shape([], [], {}), dict(expressions)
    for number, (into, columns) in enumerate(named):
        given_by_table = {} if isinstance(into, Prepared) else defaults(into)
        shape.defaults.update({f"{name}_{number}": value for name, value in given_by_table.items()})
        row: dict[str, ColumnElement[Any] | None] = dict.fromkeys(given_by_table)
        for name in columns:
            row[name] = expression_at.get(len(shape.names))
            shape.names.append(f"{name}_{number}")
        shape.rows.append((into, row))
    return shape


class PreconditionFailed(Exception):
    """What a decision depends on has changed before the decision was written; nothing was written."""


@dataclass(slots=True)
class Batch:
    """Rows to be written by one statement.

    `returned` is the database's value in the column `returning` of the first row. The `precondition` is
    checked when rows are sent for the first time; whatever is sent later belongs to the same transaction.
    """

    returning: Column[Any]
    precondition: Precondition | None
    rows: list[NewRow] = field(default_factory=list)
    returned: Any = None

    def write(self, connection: Connection, autocommit_on: Database | None = None) -> None:
        """Write the pending rows. Raises: IntegrityError, PreconditionFailed."""
        if self.returned is None:
            row = insert_rows(
                connection,
                self.rows,
                returning=self.returning,
                precondition=self.precondition,
                autocommit_on=autocommit_on,
            )
            if row is None:
                raise PreconditionFailed
            self.returned = row[0]
        else:
            insert_rows(connection, self.rows)
        self.rows = []


# ------------------------------------------------------------------ PostgreSQL


@lru_cache(maxsize=128)
def _as_expressions(
    shape: _Shape, returning: Column[Any] | None, precondition: Select[Any] | None
) -> Prepared:
    """The first row's INSERT, with those of the other rows as common table expressions."""
    guard = precondition.cte("precondition") if precondition is not None else None
    writes: list[Any] = []
    for number, (into, row) in enumerate(shape.rows):
        if isinstance(into, Conditional):
            writes.append(into.build(true() if guard is None else exists(select(guard.c.id)), f"_{number}"))
            continue
        if isinstance(into, Prepared):
            written = _renamed(into, number)
            writes.append(written if guard is None else written.where(exists(select(guard.c.id))))
            continue
        values = {
            name: bindparam(f"{name}_{number}", type_=into.c[name].type) if expression is None else expression
            for name, expression in row.items()
        }
        if guard is None:
            writes.append(insert(into).values(values))
        else:
            given_if = select(*values.values()).select_from(guard)
            writes.append(insert(into).from_select(list(values), given_if, include_defaults=False))
    first, *others = writes
    for number, one in enumerate(others, 1):
        first = first.add_cte(one.cte(f"row_{number}"))
    return Prepared(first.returning(returning) if returning is not None else first)


def _renamed(prepared: Prepared, number: int) -> Any:
    """The statement with the number of its row appended to the names of its parameters."""

    def rename(element: Any) -> None:
        if isinstance(element, BindParameter) and element.required:
            element.key = f"{element.key}_{number}"

    return visitors.cloned_traverse(prepared.statement, {}, {"bindparam": rename})


# ------------------------------------------------------------------ SQLite


class _View:
    """A temporary view with a column for each value, and a trigger that inserts the rows from them.

    It is created in each connection at its first use there, and dropped with the connection.
    """

    def __init__(self, shape: _Shape, precondition: Select[Any] | None) -> None:
        self.name = f"rows_{next(_numbers)}"
        self._types: dict[str, TypeEngine[Any]] = {}
        self._shape, self._precondition = shape, precondition
        self._ddl: list[str] = []
        self._insert: Prepared | None = None

    def run(self, connection: Connection, values: Mapping[str, Any], autocommit_on: Database | None) -> None:
        if self._insert is None:
            self._build(connection.dialect)
        known = connection.info.setdefault("views", set())
        if self.name not in known:
            driver: Any = connection.connection.driver_connection
            for statement in self._ddl:
                driver.execute(statement)
            known.add(self.name)
        if self._insert is None:
            return
        if autocommit_on is None:
            self._insert.run(connection, values)
        else:
            given = self._insert.given(connection.dialect, values)
            autocommit_on.group_commit(connection, self, given, partial(self._insert.run_many, connection))

    def _build(self, dialect: Dialect) -> None:
        body = []
        if self._precondition is not None:
            found = self._text(self._precondition, "", dialect)
            # ends the trigger without an error and without a row
            body.append(f"SELECT RAISE(IGNORE) WHERE NOT EXISTS ({found})")
        for number, (into, row) in enumerate(self._shape.rows):
            if isinstance(into, Prepared):
                body.append(self._text(into.statement, f"_{number}", dialect))
                continue
            values = {
                name: self._given(f"{name}_{number}", into.c[name].type) if expression is None else expression
                for name, expression in row.items()
            }
            body.append(self._text(insert(into).values(values).inline(), "", dialect))
        columns = ", ".join(f'NULL AS "{name}"' for name in self._types)
        written = "; ".join(body)
        self._ddl = [
            f"CREATE TEMP VIEW IF NOT EXISTS {self.name} AS SELECT {columns}",
            f"CREATE TEMP TRIGGER IF NOT EXISTS {self.name}_in INSTEAD OF INSERT ON {self.name}"
            f" BEGIN {written}; END",
        ]
        table = Table(self.name, MetaData(), *(Column(name, type_) for name, type_ in self._types.items()))
        self._insert = Prepared(insert(table), tuple(self._types))

    def _given(self, name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
        self._types[name] = type_
        return literal_column(f'NEW."{name}"', type_)

    def _text(self, statement: Any, suffix: str, dialect: Dialect) -> str:
        """A statement's text, with columns of the view in place of its parameters."""

        def given(element: Any, **_: Any) -> Any:
            if isinstance(element, BindParameter) and element.required:
                return self._given(f"{element.key}{suffix}", element.type)
            return None

        filled = visitors.replacement_traverse(statement, {}, given)
        return str(filled.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@lru_cache(maxsize=128)
def _through_view(shape: _Shape, precondition: Select[Any] | None) -> _View:
    return _View(shape, precondition)


@lru_cache(maxsize=16)
def _read_back(column: Column[Any]) -> Prepared:
    table = column.table
    return Prepared(select(column).where(table.c.id == bindparam("wanted", type_=table.c.id.type)))

"""Statements that are compiled once and sent directly to the driver: those that every call makes.

SQLAlchemy Core compiles a statement's text, the order of its parameters and the conversions of its types
once. Executed through Core, all of that is looked up again at each call, which on SQLite takes nine times as
long as a short query itself, and on PostgreSQL as long as its round trip. Connections, transactions and
errors are SQLAlchemy's.
"""

import re
import sqlite3
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import add
from typing import Any

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    ColumnElement,
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    insert,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.sql.type_api import TypeEngine

from workflows.store.begin import BEGIN
from workflows.store.lost_reads import may_read_again, reconnect

Statement = Select[Any] | Insert | Update | Delete
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
Row = Any
"""A named tuple of the statement's columns."""


class Prepared:
    """A statement, compiled once for each kind of database.

    `columns` names what an INSERT gives values for. A list of ids is one value (`id_lists.among`): a list of
    bound values would be part of the text.
    """

    def __init__(self, statement: Statement, columns: Sequence[str] | None = None) -> None:
        self.statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute it for its effect. Raises: DBAPIError, as Core does."""
        self._execute(connection, values)

    def count(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute it; returns how many rows it wrote. Raises: DBAPIError, as Core does."""
        _, cursor = self._execute(connection, values)
        return int(cursor.rowcount)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[Row]:
        """Every row. Raises: DBAPIError, as Core does."""
        compiled, cursor = self._execute(connection, values)
        return compiled.rows(cursor.fetchall())

    def tuples(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Every row, as its columns without names. Raises: as `all`."""
        compiled, cursor = self._execute(connection, values)
        return compiled.converted(cursor.fetchall())

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Row | None:
        """The first row, or None. Raises: as `all`."""
        compiled, cursor = self._execute(connection, values)
        row = cursor.fetchone()
        return compiled.rows((row,))[0] if row is not None else None

    def one(self, connection: Connection, values: Mapping[str, Any]) -> Row:
        """The first row of a statement that always has one. Raises: LookupError; as `all`."""
        row = self.first(connection, values)
        if row is None:
            raise LookupError("The statement returned no row.")
        return row

    def given(self, dialect: Dialect, values: Mapping[str, Any]) -> Any:
        """The values as parameters for the driver."""
        return self._for(dialect).parameters(values)

    def run_many(self, connection: Connection, given: Sequence[Sequence[Any]]) -> None:
        """Execute an INSERT of SQLite for several rows, each as returned by `given`. Raises: as `all`."""
        text = self._for(connection.dialect).text
        if len(given) > 1:
            head, _, row = text.partition(" VALUES ")
            text = f"{head} VALUES {', '.join([row] * len(given))}"
        self._send(connection, text, [value for row in given for value in row])

    def run_each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute it for each row, by one call of the driver. Raises: as `all`."""
        compiled = self._compiled_in_transaction(connection)
        self._send(connection, compiled.text, [compiled.parameters(row) for row in rows], many=True)

    def sent(self, dialect: Dialect) -> str:
        """The text that is sent to the driver."""
        return self._for(dialect).text

    def _for(self, dialect: Dialect) -> "_Compiled":
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self.statement, self._columns, dialect)
        return compiled

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> "tuple[_Compiled, Any]":
        compiled = self._compiled_in_transaction(connection)
        return compiled, self._send(connection, compiled.text, compiled.parameters(values))

    def _compiled_in_transaction(self, connection: Connection) -> "_Compiled":
        if not connection.in_transaction() and connection.info.get(BEGIN) is not None:
            connection.begin()
        return self._for(connection.dialect)

    def _send(self, connection: Connection, text: str, parameters: Any, *, many: bool = False) -> Any:
        driver: Any = connection.connection.driver_connection
        for listener in connection.engine.dispatch.before_cursor_execute:
            # these statements bypass Core, which would call the listeners
            listener(connection, None, text, parameters, None, many)
        try:
            return _to_driver(driver, text, parameters, many=many)
        except connection.dialect.loaded_dbapi.Error as error:
            if not may_read_again(connection, text, error):
                raise _wrapped(connection, text, parameters, error) from error
            return self._send_again(connection, text, parameters, error)

    def _send_again(self, connection: Connection, text: str, parameters: Any, lost: Exception) -> Any:
        try:
            reconnect(connection, lost)
            return _to_driver(connection.connection.driver_connection, text, parameters)
        except connection.dialect.loaded_dbapi.Error as error:
            raise _wrapped(connection, text, parameters, error) from error


class _Compiled:
    """The text for one kind of database, with the conversions of parameters and results."""

    def __init__(self, statement: Statement, columns: Sequence[str] | None, dialect: Dialect) -> None:
        found = statement.compile(dialect=dialect, column_keys=columns)
        self.text = str(found)
        names = list(found.positiontup or ())
        if not found.positional:
            self.text, names = _numbered(self.text)
        convert = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in found.binds.items()
        }
        self._given = [(name, convert[name]) for name in names if found.binds[name].required]
        self._constant = {
            name: bind.value if (make := convert[name]) is None else make(bind.value)
            for name, bind in found.binds.items()
            if not bind.required
        }
        self._order = names if self._constant else None
        returned = _returned(statement)
        self._row: Any = namedtuple("Row", [name for name, _ in returned], rename=True)  # type: ignore[misc]  # names known at run time
        self._back = [
            (at, make)
            for at, (_, type_) in enumerate(returned)
            if (make := type_.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them, with the constants that the statement was built with."""
        if self._order is None:
            return tuple([values[name] if make is None else make(values[name]) for name, make in self._given])
        named = {name: values[name] if make is None else make(values[name]) for name, make in self._given}
        named |= self._constant
        return tuple([named[name] for name in self._order])

    def rows(self, raw: Sequence[Sequence[Any]]) -> list[Row]:
        return list(map(self._row._make, self.converted(raw)))

    def converted(self, raw: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Each row's values, converted by the types of their columns."""
        if not self._back:
            return raw
        rows = list(map(list, raw))
        for at, make in self._back:
            for row in rows:
                value = row[at]
                if value is not None:
                    row[at] = make(value)
        return rows


def _to_driver(driver: Any, text: str, parameters: Sequence[Any], *, many: bool = False) -> Any:
    if isinstance(driver, sqlite3.Connection):
        return driver.executemany(text, parameters) if many else driver.execute(text, parameters)
    cursor = _raw_cursor()(driver)
    if many:
        cursor.executemany(text.encode(), parameters)
        return cursor
    return cursor.execute(text.encode(), parameters)


@cache
def _raw_cursor() -> Any:
    """The class of psycopg's cursors for numbered parameters; loading it at each start takes 140 ms."""
    from psycopg import RawCursor

    return RawCursor


def _numbered(text: str) -> tuple[str, list[str]]:
    """The text with PostgreSQL's own placeholders, and the name of each parameter.

    psycopg parses a text with named ones at each call if it has more than 50 or is longer than 4096 bytes.
    """
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

    return PLACEHOLDER.sub(number, text), list(numbers)


def _returned(statement: Statement) -> list[tuple[str, TypeEngine[Any]]]:
    """The names and types of the returned columns."""
    return [(str(name), column.type) for name, column in statement.exported_columns.items()]


def _wrapped(connection: Connection, text: str, parameters: Any, error: Exception) -> Exception:
    """A driver's error as SQLAlchemy's; a broken connection is invalidated."""
    dialect = connection.dialect
    is_broken = connection.invalidated or dialect.is_disconnect(error, connection.connection, None)  # type: ignore[arg-type]  # the driver's error class is only known at run time
    if is_broken:
        connection.invalidate(error)
    return DBAPIError.instance(
        text,
        parameters,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_broken,
        dialect=dialect,
    )


def insert_row(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row; columns that are not given get the table's defaults. Raises: IntegrityError."""
    _insert_of(table, tuple(values)).run(connection, {**defaults(table), **values})


def insert_each(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have values for the same columns, by one call. Raises: IntegrityError."""
    given = defaults(table)
    _insert_of(table, tuple(rows[0])).run_each(connection, ({**given, **row} for row in rows))


@lru_cache(maxsize=512)
def _insert_of(table: Table, columns: tuple[str, ...]) -> Prepared:
    return Prepared(insert(table), tuple({**dict.fromkeys(columns), **defaults(table)}))


def insert_several(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with values for the same columns by one statement of SQLite. Raises: IntegrityError."""
    statement, given = _insert_of(table, tuple(rows[0])), defaults(table)
    dialect = connection.dialect
    statement.run_many(connection, [statement.given(dialect, {**given, **row}) for row in rows])


def update_row(connection: Connection, table: Table, record_id: str, values: Mapping[str, Any]) -> None:
    """Update the row with this id; values may be SQL expressions. Raises: IntegrityError."""
    prepared = prepared_update(table, record_id, values)
    if prepared is None:
        connection.execute(update(table).where(table.c.id == record_id).values(**values))
    else:
        statement, given = prepared
        statement.run(connection, given)


def prepared_update(
    table: Table, record_id: str, values: Mapping[str, Any]
) -> tuple[Prepared, dict[str, Any]] | None:
    """The statement that updates the row with this id, and its values; None with other SQL expressions."""
    expressions = {name: value for name, value in values.items() if isinstance(value, ColumnElement)}
    bumps_version = "version" in expressions and _is_next_version(table, expressions["version"])
    if len(expressions) > bumps_version:
        return None
    given = {f"new_{name}": value for name, value in values.items() if name not in expressions}
    statement = _update_of(table, tuple(name for name in values if name not in expressions), bumps_version)
    return statement, {**given, "of_id": record_id}


@lru_cache(maxsize=512)
def _update_of(table: Table, columns: tuple[str, ...], bumps_version: bool) -> Prepared:
    values: dict[str, Any] = {
        name: bindparam(f"new_{name}", type_=table.c[name].type, required=True) for name in columns
    }
    if bumps_version:
        values["version"] = next_version(table)
    same = bindparam("of_id", type_=table.c.id.type, required=True)
    return Prepared(update(table).where(table.c.id == same).values(values))


@cache
def next_version(table: Table) -> ColumnElement[int]:
    """SQL: the version of a changed row. Building the expression takes as long as executing the update."""
    version: ColumnElement[int] = table.c.version + 1
    return version


def _is_next_version(table: Table, value: Any) -> bool:
    """Whether an expression is `version + 1`: the only one that most changes have."""
    return (
        isinstance(value, BinaryExpression)
        and value.left is table.c.version
        and value.operator is add
        and isinstance(value.right, BindParameter)
        and value.right.value == 1
    )


@cache
def defaults(table: Table) -> dict[str, Any]:
    """The default values of a table's columns."""
    return {
        column.name: column.default.arg
        for column in table.c
        if isinstance(column.default, ScalarElementColumnDefault)
    }

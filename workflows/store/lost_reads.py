"""A read whose connection dies while it is in flight is sent once more, on another connection.

A query in autocommit is a snapshot of its own and changes nothing, so it may be repeated at any time. Within
a transaction it may not: what the transaction has read or written before is lost with its connection.
"""

import re
from typing import Any

from sqlalchemy import Connection, Engine, event

from workflows.store.begin import BEGIN, WRITE

QUERY = re.compile(r"\s*(SELECT|WITH)\b")
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE)\b")


def read_again_when_lost(engine: Engine) -> None:
    """Repeat queries of SQLAlchemy Core; `compiled_statements` does so for its own."""

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        connection: Connection = context.root_connection
        try:
            cursor.execute(statement, parameters)
        except connection.dialect.loaded_dbapi.Error as error:
            if not may_read_again(connection, statement, error):
                raise
            reconnect(connection, error)
            context.cursor = connection.connection.cursor()
            context.cursor.execute(statement, parameters)
        return True


def may_read_again(connection: Connection, statement: str, error: Exception) -> bool:
    """Whether the connection has died, and the statement only reads outside of a transaction."""
    if connection.invalidated or not QUERY.match(statement) or WRITES.search(statement):
        return False
    in_autocommit = connection.info.get(BEGIN, WRITE) is None
    return in_autocommit and connection.dialect.is_disconnect(error, connection.connection, None)  # type: ignore[arg-type]  # the driver's error class is only known at run time


def reconnect(connection: Connection, error: Exception) -> None:
    """Give the connection another session of the database, in autocommit. Raises: a driver's error."""
    connection.invalidate(error)
    connection.rollback()  # to SQLAlchemy the reads were a transaction
    connection.info[BEGIN] = None

"""Connections that PostgreSQL has closed: a restart costs no call that comes after it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from threading import Barrier

import pytest
from sqlalchemy import Connection, Integer, literal, select, text
from sqlalchemy.exc import DBAPIError

from tests.conftest import lacking
from tests.support.postgres import PostgresMissing
from tests.support.postgres_nodes import Node, single_node
from workflows.operations.deployment import is_database_failure
from workflows.store.compiled_statements import Prepared
from workflows.store.database import Database

Begin = Callable[[Database], AbstractContextManager[Connection]]
Ask = Callable[[Connection], int]
POOLED = 12
ONE = Prepared(select(literal(1, Integer()).label("number")))


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A server that these tests restart."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(single_node())
        except PostgresMissing as error:
            lacking(str(error))
        yield server


@pytest.fixture
def database(node: Node) -> Iterator[Database]:
    """A database whose pool is full of connections that were in use."""
    found = Database(f"postgresql://postgres@{node.address}/postgres", pool_size=POOLED)
    fill(found)
    yield found
    found.dispose()


def fill(database: Database) -> set[int]:
    """Use as many connections at once as the pool keeps. Returns the server's process ids."""
    together = Barrier(POOLED)

    def use(_: int) -> int:
        with database.read() as connection:
            together.wait(30)
            return process_of(connection)

    with ThreadPoolExecutor(POOLED) as pool:
        return set(pool.map(use, range(POOLED)))


def process_of(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found


def one_by_statement(connection: Connection) -> int:
    found: int = ONE.one(connection, {}).number
    return found


def one_by_core(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT 1")).scalar_one()
    return found


@pytest.mark.parametrize("ask", [one_by_statement, one_by_core])
@pytest.mark.parametrize("begin", [Database.read, Database.autocommit, Database.snapshot, Database.write])
def test_no_call_after_a_restart_fails(node: Node, database: Database, begin: Begin, ask: Ask) -> None:
    old = fill(database)
    assert len(old) == POOLED
    node.end()
    with pytest.raises(DBAPIError) as refused, database.read():
        pass
    assert is_database_failure(refused.value)
    node.start()
    for _ in range(2 * POOLED):
        with begin(database) as connection:
            assert ask(connection) == 1
    assert len(fill(database) - old) == POOLED


@pytest.mark.parametrize("ask", [one_by_statement, one_by_core])
def test_the_first_call_that_loses_its_connection_discards_the_others(
    node: Node, database: Database, ask: Ask
) -> None:
    """Of a machine that lost its power nothing is heard: each connection would cost a call."""

    def lose_connection() -> None:
        with database.write() as connection:
            node.execute(f"SELECT pg_terminate_backend({process_of(connection)}, 5000)")
            ask(connection)

    old = fill(database)
    with pytest.raises(DBAPIError) as lost:
        lose_connection()
    assert is_database_failure(lost.value)
    assert lost.value.connection_invalidated
    assert fill(database) & old == set()


def test_a_transaction_that_begins_on_a_closed_connection_gets_another(node: Node) -> None:
    database = Database(f"postgresql://postgres@{node.address}/postgres", pool_size=1)
    with database.read() as connection:
        first = process_of(connection)
    node.execute(f"SELECT pg_terminate_backend({first}, 5000)")
    with database.write() as connection:
        assert process_of(connection) != first
    database.dispose()

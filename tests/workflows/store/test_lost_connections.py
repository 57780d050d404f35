"""Connections that PostgreSQL has closed: a restart costs no call after it, and no read that is in flight."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from threading import Barrier
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Integer, literal, literal_column, select, text
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


LATER = select(literal_column("number", Integer()).label("number")).select_from(text("slow"))
LATER_BY_STATEMENT = Prepared(LATER)


def slow_by_statement(connection: Connection) -> int:
    found: int = LATER_BY_STATEMENT.one(connection, {}).number
    return found


def slow_by_core(connection: Connection) -> int:
    found: int = connection.execute(LATER).scalar_one()
    return found


@pytest.fixture
def slow(node: Node) -> Iterator[psycopg.Connection[Any]]:
    """A session that locks a table, so that reading it takes until this is rolled back."""
    node.execute("CREATE TABLE slow AS SELECT 7 AS number")
    with psycopg.connect(host="127.0.0.1", port=node.port, user="postgres", dbname="postgres") as session:
        session.execute("LOCK TABLE slow")
        yield session
    node.execute("DROP TABLE slow")


def end_the_process_that_waits(node: Node) -> None:
    """Terminate the server process that waits for the table, while its client waits for the answer."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%slow%'"
    give_up_at = time.monotonic() + 120
    while (pid := node.execute(waiting)) is None:
        assert time.monotonic() < give_up_at, "nothing reads the table"
        time.sleep(0.01)
    assert node.execute(f"SELECT pg_terminate_backend({pid}, 5000)")


@pytest.mark.parametrize("ask", [slow_by_statement, slow_by_core])
@pytest.mark.parametrize("begin", [Database.read, Database.autocommit])
def test_a_read_in_flight_is_sent_again(
    node: Node, database: Database, slow: psycopg.Connection[Any], begin: Begin, ask: Ask
) -> None:
    def read() -> tuple[int, int]:
        with begin(database) as connection:
            return ask(connection), one_by_core(connection)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(read)
        end_the_process_that_waits(node)
        slow.rollback()
        assert answer.result(30) == (7, 1)


def test_a_whole_snapshot_is_read_again(
    node: Node, database: Database, slow: psycopg.Connection[Any]
) -> None:
    begun = []

    def read(connection: Connection) -> int:
        begun.append(process_of(connection))
        return slow_by_core(connection)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(database.in_snapshot, read)
        end_the_process_that_waits(node)
        slow.rollback()
        assert answer.result(30) == 7
    assert len(set(begun)) == 2


def test_a_read_is_sent_again_once(node: Node, database: Database, slow: psycopg.Connection[Any]) -> None:
    def read() -> int:
        with database.read() as connection:
            return slow_by_core(connection)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(read)
        end_the_process_that_waits(node)
        end_the_process_that_waits(node)
        with pytest.raises(DBAPIError) as lost:
            answer.result(30)
    assert is_database_failure(lost.value)


@pytest.mark.parametrize("statement", ["SELECT number FROM slow", "UPDATE slow SET number = 8"])
def test_nothing_within_a_transaction_is_sent_again(
    node: Node, database: Database, slow: psycopg.Connection[Any], statement: str
) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.execute(text(statement))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(write)
        end_the_process_that_waits(node)
        with pytest.raises(DBAPIError) as lost:
            answer.result(30)
    assert lost.value.connection_invalidated


def test_no_write_in_autocommit_is_sent_again(
    node: Node, database: Database, slow: psycopg.Connection[Any]
) -> None:
    def write() -> None:
        with database.autocommit() as connection:
            connection.execute(text("WITH one AS (UPDATE slow SET number = 8 RETURNING 1) SELECT 1 FROM one"))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(write)
        end_the_process_that_waits(node)
        slow.rollback()
        with pytest.raises(DBAPIError):
            answer.result(30)
    assert node.execute("SELECT number FROM slow") == 7


def test_a_transaction_that_has_only_read_goes_on_with_another_connection(
    node: Node, database: Database, slow: psycopg.Connection[Any]
) -> None:
    def write() -> None:
        with database.write_on_demand() as (connection, begin):
            assert slow_by_core(connection) == 7
            begin()
            connection.execute(text("UPDATE slow SET number = number + 1"))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(write)
        end_the_process_that_waits(node)
        slow.rollback()
        answer.result(30)
    assert node.execute("SELECT number FROM slow") == 8


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

"""A commit that the database refuses ends its transaction, whoever gets the connection next."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import insert, make_url, select
from sqlalchemy.exc import DBAPIError

from tests.support.builders import MONDAY
from workflows.store import tables as t
from workflows.store.database import Database

OF_NO_TRANSACTION = {
    "transaction_id": "none", "leg": 0, "owner": "G", "account": "available", "unit": "minutes", "amount": 1,
    "effective_at": MONDAY,
}  # fmt: skip
"""A posting whose foreign key is checked at the commit."""


def write(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(t.ledger_posting), OF_NO_TRANSACTION)


def write_on_demand(database: Database) -> None:
    with database.write_on_demand() as (connection, begin):
        begin()
        connection.execute(insert(t.ledger_posting), OF_NO_TRANSACTION)


WAYS = {"write": write, "write on demand": write_on_demand}


@pytest.fixture(params=WAYS)
def refused(request: pytest.FixtureRequest, database_url: str) -> Iterator[Database]:
    """A database with one connection, on which a commit was refused."""
    database = Database(database_url, pool_size=1)
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        WAYS[request.param](database)
    yield database
    database.dispose()


def test_the_connection_reads_and_writes_again(refused: Database) -> None:
    nothing = select(t.ledger_posting.c.leg)
    with refused.snapshot() as connection:
        assert connection.execute(nothing).all() == []
    with refused.write() as connection:
        assert connection.execute(nothing).all() == []


def test_no_lock_is_left(refused: Database, database_url: str) -> None:
    if not refused.is_sqlite:
        with refused.read() as connection:
            locks = "SELECT count(*) FROM pg_locks WHERE transactionid IS NOT NULL"
            assert connection.exec_driver_sql(locks).scalar() == 0
        return
    with closing(sqlite3.connect(str(make_url(database_url).database), timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")

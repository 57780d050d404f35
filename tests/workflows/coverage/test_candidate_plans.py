"""How the databases find candidates: with one statement that uses only indexes, at any size."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from psycopg import RawCursor
from sqlalchemy import Engine, event

from bench.dataset import LEVELS, NOW, Size, customer_number, fill, record_id
from tests.support.builders import FixedClock
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import find_candidates
from workflows.lifecycle.service_requests.holders import NEXT_LINE
from workflows.store.database import Database

CONTRACTS = 8_000
BIG_TABLES = ("contract", "grant_balance", "org_unit_line", "customer_org_unit", "ledger_posting")


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """A desk large enough for an index to pay off."""
    database = Database(database_url, pool_size=2)
    fill(database, CONTRACTS, ledger=True)
    yield Desk(database, FixedClock(NOW))
    database.dispose()


def test_every_search_uses_only_indexes(desk: Desk) -> None:
    database = desk.database
    check_plans(desk)
    if database.is_sqlite:
        # SQLite uses heuristics without statistics: the plan must be as good with them
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
        database.dispose()
        check_plans(desk)


def test_it_is_one_statement_at_any_depth(desk: Desk) -> None:
    depths: set[int] = set()
    with desk.read() as tx:
        search(tx, 0)  # the transaction has begun
        for item in range(300):
            with statements(desk.database.engine) as seen:
                found = search(tx, item)
            assert len(seen) == 1, seen
            depths |= {held.distance % NEXT_LINE for held in found.held}
    assert len(depths) > LEVELS, "those of item and customer, and one for each level"


def check_plans(desk: Desk) -> None:
    """Check the plans for now, with stored balances, and for a month ago, with sums of postings."""
    for days_ago in (0, 30):
        with desk.read() as tx, statements(desk.database.engine) as seen:
            search(tx, 7, days_ago=days_ago)
        lines = plan(desk, next(one for one in seen if one[0].startswith("SELECT")))
        whole = "\n".join(lines)
        assert [line for line, after in pairwise([*lines, ""]) if is_scan(line, after)] == [], whole
        for index in ("ix_contract_holder", "ix_grant_balance_contract_id"):
            assert index in whole


def search(tx: Transaction, item: int, *, days_ago: int = 0) -> Any:
    """The candidates for a request about an item by its owner."""
    return find_candidates(
        tx,
        customer=record_id("p", customer_number(Size(CONTRACTS), item)),
        item=record_id("i", item),
        at=NOW - timedelta(days=days_ago),
    )


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements sent to the driver within the block."""
    seen: list[tuple[str, Any]] = []

    def take_down(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", take_down)
    yield seen
    event.remove(engine, "before_cursor_execute", take_down)


def plan(desk: Desk, sent: tuple[str, Any]) -> list[str]:
    """The database's plan for a statement of `compiled_statements`, line by line."""
    statement, parameters = sent
    with desk.database.read() as connection:
        driver: Any = connection.connection.driver_connection
        if desk.database.is_sqlite:
            rows = driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        else:
            rows = RawCursor(driver).execute(f"EXPLAIN {statement}".encode(), parameters).fetchall()
    return [str(row[-1]) for row in rows]


def is_scan(line: str, after: str) -> bool:
    """Whether a line of a plan, with the line after it, shows a scan of a whole table or index."""
    tables = "|".join(BIG_TABLES)
    if re.search(rf"\bIndex Only Scan using \S+ on ({tables})\b", line):
        return "Index Cond" not in after
    return re.search(rf"\b(SCAN|Seq Scan on) ({tables})\b", line) is not None

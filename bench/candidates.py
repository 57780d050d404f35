"""Fetching the candidates: `find_candidates` against the raw driver and an ORM, and on desks of two sizes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from psycopg import RawCursor
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from bench.by_orm import find_covering
from bench.databases import Databases, Kind, plain_engine
from bench.dataset import NOW, Size, customer_number, fill, is_lapsed, record_id
from bench.options import Options
from bench.rounds import Result, alternate
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import find_candidates
from workflows.store.database import Database

ASKED = 150
RAW_GOALS = {"sqlite": 3.0, "postgresql": 2.2}
ORM_GOALS = {"sqlite": 7.0, "postgresql": 5.0}
NOTHING_COVERS_GOAL = 20.0
GROWTH_GOAL = 1.6


class FixedClock:
    """A clock fixed at the instant for which the data was created."""

    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True)
class Asked:
    """A service request's customer and item."""

    customer: str
    item: str | None


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the candidate query on each database."""
    for kind in found.kinds:
        with ExitStack() as stack:
            desks = {
                contracts: stack.enter_context(loaded_desk(found, kind, contracts))
                for contracts in (10_000, options.contracts)
            }
            yield from _against_raw(kind, *desks[options.contracts], options)
            yield _growth(kind, desks, options)
            yield from _against_orm(kind, *desks[options.contracts], options)


@contextmanager
def loaded_desk(found: Databases, kind: Kind, contracts: int) -> Iterator[tuple[Desk, Size]]:
    """Create a desk with this many contracts, at the instant for which they were created."""
    with found.new(kind) as database:
        size = fill(database, contracts)
        yield Desk(database, FixedClock()), size


def requests(size: Size, count: int) -> list[Asked]:
    """Return random service requests; every second one names an item, with its owner as the customer."""
    random, asked = Random(20260302), list[Asked]()
    for number in range(count):
        item = random.randrange(size.items)
        customer = record_id("p", customer_number(size, item))
        asked.append(Asked(customer, record_id("i", item) if number % 2 else None))
    return asked


def uncovered_requests(size: Size, count: int) -> list[Asked]:
    """Return service requests of customers whose contracts, and whose company's contracts, have all ended."""
    random, asked = Random(20260302), list[Asked]()
    while len(asked) < count:
        item = random.randrange(size.items)
        customer = customer_number(size, item)
        if is_lapsed(size, customer):
            asked.append(Asked(record_id("p", customer), record_id("i", item)))
    return asked


def find_all(tx: Transaction, asked: list[Asked]) -> None:
    for one in asked:
        find_candidates(tx, customer=one.customer, item=one.item)


def _against_raw(kind: Kind, desk: Desk, size: Size, options: Options) -> Iterator[Result]:
    asked = requests(size, ASKED)
    with desk.read() as tx:
        # First, so that the transaction has begun before statements are recorded.
        rows = sum(len(find_candidates(tx, customer=one.customer, item=one.item).held) for one in asked)
        sent = _sent(tx, asked)
        with _raw_cursor(desk.database) as cursor:

            def raw() -> None:
                for statement, parameters in sent:
                    cursor.execute(statement, parameters).fetchall()

            rounds = alternate([lambda: find_all(tx, asked), raw], options.rounds)
    yield rounds.result(
        f"candidates, {kind}",
        "raw driver, same SQL",
        ("<=", RAW_GOALS[kind]),
        note=f"{rows / len(asked):.1f} candidates each, {rounds.median_seconds(0) / ASKED * 1e6:.0f} µs",
    )


def _growth(kind: Kind, desks: dict[int, tuple[Desk, Size]], options: Options) -> Result:
    (small, large) = (desks[contracts] for contracts in sorted(desks))
    asked = [requests(size, ASKED) for _, size in (large, small)]
    with large[0].read() as in_large, small[0].read() as in_small:
        rounds = alternate(
            [lambda: find_all(in_large, asked[0]), lambda: find_all(in_small, asked[1])], options.rounds
        )
    return rounds.result(
        f"candidates among {large[1].contracts:,}, {kind}",
        f"among {small[1].contracts:,}",
        ("<=", GROWTH_GOAL),
    )


def _against_orm(kind: Kind, desk: Desk, size: Size, options: Options) -> Iterator[Result]:
    for name, asked, goal in (
        ("candidates, mixed", requests(size, ASKED // 2), ORM_GOALS[kind]),
        ("candidates, nothing covers", uncovered_requests(size, ASKED // 2), NOTHING_COVERS_GOAL),
    ):

        def product(asked: list[Asked] = asked) -> None:
            for one in asked:
                # As when logging a request: no transaction until it writes.
                with desk.write_on_demand(SYSTEM) as tx:
                    find_candidates(tx, customer=one.customer, item=one.item)

        with plain_engine(desk.database) as engine:
            rounds = alternate([product, partial(_by_orm, engine, asked)], options.rounds)
        yield rounds.result(f"{name}, {kind}", "ORM, one query per step", (">=", goal), unit="times faster")


def _by_orm(engine: Engine, asked: list[Asked]) -> None:
    for one in asked:
        with Session(engine) as session:
            find_covering(session, one.customer, one.item, NOW)


def _sent(tx: Transaction, asked: list[Asked]) -> list[tuple[str, Any]]:
    """Return the statement that the product sends to the driver for each request: exactly one."""
    sent: list[tuple[str, Any]] = []

    def record(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        sent.append((statement, parameters))

    event.listen(tx.connection.engine, "before_cursor_execute", record)
    find_all(tx, asked)
    event.remove(tx.connection.engine, "before_cursor_execute", record)
    assert len(sent) == len(asked), "the candidates are one statement"
    return sent


@contextmanager
def _raw_cursor(database: Database) -> Iterator[Any]:
    """Open a cursor on the driver's connection, configured like the product's."""
    connection = database.engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        if database.is_sqlite:
            driver.execute("BEGIN")
        # the product's statements have the numbered placeholders of PostgreSQL itself
        yield driver.cursor() if database.is_sqlite else RawCursor(driver)
        if database.is_sqlite:
            driver.execute("ROLLBACK")
    finally:
        connection.invalidate()

"""Draw-downs in this process on PostgreSQL, against a function in the database that makes a transfer.

The product locks the contract, reads what its grants have left, and posts: a transaction with two postings
in the chain of the contract, its head, and the balance. The function locks two balances and moves them by a
transfer of two postings; it has no chain, no contract and no rules. Both are called by eight threads and wait
for the disk at each commit. Bytes are those of the ledgers with their indexes, without balances.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from threading import local
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from bench.copied_contracts import Copied
from bench.databases import Databases
from bench.metered import Metered, alternate_metered
from bench.options import Options
from bench.rounds import Result, Side
from bench.work_calls import CONTENDED, SPREAD, contracts_with_requests
from engine.ledger import LedgerTransaction, move
from workflows.commands.work import WorkGiven
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.work.use_cases import log_work

THREADS = 8
MINUTES = 1
GOAL = 50.0
WARM_UP = 2
FUNCTION = Path(__file__).with_name("transfers.sql")
OURS = ("ledger_transaction", "ledger_posting", "ledger_chain")
THEIRS = ("bare_transfer", "bare_transfer_posting")
KINDS_OF_DRAW = ("a draw-down", "work logged with its draw-down")

Draw = Callable[[Copied], None]


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure draw-downs, and all of a work entry, contended and spread; nothing without PostgreSQL."""
    if "postgresql" not in found.kinds:
        return
    with found.new("postgresql") as database, ThreadPoolExecutor(THREADS) as pool:
        _, contracts = contracts_with_requests(database, min(SPREAD, options.contracts))
        with database.write() as connection:
            _add_transfers(connection, contracts)
        desk = Desk(database)
        desk.refresh()
        with _Transfers(database) as transfers:
            draws = (partial(_draw, desk), partial(_log_work, desk, _technician(database)), transfers.draw)
            rounds = _rounds(found, pool, draws, contracts, options)
        sizes = _sizes(database)
    for place, spread in enumerate((CONTENDED, len(contracts))):
        yield from _results(rounds, place * len(draws), spread, options.requests, sizes)


def _rounds(
    found: Databases,
    pool: ThreadPoolExecutor,
    draws: tuple[Draw, ...],
    contracts: list[Copied],
    options: Options,
) -> Metered:
    sides: list[Side] = [
        partial(_draw_from, pool, draw, cycle(some), options.requests)
        for some in (contracts[:CONTENDED], contracts)
        for draw in draws
    ]
    cpu_clock = partial(found.cpu_seconds, "postgresql")
    return alternate_metered(sides, options.rounds, cpu_clock, warm_up=WARM_UP)


def _draw_from(pool: ThreadPoolExecutor, draw: Draw, contracts: "cycle[Copied]", count: int) -> None:
    for _ in pool.map(draw, list(islice(contracts, count))):
        pass


def _results(
    rounds: Metered, side: int, spread: int, count: int, sizes: tuple[float, float]
) -> Iterator[Result]:
    ours, theirs = sizes
    function = side + len(KINDS_OF_DRAW)
    for place, what in enumerate(KINDS_OF_DRAW):
        described = f"{what}, {spread:,} contracts, postgresql"
        rate = count / rounds.elapsed.median_seconds(side + place)
        yield rounds.elapsed.result(
            described,
            f"a function in PL/pgSQL: {count / rounds.elapsed.median_seconds(function):.0f}/s",
            (">=", GOAL) if place == 0 else None,
            side=side + place,
            baseline=function,
            unit="%",
            note=f"{rate:.0f}/s; {ours:.0f} bytes a posting against {theirs:.0f}",
        )
        yield rounds.cpu.result(
            described,
            f"the same; CPU: {1000 * rounds.cpu.median_seconds(function) / count:.2f} ms",
            None,
            side=side + place,
            baseline=function,
            unit="%",
            note=f"{1000 * rounds.cpu.median_seconds(side + place) / count:.2f} ms",
        )


# ------------------------------------------------------------------ the product


def _draw(desk: Desk, given: Copied) -> None:
    def draw(tx: Transaction) -> None:
        contract = LoadedContracts(tx)[given.contract]
        grant = next(one.grant for one in contract.drawable_grants if one.grant.available >= MINUTES)
        postings = move("minutes", MINUTES, (grant.id, "available"), (grant.id, "consumed"))
        entry = LedgerTransaction("draw", tx.now, postings, cause=f"contract:{given.contract}", why="Work")
        contract.record(tx, entry)

    with desk.write() as tx:
        draw(tx)


def _log_work(desk: Desk, technician: Actor, given: Copied) -> None:
    # Entries of one instant are drawn in the order in which they come, whatever thread is first.
    work = WorkGiven(minutes=MINUTES, worked_at=desk.now().replace(second=0, microsecond=0))
    desk.perform(technician, lambda tx: log_work(tx, given.service_request, work))


def _technician(database: Database) -> Actor:
    with database.read() as connection:
        user = connection.execute(t.user_account.select()).first()
    assert user is not None
    return Actor(user.id, user.email, user.role)


# ------------------------------------------------------------------ the function


class _Transfers:
    """Calls of the function, by a connection for each thread that prepares its statement."""

    def __init__(self, database: Database) -> None:
        self._url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._of_thread = local()
        self._opened: list[psycopg.Connection[Any]] = []

    def __enter__(self) -> "_Transfers":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._opened:
            one.close()

    def draw(self, given: Copied) -> None:
        values = (f"{given.grant}:available", f"{given.grant}:consumed", MINUTES, given.service_request)
        self._connection().execute("SELECT bare_draw(%s, %s, %s, %s, now())", values, prepare=True)

    def _connection(self) -> "psycopg.Connection[Any]":
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = psycopg.connect(self._url, autocommit=True)
            self._opened.append(self._of_thread.connection)
        found: psycopg.Connection[Any] = self._of_thread.connection
        return found


def _add_transfers(connection: Connection, contracts: list[Copied]) -> None:
    connection.exec_driver_sql(FUNCTION.read_text().replace("%", "%%"))
    accounts = [
        {"id": f"{one.grant}:{name}", "balance": balance}
        for one in contracts
        for name, balance in (("available", 1_000_000), ("consumed", 0))
    ]
    connection.execute(text("INSERT INTO bare_account (id, balance) VALUES (:id, :balance)"), accounts)


def _sizes(database: Database) -> tuple[float, float]:
    """The bytes of both ledgers on the disk, with indexes, for each posting."""
    found = []
    with database.autocommit() as connection:
        for tables, postings in ((OURS, "ledger_posting"), (THEIRS, "bare_transfer_posting")):
            total = " + ".join(f"pg_total_relation_size('{one}')" for one in tables)
            size = connection.execute(text(f"SELECT ({total}) * 1.0 / count(*) FROM {postings}")).scalar_one()
            found.append(float(size))
    return found[0], found[1]

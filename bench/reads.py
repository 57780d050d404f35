"""Reads over HTTP on a desk with 100,000 requests, against a bare Flask handler that reads as many rows.

Both are served by the same kind of server with two workers; compared is the CPU time of the workers and of
PostgreSQL. And the memory of the workers over 100,000 reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select, text

from bench.clients import Caller, calling, get
from bench.databases import Databases, Kind
from bench.desk_size import LARGE, add_requests
from bench.options import Options
from bench.rounds import Result, alternate
from bench.serving import Served, bare, product
from bench.small_desk import SmallDesk, open_desk, refresh_statistics
from workflows.store import tables as t
from workflows.store.database import Database

ROWS = 20
LIST_GOAL, ONE_GOAL = 60.0, 70.0
CALLS_EACH_ROUND = 400
MEMORY_CALLS = 100_000
MEMORY_GOAL = 1.05
PATH = "/api/v1/service-requests"


@dataclass(frozen=True, slots=True)
class Readers:
    """The product and the bare handler on one database, with the calls that read from each."""

    ours: Served
    theirs: Served
    caller: Caller
    lists: tuple[list[bytes], list[bytes]]
    ones: tuple[list[bytes], list[bytes]]


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure lists and reads of one record on each database."""
    for kind in found.kinds:
        with reading(found, kind) as readers:
            for what, goal, calls in (
                (f"a list of {ROWS} of {LARGE:,} requests", LIST_GOAL, readers.lists),
                ("a read of one request", ONE_GOAL, readers.ones),
            ):
                sides = [
                    partial(readers.caller.call, served.port, of_side, 200)
                    for served, of_side in zip((readers.ours, readers.theirs), calls, strict=True)
                ]
                clock = partial(_cpu_seconds, found, kind, readers)
                rounds = alternate(sides, options.rounds, warm_up=2, clock=clock)
                yield rounds.result(
                    f"{what}, {kind}",
                    "bare Flask, as many rows by the ORM; CPU",
                    (">=", goal),
                    unit="%",
                    note=f"{1000 * rounds.median_seconds(0) / CALLS_EACH_ROUND:.2f} ms",
                )


def measure_memory(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the memory of the workers over many lists and reads, on each database."""
    for kind in found.kinds:
        with reading(found, kind) as readers:
            calls = [*readers.lists[0], *readers.ones[0] * 4]
            measured = [readers.ours.memory_bytes()]
            for number in range(MEMORY_CALLS // len(calls)):
                readers.caller.call(readers.ours.port, calls, 200)
                if (number + 1) * len(calls) % (MEMORY_CALLS // 5) == 0:
                    measured.append(readers.ours.memory_bytes())
            yield Result(
                f"memory of both workers after {MEMORY_CALLS:,} reads, {kind}",
                f"after {2 * MEMORY_CALLS // 5:,}",
                ("<=", MEMORY_GOAL),
                measured[-1] / measured[2],
                note="start, each fifth: " + ", ".join(f"{one / 2**20:.0f}" for one in measured) + " MiB",
            )


def _cpu_seconds(found: Databases, kind: Kind, readers: Readers) -> float:
    used = readers.ours.cpu_seconds() + readers.theirs.cpu_seconds()
    return used + (found.postgres_cpu_seconds() if kind == "postgresql" else 0)


@contextmanager
def reading(found: Databases, kind: Kind) -> Iterator[Readers]:
    """Run both servers and the clients on a database with 100,000 requests, and as many bare tickets."""
    url = found.new_url(kind)
    database = Database(url)
    try:
        desk = open_desk(database)
        add_requests(desk, LARGE)
        with product(url) as ours, bare(url) as theirs, calling() as caller:
            _add_tickets(database)
            refresh_statistics(database)
            yield Readers(ours, theirs, caller, _lists(desk), _ones(desk))
    finally:
        database.dispose()
        found.drop(url)


def _lists(desk: SmallDesk) -> tuple[list[bytes], list[bytes]]:
    ours = get(f"{PATH}?limit={ROWS}", Authorization=f"Bearer {desk.token}")
    return [ours] * CALLS_EACH_ROUND, [get(f"/tickets?limit={ROWS}")] * CALLS_EACH_ROUND


def _ones(desk: SmallDesk) -> tuple[list[bytes], list[bytes]]:
    with desk.desk.read() as tx:
        ids = tx.connection.execute(select(t.service_request.c.id).limit(CALLS_EACH_ROUND)).scalars().all()
    ours = [get(f"{PATH}/{one}", Authorization=f"Bearer {desk.token}") for one in ids]
    return ours, [get(f"/tickets/{number + 1}") for number in range(CALLS_EACH_ROUND)]


def _add_tickets(database: Database) -> None:
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO bare_ticket (subject, customer, item, priority) "
                "SELECT subject, customer_id, item_id, priority FROM service_request"
            )
        )

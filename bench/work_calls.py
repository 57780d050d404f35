"""Logging an hour of work over HTTP, drawn from a contract, against a bare handler that inserts as many rows.

Contended: all calls concern ten contracts. Spread: ten thousand, each with a service request of its own. All
entries of a round have one instant, at which it begins, so that each is the latest of its contract.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice

from sqlalchemy import insert

from bench.bare_work import Head
from bench.clients import Caller, calling, post
from bench.copied_contracts import Copied, copy_contracts
from bench.databases import Databases, Kind
from bench.metered import Metered, alternate_metered
from bench.options import Options
from bench.rounds import Result, Side
from bench.serving import Served, bare, product
from bench.small_desk import open_desk, refresh_statistics
from workflows.store.database import Database

CONTENDED, SPREAD = 10, 10_000
MINUTES = 60
GOAL = 60.0
WARM_UP = 2


@dataclass(frozen=True, slots=True)
class _Servers:
    """The product and the bare handler on one database, and the clients."""

    ours: Served
    theirs: Served
    caller: Caller
    token: str

    def log_work(self, contracts: "cycle[Copied]", count: int) -> None:
        now = _now()
        self.caller.call(
            self.ours.port,
            [
                post(
                    f"/api/v1/service-requests/{one.service_request}/work",
                    json.dumps({"minutes": MINUTES, "worked_at": now}).encode(),
                    Authorization=f"Bearer {self.token}",
                )
                for one in islice(contracts, count)
            ],
        )

    def insert_rows(self, contracts: "cycle[Copied]", count: int) -> None:
        given = {"minutes": MINUTES, "worked_at": _now()}
        bodies = [
            given | {"contract": one.contract, "service_request": one.service_request}
            for one in islice(contracts, count)
        ]
        self.caller.call(self.theirs.port, [post("/work", json.dumps(body).encode()) for body in bodies])


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure throughput and CPU on each database; spread over fewer contracts on a smaller desk."""
    for kind in found.kinds:
        url = found.new_url(kind)
        try:
            yield from _on(found, kind, url, options)
        finally:
            found.drop(url)


def _on(found: Databases, kind: Kind, url: str, options: Options) -> Iterator[Result]:
    database = Database(url)
    try:
        token, contracts = contracts_with_requests(database, min(SPREAD, options.contracts))
        with ExitStack() as stack:
            ours, theirs = stack.enter_context(product(url)), stack.enter_context(bare(url))
            _add_heads(database, contracts)
            servers = _Servers(ours, theirs, stack.enter_context(calling()), token)
            rounds = _rounds(found, kind, servers, contracts, options)
    finally:
        database.dispose()
    for first, spread in ((0, CONTENDED), (2, len(contracts))):
        yield from _results(kind, rounds, first, f"an hour of work, {spread:,} contracts", options.requests)


def contracts_with_requests(database: Database, count: int) -> tuple[str, list[Copied]]:
    """Create contracts of a million minutes, each with a request that it covers; return a token and them."""
    desk = open_desk(database)
    original = desk.covered_request(1)
    contracts = copy_contracts(database, *original, count)
    refresh_statistics(database)
    return desk.token, contracts


def _add_heads(database: Database, contracts: list[Copied]) -> None:
    with database.write() as connection:
        connection.execute(
            insert(Head), [{"chain": one.contract, "sequence": 0, "hash": bytes(32)} for one in contracts]
        )


def _rounds(
    found: Databases, kind: Kind, servers: _Servers, contracts: list[Copied], options: Options
) -> Metered:
    def cpu_clock() -> float:
        used = servers.ours.cpu_seconds() + servers.theirs.cpu_seconds()
        return used + (found.postgres_cpu_seconds() if kind == "postgresql" else 0)

    sides: list[Side] = [
        partial(send, cycle(some), options.requests)
        for some in (contracts[:CONTENDED], contracts)
        for send in (servers.log_work, servers.insert_rows)
    ]
    return alternate_metered(sides, options.rounds, cpu_clock, warm_up=WARM_UP)


def _results(kind: Kind, rounds: Metered, side: int, what: str, count: int) -> Iterator[Result]:
    rate, bare_rate = (count / rounds.elapsed.median_seconds(one) for one in (side, side + 1))
    yield rounds.elapsed.result(
        f"{what}, {kind}",
        f"bare Flask, as many rows by the ORM: {bare_rate:.0f}/s",
        (">=", GOAL),
        side=side,
        baseline=side + 1,
        unit="%",
        note=f"{rate:.0f}/s",
    )
    ours, theirs = (1000 * rounds.cpu.median_seconds(one) / count for one in (side, side + 1))
    yield rounds.cpu.result(
        f"{what}, {kind}",
        f"the same; CPU: {theirs:.2f} ms",
        None,
        side=side,
        baseline=side + 1,
        unit="%",
        note=f"{ours:.2f} ms",
    )


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0).isoformat()

"""Reading a page of the work and of the statement of a long contract, and logging on one with many grants.

Both sides are the product, in this process: what it does for a contract of 10,000 entries against one of 10.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from bench.databases import Databases, Kind
from bench.options import Options
from bench.rounds import Result, alternate
from bench.small_desk import EACH, SmallDesk, refresh_statistics, small_desk

LONG, SHORT = 10_000, 10
MANY_GRANTS = 400
GOAL = 1.5
LATEST_GOAL = 1.2
CALLS_EACH_ROUND = 5
READS = {
    "a page of work": "/service-requests/{1}/work?limit=50",
    "the latest page of the statement": "/contracts/{0}/statement?limit=50&order=-effective_at",
    "a page in the middle of the statement": "/contracts/{0}/statement?limit=50&from={2}",
}


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the reads and the logging on each database."""
    for kind in found.kinds:
        with small_desk(found, kind) as desk:
            yield from _reads(found, kind, desk, options)
            yield from _logging(found, kind, desk, options)


def _reads(found: Databases, kind: Kind, desk: SmallDesk, options: Options) -> Iterator[Result]:
    contracts = [_long_contract(desk, entries) for entries in (LONG, SHORT)]
    refresh_statistics(desk.desk.database)
    latest = [partial(_log_work, desk, request) for _, request, _ in contracts]
    rounds = alternate(latest, options.rounds * 2, warm_up=3, clock=partial(found.cpu_seconds, kind))
    yield rounds.result(
        f"logging the latest work, {LONG:,} entries, {kind}",
        f"{SHORT} entries; CPU",
        ("<=", LATEST_GOAL),
        note=f"{1000 * rounds.median_seconds(0) / CALLS_EACH_ROUND:.1f} ms",
    )
    for what, path in READS.items():
        sides = [partial(_read, desk, path.format(*contract)) for contract in contracts]
        rounds = alternate(sides, options.rounds * 2, warm_up=3, clock=partial(found.cpu_seconds, kind))
        yield rounds.result(
            f"{what}, {LONG:,} entries, {kind}",
            f"{SHORT} entries; CPU",
            ("<=", GOAL),
            note=f"{1000 * rounds.median_seconds(0) / CALLS_EACH_ROUND:.1f} ms",
        )


def _logging(found: Databases, kind: Kind, desk: SmallDesk, options: Options) -> Iterator[Result]:
    requests = [desk.covered_request(grants)[1] for grants in (MANY_GRANTS, 1)]
    sides = [partial(_log_work, desk, request) for request in requests]
    rounds = alternate(sides, options.rounds * 2, warm_up=2, clock=partial(found.cpu_seconds, kind))
    yield rounds.result(
        f"logging work, {MANY_GRANTS} grants, {kind}",
        "1 grant; CPU",
        ("<=", GOAL),
        note=f"{1000 * rounds.median_seconds(0) / CALLS_EACH_ROUND:.1f} ms",
    )


def _long_contract(desk: SmallDesk, entries: int) -> tuple[str, str, str]:
    """Return a contract, its service request, and the day on which half of the work had been done."""
    contract, request = desk.covered_request(1)
    desk.add_work(contract, request, entries)
    middle = datetime.now(UTC) - EACH * (entries // 2) - timedelta(days=1)
    return contract, request, middle.date().isoformat()


def _read(desk: SmallDesk, path: str) -> None:
    for _ in range(CALLS_EACH_ROUND):
        desk.get(path)


def _log_work(desk: SmallDesk, service_request: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    for _ in range(CALLS_EACH_ROUND):
        desk.post(f"/service-requests/{service_request}/work", {"minutes": 1, "worked_at": now})

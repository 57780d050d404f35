"""Replaying and verifying history: how fast, in how much memory, and what a desk at work notices of it.

The decisions are those of a desk of 20,000 contracts with work done under them, copied back week by week.
They are read as an import leaves them: PostgreSQL has not analysed them, and is kept from doing so. Each
run is a process of its own, as the commands are, so that its memory is its own too.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles

from bench.calls import CONTRACTS, Office, open_office
from bench.clients import call
from bench.databases import Databases, Kind
from bench.dataset import Size
from bench.history import make_history
from bench.options import Options
from bench.rounds import Result, Rounds
from bench.serving import PROJECT, product
from engine.rulebook import load_rule_set
from workflows.core.desk import Desk
from workflows.coverage.decision_stream import decision_batches
from workflows.coverage.verification import verify_decisions
from workflows.replay.run import replay
from workflows.rule_sets.folder import read_rules_folder
from workflows.store.database import Database

LONG_AGO, LATER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
RUNS = ("the same rules", "the customer first", "verify", "read alone")
MOST_ROUNDS = 3
"""Each round takes a minute or two, and one of these runs is long enough to even out what disturbs it."""
BESIDE_SQLITE = 1.5
CALLS_BESIDE = 400
SECONDS_BETWEEN_CALLS = 0.02
SECONDS_TO_START = 3


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run took: how many decisions, how many differ, and its memory at the start and at most.

    `own_seconds` are those of its own processor time: the rest it waited, for the database or its turn.
    """

    seconds: float
    own_seconds: float
    decisions: int
    differ: int
    start_bytes: int
    most_bytes: int

    @property
    def rate(self) -> str:
        return f"{self.decisions / self.seconds:,.0f}/s"

    @property
    def told(self) -> str:
        more = self.most_bytes - self.start_bytes
        return (
            f"{self.rate}, {self.own_seconds / self.seconds:.0%} own work; {self.differ:,} differ; "
            f"{self.most_bytes >> 20} MiB at most, {more >> 20} more than at its start"
        )


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Speed and memory of each run on each database, then a desk's calls beside a replay."""
    with ExitStack() as stack:
        desks: dict[Kind, tuple[str, Office]] = {}
        for kind in found.kinds:
            url = found.new_url(kind)
            stack.callback(found.drop, url)
            office = open_office(url)
            make_history(url, Size(CONTRACTS), office.covered["incident_pack"], options.decisions)
            desks[kind] = url, office
        rounds = [_round(desks, number) for number in range(min(options.rounds, MOST_ROUNDS))]
        yield from _speeds(found.kinds, rounds)
        for kind, (url, office) in desks.items():
            yield _calls_beside(kind, url, office)


def _round(desks: dict[Kind, tuple[str, Office]], number: int) -> dict[tuple[Kind, str], Ran]:
    turns = [(kind, url, what) for what in RUNS for kind, (url, _) in desks.items()]
    ran = {}
    for kind, url, what in reversed(turns) if number % 2 else turns:
        with _process() as pool:
            ran[kind, what] = pool.submit(_run, url, what).result()
    return ran


def _speeds(kinds: tuple[Kind, ...], rounds: list[dict[tuple[Kind, str], Ran]]) -> Iterator[Result]:
    keys = list(rounds[0])
    seconds = Rounds(tuple(tuple(ran[key].seconds for key in keys) for ran in rounds))

    def middle(kind: Kind, what: str) -> Ran:
        ran = sorted((one[kind, what] for one in rounds), key=lambda one: one.seconds)
        return ran[len(ran) // 2]

    for kind in kinds:
        alone = middle(kind, "read alone")
        for what in RUNS[:-1]:
            ran = middle(kind, what)
            yield seconds.result(
                f"{ran.decisions:,} decisions, {what}, {kind}",
                f"read and left alone: {alone.rate}",
                None,
                side=keys.index((kind, what)),
                baseline=keys.index((kind, "read alone")),
                note=ran.told,
            )
    if len(kinds) == 2:
        for what in RUNS[:-1]:
            yield seconds.result(
                f"{what}, postgresql that has analysed nothing",
                "the same on sqlite",
                ("<=", BESIDE_SQLITE),
                side=keys.index(("postgresql", what)),
                baseline=keys.index(("sqlite", what)),
            )


def _calls_beside(kind: Kind, url: str, office: Office) -> Result:
    """One call after the other, with a replay of all history beside it half of the time."""
    requests = list(islice(cycle(office.logged("subscription", 200)), CALLS_BESIDE))
    running = get_context("spawn").Process(target=_run_for_ever, args=(url,), daemon=True)
    with product(url) as served, _process() as callers:
        callers.submit(_latencies, served.port, requests[:50]).result()
        quiet = callers.submit(_latencies, served.port, requests).result()
        running.start()
        try:
            time.sleep(SECONDS_TO_START)
            beside = callers.submit(_latencies, served.port, requests).result()
            if not running.is_alive():
                raise RuntimeError("There was no replay beside the calls.")
        finally:
            running.terminate()
            running.join()
    return Result(
        f"a call of a desk beside a replay, {kind}",
        "the same, nothing beside it",
        None,
        median(beside) / median(quiet),
        note=f"{_told(beside)}; alone {_told(quiet)}",
    )


def _told(seconds: list[float]) -> str:
    return f"{median(seconds) * 1000:.1f} ms, 99 of 100 within {quantiles(seconds, n=100)[98] * 1000:.0f} ms"


# ------------------------------------------------------------------ in processes of their own


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _run(url: str, what: str) -> Ran:
    files = read_rules_folder(PROJECT / "rules")
    if what == "the customer first":
        files |= {"coverage.json": files["variants/customer_first.json"]}
    rules = load_rule_set(files)
    desk = Desk(Database(url, pool_size=2))
    desk.refresh()
    start_bytes, start, own_start = _most_bytes(), time.perf_counter(), time.process_time()
    decisions = differ = 0
    if what == "read alone":
        decisions = sum(len(rows) for rows in decision_batches(desk))
    elif what == "verify":
        verified = verify_decisions(desk, lambda _: None)
        decisions, differ = verified.decisions, verified.differ
    else:
        summary = replay(desk, rules, LONG_AGO, LATER, lambda _: None)
        decisions, differ = summary.decisions, summary.differ
    seconds, own_seconds = time.perf_counter() - start, time.process_time() - own_start
    desk.database.dispose()
    return Ran(seconds, own_seconds, decisions, differ, start_bytes, _most_bytes())


def _run_for_ever(url: str) -> None:
    while True:
        _run(url, "the customer first")


def _latencies(port: int, requests: list[bytes]) -> list[float]:
    seconds = []
    for request in requests:
        seconds.append(call(port, [request], clients=1))
        time.sleep(SECONDS_BETWEEN_CALLS)
    return seconds


def _most_bytes() -> int:
    """What this process had in memory at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("The system does not tell how much memory a process takes.")

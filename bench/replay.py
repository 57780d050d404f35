"""Replaying and verifying history: speed, memory, and the effect on a desk in use.

The decisions are those of a desk with 20,000 contracts and work entries, copied back week by week. As after
an import, PostgreSQL has not analysed them, and autovacuum is off for them. Each run is a process of its
own, as the commands are, so that its memory can be measured.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from multiprocessing import get_context
from statistics import median, quantiles

from bench.calls import CONTRACTS, BenchDesk, prepare_desk
from bench.clients import call
from bench.databases import Databases, Kind
from bench.dataset import Size
from bench.history import make_history
from bench.memory import new_process, peak_bytes
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
RUNS = ("the same rules", "customer first", "verify", "read only")
MAX_ROUNDS = 3
"""Each round takes a minute or two, and a single run is long enough to even out disturbances."""
POSTGRESQL_GOAL = 1.5
CALLS_DURING_REPLAY = 400
SECONDS_BETWEEN_CALLS = 0.02
SECONDS_TO_START = 3


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a run: its decisions, how many differ, and its memory at the start and at its peak.

    `cpu_seconds` is its own processor time; for the rest it waited for the database or the processor.
    """

    seconds: float
    cpu_seconds: float
    decisions: int
    differ: int
    start_bytes: int
    peak_bytes: int

    @property
    def rate(self) -> str:
        return f"{self.decisions / self.seconds:,.0f}/s"

    @property
    def summary(self) -> str:
        more = self.peak_bytes - self.start_bytes
        return (
            f"{self.rate}, {self.cpu_seconds / self.seconds:.0%} CPU; {self.differ:,} differ; "
            f"{self.peak_bytes >> 20} MiB at its peak, {more >> 20} more than at its start"
        )


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure speed and memory of each run on each database, then the calls of a desk during a replay."""
    with ExitStack() as stack:
        desks: dict[Kind, tuple[str, BenchDesk]] = {}
        for kind in found.kinds:
            url = found.new_url(kind)
            stack.callback(found.drop, url)
            bench_desk = prepare_desk(url)
            make_history(url, Size(CONTRACTS), bench_desk.covered["incident_pack"], options.decisions)
            desks[kind] = url, bench_desk
        rounds = [_round(desks, number) for number in range(min(options.rounds, MAX_ROUNDS))]
        yield from _speeds(found.kinds, rounds)
        for kind, (url, bench_desk) in desks.items():
            yield _calls_during_replay(kind, url, bench_desk)


def _round(desks: dict[Kind, tuple[str, BenchDesk]], number: int) -> dict[tuple[Kind, str], Run]:
    runs = [(kind, url, what) for what in RUNS for kind, (url, _) in desks.items()]
    run = {}
    for kind, url, what in reversed(runs) if number % 2 else runs:
        with new_process() as pool:
            run[kind, what] = pool.submit(_run, url, what).result()
    return run


def _speeds(kinds: tuple[Kind, ...], rounds: list[dict[tuple[Kind, str], Run]]) -> Iterator[Result]:
    keys = list(rounds[0])
    seconds = Rounds(tuple(tuple(run[key].seconds for key in keys) for run in rounds))

    def middle(kind: Kind, what: str) -> Run:
        run = sorted((one[kind, what] for one in rounds), key=lambda one: one.seconds)
        return run[len(run) // 2]

    for kind in kinds:
        read_only = middle(kind, "read only")
        for what in RUNS[:-1]:
            run = middle(kind, what)
            yield seconds.result(
                f"{run.decisions:,} decisions, {what}, {kind}",
                f"reading only: {read_only.rate}",
                None,
                side=keys.index((kind, what)),
                baseline=keys.index((kind, "read only")),
                note=run.summary,
            )
    if len(kinds) == 2:
        for what in RUNS[:-1]:
            yield seconds.result(
                f"{what}, postgresql without statistics",
                "the same on sqlite",
                ("<=", POSTGRESQL_GOAL),
                side=keys.index(("postgresql", what)),
                baseline=keys.index(("sqlite", what)),
            )


def _calls_during_replay(kind: Kind, url: str, bench_desk: BenchDesk) -> Result:
    """Measure one call after the other, first without and then with a replay running."""
    requests = list(islice(cycle(bench_desk.logged("subscription", 200)), CALLS_DURING_REPLAY))
    running = get_context("spawn").Process(target=_run_forever, args=(url,), daemon=True)
    with product(url) as served, new_process() as callers:
        callers.submit(_latencies, served.port, requests[:50]).result()
        without = callers.submit(_latencies, served.port, requests).result()
        running.start()
        try:
            time.sleep(SECONDS_TO_START)
            during = callers.submit(_latencies, served.port, requests).result()
            if not running.is_alive():
                raise RuntimeError("The replay ended before the calls did.")
        finally:
            running.terminate()
            running.join()
    return Result(
        f"a call during a replay, {kind}",
        "the same without a replay",
        None,
        median(during) / median(without),
        note=f"{_latency_text(during)}; without {_latency_text(without)}",
    )


def _latency_text(seconds: list[float]) -> str:
    return f"{median(seconds) * 1000:.1f} ms, p99 {quantiles(seconds, n=100)[98] * 1000:.0f} ms"


# ------------------------------------------------------------------ in separate processes


def _run(url: str, what: str) -> Run:
    files = read_rules_folder(PROJECT / "rules")
    if what == "customer first":
        files |= {"coverage.json": files["variants/customer_first.json"]}
    rules = load_rule_set(files)
    desk = Desk(Database(url, pool_size=2))
    desk.refresh()
    start_bytes, start, cpu_start = peak_bytes(), time.perf_counter(), time.process_time()
    decisions = differ = 0
    if what == "read only":
        decisions = sum(len(rows) for rows in decision_batches(desk))
    elif what == "verify":
        verified = verify_decisions(desk, lambda _: None)
        decisions, differ = verified.decisions, verified.differ
    else:
        summary = replay(desk, rules, LONG_AGO, LATER, lambda _: None)
        decisions, differ = summary.decisions, summary.differ
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    desk.database.dispose()
    return Run(seconds, cpu_seconds, decisions, differ, start_bytes, peak_bytes())


def _run_forever(url: str) -> None:
    while True:
        _run(url, "customer first")


def _latencies(port: int, requests: list[bytes]) -> list[float]:
    seconds = []
    for request in requests:
        seconds.append(call(port, [request], clients=1))
        time.sleep(SECONDS_BETWEEN_CALLS)
    return seconds

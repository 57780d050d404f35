"""`python -m bench [NAME...]`: runs the measures and prints a table of the results."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from bench import (
    audits,
    bank_matching,
    calls,
    candidates,
    decision,
    desk_size,
    draw_downs,
    invoices,
    long_contracts,
    planning,
    reads,
    replay,
    sweeps,
    triggers,
    work_calls,
)
from bench.databases import KINDS, Databases, PostgresMissing, databases
from bench.options import Options
from bench.rounds import Result, table

Measure = Callable[[Databases, Options], Iterator[Result]]
MEASURES: dict[str, Measure] = {
    "decision": decision.measure,
    "candidates": candidates.measure,
    "calls": calls.measure,
    "work": work_calls.measure,
    "draw-downs": draw_downs.measure,
    "long": long_contracts.measure,
    "size": desk_size.measure,
    "planning": planning.measure,
    "sweeps": sweeps.measure,
    "triggers": triggers.measure,
    "memory": calls.measure_memory,
    "reads": reads.measure,
    "read-memory": reads.measure_memory,
    "replay": replay.measure,
    "audit": audits.measure,
    "bank": bank_matching.measure,
    "invoices": invoices.measure,
}


def main() -> int:
    """Run the requested measures. Returns 1 if one could not run, never because of a result."""
    asked = _arguments()
    options = Options(
        asked.contracts, asked.rounds, asked.requests, asked.decisions, asked.postings, asked.invoices
    )
    kinds = tuple(kind for kind in KINDS if asked.database in (None, kind))
    results: list[Result] = []
    with databases(asked.folder, kinds) as found:
        for name in asked.names or MEASURES:
            started = time.monotonic()
            print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
            try:
                results += MEASURES[name](found, options)
            except PostgresMissing as error:
                print(error, file=sys.stderr)
                return 1
            print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    print("\n".join(table(results)))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Coverdesk's performance against the obvious alternatives, as ratios within one run.",
        epilog='Example: make bench ARGS="candidates --contracts 10000000 --database sqlite"',
    )
    defaults = Options()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MEASURES)}; default: all")
    parser.add_argument("--database", choices=KINDS, help="only this kind")
    parser.add_argument(
        "--contracts", type=int, default=defaults.contracts, help="number of contracts of the large desk"
    )
    parser.add_argument("--rounds", type=int, default=defaults.rounds, help="number of rounds")
    parser.add_argument("--requests", type=int, default=defaults.requests, help="calls per round and server")
    parser.add_argument(
        "--decisions", type=int, default=defaults.decisions, help="number of decisions to replay"
    )
    parser.add_argument(
        "--postings", type=int, default=defaults.postings, help="postings of the ledger to audit"
    )
    parser.add_argument(
        "--invoices", type=int, default=defaults.invoices, help="invoices to issue and to write as documents"
    )
    parser.add_argument("--folder", help="where databases are created; not in memory (default: the system's)")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(MEASURES)
    if unknown:
        parser.error(f"Unknown measure {', '.join(sorted(unknown))}; choose from {', '.join(MEASURES)}.")
    return asked


if __name__ == "__main__":
    sys.exit(main())

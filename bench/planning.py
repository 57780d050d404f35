"""Planning the draw-down of many entries, against a bare loop that subtracts their minutes.

The loop knows no spans, policies or contracts, and keeps no record of what it took from where. CPU time.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from bench.databases import Databases
from bench.options import Options
from bench.rounds import Result, Side, alternate
from engine.contracts import Grant, Holder, Window
from engine.drawdown import plan_entries
from engine.payers import EntryToPay, Payer

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENTRIES, MANY_ENTRIES, GRANTS = 10_000, 40_000, 20
GOAL = 10.0
LINEAR_GOAL = 4.8
"""Four times the entries, in at most 1.2 times as long for each."""


def measure(_: Databases, options: Options) -> Iterator[Result]:
    """Measure the plan of 10,000 entries over 20 grants, and of four times as many."""
    entries, payer = _block(ENTRIES)
    many, larger = _block(MANY_ENTRIES)
    sides: list[Side] = [
        partial(plan_entries, entries, {payer.contract: payer}),
        partial(_subtract, entries, payer),
        partial(plan_entries, many, {larger.contract: larger}),
    ]
    rounds = alternate(sides, options.rounds * 4, warm_up=2, clock=time.process_time)
    yield rounds.result(
        f"planning {ENTRIES:,} entries, {GRANTS} grants",
        "a bare loop that subtracts",
        ("<=", GOAL),
        note=f"{1000 * rounds.median_seconds(0):.1f} ms",
    )
    yield rounds.result(
        f"planning {MANY_ENTRIES:,} entries", f"{ENTRIES:,} entries", ("<=", LINEAR_GOAL), side=2, baseline=0
    )


def _block(count: int) -> tuple[list[EntryToPay], Payer]:
    """Entries of up to 25 minutes, each half an hour after the one before, and grants that they use up."""
    random = Random(1)
    entries = []
    for number in range(count):
        start, minutes = START + number * timedelta(minutes=30), random.randint(1, 25)
        end = start + timedelta(minutes=minutes)
        entries.append(EntryToPay(f"{number:06}", start, end, minutes, start, ("C",), "ignore"))
    each = sum(one.chargeable_minutes for one in entries) // GRANTS
    grants = tuple(Grant(f"G{place:02}", "C", "minutes", each, None, None, each) for place in range(GRANTS))
    return entries, Payer("C", Holder("customer", "ann"), Window(START, None), "minutes", grants, START)


def _subtract(entries: list[EntryToPay], payer: Payer) -> list[int]:
    left = [grant.available for grant in payer.grants]
    place = 0
    for entry in entries:
        minutes = entry.chargeable_minutes
        while minutes and place < len(left):
            taken = min(minutes, left[place])
            left[place] -= taken
            minutes -= taken
            if not left[place]:
                place += 1
    return left

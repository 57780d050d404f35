"""Sides that are measured by two clocks in one run: by elapsed time, and by the CPU time that they took."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench.rounds import Clock, Rounds, Side, alternate


@dataclass(frozen=True, slots=True)
class Metered:
    """The same rounds in elapsed seconds and in seconds of CPU."""

    elapsed: Rounds
    cpu: Rounds


def alternate_metered(sides: Sequence[Side], rounds: int, cpu_clock: Clock, *, warm_up: int = 1) -> Metered:
    """Run the sides alternately, as `alternate` does, and read both clocks."""
    used: list[list[float]] = [[] for _ in sides]
    metered = [partial(_run, side, cpu_clock, of_side) for side, of_side in zip(sides, used, strict=True)]
    elapsed = alternate(metered, rounds, warm_up=warm_up)
    return Metered(elapsed, Rounds(tuple(zip(*(one[warm_up:] for one in used), strict=True))))


def _run(side: Side, cpu_clock: Clock, used: list[float]) -> None:
    start = cpu_clock()
    side()
    used.append(cpu_clock() - start)

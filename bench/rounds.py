"""Alternatives measured in one run, alternating, so that a busy machine slows all of them alike.

Each round gives a ratio, and the median is reported. Absolute times are not compared: they say more about the
machine than about the code.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Side = Callable[[], object]
Clock = Callable[[], float]
Goal = tuple[Literal["<=", ">="], float]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. Without a `goal` the number is only for information."""

    what: str
    against: str
    goal: Goal | None
    ratio: float
    unit: Literal["times", "%", "times faster"] = "times"
    spread: tuple[float, float] | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        if self.goal is None:
            return None
        comparison, bound = self.goal
        return self.ratio <= bound if comparison == "<=" else self.ratio >= bound


@dataclass(frozen=True, slots=True)
class Rounds:
    """The seconds that each side took, by round: elapsed, or of CPU."""

    seconds: tuple[tuple[float, ...], ...]

    def ratios(self, side: int, against: int) -> list[float]:
        """Return for each round the time of `side` divided by the time of `against`."""
        return [times[side] / times[against] for times in self.seconds]

    def median_seconds(self, side: int) -> float:
        return median(times[side] for times in self.seconds)

    def result(
        self,
        what: str,
        against: str,
        goal: Goal | None,
        *,
        side: int = 0,
        baseline: int = 1,
        unit: Literal["times", "%", "times faster"] = "times",
        note: str = "",
    ) -> Result:
        """Return the median ratio and its quartiles.

        The ratio is the side's time over the baseline's for `times`, the inverse for the other units.
        """
        ratios = self.ratios(side, baseline) if unit == "times" else self.ratios(baseline, side)
        ordered = sorted(ratio * (100 if unit == "%" else 1) for ratio in ratios)
        low, high = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
        return Result(what, against, goal, median(ordered), unit, (low, high), note)


def alternate(
    sides: Sequence[Side], rounds: int, *, warm_up: int = 1, clock: Clock = time.perf_counter
) -> Rounds:
    """Run the sides alternately, `rounds` times; every second round in reverse order.

    `clock` returns seconds: by default elapsed time; CPU time where other programs share the machine.
    """
    for _ in range(warm_up):
        for side in sides:
            side()
    return Rounds(tuple(_round(sides, clock, backwards=number % 2 == 1) for number in range(rounds)))


def _round(sides: Sequence[Side], clock: Clock, *, backwards: bool) -> tuple[float, ...]:
    times = [0.0] * len(sides)
    for index in reversed(range(len(sides))) if backwards else range(len(sides)):
        gc.collect()
        start = clock()
        sides[index]()
        times[index] = clock() - start
    return tuple(times)


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the results as lines of a text table."""
    rows = [("what", "against", "goal", "result", "", "")]
    rows += [(one.what, one.against, _goal(one), _shown(one), _verdict(one), one.note) for one in results]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _goal(result: Result) -> str:
    if result.goal is None:
        return ""
    comparison, bound = result.goal
    return f"{comparison} {bound:g}{'%' if result.unit == '%' else ''}"


def _shown(result: Result) -> str:
    digits = 0 if result.ratio >= 100 and result.unit != "%" else 1 if result.ratio >= 10 else 2
    percent = "%" if result.unit == "%" else ""
    shown = f"{result.ratio:.{digits}f}{percent}"
    if result.spread is not None:
        low, high = result.spread
        shown += f" ({low:.{digits}f}-{high:.{digits}f})"
    return shown


def _verdict(result: Result) -> str:
    return {None: "", True: "met", False: "MISSED"}[result.is_met]

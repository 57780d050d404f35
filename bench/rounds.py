"""Measuring two things against each other: turn by turn in one run, so that a busy machine slows both.

A ratio is taken in every round and the median of them told: no time is, since times say more of the machine
than of the code.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Side = Callable[[], object]
Goal = tuple[Literal["<=", ">="], float]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. `goal` is None where a number is told for the record."""

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
    """The seconds that each side took in each round."""

    seconds: tuple[tuple[float, ...], ...]

    def ratios(self, side: int, against: int) -> list[float]:
        """Per round: how many times as long as `against` a side took."""
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
        """The median ratio and its quartiles: our time over the baseline's, else the baseline's over ours."""
        ratios = self.ratios(side, baseline) if unit == "times" else self.ratios(baseline, side)
        ordered = sorted(ratio * (100 if unit == "%" else 1) for ratio in ratios)
        low, high = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
        return Result(what, against, goal, median(ordered), unit, (low, high), note)


def alternate(sides: Sequence[Side], rounds: int, *, warm_up: int = 1) -> Rounds:
    """Run the sides in turn, `rounds` times, each second round the other way about."""
    for _ in range(warm_up):
        for side in sides:
            side()
    return Rounds(tuple(_round(sides, backwards=number % 2 == 1) for number in range(rounds)))


def _round(sides: Sequence[Side], *, backwards: bool) -> tuple[float, ...]:
    times = [0.0] * len(sides)
    for index in reversed(range(len(sides))) if backwards else range(len(sides)):
        gc.collect()
        start = time.perf_counter()
        sides[index]()
        times[index] = time.perf_counter() - start
    return tuple(times)


def table(results: Sequence[Result]) -> Iterator[str]:
    """The results as lines of text."""
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

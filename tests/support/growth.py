"""How CPU time grows with the size of an input, measured by the process's own CPU clock."""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
NEGLIGIBLE_SECONDS = 0.05
"""Below this, the clock and the rest of the work say more than the growth."""
MOST_GROWTH = 3.2
"""For twice the size. Linear time gives 2, quadratic time 4."""


def require_linear(run: Callable[[T], object], make: Callable[[int], T], size: int) -> None:
    """Fail if twice the size takes much more than twice the time."""
    small, large = (_seconds(run, make(number)) for number in (size, 2 * size))
    assert large < max(MOST_GROWTH * small, NEGLIGIBLE_SECONDS), f"{small:.3f} s, then {large:.3f} s"


def _seconds(run: Callable[[T], object], given: T) -> float:
    taken = []
    gc.collect()
    gc.disable()  # when it runs depends on everything else in the process
    try:
        for _ in range(3):
            started = time.process_time()
            run(given)
            taken.append(time.process_time() - started)
            if taken[-1] < NEGLIGIBLE_SECONDS:
                break
    finally:
        gc.enable()
    return min(taken)

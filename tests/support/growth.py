"""How CPU time grows with the size of an input, measured by the process's own CPU clock."""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
NEGLIGIBLE_SECONDS = 0.05
"""Below this, the clock and the rest of the work say more than the growth."""
TIMES_AS_LARGE = 4
MOST_GROWTH = 9.0
"""For four times the size. Linear time gives 4, quadratic time 16; another process on the core blurs both."""
ROUNDS = 4
"""The growth has to show in each of them: what disturbs one is seldom there in the next."""


def require_linear(run: Callable[[T], object], make: Callable[[int], T], size: int) -> None:
    """Fail if `2 * size` takes much more than four times the time of `size / 2` whenever it is tried."""
    small, large = make(2 * size // TIMES_AS_LARGE), make(2 * size)
    seen = []
    for _ in range(ROUNDS):
        before, after = _seconds(run, small), _seconds(run, large)
        if after < max(MOST_GROWTH * before, NEGLIGIBLE_SECONDS):
            return
        seen.append(f"{before:.3f} s, then {after:.3f} s")
    raise AssertionError("; ".join(seen))


def _seconds(run: Callable[[T], object], given: T) -> float:
    gc.collect()
    gc.disable()  # when it runs depends on everything else in the process
    try:
        started = time.process_time()
        run(given)
        return time.process_time() - started
    finally:
        gc.enable()

"""Python's search for cycles of unused objects, made rare during an audit.

An audit creates millions of objects, all of which are freed without it. Each full search goes through every
object of the process, the program's own included: planning 45,000 entries again took 1.7 s of CPU, not 1.25.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

MIDDLE_BEFORE_FULL = 500
"""Searches of the middle generation before a full one. Python's default is 10; none would let memory grow."""
_lock = Lock()
_usual: list[tuple[int, int, int]] = []
"""The usual thresholds, once for each audit that is running."""


@contextmanager
def rare_full_collections() -> Iterator[None]:
    """Make full searches rare until the last of the audits that run at the same time has ended."""
    with _lock:
        _usual.append(_usual[0] if _usual else gc.get_threshold())
        young, middle, _ = _usual[0]
        gc.set_threshold(young, middle, MIDDLE_BEFORE_FULL)
    try:
        yield
    finally:
        with _lock:
            thresholds = _usual.pop()
            if not _usual:
                gc.set_threshold(*thresholds)

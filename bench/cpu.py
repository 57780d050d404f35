"""CPU time of processes: what a call costs, whatever else the machine is doing."""

from collections.abc import Iterable
from pathlib import Path

NANOSECONDS = 1_000_000_000


def children(pid: int) -> list[int]:
    """Return the ids of a process's children, whichever of its threads started them."""
    listed = (one.read_text() for one in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for text in listed for child in text.split()]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU seconds that running processes have used so far, of their running threads."""
    return sum(_thread_nanoseconds(pid) for pid in pids) / NANOSECONDS


def _thread_nanoseconds(pid: int) -> int:
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(thread.read_text().split()[0])
        except OSError:  # the thread has ended meanwhile
            continue
    return total

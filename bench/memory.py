"""The peak memory of work that runs in a process of its own."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import event

from workflows.store.database import Database

SQLITE_CACHE_KIB = 2048
"""The usual page cache of 64 MiB is filled by any large database, whatever the program itself needs."""


class Memory(NamedTuple):
    """The memory of a process in bytes: before the work, and at its peak."""

    start_bytes: int
    peak_bytes: int

    def __str__(self) -> str:
        return f"{self.peak_bytes / 2**20:.0f} MiB, {(self.peak_bytes - self.start_bytes) / 2**20:.0f} of it"


def new_process() -> ProcessPoolExecutor:
    """Return a pool of one new process, which shares no memory with this one."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def peak_bytes() -> int:
    """Return the peak memory of this process in bytes.

    `ru_maxrss` would include that of the process that started it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("The peak memory of this process is unknown.")


def memory_of(work: Callable[[Database], object], url: str) -> Memory:
    """Run `work` in a new process on a database with a small page cache, and return the memory it took."""
    with new_process() as pool:
        return pool.submit(_run, work, url).result()


def _run(work: Callable[[Database], object], url: str) -> Memory:
    database = Database(url, pool_size=2)
    if database.is_sqlite:
        event.listen(database.engine, "connect", _limit_cache)
    with database.read():
        start = peak_bytes()
    work(database)
    database.dispose()
    return Memory(start, peak_bytes())


def _limit_cache(connection: object, _: object) -> None:
    connection.execute(f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}")  # type: ignore[attr-defined]

"""The queue of a process's threads that write to SQLite, which has one writer.

One thread of each process waits for the file's lock, polling it; the others wait for that thread. Group
commit: where several threads wait to write the same kind of statement, the next one writes for all of them,
in one commit instead of many, which also invalidates the page caches of the other connections only once.
"""

import sqlite3
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError, TimeoutError

BUSY_TIMEOUT_MS = 30_000
SECONDS_BETWEEN_TRIES = 0.0002
PRIMARY_CODE = 0xFF
GROUP_SIZES = (4, 2)
"""How many are written by one statement: for each size every connection caches another statement."""
T = TypeVar("T")


class _Pending:
    """What a thread waits to have written; it is written on its own after a group has failed."""

    __slots__ = ("given", "is_single", "is_written")

    def __init__(self, given: Any) -> None:
        self.given = given
        self.is_written = False
        self.is_single = False


class WriteQueue:
    """The write lock of one process for one SQLite database, with group commit."""

    def __init__(self) -> None:
        self._write_lock = Lock()
        self._pending: dict[object, deque[_Pending]] = defaultdict(deque)
        self._pending_lock = Lock()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the write lock. Raises: TimeoutError after 30 seconds."""
        if not self._write_lock.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            raise TimeoutError("Another thread has been writing to the database for too long.")
        try:
            yield
        finally:
            self._write_lock.release()

    def group_commit(self, kind: object, given: Any, write: Callable[[list[Any]], None]) -> None:
        """Have `given` written in one transaction with what other threads wait to write of the same kind.

        `write` gets all of it and writes all or nothing; the thread that calls it may be another one. Where
        it fails for several, each thread writes its own and gets its own error. Raises: TimeoutError.
        """
        mine = _Pending(given)
        with self._pending_lock:
            queue = self._pending[kind]
            queue.append(mine)
        try:
            with self.lock():
                if not mine.is_written:
                    self._write(mine, queue, write)
        except TimeoutError:
            with self._pending_lock:
                if mine in queue:
                    queue.remove(mine)
                    raise
            # another thread is writing it at this moment
            with self._write_lock:
                if not mine.is_written:
                    raise

    def _write(self, mine: _Pending, queue: deque[_Pending], write: Callable[[list[Any]], None]) -> None:
        group = [mine]
        if not mine.is_single:
            with self._pending_lock:
                queue.remove(mine)
                many = next((number for number in GROUP_SIZES if number <= len(queue) + 1), 1)
                group += [queue.popleft() for _ in range(many - 1)]
        if len(group) > 1:
            try:
                write([one.given for one in group])
            except Exception:  # noqa: BLE001 -- each then writes its own and raises its own error
                for one in group:
                    one.is_single = True
            else:
                for one in group:
                    one.is_written = True
                return
        write([mine.given])


def retry_while_locked(execute: Callable[[str], object], act: Callable[[], T]) -> T:
    """Do what needs the lock, polling it every 0.2 ms while another process writes. Returns act's result.

    SQLite's own busy handler doubles its pauses up to a tenth of a second: under load a waiting process is
    overtaken for seconds, and the lock is idle in between. Raises: OperationalError after 30 seconds.
    """
    give_up_at = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                return act()
            except (sqlite3.OperationalError, OperationalError) as error:
                code = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
                if code & PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                    raise
            time.sleep(SECONDS_BETWEEN_TRIES)
    finally:
        execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")

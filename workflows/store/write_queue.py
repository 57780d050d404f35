"""How the threads of a process take turns to write to SQLite, which has one writer.

One thread of each process waits for the file's lock, in short steps; the others wait for that thread. What
several threads wait to write alike, the next one writes for all of them: one commit instead of many, and the
pages of the other connections are thrown away once.
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
SECONDS_BETWEEN_TRIES = 0.0004
PRIMARY_CODE = 0xFF
AT_ONCE = (4, 2)
"""How many are written by one statement: each number is one more that every connection keeps ready."""
T = TypeVar("T")


class _Waiting:
    """What a thread waits to have written. Failed with others, it is written alone."""

    __slots__ = ("given", "is_alone", "is_written")

    def __init__(self, given: Any) -> None:
        self.given = given
        self.is_written = False
        self.is_alone = False


class WriteQueue:
    """The turns of one process at one SQLite database."""

    def __init__(self) -> None:
        self._writing = Lock()
        self._waiting: dict[object, deque[_Waiting]] = defaultdict(deque)
        self._queues = Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """The turn of this thread. Raises: TimeoutError."""
        if not self._writing.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            raise TimeoutError("Another thread has been writing to the database for too long.")
        try:
            yield
        finally:
            self._writing.release()

    def together(self, kind: object, given: Any, write: Callable[[list[Any]], None]) -> None:
        """Have `given` written in one transaction with what other threads wait to write of the same kind.

        `write` is told all of it and writes all or nothing; it may be this thread's or another's. Where it
        fails for several, each thread writes its own and raises what that raises. Raises: TimeoutError.
        """
        mine = _Waiting(given)
        with self._queues:
            queue = self._waiting[kind]
            queue.append(mine)
        try:
            with self.one():
                if not mine.is_written:
                    self._write(mine, queue, write)
        except TimeoutError:
            with self._queues:
                if mine in queue:
                    queue.remove(mine)
                    raise
            # another thread is writing it just now
            with self._writing:
                if not mine.is_written:
                    raise

    def _write(self, mine: _Waiting, queue: deque[_Waiting], write: Callable[[list[Any]], None]) -> None:
        group = [mine]
        if not mine.is_alone:
            with self._queues:
                queue.remove(mine)
                many = next((number for number in AT_ONCE if number <= len(queue) + 1), 1)
                group += [queue.popleft() for _ in range(many - 1)]
        if len(group) > 1:
            try:
                write([one.given for one in group])
            except Exception:  # noqa: BLE001 -- each then writes its own, and raises its own
                for one in group:
                    one.is_alone = True
            else:
                for one in group:
                    one.is_written = True
                return
        write([mine.given])


def in_short_steps(execute: Callable[[str], object], act: Callable[[], T]) -> T:
    """Do what needs the lock, trying again and again while another process writes.

    SQLite's own waiting doubles its steps up to a tenth of a second: under load who waits is passed over for
    seconds, and the lock lies idle meanwhile.
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

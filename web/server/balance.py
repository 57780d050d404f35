"""Sharing the connections among the workers: one with more than another leaves new ones to it for a moment.

All workers wait at one socket, and the one that wakes first takes what is there: clients that keep their
connections can all end at one worker, while the others idle.
"""

import mmap
import struct
import time

SECONDS_TO_LEAVE, MOST_TIMES_LEFT = 0.002, 10
"""An idle worker wakes and takes a connection at once, on a busy machine after a while. If none has taken it
after 20 ms, this worker does: the client waits no longer for the sake of balance."""
SECONDS_WITHOUT_LEAVING = 1
"""If that happens to a worker with many connections: the other one has too much to do, or is starting, and
many clients may be waiting."""
MANY_CONNECTIONS = 8
TIMES_AS_MANY = 4
"""Two workers with two and six clients are both busy. An exact balance is worth no waiting, and on SQLite it
costs: one worker that writes for several clients at once needs the file's lock less often than two."""
MOST_WORKERS = 128
_COUNT = struct.Struct("q")


class ConnectionCounts:
    """The number of connections of each worker, in memory that the processes share.

    It has to be made before the workers are forked. Each worker has a slot of its own.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, MOST_WORKERS * _COUNT.size)
        self._used: set[int] = set()
        for slot in range(MOST_WORKERS):
            self.set(slot, -1)

    def assign(self) -> int:
        """Return a slot that no worker has, for one that is about to be forked; called by the parent."""
        slot = next(slot for slot in range(MOST_WORKERS) if slot not in self._used)
        self._used.add(slot)
        self.set(slot, 0)
        return slot

    def release(self, slot: int) -> None:
        """Forget a worker that has ended; called by the parent."""
        self._used.discard(slot)
        self.set(slot, -1)

    def set(self, slot: int, connections: int) -> None:
        """Store the number of connections of a slot; below zero for one that no worker has."""
        _COUNT.pack_into(self._memory, slot * _COUNT.size, connections)

    def is_above_others(self, slot: int, connections: int) -> bool:
        """Whether another worker has none, or considerably fewer connections."""
        most = min(connections, max(1, connections // TIMES_AS_MANY))
        counts = (count for (count,) in _COUNT.iter_unpack(self._memory[:]))
        return any(0 <= count < most for other, count in enumerate(counts) if other != slot)


class Share:
    """What one worker knows of its share: how often in a row it has left what waits to the others."""

    def __init__(self, counts: ConnectionCounts) -> None:
        self.slot = counts.assign()
        self.times_left = 0
        self._counts = counts
        self._accepts_again_at = self._leaves_again_at = 0.0

    @property
    def seconds_left(self) -> float:
        """How long the worker still accepts nothing; 0 if it may accept."""
        return max(0.0, self._accepts_again_at - time.monotonic())

    def leaves(self, connections: int) -> bool:
        """Whether a worker that has so many connections leaves the next one to another for a moment."""
        now = time.monotonic()
        if now < self._leaves_again_at or not self._counts.is_above_others(self.slot, connections):
            self.times_left = 0
            return False
        if self.times_left >= MOST_TIMES_LEFT:
            self.times_left = 0
            if connections >= MANY_CONNECTIONS:
                self._leaves_again_at = now + SECONDS_WITHOUT_LEAVING
            return False
        self.times_left += 1
        self._accepts_again_at = now + SECONDS_TO_LEAVE
        return True

    def publish(self, connections: int) -> None:
        """Let the other workers know how many connections this one has."""
        self._counts.set(self.slot, connections)

"""A gunicorn worker that leaves new connections to another worker that has fewer.

All workers wait at one socket, and the one that wakes first takes what is there: clients that keep their
connections can all end at one worker, while the others idle.
"""

import mmap
import struct
import time
from typing import Any, ClassVar

from gunicorn.workers.gthread import ThreadWorker

SECONDS_TO_LEAVE, MOST_TIMES_LEFT = 0.005, 40
"""An idle worker wakes and takes a connection at once, on a busy machine after a while. If none has taken it
after 0.2 s, this worker does."""
MOST_WORKERS = 128
_COUNT = struct.Struct("q")


class ConnectionCounts:
    """The number of connections of each worker, in memory that the processes share.

    It has to be made before the workers are forked. Each worker has a slot of its own.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, MOST_WORKERS * _COUNT.size)
        self._used: dict[int, int] = {}

    def assign(self, worker: "BalancedWorker") -> None:
        """Give a worker that is about to be forked a slot that no other has; called by the parent."""
        taken = set(self._used.values())
        worker.slot = next(slot for slot in range(MOST_WORKERS) if slot not in taken)
        self._used[id(worker)] = worker.slot
        self.set(worker.slot, 0)

    def release(self, worker: "BalancedWorker") -> None:
        """Forget a worker that has ended; called by the parent."""
        slot = self._used.pop(id(worker), None)
        if slot is not None:
            self.set(slot, -1)

    def set(self, slot: int, connections: int) -> None:
        """Store the number of connections of a slot; below zero for one that no worker has."""
        _COUNT.pack_into(self._memory, slot * _COUNT.size, connections)

    def is_above_others(self, slot: int, connections: int) -> bool:
        """Whether another worker has fewer connections."""
        counts = (count for (count,) in _COUNT.iter_unpack(self._memory[:]))
        return any(0 <= count < connections for other, count in enumerate(counts) if other != slot)


class BalancedWorker(ThreadWorker):
    """`ThreadWorker` with as many connections as the other workers, or one more."""

    counts: ClassVar[ConnectionCounts]
    slot: int = 0
    _accepting: bool
    _times_left = 0
    _accepts_again_at = 0.0

    def accept(self, listener: Any) -> None:
        """Accept a connection, unless a worker with fewer does so within the next moments."""
        if self._times_left < MOST_TIMES_LEFT and self.counts.is_above_others(self.slot, self.nr_conns):
            self._times_left += 1
            self._accepts_again_at = time.monotonic() + SECONDS_TO_LEAVE
            super().set_accept_enabled(False)
            return
        self._times_left = 0
        super().accept(listener)
        self.counts.set(self.slot, self.nr_conns)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Begin or stop to accept connections; called before each wait for events."""
        super().set_accept_enabled(bool(enabled) and time.monotonic() >= self._accepts_again_at)

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Handle what has happened, and publish how many connections are left."""
        times_left, accepted = self._times_left, self._accepting
        if not accepted:
            left = max(0.0, self._accepts_again_at - time.monotonic())
            timeout = left if timeout is None else min(timeout, left or timeout)
        super().wait_for_and_dispatch_events(timeout)
        if accepted and self._times_left == times_left:
            # nothing waited any more: another worker has taken it
            self._times_left = 0
        self.counts.set(self.slot, self.nr_conns)

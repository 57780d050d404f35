"""The clock, passed in as a value; only entry points build the real one."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

CLOCK_SKEW = timedelta(seconds=10)
"""How far the clocks of two machines may differ.

What is stored as done further ahead than that was written by a clock that has been set back since: as a claim
it does not count.
"""


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class SystemClock:
    """The real clock. Only entry points build one."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 -- the one place that reads it

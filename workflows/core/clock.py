"""The clock, passed in as a value; only entry points build the real one."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class SystemClock:
    """The real clock. Only entry points build one."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 -- the one place that reads it

"""Whether the database can still grow: its disk may be full while it answers every read."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from workflows.core.desk import Desk

FREE_BYTES = 1024 * 1024
CACHE_SECONDS = 10.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

SPILLS_TO_DISK = text(
    "SELECT count(*) FROM (SELECT n FROM generate_series(1, 40000) AS n ORDER BY -n OFFSET 0) s"
)
"""A sort that does not fit into 64 kB: the server writes a temporary file of some 500 kB, and no table."""


class DiskSpace:
    """Finds out whether the database's disk is full; on PostgreSQL at most once in `CACHE_SECONDS`."""

    def __init__(self, timer: Callable[[], float] = monotonic) -> None:
        self._timer = timer
        self._checking = Lock()
        self._found: str | None = None
        self._valid_until = 0.0

    def problem(self, desk: Desk) -> str | None:
        """Why nothing more can be stored, as a sentence; None if something can, or if nothing is known.

        Raises: a SQLAlchemy error if the database cannot be reached (see `is_database_failure`).
        """
        url = desk.database.url
        if desk.database.is_sqlite:
            return folder_problem(Path(url.database).resolve().parent) if url.database else None
        with self._checking:
            if self._timer() >= self._valid_until:
                self._found = _server_problem(desk)
                self._valid_until = self._timer() + CACHE_SECONDS
            return self._found


def folder_problem(folder: Path) -> str | None:
    """Why no file in a folder can grow by one MiB, as a sentence; None if it can. Nothing is left there."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, FREE_BYTES)
    except OSError as error:
        if error.errno in FULL:
            return f"The disk of the database is full: less than 1 MiB can be stored ({error.strerror})."
        return f"The folder of the database cannot be written to: {error.strerror}."
    return None


def _server_problem(desk: Desk) -> str | None:
    with desk.database.snapshot() as connection:
        connection.execute(text("SET LOCAL work_mem = '64kB'"))
        try:
            connection.execute(SPILLS_TO_DISK)
        except DBAPIError as error:
            if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
                raise
            reason = str(error.orig).partition("\n")[0]
            return f"The database server cannot write to its disk: {reason}."
    return None

"""Desks that were made before in this process, stored as the content of their SQLite file.

Copying a file takes a fraction of the time in which the same users, records and rules are stored again.
"""

import json
import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import make_url


class Made(NamedTuple):
    """The content of a database file, and the attributes of the desk that was made in it."""

    content: bytes
    attributes: dict[str, Any]


_MADE: dict[tuple[bytes, str], Made] = {}


class DeskFile:
    """The file of an empty desk that is to be made with certain settings."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = path
        self._key = (blake2b(path.read_bytes()).digest(), json.dumps(settings, sort_keys=True, default=str))

    @classmethod
    def of(cls, database_url: str, settings: dict[str, Any]) -> "DeskFile | None":
        """None for PostgreSQL, and for a file that is not all of its database."""
        if not database_url.startswith("sqlite"):
            return None
        path = Path(str(make_url(database_url).database))
        return cls(path, settings) if path.is_file() and not _log_of(path).exists() else None

    def restore(self) -> dict[str, Any] | None:
        """Fill the file as it was when such a desk had been made. Returns the attributes of that."""
        made = _MADE.get(self._key)
        if made is None:
            return None
        self._path.write_bytes(made.content)
        return dict(made.attributes)

    def keep(self, attributes: dict[str, Any]) -> None:
        """Keep the file as it is now. Nothing may have a transaction open in it."""
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log = _log_of(self._path)
        if not log.exists() or not log.stat().st_size:
            _MADE[self._key] = Made(self._path.read_bytes(), dict(attributes))


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")

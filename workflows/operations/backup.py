"""Backup of an SQLite database while it is in use, and restore. PostgreSQL has its own tools for this."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.errors import DeskError
from workflows.store.database import normal_url
from workflows.store.private_files import BESIDE_SQLITE, create_private
from workflows.store.write_queue import BUSY_TIMEOUT_MS

PAGES_A_STEP = 1000


class CannotBackUp(DeskError):
    """A backup or restore that is not possible."""

    code = "cannot-back-up"


def back_up(database_url: str, target: Path) -> int:
    """Write a copy of the database as of now to `target`, which only its owner can read.

    Returns the size in bytes. The copy is one snapshot, whatever is written meanwhile, and blocks no writer.
    If it is stopped by an exception, or by a signal that raises one, it leaves nothing behind.

    Raises: CannotBackUp for PostgreSQL, if the target exists, and if the copy cannot be written.
    """
    source = _sqlite_path(database_url, "pg_dump --format=custom --file FILE DATABASE_URL")
    if not source.is_file():
        raise CannotBackUp(f"There is no database at {source}.", remedy="Set COVERDESK_DATABASE_URL.")
    if target.exists():
        raise CannotBackUp(f"{target} already exists.", remedy="Name a new file.")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    try:
        create_private(unfinished)
        with closing(_open(source)) as connection, closing(sqlite3.connect(unfinished)) as copy:
            _copy_snapshot(connection, copy)
        if target.exists():
            raise CannotBackUp(f"{target} was made meanwhile.", remedy="Name a new file.")
        unfinished.rename(target)
    except (OSError, sqlite3.Error) as error:
        raise CannotBackUp(f"The copy could not be written: {error}.") from error
    finally:
        for suffix in ("", *BESIDE_SQLITE):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    return target.stat().st_size


def _copy_snapshot(source: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    """Copy what the source holds at one instant.

    A backup starts again whenever its connection sees a change by another (sqlite3_backup_step). A read
    transaction that is open the whole time never sees one, and in WAL mode keeps no writer waiting.
    """
    source.isolation_level = None
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    # Between two steps Python looks at signals, since it has code of ours to run.
    source.backup(copy, pages=PAGES_A_STEP, progress=lambda *_: None)
    source.execute("COMMIT")
    copy.execute("PRAGMA journal_mode=DELETE")


def restore(database_url: str, source: Path) -> None:
    """Replace the database with a backup, completely or not at all.

    Raises: CannotBackUp for PostgreSQL, and if `source` is not an intact Coverdesk database.
    """
    target = _sqlite_path(database_url, "pg_restore --clean --if-exists --dbname DATABASE_URL FILE")
    if not source.is_file():
        raise CannotBackUp(f"There is no file {source}.")
    try:
        with closing(_open(source)) as backup:
            _require_intact(backup, source)
            target.parent.mkdir(parents=True, exist_ok=True)
            create_private(target)
            with closing(_open(target)) as connection:
                backup.backup(connection)
    except sqlite3.Error as error:
        raise CannotBackUp(
            f"{source} could not be restored: {error}.", remedy="Stop the desk and try again."
        ) from error


def _require_intact(backup: sqlite3.Connection, source: Path) -> None:
    found = backup.execute("PRAGMA integrity_check").fetchone()
    if found != ("ok",):
        raise CannotBackUp(f"{source} is damaged: {found[0]}.", remedy="Use another backup.")
    tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"deployment", "service_request", "ledger_transaction"} <= tables:
        raise CannotBackUp(f"{source} is not a Coverdesk database.")


def _sqlite_path(database_url: str, tool: str) -> Path:
    url = normal_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise CannotBackUp(
            "This works for SQLite only; PostgreSQL has its own tools.",
            remedy=f"Use: {tool}",
        )
    return Path(url.database)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)
